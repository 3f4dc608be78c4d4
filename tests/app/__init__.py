"""The MCP App, in the bridge that hosts are built on."""
