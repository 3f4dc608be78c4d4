"""A Blender without a window as a peer: connect, run jobs, end cleanly on SIGTERM or Ctrl-C.

    python -m addon --server URL ...                          with the bpy module
    blender -b --python addon/headless.py -- --server URL ...  with Blender itself
    blender --command blender_bus --server URL ...             with Blender, once the extension is installed

With --local-port it serves MCP servers on this computer too, and without --server it serves nothing else.

Exit status: 0 after a signal, 1 when the bus or the login refuses this peer for good or the local port is taken, 2 for
wrong arguments.
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
from typing import TYPE_CHECKING, Any, NoReturn

if not __package__:
    # Run as a script: start over as a module of the package, so that relative imports work.
    _here = Path(__file__).resolve().parent
    sys.path.insert(0, str(_here.parent))
    importlib.import_module(f"{_here.name}.headless").main()

from .commands.allowed.settings import ALL
from .link.address import InvalidServerUrl, is_loopback, origin
from .link.credentials import Credentials, RenewingTokens
from .link.local_port import LocalPort, PortUnavailable
from .link.peer import Peer, checked_uuid, derived_uuid
from .link.protocol import PeerIdentity
from .link.queue.main_thread import MainThreadQueue, run_loop
from .link.status import State, Status

if TYPE_CHECKING:
    from .commands.allowed.settings import Settings

PREFIX = "[peer]"


COMMAND = "blender_bus"
_registered: object = None


class PeerStopping(KeyboardInterrupt):
    """Raised inside the job that runs when the process is asked to end."""


def register() -> None:
    """Make this `blender --command blender_bus`."""
    import bpy

    global _registered
    _registered = bpy.utils.register_cli_command(COMMAND, main)


def unregister() -> None:
    """Take the command away again."""
    import bpy

    global _registered
    bpy.utils.unregister_cli_command(_registered)
    _registered = None


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
    add("--local-port", type=int, metavar="N", help="serve MCP servers on 127.0.0.1:N as well (the usual one: 9876)")
    add(
        "--policy",
        choices=("everything", "ask", "read-only"),
        default="everything",
        help="what clients may do here; ask: code from the bus waits for its owner at the dashboard, other is refused",
    )
    add("--no-checkpoints", action="store_true", help="make no checkpoints that nobody asked for")
    names = ", ".join(row.name for row in ALL)
    add("--integrations", default="", help=f"comma-separated services clients may use: {names}")
    args = parser.parse_args(argv)
    if not args.server and args.local_port is None:
        parser.error("--server or BLENDER_BUS_SERVER is needed, such as https://bus.example.com, or --local-port")
    if args.server and not args.token and not (args.username and args.password):
        parser.error("--token (BLENDER_BUS_TOKEN) or --username and --password (BLENDER_BUS_PASSWORD) are needed")
    if args.file is not None and not args.file.is_file():
        parser.error(f"--file: there is no {args.file}")
    if args.local_port is not None and not 0 <= args.local_port <= 65_535:
        parser.error("--local-port must be 0 (any free port) to 65535")
    args.integrations = frozenset(name.strip() for name in args.integrations.split(",") if name.strip())
    try:
        if args.server:
            origin(args.server)
        args.uuid = checked_uuid(args.uuid or derived_uuid(str(args.file or "")))
    except (InvalidServerUrl, ValueError) as error:
        parser.error(str(error))
    return args


def _serve(args: argparse.Namespace) -> int:
    import bpy

    from .commands import registry
    from .commands.allowed import settings
    from .commands.checkpoints.keeper import keeper

    unknown = args.integrations - set(settings.INTEGRATIONS)
    if unknown:
        _say(f"--integrations: {', '.join(sorted(unknown))} is not one of {', '.join(settings.INTEGRATIONS)}")
        return 2
    chosen = _settings(args)
    settings.provide(lambda: chosen)
    if args.file is not None:
        bpy.ops.wm.open_mainfile(filepath=str(args.file.resolve()))
    registry.commands()
    keeper.watch(attended=False)
    queue = MainThreadQueue(registry.run)
    port = None if args.local_port is None else _local_port(args.local_port, queue)
    try:
        if port is not None:
            port.start()
            _say(f"local port: Running on {port.port}")
    except PortUnavailable as error:
        _say(str(error))
        return 1
    return _run_until_signal(queue, _peer(args, queue) if args.server else None, port)


def _local_port(number: int, queue: MainThreadQueue) -> LocalPort:
    from .commands import local

    return LocalPort(queue, local.run_local, number, os.environ.get("BLENDER_BUS_LOCAL_SECRET", ""))


def _settings(args: argparse.Namespace) -> Settings:
    from .commands.allowed.settings import Settings

    env = os.environ
    chosen: dict[str, Any] = {row.key_property: env.get(row.environment, "") for row in ALL if row.key_property}
    for option in (option for row in ALL for option in row.options):
        if value := env.get(f"BLENDER_BUS_{option.upper()}"):
            chosen[option] = value
    return Settings(
        policy=args.policy,
        integrations=args.integrations,
        checkpoints=not args.no_checkpoints,
        **chosen,
    )


def _peer(args: argparse.Namespace, queue: MainThreadQueue) -> Peer:
    import bpy

    from .commands import facts, registry

    if origin(args.server).startswith("http:") and not is_loopback(args.server):
        _say("warning: the server URL is not https, so the token travels unprotected")
    login = (args.username, args.password) if args.username and args.password else None
    tokens = RenewingTokens(args.server, Credentials(args.token) if args.token else None, password_login=login)
    return Peer(
        args.server,
        PeerIdentity(args.uuid, facts.capabilities(), args.group),
        tokens,
        registry.run,
        on_status=lambda status: _tell(status, args.uuid),
        on_trouble=_say,
        user_agent=f"BlenderBus (Blender {bpy.app.version_string}, headless)",
        queue=queue,
    )


def _run_until_signal(queue: MainThreadQueue, peer: Peer | None, port: LocalPort | None) -> int:
    asked = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            os._exit(128 + number)
        asked = True
        running = queue.running
        if running is not None:
            # Code may swallow what is raised here; not what follows a cancel.
            running.reason = "This Blender is shutting down"
            running.cancelled.set()
            raise PeerStopping("This Blender is shutting down")

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    from .commands import facts

    if peer is not None:
        peer.start()

    def tell_news() -> None:
        # A job may have opened or saved another file.
        if peer is not None:
            peer.identify(facts.capabilities())

    with contextlib.suppress(PeerStopping):
        run_loop(queue, lambda: asked or (peer is not None and not peer.link.alive()), after_turn=tell_news)
    refused = not asked
    ended = "This Blender shut down before it came to this job"
    if port is not None:
        port.stop(ended)
    if peer is not None:
        peer.stop(ended)
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
