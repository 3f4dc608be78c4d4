"""A host of MCP Apps on loopback, in Chromium: its page on one origin, the sandbox of apps on another."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from harness.mcp import login
from harness.visitor import Visitor, axe, setting
from harness.workerd import ROOT, Workerd
from playwright.async_api import FrameLocator, Locator, expect

HERE = Path(__file__).parent
# What a host has to set for an app that declares no domain.
CSP = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; media-src 'self' data:; connect-src 'none'; object-src 'none'; base-uri 'none'"
)
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>host</title>
<style>body { margin: 0 } iframe { display: block; width: 100%; height: 30rem; border: 0 }</style>
<body><script src="/host.js"></script>"""


def bundled(folder: Path) -> str:
    """The page's script: `host.mjs` with the packages that tests/clients pins."""
    esbuild = ROOT / "node_modules" / ".bin" / "esbuild"
    packages = Path(setting("BUS_NODE_CLIENTS"), "node_modules")
    # esbuild looks for packages beside the file.
    source, output = folder / "host.mjs", folder / "host.js"
    shutil.copy(HERE / "host.mjs", source)
    (folder / "node_modules").symlink_to(packages)
    command = [esbuild, source, "--bundle", "--format=iife", "--platform=browser", "--log-level=warning"]
    subprocess.run([*command, f"--outfile={output}"], check=True)
    return output.read_text()


@contextmanager
def served(answers: dict[str, tuple[str, str, dict[str, str]]], host: str) -> Iterator[str]:
    """Serves texts by path: type, text, further headers. Yields the origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            kind, text, headers = answers.get(path, ("text/plain", "", {}))
            body = text.encode()
            self.send_response(200 if path in answers else 404)
            for name, value in {"Content-Type": f"{kind}; charset=utf-8", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{host}:{server.server_port}"
    server.shutdown()
    server.server_close()


class Hosting(Visitor):
    """Somebody at the host. `app` is the page of the app, in its two frames."""

    server: Workerd
    token: str
    sandbox: str

    @classmethod
    @asynccontextmanager
    async def of(cls, server: Workerd, script: str, **window: Any) -> AsyncIterator[Hosting]:
        page = {
            "/": ("text/html", PAGE, {}),
            "/host.js": ("text/javascript", script, {}),
            "/favicon.ico": ("text/plain", "", {}),
        }
        proxy = {"/sandbox.html": ("text/html", (HERE / "sandbox.html").read_text(), {"Content-Security-Policy": CSP})}
        with served(page, "localhost") as base, served(proxy, "127.0.0.1") as sandbox:
            async with cls.at(base, **window) as hosting:
                hosting.server, hosting.token, hosting.sandbox = (
                    server,
                    await login(server.url),
                    f"{sandbox}/sandbox.html",
                )
                await hosting.opens("/")
                yield hosting

    async def calls(self, tool: str, args: dict[str, Any] | None = None, path: str = "/mcp", **options: Any) -> None:
        """The host calls a tool and shows its app. `options`: as `open` in `host.mjs` has them."""
        asked = {"url": self.server.url + path, "token": self.token, "sandboxAt": self.sandbox, "tool": tool}
        await self.page.evaluate("asked => host.open(asked)", {**asked, "args": args or {}, **options})

    @property
    def app(self) -> FrameLocator:
        return self.page.frame_locator("#app").frame_locator("iframe")

    def at_id(self, name: str) -> Locator:
        return self.app.locator(f"#{name}")

    def press(self, name: str) -> Locator:
        return self.app.get_by_role("button", name=name, exact=True)

    async def seen(self, what: str) -> list[Any]:
        """What the host was asked for, once there is something."""
        await self.page.wait_for_function("what => host.seen[what].length", arg=what)
        return list(await self.page.evaluate("what => host.seen[what]", what))

    async def told(self, head: str, text: str = "") -> None:
        await expect(self.at_id("news-head")).to_contain_text(head)
        await expect(self.at_id("news-text")).to_contain_text(text)

    async def faults(self) -> list[str]:
        """What axe finds wrong in the app."""
        body = self.app.locator("body")
        await body.evaluate(f"() => {{ {axe()} }}")
        found = await body.evaluate("() => axe.run()")
        return [f"{one['id']}: {node['html']}" for one in found["violations"] for node in one["nodes"]]

    async def settles(self) -> None:
        """Waits until the frame has the app's height."""
        await asyncio.sleep(0.3)

    def strangers(self) -> list[str]:
        """Requests to anybody but the host, its sandbox and, from the host, the bus."""
        own = (f"{self.base}/", self.sandbox, self.server.url, "data:", "about:")
        return [url for url in self.requests if not url.startswith(own)]
