"""The extension's preferences. Tokens live here, in the user's Blender preferences, never in a .blend file."""

import contextlib
import functools
import textwrap
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from .commands.allowed import settings
from .commands.allowed.settings import ALL
from .link.credentials import Credentials
from .link.instance import InstanceName
from .link.local_port import DEFAULT_PORT
from .link.peer import checked_uuid, fresh_uuid
from .link.vault import Vault, exposed, tighten
from .repository import repository_origin
from .session import CannotConnect, Session

_POLICIES = (
    (settings.EVERYTHING, "Run everything", "Whatever your clients send is run"),
    (settings.ASK, "Ask before code", "You are shown code, and files that would be replaced, before anything happens"),
    (settings.READ_ONLY, "Read only", "Clients may look at the scene; everything else is refused"),
)
_PROVIDERS = (
    (settings.RODIN_MAIN_SITE, "hyper3d.ai", "The key is from hyper3d.ai"),
    (settings.RODIN_FAL, "fal.ai", "The key is from fal.ai"),
)
_HUNYUANS = (
    (settings.HUNYUAN_LOCAL, "your own server", "The API server of Hunyuan3D-2, on this computer or another of yours"),
    (settings.HUNYUAN_CHINA, "Tencent Cloud, China", "The keys are from cloud.tencent.com"),
    (settings.HUNYUAN_WORLD, "Tencent Cloud, international", "The keys are from tencentcloud.com"),
)
FINDING_CHARS = 80
_instance = InstanceName()


@functools.cache
def vault() -> Vault:
    """Return where login and token are kept."""
    return Vault(Path(bpy.utils.user_resource("CONFIG")) / "blender_bus")


def _userpref() -> Path:
    return Path(bpy.utils.user_resource("CONFIG")) / "userpref.blend"


def _token_pasted(preferences: Any, context: Any) -> None:
    """Move a pasted token to where logins are kept: Blender's file of preferences is no place for it."""
    pasted = preferences.token.strip()
    if pasted:
        preferences.keep(Credentials(pasted))
        preferences.token = ""


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
    local_secret: StringProperty(
        name="Local Secret",
        description="If you set one, programs on this computer must show it to use the local port. Published MCP "
        "servers cannot. It counts from the next start of the port",
        subtype="PASSWORD",
        maxlen=200,
    )
    policy: EnumProperty(name="Clients May", items=_POLICIES, default=settings.EVERYTHING)
    checkpoints: BoolProperty(
        name="Automatic Checkpoints",
        description="Keep a copy of the file before a client changes what you have made, and before it loads another",
        default=True,
    )
    hyper3d_provider: EnumProperty(name="Rodin at", items=_PROVIDERS, default=settings.RODIN_MAIN_SITE)
    hunyuan3d_provider: EnumProperty(name="Hunyuan3D at", items=_HUNYUANS, default=settings.HUNYUAN_LOCAL)
    hunyuan3d_address: StringProperty(
        name="Server Address", description="Where your server is", default=settings.HUNYUAN_ADDRESS
    )
    hunyuan3d_secret_id: StringProperty(name="Secret ID", description="The SecretId of Tencent Cloud")
    token: StringProperty(
        name="Token",
        description="Paste an access token made on the server's web pages here, in place of a login",
        subtype="PASSWORD",
        update=_token_pasted,
    )
    group_id: StringProperty(name="Group", description="Group this Blender belongs to; may be empty")
    uuid: StringProperty(name="UUID", description="The name of this Blender on the bus")
    login: StringProperty(name="Login", subtype="PASSWORD", options={"HIDDEN"})

    def credentials(self) -> Credentials | None:
        """Return the login or the pasted token, whichever is newer, or None."""
        return Credentials.from_json(vault().read()) or Credentials.from_json(self.login)

    def keep(self, credentials: Credentials | None) -> None:
        """Keep a login or token, or with None forget it; at once, since an old refresh token is void."""
        try:
            vault().write("" if credentials is None else credentials.to_json())
        except OSError as error:
            session.note = f"The login cannot be kept on this computer: {error}"
        if self.login:
            self.login = ""
            self._save()

    def settle(self) -> None:
        """Do what an update or a fresh installation leaves to do, and close Blender's file of keys to others."""
        earlier = Credentials.from_json(self.login)
        if earlier is not None:
            self.keep(earlier)
            self.token = ""
        _token_pasted(self, None)
        served = repository_origin(__package__)
        if served and not self.is_property_set("server_url"):
            self.server_url = served
        tighten(_userpref())

    def peer_uuid(self) -> str:
        """Return the uuid of this Blender, made on first use; a second one that runs at once has its own.

        Raises ValueError if the user has typed one the bus does not take.
        """
        if not self.uuid:
            self.uuid = fresh_uuid()
            self._save()
        folder = Path(bpy.utils.user_resource("CONFIG")) / "blender_bus"
        return checked_uuid(_instance.hold(checked_uuid(self.uuid), folder))

    def as_settings(self) -> settings.Settings:
        """Return what commands may do and use."""
        return settings.Settings(
            policy=self.policy,
            integrations=frozenset(row.name for row in ALL if getattr(self, row.switch)),
            **{name: getattr(self, name).strip() for row in ALL for name in row.options},
            **{row.key_property: getattr(self, row.key_property).strip() for row in ALL if row.key_property},
            online=bpy.app.online_access,
            checkpoints=self.checkpoints,
        )

    def _save(self) -> None:
        preferences = bpy.context.preferences
        preferences.is_dirty = True
        if preferences.use_preferences_save and not bpy.app.background:
            with contextlib.suppress(RuntimeError):
                bpy.ops.wm.save_userpref()
        tighten(_userpref())

    def draw(self, context: Any) -> None:
        """Draw the page in Blender's preferences."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "server_url")
        self._draw_test(layout)
        layout.prop(self, "auto_connect")
        layout.prop(self, "token")
        self._draw_place(layout)
        layout.prop(self, "group_id")
        layout.prop(self, "uuid")
        layout.separator()
        layout.prop(self, "local_port")
        layout.prop(self, "local_secret")
        layout.prop(self, "local_autostart")
        layout.separator()
        layout.prop(self, "policy")
        layout.prop(self, "checkpoints")
        column = layout.column(heading="Integrations")
        for row in ALL:
            column.prop(self, row.switch)
            if getattr(self, row.switch):
                for name in (*row.options, row.key_property):
                    if name:
                        column.prop(self, name)
        layout.label(text="Blender Bus collects no data about you: jobs go between Blender and your server only")

    def _draw_place(self, layout: Any) -> None:
        """Say where the login is, and whether others can read it or the keys."""
        column = layout.column(align=True)
        told = [f"Your login is kept in {vault().where}"] if self.credentials() is not None else []
        problems = [vault().problem]
        if self.local_secret or any(getattr(self, row.key_property) for row in ALL if row.key_property):
            problems.append(exposed(_userpref()))
        for text, icon in [(text, "LOCKED") for text in told] + [(text, "ERROR") for text in problems if text]:
            for number, line in enumerate(textwrap.wrap(text, FINDING_CHARS)):
                column.label(text=line, icon="BLANK1" if number else icon)

    def _draw_test(self, layout: Any) -> None:
        column = layout.column()
        row = column.row()
        row.enabled = not session.testing
        row.operator("blender_bus.test_connection", text="Testing..." if session.testing else "Test Connection")
        finding = session.finding
        if finding is not None:
            column.alert = not finding.fine
            for number, line in enumerate(textwrap.wrap(finding.message, FINDING_CHARS)[:6]):
                column.label(text=line, icon="NONE" if number else "CHECKMARK" if finding.fine else "ERROR")


for _row in ALL:
    # Blender takes the properties of a class from its annotations.
    BlenderBusPreferences.__annotations__[_row.switch] = BoolProperty(name=_row.label, description=_row.about)
    if _row.key_property:
        BlenderBusPreferences.__annotations__[_row.key_property] = StringProperty(
            name=_row.key_label, description=_row.key_about, subtype="PASSWORD"
        )


def own_preferences() -> Any:
    """Return this extension's preferences. Raises CannotConnect where a script enabled it without any."""
    entry = bpy.context.preferences.addons.get(__package__)
    if entry is None:
        raise CannotConnect("The extension has no preferences: enable it in Blender's preferences")
    return entry.preferences


def _settings() -> settings.Settings:
    try:
        found: settings.Settings = own_preferences().as_settings()
    except CannotConnect:
        return settings.Settings(policy=settings.READ_ONLY)
    return found


session = Session(own_preferences)


def _connect_at_start() -> None:
    try:
        prefs = own_preferences()
        prefs.settle()
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
    settings.provide(_settings)
    session.open()
    with contextlib.suppress(CannotConnect):
        own_preferences().settle()
    # Blender may still be starting: network and preferences are ready when its timers run.
    if not bpy.app.background:
        bpy.app.timers.register(_connect_at_start, first_interval=0.5, persistent=True)


def unregister() -> None:
    """Called when the extension is switched off."""
    if bpy.app.timers.is_registered(_connect_at_start):
        bpy.app.timers.unregister(_connect_at_start)
    session.close()
    _instance.release()
    bpy.utils.unregister_class(BlenderBusPreferences)
