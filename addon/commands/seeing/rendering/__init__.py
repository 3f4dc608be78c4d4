"""Rendering in a second Blender: what it runs, how it is started and ended, and where its files are."""
