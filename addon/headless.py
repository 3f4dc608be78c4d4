"""A Blender without a window as a peer: connect, run jobs, end cleanly on SIGTERM or Ctrl-C.

    python -m addon --server URL ...                          with the bpy module
    blender -b --python addon/headless.py -- --server URL ...  with Blender itself

Exit status: 0 after a signal, 1 when the bus or the login refuses this peer for good, 2 for wrong arguments.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

if not __package__:
    # Run as a script: start over as a module of the package, so that relative imports work.
    _here = Path(__file__).resolve().parent
    sys.path.insert(0, str(_here.parent))
    importlib.import_module(f"{_here.name}.headless").main()

from .link.address import InvalidServerUrl, is_loopback, origin
from .link.connection import State, Status
from .link.credentials import Credentials, RenewingTokens
from .link.main_thread import run_loop
from .link.peer import Peer, checked_uuid, derived_uuid
from .link.protocol import PeerIdentity

PREFIX = "[peer]"


class PeerStopping(KeyboardInterrupt):
    """Raised inside the job that runs when the process is asked to end."""


def main(argv: list[str] | None = None) -> NoReturn:
    """Run until a signal, then leave without Blender's own shutdown, which crashes or hangs in some versions."""
    status = 1
    try:
        status = _serve(_arguments(_own_arguments() if argv is None else argv))
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except KeyboardInterrupt:
        status = 0
    except BaseException as error:
        _say(f"ended: {type(error).__name__}: {error}")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _own_arguments() -> list[str]:
    """Return the arguments after `--` when Blender's own come first."""
    given = sys.argv[1:]
    return given[given.index("--") + 1 :] if "--" in given else given


def _arguments(argv: list[str]) -> argparse.Namespace:
    env = os.environ
    parser = argparse.ArgumentParser(
        prog="addon", description="Attach a Blender without a window to Blender Bus.", allow_abbrev=False
    )
    add = parser.add_argument
    add("--server", default=env.get("BLENDER_BUS_SERVER"), help="address of the bus (or BLENDER_BUS_SERVER)")
    add("--token", default=env.get("BLENDER_BUS_TOKEN"), help="access token (better: BLENDER_BUS_TOKEN)")
    add("--username", default=env.get("BLENDER_BUS_USERNAME"), help="log in instead of using a token")
    add("--password", default=env.get("BLENDER_BUS_PASSWORD"), help="its password (better: BLENDER_BUS_PASSWORD)")
    add("--uuid", default=env.get("BLENDER_BUS_UUID"), help="stable name of this peer, one of its own for each")
    add("--group", default=env.get("BLENDER_BUS_GROUP"), help="group this peer belongs to")
    add("--file", type=Path, help=".blend file to open first")
    args = parser.parse_args(argv)
    if not args.server:
        parser.error("--server or BLENDER_BUS_SERVER is needed, such as https://bus.example.com")
    if not args.token and not (args.username and args.password):
        parser.error("--token (BLENDER_BUS_TOKEN) or --username and --password (BLENDER_BUS_PASSWORD) are needed")
    if args.file is not None and not args.file.is_file():
        parser.error(f"--file: there is no {args.file}")
    try:
        origin(args.server)
        args.uuid = checked_uuid(args.uuid or derived_uuid(str(args.file or "")))
    except (InvalidServerUrl, ValueError) as error:
        parser.error(str(error))
    return args


def _serve(args: argparse.Namespace) -> int:
    import bpy

    from .commands import facts, registry

    if args.file is not None:
        bpy.ops.wm.open_mainfile(filepath=str(args.file.resolve()))
    registry.commands()
    if origin(args.server).startswith("http:") and not is_loopback(args.server):
        _say("warning: the server URL is not https, so the token travels unprotected")
    login = (args.username, args.password) if args.username and args.password else None
    tokens = RenewingTokens(args.server, Credentials(args.token) if args.token else None, password_login=login)
    peer = Peer(
        args.server,
        PeerIdentity(args.uuid, facts.capabilities(), args.group),
        tokens,
        registry.run,
        on_status=lambda status: _tell(status, args.uuid),
        on_trouble=_say,
        user_agent=f"BlenderBus (Blender {bpy.app.version_string}, headless)",
    )
    return _run_until_signal(peer)


def _run_until_signal(peer: Peer) -> int:
    asked = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            os._exit(128 + number)
        asked = True
        if peer.queue.running is not None:
            raise PeerStopping("This Blender is shutting down")

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    peer.start()
    with contextlib.suppress(PeerStopping):
        run_loop(peer.queue, lambda: asked or not peer.link.alive())
    refused = not asked
    peer.stop("This Blender shut down before it came to this job")
    _say("stopped")
    return 1 if refused else 0


def _tell(status: Status, uuid: str) -> None:
    if status.state is State.CONNECTED:
        _say(f"Connected as {uuid}")
    elif status.state is State.REGISTERED:
        _say("register_client ok")
        _say("waiting for jobs...")
    elif status.state in (State.WAITING, State.STAYS_AWAY):
        _say(status.message)


def _say(message: str) -> None:
    # Not sys.stdout: while a job runs that is the job's.
    print(PREFIX, message, file=sys.__stdout__, flush=True)
