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


def _report(operator: Any, action: Any) -> set[str]:
    """Do it; what goes wrong is shown where Blender shows errors, and stays in the panel."""
    try:
        action()
    except (CannotConnect, ValueError) as error:
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
)


def register() -> None:
    """Called when the extension is switched on."""
    for item in _classes:
        bpy.utils.register_class(item)


def unregister() -> None:
    """Called when the extension is switched off."""
    for item in reversed(_classes):
        bpy.utils.unregister_class(item)
