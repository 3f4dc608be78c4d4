"""Checkpoints: copies of the open file, unsaved changes included, that can be gone back to."""
