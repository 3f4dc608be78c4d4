"""The tab "Bus" in the sidebar of the 3D viewport."""

import contextlib
import textwrap
import time
from typing import Any

import bpy

from . import dots
from .commands.allowed.policy import consent
from .commands.checkpoints.keeper import keeper
from .commands.checkpoints.store import store as checkpoints
from .link.status import State
from .link.transfers.model import UP
from .preferences import own_preferences, session
from .questions import draw_answers, fitted, pages
from .session import CannotConnect

LINE_CHARS = 38
JOBS_SHOWN = 5
CHECKPOINTS_SHOWN = 8
TRANSFERS_SHOWN = 5
QUESTIONS_SHOWN = 3
PREVIEW_LINES, PREVIEW_CHARS = 4, 400

# Words, and the colour of their dot.
_WORDS = {
    State.STOPPED: ("Not connected", "grey"),
    State.CONNECTING: ("Connecting", "yellow"),
    State.CONNECTED: ("Registering", "yellow"),
    State.REGISTERED: ("Connected", "green"),
    State.WAITING: ("Waiting to reconnect", "yellow"),
    State.STAYS_AWAY: ("Not connected", "red"),
}
_JOB_ICONS = {"completed": "CHECKMARK", "failed": "ERROR", "cancelled": "CANCEL"}


def _title(command: str) -> str:
    """Return the name of a command as people write: execute_code is Execute code."""
    return command.replace("local:", "").replace("_", " ").capitalize()


class BLENDERBUS_PT_bus(bpy.types.Panel):
    """Status and buttons"""

    bl_idname = "BLENDERBUS_PT_bus"
    bl_label = "Blender Bus"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Bus"

    def draw(self, context: Any) -> None:
        layout = self.layout
        try:
            prefs = own_preferences()
        except CannotConnect as error:
            layout.label(text=str(error))
            return
        self._draw_status(layout)
        self._draw_questions(context, layout)
        layout.prop(prefs, "server_url", text="")
        self._draw_login(layout, prefs)
        layout.label(text="Clients may:")
        layout.prop(prefs, "policy", text="")
        row = layout.row(align=True)
        row.label(text=session.peer.protocol.identity.uuid if session.peer else prefs.uuid or "Named when it connects")
        row.operator("blender_bus.copy_uuid", text="", icon="COPYDOWN")

    def _draw_login(self, layout: Any, prefs: Any) -> None:
        logged_in = prefs.credentials() is not None
        self._draw_code(layout)
        row = layout.row(align=True)
        if session.logging_in:
            row.operator("blender_bus.cancel_login", icon="CANCEL")
        elif logged_in:
            row.operator("blender_bus.logout", icon="USER")
        else:
            row.operator("blender_bus.login", icon="USER")
        if session.active:
            row.operator("blender_bus.disconnect", icon="UNLINKED")
        else:
            row.operator("blender_bus.connect", icon="LINKED")
        if not logged_in and not session.logging_in:
            layout.operator("blender_bus.login_by_code")
            layout.prop(prefs, "token", text="", placeholder="or paste a token")

    def _draw_code(self, layout: Any) -> None:
        """Show what to enter where, while a login by code waits."""
        code = session.code
        if code is None:
            return
        box = layout.box()
        column = box.column(align=True)
        for line in textwrap.wrap(code.page, LINE_CHARS)[:3]:
            column.label(text=line)
        row = box.row(align=True)
        row.scale_y = 1.5
        row.label(text=code.user_code)
        row.operator("blender_bus.copy_code", text="", icon="COPYDOWN")
        box.operator("blender_bus.open_code_page", icon="URL")

    def _draw_questions(self, context: Any, layout: Any) -> None:
        width = context.region.width / (context.preferences.system.ui_scale or 1.0)
        for question in consent.questions[:QUESTIONS_SHOWN]:
            told = fitted(question.text[:PREVIEW_CHARS], width)
            rows = [row for page in told.pages for row in page]
            whole = len(question.text) <= PREVIEW_CHARS and len(rows) <= PREVIEW_LINES
            box = layout.box()
            box.label(text=f"Allow {question.command}?", icon="QUESTION")
            column = box.column(align=True)
            for line in textwrap.wrap(f"From {question.asker}", LINE_CHARS):
                column.label(text=line)
            for row in rows[:PREVIEW_LINES]:
                column.label(text=row)
            if not whole:
                column.label(text="... there is more")
            box.operator("blender_bus.consent", text="Show All").number = question.number
            # What is not short is allowed once the dialog has shown all of it.
            seen = whole or len(question.seen) >= len(pages(question).pages)
            draw_answers(box.column(align=True), question, seen=seen, narrow=True)

    def _draw_status(self, layout: Any) -> None:
        status = session.status
        word, colour = _WORDS[status.state]
        box = layout.box()
        box.alert = status.state is State.STAYS_AWAY
        box.label(text=word, icon_value=dots.icon(colour))
        told = session.note
        if not told and status.state in (State.WAITING, State.STAYS_AWAY):
            told = status.message
        column = box.column(align=True)
        for line in textwrap.wrap(told, LINE_CHARS)[:8]:
            column.label(text=line)


class BLENDERBUS_PT_local(bpy.types.Panel):
    """The port for MCP servers on this computer"""

    bl_idname = "BLENDERBUS_PT_local"
    bl_parent_id = "BLENDERBUS_PT_bus"
    bl_label = "Local Port"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Bus"

    def draw(self, context: Any) -> None:
        layout = self.layout
        port = session.local
        if port is not None and port.running:
            layout.label(text=f"Running on {port.port}", icon="LINKED")
            if port.clients:
                layout.label(text=f"{port.clients} connected")
        else:
            layout.label(text="Not running", icon="UNLINKED")
        column = layout.column(align=True)
        column.alert = True
        for line in textwrap.wrap(session.local_note, LINE_CHARS)[:6]:
            column.label(text=line)
        with contextlib.suppress(CannotConnect):
            layout.prop(own_preferences(), "local_port", text="Port")
        row = layout.row(align=True)
        if session.serving:
            row.operator("blender_bus.stop_local", icon="PAUSE")
            row.operator("blender_bus.restart_local", icon="FILE_REFRESH")
        else:
            row.operator("blender_bus.start_local", icon="PLAY")


class BLENDERBUS_PT_jobs(bpy.types.Panel):
    """The job that runs and the last ones"""

    bl_idname = "BLENDERBUS_PT_jobs"
    bl_parent_id = "BLENDERBUS_PT_bus"
    bl_label = "Jobs"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Bus"

    def draw(self, context: Any) -> None:
        column = self.layout.column(align=True)
        jobs = session.queue
        begun = jobs.active
        if not (begun or len(jobs) or jobs.finished):
            column.label(text="None yet")
            return
        coming = jobs.upcoming
        if coming is not None and not begun:
            column.progress(factor=0.0, text=_title(coming.job.command))
        for control in begun[:JOBS_SHOWN]:
            column.progress(factor=control.percent / 100, text=f"{_title(control.job.command)} {control.message}")
        if len(jobs):
            column.label(text=f"{len(jobs)} waiting", icon="SORTTIME")
        kept = keeper.last
        if kept is not None:
            when = time.strftime("%H:%M", time.localtime(kept.at))
            column.label(text=f"Checkpoint of {when} kept", icon="FILE_BACKUP")
        for job in reversed(jobs.finished[-JOBS_SHOWN:]):
            column.label(
                text=f"{_title(job.command)}  {job.seconds:.2f} s", icon=_JOB_ICONS.get(job.status, "QUESTION")
            )


class BLENDERBUS_PT_transfers(bpy.types.Panel):
    """Files on their way to and from the server"""

    bl_idname = "BLENDERBUS_PT_transfers"
    bl_parent_id = "BLENDERBUS_PT_bus"
    bl_label = "Transfers"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Bus"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return bool(session.transfers)

    def draw(self, context: Any) -> None:
        column = self.layout.column(align=True)
        under_way = session.transfers
        for transfer in under_way[:TRANSFERS_SHOWN]:
            row = column.row(align=True)
            row.label(text=transfer.name, icon="EXPORT" if transfer.direction == UP else "IMPORT")
            if transfer.job_id:
                row.operator("blender_bus.cancel_job", text="", icon="X").job_id = transfer.job_id
            column.progress(factor=transfer.part, text=transfer.words)
        if len(under_way) > TRANSFERS_SHOWN:
            column.label(text=f"{len(under_way) - TRANSFERS_SHOWN} more", icon="SORTTIME")


class BLENDERBUS_PT_checkpoints(bpy.types.Panel):
    """Copies of this file, to go back to"""

    bl_idname = "BLENDERBUS_PT_checkpoints"
    bl_parent_id = "BLENDERBUS_PT_bus"
    bl_label = "Checkpoints"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Bus"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: Any) -> None:
        column = self.layout.column(align=True)
        column.operator("blender_bus.make_checkpoint", icon="ADD")
        with contextlib.suppress(CannotConnect):
            column.prop(own_preferences(), "checkpoints", text="Before Clients Change This")
        for item in checkpoints.all()[:CHECKPOINTS_SHOWN]:
            row = column.row(align=True)
            when = time.strftime("%d %b %H:%M", time.localtime(item.at))
            row.label(text=f"{when}  {item.label or 'without a name'}")
            row.operator("blender_bus.restore_checkpoint", icon="LOOP_BACK").checkpoint_id = item.checkpoint_id


_classes = (
    BLENDERBUS_PT_bus,
    BLENDERBUS_PT_local,
    BLENDERBUS_PT_jobs,
    BLENDERBUS_PT_transfers,
    BLENDERBUS_PT_checkpoints,
)


def register() -> None:
    """Called when the extension is switched on."""
    for item in _classes:
        bpy.utils.register_class(item)


def unregister() -> None:
    """Called when the extension is switched off."""
    for item in reversed(_classes):
        bpy.utils.unregister_class(item)
    dots.forget()
