"""The conformance suite of MCP against the built Worker."""
