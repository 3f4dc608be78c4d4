"""Files to and from the server of the bus, by HTTP, on threads of their own (no bpy)."""
