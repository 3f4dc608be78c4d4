"""The built Worker on raw workerd: up in some 30 ms, killed and restarted on the same state, hibernated at will.

`wrangler dev` puts a proxy in front of the Worker; here it is alone, as it was built, and its SQLite is a folder.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .assets import Assets, asset_modules, asset_services
from .r2 import FOLDER as R2_FOLDER
from .r2 import R2_EXTENSIONS, r2_binding, r2_modules, r2_services

ROOT = Path(__file__).resolve().parents[2]
DEV_ACCOUNTS = "demo:demo,ada:lovelace"
START_SECONDS = 10.0
UNSUPPORTED = ("kv_namespaces", "r2_buckets", "d1_databases", "services", "queues")

EVICTOR = """\
import unsafe from 'workerd:unsafe';
export default { async fetch() { await unsafe.evictAllDurableObjects(); return new Response('evicted'); } };
"""

# The limiter is a service of Cloudflare's network. This one does the same in one process: so many a period and key.
LIMITER = """\
class Ratelimit {
  constructor({ limit, period }) {
    Object.assign(this, { allowed: limit, period, seen: new Map() });
  }
  async limit({ key }) {
    const window = `${Math.floor(Date.now() / 1000 / this.period)} ${key}`;
    const count = (this.seen.get(window) ?? 0) + 1;
    this.seen.set(window, count);
    return { success: count <= this.allowed };
  }
}
export default (env) => new Ratelimit(env);
"""


@dataclass(frozen=True)
class WorkerBundle:
    """A Worker as the runtime takes it: modules (the first is the entry), compatibility, objects and vars."""

    modules: Mapping[str, bytes]
    compatibility_date: str
    objects: Mapping[str, str]  # binding -> class
    compatibility_flags: tuple[str, ...] = ()
    vars: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # binding -> requests, seconds
    assets: Assets | None = None
    buckets: tuple[str, ...] = ()  # bindings of R2

    @classmethod
    def built(cls, root: Path = ROOT, *, assets: Path | None = None, buckets: tuple[str, ...] = ()) -> WorkerBundle:
        """The Worker of this repository as `npm run build` left it in build/, configured by wrangler.toml.

        `assets` is a folder to serve in place of the configured one; `buckets` are bindings of R2.
        """
        build = root / "build"
        missing = [name for name in ("index.js", "index_bg.wasm") if not (build / name).is_file()]
        if missing:
            raise FileNotFoundError(f"build/ lacks {', '.join(missing)}: run `npm run build` first")
        config = tomllib.loads((root / "wrangler.toml").read_text())
        if unknown := [name for name in UNSUPPORTED if name in config]:
            raise NotImplementedError(f"wrangler.toml has {unknown}, which the harness does not bind yet")
        bindings = config.get("durable_objects", {}).get("bindings", [])
        return cls(
            modules={name: (build / name).read_bytes() for name in ("index.js", "index_bg.wasm")},
            compatibility_date=config["compatibility_date"],
            compatibility_flags=tuple(config.get("compatibility_flags", ())),
            objects={binding["name"]: binding["class_name"] for binding in bindings},
            vars={name: str(value) for name, value in config.get("vars", {}).items()},
            limits={
                limit["name"]: (limit["simple"]["limit"], limit["simple"]["period"])
                for limit in config.get("ratelimits", [])
            },
            assets=Assets.of(assets or root / config["assets"]["directory"], config["assets"]),
            buckets=buckets,
        )


def _text(value: str) -> str:
    """A Cap'n Proto text literal. Beyond printable ASCII, every byte of the UTF-8 is written as an escape."""
    plain = set(range(32, 127)) - {ord('"'), ord("\\")}
    return '"' + "".join(chr(byte) if byte in plain else f"\\x{byte:02x}" for byte in value.encode()) + '"'


def _module(name: str) -> str:
    kind = "wasm" if name.endswith(".wasm") else "esModule"
    return f"(name = {_text(name)}, {kind} = embed {_text('modules/' + name)})"


def capnp_config(bundle: WorkerBundle, variables: Mapping[str, str], outbound: str | None = None) -> str:
    """The configuration of a server with sockets `http` (the Worker) and `evict` (a request hibernates all objects).

    `outbound`: host and port of a plain HTTP server that answers for every host the Worker fetches from; without one it
    is the network, public addresses only.
    """
    texts = {**bundle.vars, **variables}
    bindings = [f"(name = {_text(name)}, text = {_text(value)})" for name, value in texts.items()]
    bindings += [
        f"(name = {_text(binding)}, durableObjectNamespace = {_text(name)})" for binding, name in bundle.objects.items()
    ]
    bindings += [
        f'(name = {_text(binding)}, wrapped = (moduleName = "harness:limiter", innerBindings = ['
        f'(name = "limit", json = "{limit}"), (name = "period", json = "{period}")]))'
        for binding, (limit, period) in bundle.limits.items()
    ]
    bindings += [r2_binding(name) for name in bundle.buckets]
    namespaces = [
        f"(className = {_text(name)}, uniqueKey = {_text(name)}, enableSql = true)"
        for name in dict.fromkeys(bundle.objects.values())
    ]
    # The runtime evicts what the asking Worker can reach, so the evictor is bound to every class too.
    reachable = [
        f'(name = {_text(name)}, durableObjectNamespace = (className = {_text(name)}, serviceName = "main"))'
        for name in dict.fromkeys(bundle.objects.values())
    ]
    outside, by_way_of = "", ""
    if outbound is not None:
        http = '(forwardedProtoHeader = "X-Forwarded-Proto")'
        outside = f'(name = "outside", external = (address = {_text(outbound)}, http = {http})),'
        by_way_of = 'globalOutbound = "outside",'
    comma = ",\n    "
    entry, served = "main", ""
    if bundle.assets is not None:
        entry, served = "assets-router", asset_services(bundle.assets, bundle.compatibility_date)
    if bundle.buckets:
        served += r2_services(bundle.buckets)
    return f"""\
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "evictor", worker = .evictor),
    (name = "state", disk = (writable = true)),
    {outside}
{served}  ],
  sockets = [
    (name = "http", http = (), service = {_text(entry)}),
    (name = "evict", http = (), service = "evictor"),
  ],
  extensions = [
    (modules = [(name = "harness:limiter", internal = true, esModule = embed "modules/limiter.js")]),
{R2_EXTENSIONS if bundle.buckets else ""}  ],
);

const main :Workerd.Worker = (
  modules = [
    {comma.join(_module(name) for name in bundle.modules)}
  ],
  compatibilityDate = {_text(bundle.compatibility_date)},
  compatibilityFlags = [{", ".join(_text(flag) for flag in bundle.compatibility_flags)}],
  bindings = [
    {comma.join(bindings)}
  ],
  durableObjectNamespaces = [
    {comma.join(namespaces)}
  ],
  durableObjectStorage = (localDisk = "state"),
  {by_way_of}
);

const evictor :Workerd.Worker = (
  modules = [(name = "evictor.js", esModule = embed "modules/evictor.js")],
  compatibilityDate = {_text(bundle.compatibility_date)},
  compatibilityFlags = ["unsafe_module"],
  bindings = [
    {comma.join(reachable)}
  ],
);
"""


def workerd_binary() -> Path:
    """The runtime that came with wrangler."""
    found = sorted((ROOT / "node_modules" / "@cloudflare").glob("workerd-*/bin/workerd"))
    if not found:
        raise FileNotFoundError("workerd is not installed: run `npm install` first")
    return found[0]


def _die_with_parent() -> None:
    """A test run that is killed takes its servers along (Linux: PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Workerd:
    """One server process at a time, on one folder of state. `kill` and `start` again proves what was durable."""

    def __init__(
        self,
        folder: Path,
        *,
        bundle: WorkerBundle | None = None,
        variables: Mapping[str, str] | None = None,
        outbound: str | None = None,
    ) -> None:
        self.folder = folder
        self.log = folder / "workerd.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._ports: dict[str, int] = {"http": 0, "evict": 0}  # 0 until the first start: then kept
        self._variables = {"DEV_ACCOUNTS": DEV_ACCOUNTS} if variables is None else variables
        self._outbound = outbound
        self.environment: dict[str, str] = {}  # beside that of the tests, from the next start on
        (folder / "state").mkdir(parents=True, exist_ok=True)
        self._lay_out(bundle or WorkerBundle.built())

    def _lay_out(self, bundle: WorkerBundle) -> None:
        modules = self.folder / "modules"
        modules.mkdir(exist_ok=True)
        code = {**bundle.modules, "evictor.js": EVICTOR.encode(), "limiter.js": LIMITER.encode()}
        if bundle.assets is not None:
            code |= asset_modules()
            bundle.assets.write(self.folder / "assets")
        if bundle.buckets:
            code |= r2_modules()
            (self.folder / R2_FOLDER).mkdir(exist_ok=True)
        for name, data in code.items():
            (modules / name).write_bytes(data)
        self._served = bundle.assets is not None
        self._has_buckets = bool(bundle.buckets)
        (self.folder / "config.capnp").write_text(capnp_config(bundle, self._variables, self._outbound))

    def deploy(self, bundle: WorkerBundle) -> Workerd:
        """Puts another version in the place of the running one, on the same state and the same port."""
        self.kill()
        self._lay_out(bundle)
        return self.start()

    @property
    def url(self) -> str:
        return f"http://localhost:{self._ports['http']}"

    @property
    def ws_url(self) -> str:
        return f"ws://localhost:{self._ports['http']}/ws"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> Workerd:
        """Returns once the sockets listen. The port is the same after every restart."""
        if self.running:
            raise RuntimeError("this workerd runs already")
        read_end, write_end = os.pipe()
        sockets = [f"--socket-addr={name}=127.0.0.1:{port}" for name, port in self._ports.items()]
        command = [
            str(workerd_binary()),
            "serve",
            "config.capnp",
            "config",
            *sockets,
            "--experimental",
            f"--directory-path=state={self.folder / 'state'}",
            *([f"--directory-path=assets-files={self.folder / 'assets'}"] if self._served else []),
            *([f"--directory-path=r2-storage={self.folder / R2_FOLDER}"] if self._has_buckets else []),
            f"--control-fd={write_end}",
            "--verbose",
        ]
        try:
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    command,
                    cwd=self.folder,
                    env={**os.environ, **self.environment, "PWD": str(self.folder)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(write_end,),
                    preexec_fn=_die_with_parent,
                )
        finally:
            os.close(write_end)
        with os.fdopen(read_end, "rb", buffering=0) as control:
            self._await_ports(control.fileno())
        return self

    def _await_ports(self, control: int) -> None:
        deadline, received, listening = time.monotonic() + START_SECONDS, b"", set[str]()
        while listening != set(self._ports):
            readable, _, _ = select.select([control], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(control, 65536) if readable else b""
            if not chunk:
                why = "ended" if readable else f"was not ready after {START_SECONDS} s"
                self.kill()
                raise RuntimeError(f"workerd {why}:\n{self.log_text()}")
            *lines, received = (received + chunk).split(b"\n")
            for event in map(json.loads, filter(None, lines)):
                if event.get("event") == "listen":
                    self._ports[event["socket"]] = event["port"]
                    listening.add(event["socket"])

    def kill(self) -> None:
        """SIGKILL: what is not on disk now is lost, and every socket ends abruptly."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self) -> Workerd:
        """Kills the process and starts another one on the same state and the same port."""
        self.kill()
        return self.start()

    def cpu_seconds(self) -> float:
        """What the server's process has computed so far."""
        assert self._process is not None, "not started"
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def evict(self) -> None:
        """Hibernates every object: its memory is gone, its hibernatable sockets stay open, as after 10 s without work.

        The runtime waits for requests in flight first, so call this while none is pending (it gives up after 10 s).
        """
        with urllib.request.urlopen(f"http://127.0.0.1:{self._ports['evict']}/", timeout=10) as answer:
            answer.read()

    def log_text(self, last: int = 8000) -> str:
        """The end of what the runtime and the Worker printed."""
        return self.log.read_text(errors="replace")[-last:] if self.log.exists() else ""

    def __enter__(self) -> Workerd:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()
