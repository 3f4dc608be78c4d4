"""See, know, render: what is in the scene and in the file, what this Blender offers, and pictures of it."""
