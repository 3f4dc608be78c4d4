"""Sign-in and OAuth against the built Worker on the real runtime."""
