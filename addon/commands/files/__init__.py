"""Files out of this Blender and into it: formats, options, what is judged before anything is loaded."""
