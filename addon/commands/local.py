"""Jobs of the local port: the commands as the servers of the field expect them, and code as Blender Lab's connector
sends it. Nothing here, and nothing else in the extension, collects data on its user."""

from __future__ import annotations

import base64
import functools
import json
import math
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import bpy

from ..fetch.rodin import MAX_IMAGE_BYTES
from ..link.local_port import EXECUTE
from ..link.queue.control import JobControl
from ..link.queue.interrupt import JobCancelled
from ..link.queue.main_thread import Pause, Steps
from ..link.records import Job
from . import field, polyhaven_search, registry
from .allowed.policy import EFFECTS, Effect, code_effect, is_fresh_picture
from .allowed.settings import settings
from .code import MAX_CODE_CHARS, captured, run_code
from .facts import manifest
from .lines import table as lines
from .lines.shapes import make
from .registry import Bounds, CommandError, Name
from .values import plain

MAX_LOCAL_OUTPUT = 64 * 1_048_576
# Of code of a server that frames by lines.
MAX_LINE_OUTPUT = 8 * 1_048_576
POLL_INTERVAL = 0.1
POLL_CAP = 3600.0
# The newest protocol of the field whose commands are all answered, services that are not here by saying so. A lower one
# makes servers tell their user to install another add-on beside this one, on the same port.
FIELD_PROTOCOL = 15
# What an older server that frames by lines calls a command of the bus.
ALIASES = {"object.get_info": "get_object_info"}
# What servers send along for their makers, and nothing else.
IGNORED = ("user_prompt",)
# With one of these a server asks for the newer search.
_BY_WORDS = frozenset({"query", "category", "attributes", "limit", "min_size_m"})
# Services that servers ask about and that are not here.
ABSENT = ("Poly Pizza", "Meshy", "Tripo")


def run_local(job: Job, control: JobControl) -> str | Steps:
    """Run one job of the local port; the result is JSON, always."""
    job = replace(job, command=ALIASES.get(job.command, job.command))
    if job.command == EXECUTE:
        return _execute(job, control)
    if job.command == "execute_code":
        return _execute_code(job, control)
    if job.command == "create_hunyuan_job":
        job = replace(job, params=_with_picture(job.params))
    extra = _extras.get(job.command)
    if extra is not None:
        return json.dumps(plain(extra(job.params)))
    if job.command == "python.execute":
        return _python_execute(job, control)
    known = registry.commands() | field.commands() | lines.commands()
    entry = known.get(job.command)
    if job.command == "search_polyhaven_assets" and not _BY_WORDS.isdisjoint(job.params):
        entry = _find_assets()
    if entry is not None:
        job = replace(job, params=_known(job, entry))
    elif service := next((name for name in ABSENT if _word(name).removesuffix("3d") in job.command), None):
        # The first words are what servers look for.
        raise CommandError(f"Unknown command type: {job.command} (Blender Bus has no integration of {service})")
    path = job.params.get("filepath")
    looks = job.command == "get_viewport_screenshot" and isinstance(path, str) and is_fresh_picture(path)
    # Servers on this computer have a picture written to a temporary file and read it there: that is a way to look.
    effect = Effect.READ if looks else None
    return registry.dispatch(job, control, lambda result: _as_local(job, result), effect, entry)


def _with_picture(params: dict[str, Any]) -> dict[str, Any]:
    """Replace the path of a picture on this computer, as servers of the local port send it, by the picture.

    Raises CommandError if there is none.
    """
    image = params.get("image")
    if not isinstance(image, str) or image.startswith(("https://", "data:")):
        return params
    path = Path(image).expanduser()
    try:
        with path.open("rb") as file:
            data = file.read(MAX_IMAGE_BYTES + 1)
    except OSError as error:
        raise CommandError(f"create_hunyuan_job: {image[:200]!r} is no picture on this computer: {error}") from None
    return {**params, "image": [path.suffix, base64.b64encode(data).decode("ascii")]}


def _known(job: Job, entry: registry.Command) -> dict[str, Any]:
    """Return the parameters that a command takes. Raises CommandError for another one that says something.

    Servers tell by the words of Python that an add-on is older than they are, and go on without the parameter.
    """
    for name, value in job.params.items():
        if name not in entry.parameters and name not in IGNORED and value is not None:
            raise CommandError(f"{job.command}() got an unexpected keyword argument {name[:100]!r}")
    return {name: value for name, value in job.params.items() if name in entry.parameters}


@functools.cache
def _find_assets() -> registry.Command:
    """The search as newer servers ask for it: by words, answered with a list."""
    name = "search_polyhaven_assets"
    return registry.described(name, polyhaven_search.find_assets, EFFECTS[name], "polyhaven")


def _as_local(job: Job, result: Any) -> str:
    if job.command == "get_viewport_screenshot" and job.params.get("filepath") is not None:
        # Who asked for a file reads the file.
        result.pop("image", None)
    return json.dumps(plain(result), allow_nan=False)


def _execute_code(job: Job, control: JobControl) -> str | Steps:
    arguments = registry.commands()["execute_code"].arguments({"code": job.params.get("code")})
    code = arguments["code"]

    def convert(printed: str) -> str:
        return json.dumps({"executed": True, "result": printed})

    return registry.with_consent(
        control, Effect.DANGER, code, lambda: run_code(control, code, {}, MAX_LOCAL_OUTPUT).output, convert
    )


def _python_execute(job: Job, control: JobControl) -> str | Steps:
    entry = registry.described(job.command, _run_lines, code_effect, None)
    arguments = entry.arguments(job.params)
    # It is looked at before a question shows it, and run as it was shown.
    arguments |= {"code": _source(arguments), "script_path": None}
    return registry.with_consent(
        control,
        Effect.DANGER,
        arguments["code"],
        lambda: entry.handler(control, **arguments),
        lambda result: json.dumps(_by_repr(result)),
    )


class _Cancelled:
    """What these servers' code asks whether it is to stop."""

    def __init__(self, control: JobControl) -> None:
        self._event = control.cancelled

    def is_set(self) -> bool:
        """Tell whether its caller has asked it to stop."""
        return self._event.is_set()


def _source(params: dict[str, Any]) -> str:
    """Return the code to run: `code`, or the text of the file `script_path`. Raises CommandError."""
    code, script = params.get("code"), params.get("script_path")
    if (code is None) == (script is None):
        raise CommandError("python.execute: give code or script_path, one of them")
    if script is None:
        return str(code)
    path = Path(script).expanduser()
    if path.suffix != ".py" or not path.is_file():
        raise CommandError(f"python.execute: script_path must be a .py file that exists, got {str(script)[:500]!r}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise CommandError(f"python.execute: {path} cannot be read: {error}") from None
    if len(text) > MAX_CODE_CHARS:
        raise CommandError(f"python.execute: {path} is longer than {MAX_CODE_CHARS} characters")
    return text


def _run_lines(
    control: JobControl,
    *,
    code: Annotated[str, Bounds(0, MAX_CODE_CHARS)] | None = None,
    script_path: Name | None = None,
    args: dict[str, Any] | None = None,
    timeout_seconds: Annotated[float, Bounds(0.1, 86_400)] | None = None,
) -> dict[str, Any]:
    """Run code that finds `args` and leaves `__result__`; what it raises is an answer with `error`, not a failure."""
    text = _source({"code": code, "script_path": script_path})
    if timeout_seconds is not None:
        control.end_after(timeout_seconds)
    names: dict[str, Any] = {
        "args": args or {},
        "math": math,
        "mcp_create_mesh": _create_mesh,
        "__result__": None,
        "__cancel_event__": _Cancelled(control),
    }
    started = time.monotonic()
    told: dict[str, Any] = {"result": None, "stdout": "", "stderr": "", "error": None}
    try:
        printed = run_code(control, text, names, MAX_LINE_OUTPUT)
    except JobCancelled as ended:
        by_time = control.ends_at is not None and time.monotonic() >= control.ends_at
        told["error"] = "\n".join([control.reason, *map(str, ended.args)])
        told |= {"timed_out": by_time, "cancelled": not by_time}
    except CommandError as error:
        told["error"] = str(error)
    else:
        told |= {"result": names.get("__result__"), "stdout": printed.output, "stderr": printed.errors}
    took = round(time.monotonic() - started, 4)
    return {"timed_out": False, "cancelled": False, **told, "duration_seconds": took}


def _create_mesh(mesh_type: str, *, name: str | None = None, location: Any = None, size: float = 2.0) -> Any:
    return make(mesh_type.lower(), name, location or (0, 0, 0), size)


def _execute(job: Job, control: JobControl) -> str | Steps:
    code, strict = job.params["code"], job.params["strict_json"]
    return registry.with_consent(
        control,
        Effect.DANGER,
        code,
        lambda: _execute_and_poll(control, code),
        lambda outcome: _reply(outcome[0], outcome[1], strict),
    )


def _execute_and_poll(control: JobControl, code: str) -> Any:
    """Return (result, stdout), or the steps to it when the code leaves a `check_is_finished` to ask."""
    names: dict[str, Any] = {"result": {}}
    printed = run_code(control, code, names, MAX_LOCAL_OUTPUT).both
    check = names.get("check_is_finished")
    return _poll(control, check, printed) if callable(check) else (names.get("result"), printed)


def _poll(control: JobControl, check: Callable[[], Any], printed: str) -> Generator[Pause, Any, tuple[Any, str]]:
    until = time.monotonic() + POLL_CAP
    filename = f"<code of {control.job.job_id}>"
    while True:
        more, value = captured(control, filename, check, MAX_LOCAL_OUTPUT - len(printed))
        printed += more.both
        if isinstance(value, dict):
            return value, printed
        if time.monotonic() >= until:
            raise CommandError(f"check_is_finished returned no dict within {POLL_CAP / 3600:.0f} hour")
        yield POLL_INTERVAL


def _reply(result: Any, printed: str, strict: bool) -> str:
    try:
        text = json.dumps(result, ensure_ascii=False, allow_nan=False, default=None if strict else repr)
    except (TypeError, ValueError, RecursionError) as error:
        if strict:
            raise CommandError(f"The result cannot be sent as JSON, as strict_json demands: {error}") from None
        text = json.dumps(_by_repr(result), ensure_ascii=False)
    return f'{{"result":{text},"stdout":{json.dumps(printed, ensure_ascii=False)}}}'


def _by_repr(value: Any, depth: int = 0) -> Any:
    """Return `value` with everything JSON cannot hold, odd keys and non-finite numbers included, as its repr."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value - value == 0.0 else repr(value)
    if depth < 100 and isinstance(value, dict):
        return {key if isinstance(key, str) else repr(key): _by_repr(item, depth + 1) for key, item in value.items()}
    if depth < 100 and isinstance(value, list | tuple):
        return [_by_repr(item, depth + 1) for item in value]
    return repr(value)


def _addon_info(params: dict[str, Any]) -> dict[str, Any]:
    about, on = manifest(), settings().integrations
    known = registry.commands() | field.commands()
    usable = [name for name, entry in known.items() if entry.integration in (None, *on)]
    return {
        "name": about["name"],
        "addon_version": [int(part) for part in about["version"].split(".")],
        "protocol_version": FIELD_PROTOCOL,
        "capabilities": [*usable, *_extras],
        "policy": settings().policy,
        "blender_version": bpy.app.version_string,
    }


def _word(service: str) -> str:
    """How names of commands spell a service."""
    return service.lower().replace(" ", "")


def _absent(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda params: {"enabled": False, "message": f"Blender Bus has no integration of {name}"}


_extras: dict[str, Callable[[dict[str, Any]], Any]] = {
    "ping": lambda params: {"pong": True},
    "get_telemetry_consent": lambda params: {"consent": False},
    "set_telemetry_consent": lambda params: {
        "consent": False,
        "message": "Blender Bus collects no data: there is no consent",
    },
    "get_addon_info": _addon_info,
    **{f"get_{_word(name)}_status": _absent(name) for name in ABSENT},
}
