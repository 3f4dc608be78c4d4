"""The user's consent: which jobs run, which are asked about first, and which are refused."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import bpy

from ...link.queue.control import JobControl
from ...link.queue.main_thread import Pause
from ...link.records import WAITS_FOR_CONSENT, Origin
from .settings import ASK, READ_ONLY, settings
from .shown import TooLong, check_length

MAX_QUESTIONS = 100
QUESTION_TIMEOUT = 600.0
PICTURES = (".png", ".jpg", ".jpeg")


class Effect(Enum):
    """What a command does to this computer."""

    READ = "read"
    CHANGE = "change"
    # Anything can follow: it is asked about where the policy is to ask.
    DANGER = "danger"


EffectOf = Callable[[dict[str, Any]], Effect]


class Verdict(Enum):
    """The user's answer."""

    ONCE = "once"
    SESSION = "session"
    REFUSE = "refuse"


class Refused(Exception):
    """The policy, or the user, does not let a job run; the message is for the caller."""


def read_effect(params: dict[str, Any]) -> Effect:
    """Of a command that changes nothing."""
    return Effect.READ


def change_effect(params: dict[str, Any]) -> Effect:
    """Of a command that adds to the file or writes to disk."""
    return Effect.CHANGE


def replacing_effect(params: dict[str, Any]) -> Effect:
    """Of a command that takes the open file away."""
    return Effect.DANGER


def code_effect(params: dict[str, Any]) -> Effect:
    """Of a command that runs the caller's code."""
    return Effect.DANGER


def console_effect(params: dict[str, Any]) -> Effect:
    """Of console_operations: typing and running code is code, the rest is about the console's text."""
    operation = params.get("operation", "get_info")
    if operation == "get_info":
        return Effect.READ
    return Effect.DANGER if operation in ("execute", "insert") else Effect.CHANGE


def screenshot_effect(params: dict[str, Any]) -> Effect:
    """Of get_viewport_screenshot: it may write a file of any name anywhere; a fresh temporary picture is harmless."""
    path = params.get("filepath")
    if path is None:
        return Effect.READ
    return Effect.CHANGE if is_fresh_picture(path) else Effect.DANGER


def is_fresh_picture(path: str) -> bool:
    """Tell whether `path` names a picture among temporary files where nothing is yet, not even a link."""
    try:
        wanted = Path(bpy.path.abspath(path)).expanduser()
        folder = wanted.parent.resolve(strict=True)
        temporary = [Path(name).resolve() for name in (tempfile.gettempdir(), bpy.app.tempdir) if name]
        fresh = not wanted.is_symlink() and not wanted.exists()
    except (OSError, ValueError, RuntimeError):
        return False
    inside = any(folder == place or place in folder.parents for place in temporary)
    return fresh and inside and wanted.suffix.lower() in PICTURES


def notifications_effect(params: dict[str, Any]) -> Effect:
    """Of msgbus_get_notifications: it may forget them."""
    return Effect.CHANGE if params.get("clear") else Effect.READ


# What changes something, but not the open file, or keeps what was there by itself.
KEEPS_FILE = frozenset(
    {
        "checkpoint",
        "create_hunyuan_job",
        "create_rodin_job",
        "export.fbx",
        "export.gltf",
        "export.obj",
        "get_viewport_screenshot",
        "msgbus_clear_by_owner",
        "msgbus_get_notifications",
        "msgbus_publish_rna",
        "msgbus_subscribe_rna",
        "render",
        "render.animation",
        "render.still",
        "restore_checkpoint",
        "set_view",
    }
)

# What each command does: the one place, from which the checks of every way in come.
EFFECTS: dict[str, EffectOf] = {
    "browse_data": read_effect,
    "checkpoint": change_effect,
    "console_operations": console_effect,
    "create_hunyuan_job": change_effect,
    "create_rodin_job": change_effect,
    "download_polyhaven_asset": change_effect,
    "download_sketchfab_model": change_effect,
    "execute_code": code_effect,
    "get_asset_preview": read_effect,
    # What it writes is a file of its own, which goes away.
    "export_file": read_effect,
    "get_console_output": read_effect,
    "get_file_info": read_effect,
    "get_hunyuan3d_status": read_effect,
    "get_hyper3d_status": read_effect,
    "get_object_info": read_effect,
    "get_polyhaven_categories": read_effect,
    "get_polyhaven_status": read_effect,
    "get_scene_info": read_effect,
    "get_scene_tree": read_effect,
    "get_sketchfab_status": read_effect,
    "get_viewport_screenshot": screenshot_effect,
    "import_file": change_effect,
    "import_generated_asset": change_effect,
    "import_generated_asset_hunyuan": change_effect,
    "list_checkpoints": read_effect,
    "measure": read_effect,
    # Publishing runs the callbacks of other add-ons; subscriptions change what Blender does.
    "msgbus_clear_by_owner": change_effect,
    "msgbus_get_notifications": notifications_effect,
    "msgbus_list_subscriptions": read_effect,
    "msgbus_publish_rna": change_effect,
    "msgbus_subscribe_rna": change_effect,
    "poll_hunyuan_job_status": read_effect,
    "poll_rodin_job_status": read_effect,
    # It writes files, if only new ones in a folder of its own.
    "render": change_effect,
    "render_views": read_effect,
    # It puts another file in the place of the one that is open.
    "restore_checkpoint": replacing_effect,
    "search_api": read_effect,
    "search_polyhaven_assets": read_effect,
    "search_sketchfab_models": read_effect,
    "set_texture": change_effect,
    # It turns the user's own view.
    "set_view": change_effect,
}


def only_reads(command: str) -> bool:
    """Tell whether a command never changes anything, whatever its parameters."""
    return EFFECTS.get(command) is read_effect


@dataclass(slots=True, eq=False)
class Question:
    """A job that waits for the user; `text` is all of its code, or of what is known of it. `origin` may be allowed."""

    number: int
    command: str
    origin: Origin
    text: str
    # What the sender calls itself.
    claims: str = ""
    # The pages of the text that the user has had before them.
    seen: set[int] = field(default_factory=set)
    # How many rows a page has, once it is shown.
    rows: int = 0
    answered: Future[Verdict] = field(default_factory=Future)

    @property
    def asker(self) -> str:
        """Return who asks, in words. A name that a client has given itself is marked as such."""
        named = self.claims and not self.claims.startswith("server:")
        return self.origin.words + (f", which calls itself {self.claims[:64]!a}" if named else "")

    @property
    def lasting(self) -> bool:
        """Tell whether it can be allowed for the session: the bus, or this computer, says who asks."""
        return bool(self.origin.key)

    def answer(self, verdict: Verdict) -> None:
        """Let the job go on; without effect if it was answered already."""
        if not self.answered.done():
            self.answered.set_result(verdict)


class Consent:
    """The open questions, and what was allowed for this session. Main thread only."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._allowed: set[str] = set()
        self.questions: list[Question] = []
        # Set by the interface, where there is one: tells that a new question is there.
        self.present: Callable[[Question], None] | None = None

    def forget(self) -> None:
        """Refuse what is open and forget what was allowed for the session."""
        self._allowed.clear()
        open_now, self.questions = self.questions, []
        for question in open_now:
            question.answer(Verdict.REFUSE)

    def check(self, control: JobControl, effect: Effect, text: str) -> Question | None:
        """Return None when a job may run, or the question it has to wait for. Raises Refused."""
        command, policy = control.job.command, settings().policy
        if effect is Effect.READ:
            return None
        if policy == READ_ONLY:
            raise Refused(f"{command}: refused, this Blender is read-only by its user's choice")
        origin = control.job.origin
        if policy != ASK or effect is Effect.CHANGE or origin.key in self._allowed:
            return None
        # The owner can answer in the dashboard, but only about what came over the bus.
        if self.present is None and not control.remote:
            raise Refused(f"{command}: refused, its user wants to be asked, but this Blender has no window to ask in")
        if len(self.questions) >= MAX_QUESTIONS:
            raise Refused(f"{command}: refused, {MAX_QUESTIONS} questions wait for the user already")
        try:
            check_length(text)
        except TooLong as error:
            raise Refused(f"{command}: refused, {error}") from None
        return Question(next(self._numbers), command, origin, text, control.job.from_uuid)

    def ask(self, control: JobControl, question: Question) -> Generator[Pause, Any, None]:
        """Wait for the answer to `question`. Raises Refused."""
        self.questions.append(question)
        control.message = WAITS_FOR_CONSENT
        control.report(control.job.job_id, 0.0, control.message)
        waited = 0.0
        try:
            if self.present is not None:
                self.present(question)
            while not question.answered.done() and waited < QUESTION_TIMEOUT:
                if control.deserted.is_set():
                    raise Refused(f"{question.command}: not run, its client left before the user had answered")
                yield 0.1
                waited += 0.1
                if control.allowed is not None:
                    question.answer(Verdict.ONCE if control.allowed else Verdict.REFUSE)
        finally:
            if question in self.questions:
                self.questions.remove(question)
            control.message = ""
            control.report(control.job.job_id, 0.0, "")
        if not question.answered.done():
            raise Refused(f"{question.command}: refused, nobody answered within {QUESTION_TIMEOUT / 60:.0f} minutes")
        verdict = question.answered.result()
        if verdict is Verdict.REFUSE:
            raise Refused(f"{question.command}: refused by the user of this Blender")
        if verdict is Verdict.SESSION and question.lasting:
            self._allowed.add(question.origin.key)


consent = Consent()
