"""What surrounds the code that callers send: its streams, its place in Blender, what it may not do."""
