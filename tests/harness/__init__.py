"""What the end-to-end tests drive the bus with: the runtime, a peer, MCP over plain HTTP, a browser."""
