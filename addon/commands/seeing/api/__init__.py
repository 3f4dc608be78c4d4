"""What this Blender's Python API has, from its own RNA: gathered, ranked, and told."""
