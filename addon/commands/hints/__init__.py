"""Errors that teach: what this Blender wants in the place of what the code said."""
