"""The table of commands. A new command is one function with the `command` decorator, and a row of EFFECTS.

The function's signature is the schema: keyword parameters with types and defaults are checked before it is called, so a
handler gets valid values or is not called at all. It returns what JSON can hold, or a `str` that is handed on as it is.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import types
import typing
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from ..link.queue.control import JobControl
from ..link.queue.main_thread import JobFailed, Pause, Steps
from ..link.records import Job
from .allowed.policy import EFFECTS, KEEPS_FILE, Effect, EffectOf, Question, Refused, consent
from .allowed.settings import ASK, INTEGRATIONS, settings
from .allowed.shown import question_text
from .checkpoints.keeper import keeper
from .person import NeverFree, person
from .source import may_write, unwrapped
from .values import plain

Handler = Callable[..., Any]

FAMILIES = (
    "scene",
    "viewport",
    "code",
    "checkpoint",
    "seeing.tree",
    "seeing.file",
    "seeing.know",
    "seeing.measure",
    "seeing.views",
    "seeing.render",
    "files.carry",
    "console",
    "msgbus",
    "previews",
    *INTEGRATIONS,
)


class CommandError(JobFailed):
    """A command cannot do what was asked; the message is for the caller."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Inclusive limits of a number, or of the length of a string."""

    minimum: float | None = None
    maximum: float | None = None


Name = Annotated[str, Bounds(1, 1024)]


@dataclass(frozen=True, slots=True)
class Command:
    """One entry of the table."""

    name: str
    handler: Handler
    parameters: dict[str, tuple[Any, Any]]
    effect: EffectOf
    integration: str | None = None

    def arguments(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return `params` checked against the handler's signature, defaults filled in. Raises CommandError."""
        unknown = [name for name in params if name not in self.parameters]
        if unknown:
            takes = ", ".join(self.parameters) or "none"
            raise CommandError(f"{self.name}: unknown parameter {unknown[0][:100]!r}; its parameters are: {takes}")
        arguments = {}
        for name, (kind, default) in self.parameters.items():
            if name not in params:
                if default is inspect.Parameter.empty:
                    raise CommandError(f"{self.name}: parameter {name!r} is missing; it must be {_describe(kind)}")
                continue
            value = params[name]
            if not _fits(value, kind):
                raise CommandError(f"{self.name}: {name} must be {_describe(kind)}, got {_shown(value)}")
            arguments[name] = value
        return arguments


_table: dict[str, Command] = {}


def command(
    name: str, *, effect: EffectOf | None = None, integration: str | None = None
) -> Callable[[Handler], Handler]:
    """Enter a function `handler(control, *, ...)` into the table under `name`.

    What it does to this computer is looked up in EFFECTS; `effect` may say it again, and nothing else. `integration`
    names the switch that enables it. A handler may be a generator that yields pauses (see MainThreadQueue) and
    returns its result.
    """
    judge = EFFECTS.get(name)
    if judge is None or effect not in (None, judge):
        raise TypeError(f"{name}: say in EFFECTS (commands/allowed/policy.py) what it does, and only there")

    def enter(handler: Handler) -> Handler:
        _table[name] = described(name, handler, judge, integration)
        return handler

    return enter


def described(name: str, handler: Handler, effect: EffectOf, integration: str | None) -> Command:
    """Return the entry of a handler: its signature is its schema."""
    hints = typing.get_type_hints(handler, include_extras=True)
    parameters = {
        parameter.name: (hints[parameter.name], parameter.default)
        for parameter in inspect.signature(handler).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    return Command(name, handler, parameters, effect, integration)


def commands() -> dict[str, Command]:
    """Return the table, its families loaded."""
    for family in FAMILIES:
        importlib.import_module(f".{family}", __package__)
    return _table


def run(job: Job, control: JobControl) -> str | Steps:
    """Run one job on the main thread and return its result as the wire wants it, or the steps to it."""
    return dispatch(job, control, to_wire)


def dispatch(
    job: Job,
    control: JobControl,
    convert: Callable[[Any], str],
    effect: Effect | None = None,
    entry: Command | None = None,
) -> str | Steps:
    """Check a job and run it as far as it goes; its result is given to `convert`. Raises CommandError.

    `effect` and `entry` stand in for those of the table.
    """
    entry = entry or commands().get(job.command)
    if entry is None:
        raise CommandError(f"Unknown command type: {job.command}")
    if entry.integration is not None and entry.integration not in settings().integrations:
        # Clients look for the first words, and people need the rest.
        raise CommandError(
            f"Unknown command type: {job.command} ({entry.integration} is switched off in the preferences of the "
            "Blender Bus extension; its user can switch it on there)"
        )
    arguments = entry.arguments(job.params)
    # Only a question needs it, and parameters can be long.
    text = question_text(job.params) if settings().policy == ASK else ""
    effect = effect or entry.effect(arguments)
    return with_consent(control, effect, text, lambda: entry.handler(control, **arguments), convert)


def with_consent(
    control: JobControl, effect: Effect, text: str, action: Callable[[], Any], convert: Callable[[Any], str]
) -> str | Steps:
    """Do `action` if the policy allows it; if the policy is to ask, after showing `text`. Raises CommandError.

    What may change something waits for a user who is in the middle of something.
    """
    try:
        question = consent.check(control, effect, text)
    except Refused as refusal:
        raise CommandError(str(refusal)) from None
    work = _around(control, effect, action)
    if question is not None or (effect is not Effect.READ and person.at_work()):
        return _later(control, question, work, convert)
    produced = work()
    return _converted(produced, convert) if isinstance(produced, Generator) else convert(produced)


def _later(
    control: JobControl, question: Question | None, work: Callable[[], Any], convert: Callable[[Any], str]
) -> Steps:
    deadline = control.job.params.get("deadline")
    try:
        if question is not None:
            yield from consent.ask(control, question)
        yield from person.wait(control, deadline if isinstance(deadline, int | float) else None)
    except (Refused, NeverFree) as refusal:
        raise CommandError(str(refusal)) from None
    produced = work()
    if isinstance(produced, Generator):
        produced = yield from produced
    return convert(produced)


def _converted(steps: Generator[Pause, Any, Any], convert: Callable[[Any], str]) -> Steps:
    return convert((yield from steps))


def _around(control: JobControl, effect: Effect, action: Callable[[], Any]) -> Callable[[], Any]:
    """Return `action` with what goes around every one: a checkpoint of what a person has made."""
    code = control.job.params.get("code")
    # A download comes to its end while a person has begun to drag: what it brings in waits for them.
    waits = effect is not Effect.READ and control.job.command not in KEEPS_FILE
    changes = waits and (not isinstance(code, str) or may_write(unwrapped(code)))
    enabled = settings().checkpoints

    def whole() -> Any:
        with keeper.around(control, enabled=enabled, changes=changes):
            produced = action()
        return _steps(produced) if isinstance(produced, Generator) else produced

    def _steps(steps: Generator[Pause, Any, Any]) -> Generator[Pause, Any, Any]:
        """Turn for turn: what others do in between is not the job's."""
        pause: Any = None
        send: Callable[[], Any] = functools.partial(next, steps)
        while True:
            try:
                with keeper.around(control, enabled=enabled, changes=changes):
                    pause = send()
            except StopIteration as end:
                return end.value
            try:
                got = yield pause
                if waits:
                    yield from person.wait(control, None, begun=True)
            except NeverFree as never:
                send = functools.partial(steps.throw, CommandError(str(never)))
            except BaseException as problem:
                send = functools.partial(steps.throw, problem)
            else:
                send = functools.partial(steps.send, got)

    return whole


def to_wire(result: Any) -> str:
    """Return text as it is and everything else as JSON."""
    if isinstance(result, str):
        return result
    return json.dumps(plain(result), ensure_ascii=False, allow_nan=False)


def _fits(value: Any, kind: Any) -> bool:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return _fits(value, arguments[0]) and all(_within(value, b) for b in arguments[1:] if isinstance(b, Bounds))
    if origin in (types.UnionType, typing.Union):
        return any(_fits(value, choice) for choice in arguments)
    if origin is Literal:
        return isinstance(value, str) and value in arguments
    if kind is Any:
        return True
    if kind is type(None):
        return value is None
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, origin or kind)


def _within(value: Any, bounds: Bounds) -> bool:
    size = len(value) if isinstance(value, str) else value
    return (bounds.minimum is None or size >= bounds.minimum) and (bounds.maximum is None or size <= bounds.maximum)


_WORDS = {str: "a string", int: "an integer", float: "a number", bool: "true or false", type(None): "null"}


def _describe(kind: Any) -> str:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return _describe(arguments[0]) + "".join(_describe_bounds(b, arguments[0]) for b in arguments[1:])
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_describe(choice) for choice in arguments)
    if origin is Literal:
        return "one of " + ", ".join(str(choice) for choice in arguments)
    if (origin or kind) is dict:
        return "an object"
    if (origin or kind) is list:
        return "an array"
    return _WORDS.get(kind, str(kind))


def _describe_bounds(bounds: Any, kind: Any) -> str:
    if not isinstance(bounds, Bounds):
        return ""
    unit = " characters" if kind is str else ""
    if bounds.maximum is None:
        return f" of at least {bounds.minimum:g}{unit}" if bounds.minimum is not None else ""
    low = f"{bounds.minimum:.0f} to " if bounds.minimum is not None else "at most "
    return f" of {low}{bounds.maximum:.0f}{unit}"


def _shown(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 80 else shown[:77] + "..."
