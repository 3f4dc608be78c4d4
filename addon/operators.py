"""The buttons of the panel."""

from typing import Any

import bpy

from .preferences import own_preferences, session
from .session import CannotConnect


class BLENDERBUS_OT_login(bpy.types.Operator):
    """Log in to the bus in your web browser"""

    bl_idname = "blender_bus.login"
    bl_label = "Login"

    def execute(self, context: Any) -> set[str]:
        return _report(self, session.log_in)


class BLENDERBUS_OT_cancel_login(bpy.types.Operator):
    """Stop waiting for the login in your web browser"""

    bl_idname = "blender_bus.cancel_login"
    bl_label = "Cancel Login"

    def execute(self, context: Any) -> set[str]:
        return _report(self, session.cancel_login)


class BLENDERBUS_OT_logout(bpy.types.Operator):
    """Disconnect and forget the login on this computer"""

    bl_idname = "blender_bus.logout"
    bl_label = "Logout"

    def execute(self, context: Any) -> set[str]:
        return _report(self, session.log_out)


class BLENDERBUS_OT_connect(bpy.types.Operator):
    """Attach this Blender to the bus"""

    bl_idname = "blender_bus.connect"
    bl_label = "Connect"

    def execute(self, context: Any) -> set[str]:
        return _report(self, session.connect)


class BLENDERBUS_OT_disconnect(bpy.types.Operator):
    """Take this Blender off the bus"""

    bl_idname = "blender_bus.disconnect"
    bl_label = "Disconnect"

    def execute(self, context: Any) -> set[str]:
        return _report(self, session.disconnect)


class BLENDERBUS_OT_copy_uuid(bpy.types.Operator):
    """Copy the name of this Blender on the bus to the clipboard"""

    bl_idname = "blender_bus.copy_uuid"
    bl_label = "Copy UUID"

    def execute(self, context: Any) -> set[str]:
        def copy() -> None:
            context.window_manager.clipboard = own_preferences().peer_uuid()

        return _report(self, copy)


class BLENDERBUS_OT_start_local(bpy.types.Operator):
    """Open the local port for MCP servers on this computer"""

    bl_idname = "blender_bus.start_local"
    bl_label = "Start"

    def execute(self, context: Any) -> set[str]:
        return _report(self, session.start_local)


class BLENDERBUS_OT_stop_local(bpy.types.Operator):
    """Close the local port and its connections"""

    bl_idname = "blender_bus.stop_local"
    bl_label = "Stop"

    def execute(self, context: Any) -> set[str]:
        return _report(self, session.stop_local)


class BLENDERBUS_OT_restart_local(bpy.types.Operator):
    """Close the local port and open it again, with the port number of now"""

    bl_idname = "blender_bus.restart_local"
    bl_label = "Restart"

    def execute(self, context: Any) -> set[str]:
        return _report(self, session.start_local)


def _report(operator: Any, action: Any) -> set[str]:
    """Do it; what goes wrong is shown where Blender shows errors, and stays in the panel."""
    try:
        action()
    except (CannotConnect, ValueError) as error:
        if str(error) != session.local_note:
            session.note = str(error)
        operator.report({"ERROR"}, str(error))
        return {"CANCELLED"}
    return {"FINISHED"}


_classes = (
    BLENDERBUS_OT_login,
    BLENDERBUS_OT_cancel_login,
    BLENDERBUS_OT_logout,
    BLENDERBUS_OT_connect,
    BLENDERBUS_OT_disconnect,
    BLENDERBUS_OT_copy_uuid,
    BLENDERBUS_OT_start_local,
    BLENDERBUS_OT_stop_local,
    BLENDERBUS_OT_restart_local,
)


def register() -> None:
    """Called when the extension is switched on."""
    for item in _classes:
        bpy.utils.register_class(item)


def unregister() -> None:
    """Called when the extension is switched off."""
    for item in reversed(_classes):
        bpy.utils.unregister_class(item)
