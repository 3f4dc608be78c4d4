"""A real browser without a screen: Chromium, told what to do over its DevTools protocol.

It sees pages as a person does: it types keys, follows what they do, and takes pictures. Nothing is run in a page but to
ask what is there.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--lang=en")
PATIENCE_SECONDS = 20.0
KEYS = {"Tab": (9, ""), "Enter": (13, "\r"), "Space": (32, " ")}


def chromium_binary() -> str:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise FileNotFoundError(f"none of {', '.join(NAMES)} is installed, which the page tests drive")
    return found


class Chromium:
    """One tab of a browser with a profile of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ids = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: ClientConnection | None = None
        self._held = ExitStack()

    def __enter__(self) -> Self:
        profile = self.folder / "profile"
        command = [chromium_binary(), *FLAGS, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
        with (self.folder / "chromium.log").open("wb") as log:
            environment = os.environ | {"HOME": str(self.folder)}
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        active = profile / "DevToolsActivePort"
        self._until(lambda: active.is_file() and active.read_text().count("\n") >= 1, "Chromium to start")
        port, path = active.read_text().splitlines()[:2]
        address = f"ws://127.0.0.1:{port}{path}"
        self._socket = self._held.enter_context(connect(address, max_size=None, proxy=None))
        self._session: str | None = None
        [page] = [it for it in self.ask("Target.getTargets")["targetInfos"] if it["type"] == "page"]
        attached = self.ask("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        self.ask("Page.enable")
        self.ask("Page.bringToFront")
        self.ask("Emulation.setFocusEmulationEnabled", enabled=True)
        self.size(1280, 800)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._held.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Calls a DevTools method and waits for its answer; events are passed over."""
        assert self._socket is not None
        number = next(self._ids)
        session = {"sessionId": self._session} if self._session else {}
        self._socket.send(json.dumps({"id": number, "method": method, "params": params} | session))
        while True:
            message = json.loads(self._socket.recv(timeout=PATIENCE_SECONDS))
            if message.get("id") == number:
                assert "error" not in message, message
                result = message["result"]
                assert isinstance(result, dict)
                return result

    @staticmethod
    def _until(ready: Callable[[], Any], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not ready():
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            time.sleep(0.05)

    def value(self, expression: str) -> Any:
        """What a JavaScript expression is in the page."""
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def go(self, url: str) -> None:
        self.ask("Page.navigate", url=url)
        self.settle()

    def settle(self) -> None:
        self._until(lambda: self.value("document.readyState") == "complete", "the page to load")

    def see(self, text: str) -> None:
        """Waits until a page shows this text."""
        shown = f"document.readyState === 'complete' && document.body.innerText.includes({json.dumps(text)})"
        self._until(lambda: self.value(shown), f"{text!r}, at {self.value('location.href')}")

    def press(self, key: str, times: int = 1) -> None:
        code, text = KEYS[key]
        named = {"key": " " if key == "Space" else key, "code": key, "windowsVirtualKeyCode": code}
        for _ in range(times):
            self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **named)
            self.ask("Input.dispatchKeyEvent", type="keyUp", **named)

    def type(self, text: str) -> None:
        self.ask("Input.insertText", text=text)

    @property
    def focused(self) -> str:
        """What has the focus: its name, or what stands on it."""
        told = "(it => it.name && it.type !== 'submit' ? it.name : (it.innerText || it.tagName).trim())"
        return str(self.value(f"{told}(document.activeElement)"))

    def await_focus(self, wanted: str) -> None:
        """Without a key: the page itself says where to begin, once it is drawn."""
        self._until(lambda: self.focused == wanted, f"the focus on {wanted!r}, which is on {self.focused!r}")

    def tab_to(self, wanted: str) -> None:
        """Presses Tab until this has the focus, as somebody without a mouse does; the focus can be seen."""
        for _ in range(30):
            if self.focused == wanted:
                outline = self.value("getComputedStyle(document.activeElement).outlineWidth")
                assert outline != "0px", f"nobody sees that {wanted!r} has the focus"
                return
            self.press("Tab")
        raise AssertionError(f"Tab never leads to {wanted!r} at {self.value('location.href')}")

    def size(self, width: int, height: int, *, phone: bool = False) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self.ask("Emulation.setDeviceMetricsOverride", **metrics)

    def scheme(self, name: str) -> None:
        """`light` or `dark`."""
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def picture(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        shot = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))
