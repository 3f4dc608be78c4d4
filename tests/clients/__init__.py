"""Published MCP clients against the built Worker."""
