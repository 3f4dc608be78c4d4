"""The extension's preferences. Tokens live here, in the user's Blender preferences, never in a .blend file."""

import contextlib
from typing import Any

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty

from .link.credentials import Credentials
from .link.local_port import DEFAULT_PORT
from .link.peer import checked_uuid, fresh_uuid
from .session import CannotConnect, Session


class BlenderBusPreferences(bpy.types.AddonPreferences):
    """What the user sets, and what a login leaves."""

    bl_idname = __package__

    server_url: StringProperty(
        name="Server",
        description="Address of your Blender Bus, such as https://bus.example.com",
        default="http://localhost:8787",
    )
    auto_connect: BoolProperty(
        name="Connect when Blender starts",
        description="Attach to the bus as soon as Blender runs, if you are logged in",
        default=False,
    )
    local_autostart: BoolProperty(
        name="Open the local port when Blender starts",
        description="Let MCP servers on this computer reach Blender, on 127.0.0.1 only. They may run code",
        default=False,
    )
    local_port: IntProperty(
        name="Local Port", description="Port on 127.0.0.1 for MCP servers", default=DEFAULT_PORT, min=1024, max=65535
    )
    token: StringProperty(
        name="Token",
        description="A token made on the bus's web pages, in place of a login",
        subtype="PASSWORD",
    )
    group_id: StringProperty(name="Group", description="Group this Blender belongs to; may be empty")
    uuid: StringProperty(name="UUID", description="The name of this Blender on the bus")
    login: StringProperty(name="Login", subtype="PASSWORD", options={"HIDDEN"})

    def credentials(self) -> Credentials | None:
        """Return the login, else the pasted token, else None."""
        kept = Credentials.from_json(self.login)
        if kept is not None:
            return kept
        return Credentials(self.token.strip()) if self.token.strip() else None

    def keep(self, credentials: Credentials | None) -> None:
        """Keep a login, or with None forget login and token; saved at once, since an old refresh token is void."""
        if credentials is None:
            self.login = self.token = ""
        elif credentials.refresh_token:
            self.login = credentials.to_json()
        else:
            return
        self._save()

    def peer_uuid(self) -> str:
        """Return the uuid, made on first use. Raises ValueError if the user has typed one the bus does not take."""
        if not self.uuid:
            self.uuid = fresh_uuid()
            self._save()
        return checked_uuid(self.uuid)

    def _save(self) -> None:
        preferences = bpy.context.preferences
        preferences.is_dirty = True
        if preferences.use_preferences_save and not bpy.app.background:
            with contextlib.suppress(RuntimeError):
                bpy.ops.wm.save_userpref()

    def draw(self, context: Any) -> None:
        """Draw the page in Blender's preferences."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "server_url")
        layout.prop(self, "auto_connect")
        layout.prop(self, "token")
        layout.prop(self, "group_id")
        layout.prop(self, "uuid")
        layout.separator()
        layout.prop(self, "local_port")
        layout.prop(self, "local_autostart")


def own_preferences() -> Any:
    """Return this extension's preferences. Raises CannotConnect where a script enabled it without any."""
    entry = bpy.context.preferences.addons.get(__package__)
    if entry is None:
        raise CannotConnect("The extension has no preferences: enable it in Blender's preferences")
    return entry.preferences


session = Session(own_preferences)


def _connect_at_start() -> None:
    try:
        prefs = own_preferences()
        if prefs.local_autostart:
            with contextlib.suppress(CannotConnect):
                # The panel tells why it could not; the bus does not wait for that.
                session.start_local()
        if prefs.auto_connect and prefs.credentials() is not None:
            session.connect()
    except CannotConnect as error:
        session.note = str(error)


def register() -> None:
    """Called when the extension is switched on."""
    bpy.utils.register_class(BlenderBusPreferences)
    session.open()
    # Blender may still be starting: network and preferences are ready when its timers run.
    if not bpy.app.background:
        bpy.app.timers.register(_connect_at_start, first_interval=0.5, persistent=True)


def unregister() -> None:
    """Called when the extension is switched off."""
    if bpy.app.timers.is_registered(_connect_at_start):
        bpy.app.timers.unregister(_connect_at_start)
    session.close()
    bpy.utils.unregister_class(BlenderBusPreferences)
