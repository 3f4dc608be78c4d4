"""The buttons of the panel."""

import contextlib
from typing import Any

import bpy
from bpy.props import IntProperty, StringProperty

from .commands.allowed.policy import Verdict, consent
from .commands.checkpoints.store import CannotKeep
from .commands.checkpoints.store import store as checkpoints
from .preferences import own_preferences, session
from .questions import DIALOG_WIDTH, draw_answers, pages
from .session import CannotConnect

# Who has made a checkpoint by the panel.
BY_HAND = "the user of this Blender"


class BLENDERBUS_OT_login(bpy.types.Operator):
    """Log in to the bus in your web browser"""

    bl_idname = "blender_bus.login"
    bl_label = "Log In"

    def execute(self, context: Any) -> set[str]:
        return _report(self, session.log_in)


class BLENDERBUS_OT_login_by_code(bpy.types.Operator):
    """Log in to the bus with a code that you enter in a browser anywhere, such as on your phone"""

    bl_idname = "blender_bus.login_by_code"
    bl_label = "Log In with a Code"

    def execute(self, context: Any) -> set[str]:
        return _report(self, lambda: session.log_in(by_code=True))


class BLENDERBUS_OT_copy_code(bpy.types.Operator):
    """Copy the code to the clipboard"""

    bl_idname = "blender_bus.copy_code"
    bl_label = "Copy Code"

    def execute(self, context: Any) -> set[str]:
        if session.code is not None:
            context.window_manager.clipboard = session.code.user_code
        return {"FINISHED"}


class BLENDERBUS_OT_open_code_page(bpy.types.Operator):
    """Open the page where the code is entered, in the web browser of this computer"""

    bl_idname = "blender_bus.open_code_page"
    bl_label = "Open Page"

    def execute(self, context: Any) -> set[str]:
        if session.code is not None:
            bpy.ops.wm.url_open(url=session.code.page_with_code)
        return {"FINISHED"}


class BLENDERBUS_OT_test_connection(bpy.types.Operator):
    """Find out whether the server is there and takes your login, without attaching this Blender"""

    bl_idname = "blender_bus.test_connection"
    bl_label = "Test Connection"

    def execute(self, context: Any) -> set[str]:
        return _report(self, session.test_connection)


class BLENDERBUS_OT_cancel_login(bpy.types.Operator):
    """Stop waiting for the login"""

    bl_idname = "blender_bus.cancel_login"
    bl_label = "Cancel Log In"

    def execute(self, context: Any) -> set[str]:
        return _report(self, session.cancel_login)


class BLENDERBUS_OT_logout(bpy.types.Operator):
    """Disconnect and forget the login on this computer"""

    bl_idname = "blender_bus.logout"
    bl_label = "Log Out"

    def execute(self, context: Any) -> set[str]:
        return _report(self, session.log_out)


class BLENDERBUS_OT_connect(bpy.types.Operator):
    """Attach this Blender to the bus"""

    bl_idname = "blender_bus.connect"
    bl_label = "Connect"

    @classmethod
    def poll(cls, context: Any) -> bool:
        with contextlib.suppress(CannotConnect):
            if own_preferences().credentials() is None:
                cls.poll_message_set("Log in first, or paste a token")
                return False
        return True

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


class BLENDERBUS_OT_consent(bpy.types.Operator):
    """Show all that a client wants to run here, and decide"""

    bl_idname = "blender_bus.consent"
    bl_label = "A client wants to run this"
    bl_options = {"INTERNAL"}  # noqa: RUF012

    number: IntProperty(options={"HIDDEN"})
    page: IntProperty(name="Page", description="Which page of the text is shown", default=1, min=1)

    def invoke(self, context: Any, event: Any) -> set[str]:
        self.page = 1
        manager = context.window_manager
        # The button of the dialog itself decides nothing: neither does Enter, nor Escape.
        found: set[str] = manager.invoke_props_dialog(self, width=DIALOG_WIDTH, confirm_text="Close")
        return found

    def check(self, context: Any) -> bool:
        return True

    def draw(self, context: Any) -> None:
        layout = self.layout
        question = next((item for item in consent.questions if item.number == self.number), None)
        if question is None:
            layout.label(text="This is decided, or the client no longer waits")
            return
        told = pages(question)
        page = min(self.page, len(told.pages))
        question.seen.add(page)
        layout.label(text=f"{question.command}, from {question.asker}", icon="QUESTION")
        layout.label(text=told.summary)
        for note in told.notes:
            layout.label(text=note, icon="ERROR")
        column = layout.box().column(align=True)
        for row in told.pages[page - 1]:
            column.label(text=row)
        row = layout.row()
        if len(told.pages) > 1:
            row.prop(self, "page", text=f"Page {page} of {len(told.pages)}")
        row.operator("blender_bus.copy_question", icon="COPYDOWN").number = self.number
        draw_answers(layout, question, seen=len(question.seen) >= len(told.pages))

    def execute(self, context: Any) -> set[str]:
        return {"FINISHED"}


class BLENDERBUS_OT_answer(bpy.types.Operator):
    """Answer the client that waits"""

    bl_idname = "blender_bus.answer"
    bl_label = "Answer"
    bl_options = {"INTERNAL"}  # noqa: RUF012

    number: IntProperty()
    verdict: StringProperty()

    def execute(self, context: Any) -> set[str]:
        return _report(self, lambda: session.answer_question(self.number, Verdict(self.verdict)))


class BLENDERBUS_OT_copy_question(bpy.types.Operator):
    """Copy what the client wants to run to the clipboard"""

    bl_idname = "blender_bus.copy_question"
    bl_label = "Copy"
    bl_options = {"INTERNAL"}  # noqa: RUF012

    number: IntProperty()

    def execute(self, context: Any) -> set[str]:
        for question in consent.questions:
            if question.number == self.number:
                context.window_manager.clipboard = question.text
        return {"FINISHED"}


class BLENDERBUS_OT_make_checkpoint(bpy.types.Operator):
    """Keep a copy of what is open now, unsaved changes included"""

    bl_idname = "blender_bus.make_checkpoint"
    bl_label = "Keep a Checkpoint"

    def execute(self, context: Any) -> set[str]:
        return _report(self, lambda: checkpoints.make(None, BY_HAND))


class BLENDERBUS_OT_cancel_job(bpy.types.Operator):
    """End this file's transfer, and the job it belongs to"""

    bl_idname = "blender_bus.cancel_job"
    bl_label = "Cancel"

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: Any) -> set[str]:
        session.cancel_job(self.job_id)
        return {"FINISHED"}


class BLENDERBUS_OT_restore_checkpoint(bpy.types.Operator):
    """Open a copy of this checkpoint. What is open now is kept as a checkpoint first"""

    bl_idname = "blender_bus.restore_checkpoint"
    bl_label = "Restore"

    checkpoint_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: Any, event: Any) -> set[str]:
        asked: set[str] = context.window_manager.invoke_confirm(self, event)
        return asked

    def execute(self, context: Any) -> set[str]:
        return _report(self, lambda: checkpoints.go_back(self.checkpoint_id, BY_HAND))


def _report(operator: Any, action: Any) -> set[str]:
    """Do it; what goes wrong is shown where Blender shows errors, and stays in the panel."""
    try:
        action()
    except (CannotConnect, CannotKeep, ValueError) as error:
        if str(error) != session.local_note:
            session.note = str(error)
        operator.report({"ERROR"}, str(error))
        return {"CANCELLED"}
    return {"FINISHED"}


_classes = (
    BLENDERBUS_OT_login,
    BLENDERBUS_OT_login_by_code,
    BLENDERBUS_OT_copy_code,
    BLENDERBUS_OT_open_code_page,
    BLENDERBUS_OT_test_connection,
    BLENDERBUS_OT_cancel_login,
    BLENDERBUS_OT_logout,
    BLENDERBUS_OT_connect,
    BLENDERBUS_OT_disconnect,
    BLENDERBUS_OT_copy_uuid,
    BLENDERBUS_OT_start_local,
    BLENDERBUS_OT_stop_local,
    BLENDERBUS_OT_restart_local,
    BLENDERBUS_OT_consent,
    BLENDERBUS_OT_answer,
    BLENDERBUS_OT_copy_question,
    BLENDERBUS_OT_cancel_job,
    BLENDERBUS_OT_make_checkpoint,
    BLENDERBUS_OT_restore_checkpoint,
)


def register() -> None:
    """Called when the extension is switched on."""
    for item in _classes:
        bpy.utils.register_class(item)


def unregister() -> None:
    """Called when the extension is switched off."""
    for item in reversed(_classes):
        bpy.utils.unregister_class(item)
