"""Blender Bus: attach this Blender to its user's bus, so that MCP clients can work with it."""

# Nothing is imported here: parts of the extension must load where there is no bpy.


def register() -> None:
    """Called by Blender when the extension is switched on."""
    from . import headless, operators, panels, preferences

    preferences.register()
    operators.register()
    panels.register()
    headless.register()


def unregister() -> None:
    """Called by Blender when the extension is switched off."""
    from . import headless, operators, panels, preferences

    headless.unregister()
    panels.unregister()
    operators.unregister()
    preferences.unregister()
