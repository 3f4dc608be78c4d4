"""The commands a caller may run in this Blender: one module a family, one function a command (see registry)."""
