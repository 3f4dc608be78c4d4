"""Asset services: HTTP with limits, safe archives, and worker threads. No bpy here, and nothing runs on its thread."""
