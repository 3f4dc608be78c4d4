"""Jobs of the local port: the commands as the servers of the field expect them, and code as Blender Lab's connector
sends it. Nothing here, and nothing else in the extension, collects data on its user."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import bpy

from ..link.local_port import EXECUTE
from ..link.main_thread import JobControl, Pause, Steps
from ..link.records import Job
from . import registry
from .code import captured, run_code
from .facts import manifest
from .policy import Effect, is_fresh_picture
from .registry import CommandError
from .values import plain

MAX_LOCAL_OUTPUT = 64 * 1_048_576
POLL_INTERVAL = 0.1
POLL_CAP = 3600.0
# The first protocol of the field: the commands of the catalog. Servers fall back to them when they know more.
FIELD_PROTOCOL = 1


def run_local(job: Job, control: JobControl) -> str | Steps:
    """Run one job of the local port; the result is JSON, always."""
    if job.command == EXECUTE:
        return _execute(job, control)
    if job.command == "execute_code":
        return _execute_code(job, control)
    extra = _extras.get(job.command)
    if extra is not None:
        return json.dumps(extra())
    entry = registry.commands().get(job.command)
    if entry is not None:
        # Newer servers add parameters that older add-ons do not know; they can do without.
        job = replace(job, params={name: value for name, value in job.params.items() if name in entry.parameters})
    path = job.params.get("filepath")
    looks = job.command == "get_viewport_screenshot" and isinstance(path, str) and is_fresh_picture(path)
    # Servers on this computer have a picture written to a temporary file and read it there: that is a way to look.
    return registry.dispatch(job, control, lambda result: _as_local(job, result), Effect.READ if looks else None)


def _as_local(job: Job, result: Any) -> str:
    if job.command == "get_viewport_screenshot" and job.params.get("filepath") is not None:
        # Who asked for a file reads the file.
        result.pop("image", None)
    return json.dumps(plain(result), ensure_ascii=False, allow_nan=False)


def _execute_code(job: Job, control: JobControl) -> str | Steps:
    arguments = registry.commands()["execute_code"].arguments({"code": job.params.get("code")})
    code = arguments["code"]

    def convert(printed: str) -> str:
        return json.dumps({"executed": True, "result": printed}, ensure_ascii=False)

    return registry.with_consent(
        control, Effect.DANGER, code, lambda: run_code(control, code, {}, MAX_LOCAL_OUTPUT), convert
    )


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
    printed = run_code(control, code, names, MAX_LOCAL_OUTPUT)
    check = names.get("check_is_finished")
    return _poll(control, check, printed) if callable(check) else (names.get("result"), printed)


def _poll(control: JobControl, check: Callable[[], Any], printed: str) -> Generator[Pause, Any, tuple[Any, str]]:
    until = time.monotonic() + POLL_CAP
    filename = f"<code of {control.job.job_id}>"
    while True:
        more, value = captured(control, filename, check, MAX_LOCAL_OUTPUT - len(printed))
        printed += more
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


def _addon_info() -> dict[str, Any]:
    about = manifest()
    return {
        "name": about["name"],
        "addon_version": [int(part) for part in about["version"].split(".")],
        "protocol_version": FIELD_PROTOCOL,
        "capabilities": [*registry.commands(), *_extras],
        "blender_version": bpy.app.version_string,
    }


_extras: dict[str, Callable[[], dict[str, Any]]] = {
    "ping": lambda: {"pong": True},
    "get_telemetry_consent": lambda: {"consent": False},
    "get_addon_info": _addon_info,
    "get_hunyuan3d_status": lambda: {"enabled": False, "message": "Blender Bus has no Hunyuan3D integration"},
}
