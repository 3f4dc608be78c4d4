"""Jobs on Blender's main thread: the queue, what ends a job, and who watches one that does not end."""
