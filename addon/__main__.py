"""`python -m addon`: attach a Blender without a window to the bus (see headless)."""

from .headless import main

if __name__ == "__main__":
    main()
