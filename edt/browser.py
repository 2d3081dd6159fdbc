"""Headless Chromium, driven by its debugging protocol through a pipe. Knows pages and keys; not what is on a page.

No port is opened and no package is needed: commands and answers are JSON, with
a NUL byte after each.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from edt.errors import EdtError

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe")
"""Without a sandbox, which root cannot have: what is opened are pages of our own."""
PIPE = 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1'
"""Chromium reads commands from file 3 and writes to file 4."""
PATIENCE = 60.0
"""Seconds for an answer; a busy machine takes long to start a browser."""
KEYS = {"Tab": (9, ""), "Enter": (13, "\r"), " ": (32, " ")}
"""By name: the code that a browser knows it by, and what it types."""
WARNED = ("error", "assert")


def find_chromium() -> str | None:
    """The first of the usual commands that is there."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One Chromium with a profile of its own; both are gone when the block ends."""

    def __init__(self) -> None:
        self._number = 0
        self._read = b""
        self._pages: dict[str, Page] = {}

    def __enter__(self) -> Browser:
        if (command := find_chromium()) is None:
            raise EdtError(f"there is no Chromium here; install one of {', '.join(NAMES)} (Debian: chromium)")
        self._profile = tempfile.TemporaryDirectory(prefix="edt-chromium-", ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            ["sh", "-c", PIPE, "sh", command, *FLAGS, f"--user-data-dir={self._profile.name}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(EdtError, OSError):
            self.ask("Browser.close")
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(OSError):
                stream.close()
        self._profile.cleanup()

    def open(self, file: Path, *, width: int, height: int, dark: bool = False, scale: int = 1, part: str = "") -> Page:
        """A new tab with `file`, at `part` of it, once it is loaded. Sizes are in CSS pixels, `scale` dots each."""
        target = self.ask("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.ask("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = self._pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log"):
            page.ask(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
        page.ask("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        page.ask("Emulation.setEmulatedMedia", {"features": [scheme]})
        page.ask("Emulation.setFocusEmulationEnabled", {"enabled": True})
        page.ask("Page.navigate", {"url": file.resolve().as_uri() + part})
        end = time.monotonic() + PATIENCE
        while not page.loaded:
            self._take(end, f"{file} to be loaded")
        return page

    def ask(self, method: str, options: Mapping[str, Any] | None = None, session: str = "") -> dict[str, Any]:
        """What Chromium answers to one command; events that come before it go to their pages."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": options or {}}
        assert self._process.stdin is not None
        try:
            text = json.dumps({**message, "sessionId": session} if session else message)
            self._process.stdin.write(text.encode() + b"\0")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise EdtError(f"Chromium ended before it did {method}; see whether it starts by itself") from None
        end = time.monotonic() + PATIENCE
        while True:
            said = self._take(end, method)
            if said.get("id") == self._number:
                if "error" in said:
                    raise EdtError(f"Chromium cannot do {method}: {said['error'].get('message')}")
                return said["result"]

    def _take(self, end: float, what: str) -> dict[str, Any]:
        """The next message, which a page has seen where it is an event of its own."""
        assert self._process.stdout is not None
        while b"\0" not in self._read:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                raise EdtError(f"Chromium took more than {PATIENCE:.0f} s for {what}; try again on a calmer machine")
            if not (some := os.read(self._process.stdout.fileno(), 1 << 20)):
                raise EdtError(f"Chromium ended while it was asked for {what}; see whether it starts by itself")
            self._read += some
        text, _, self._read = self._read.partition(b"\0")
        said = json.loads(text)
        if (page := self._pages.get(said.get("sessionId", ""))) and "method" in said:
            page.hear(said["method"], said["params"])
        return said


class Page:
    """One tab."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        self.loaded = False
        self.complaints: list[str] = []
        """Errors of the console, of scripts and of the network."""

    def ask(self, method: str, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self._browser.ask(method, options, self._session)

    def hear(self, event: str, about: Mapping[str, Any]) -> None:
        """Keep what matters of an event."""
        if event == "Page.loadEventFired":
            self.loaded = True
        elif event == "Runtime.exceptionThrown":
            details = about["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif event == "Runtime.consoleAPICalled" and about["type"] in WARNED:
            self.complaints.append(" ".join(str(one.get("value", one.get("description"))) for one in about["args"]))
        elif event == "Log.entryAdded" and about["entry"]["level"] in WARNED:
            self.complaints.append(about["entry"]["text"])

    def run(self, script: str) -> Any:
        """The value of an expression, once it is there if it is promised; EdtError where the script fails."""
        options = {"expression": script, "awaitPromise": True, "returnByValue": True, "userGesture": True}
        said = self.ask("Runtime.evaluate", options)
        if details := said.get("exceptionDetails"):
            raise EdtError(f"a script failed: {details.get('exception', {}).get('description') or details['text']}")
        return said["result"].get("value")

    def press(self, key: str) -> None:
        """A key that a person presses, on whatever has the focus."""
        code, text = KEYS[key]
        about = {"key": key, "windowsVirtualKeyCode": code}
        self.ask("Input.dispatchKeyEvent", {"type": "keyDown", "text": text, **about})
        self.ask("Input.dispatchKeyEvent", {"type": "keyUp", **about})

    def picture(self) -> bytes:
        """What is in the window, as PNG."""
        return base64.b64decode(self.ask("Page.captureScreenshot", {"format": "png"})["data"])
