"""The system's Chromium, driven through its debugging protocol over a pipe: keys are pressed as a
reader presses them, and every request and complaint is seen. https://chromedevtools.github.io
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run "
    "--remote-debugging-pipe"
)
_SECONDS = 60
_KEYS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Home": 36, "End": 35}


def chromium() -> str | None:
    """Its path; None where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


class Browser:
    """One tab. What it asked for, and what it complained of, is in ``requests`` and ``console``."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._number, self._buffer, self._session = 0, b"", ""
        self.requests: list[str] = []
        self.console: list[str] = []
        self._loads = 0
        tab = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends a command, and returns its result."""
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        command = {"id": self._number, "method": method, "params": parameters, **session}
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") == self._number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + _SECONDS
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self._answers], [], [], left)[0], "no answer"
            piece = os.read(self._answers, 1 << 16)
            assert piece, "the browser ended"
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, method: str, parameters: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
            self.console.append(json.dumps(parameters))
        elif method == "Page.loadEventFired":
            self._loads += 1

    def open(self, address: str) -> None:
        """Loads a page, and waits for that; not for a mere change of the part after ``#``."""
        loads = self._loads
        self.ask("Page.navigate", url=address)
        while self._loads == loads:
            self._next()

    def run(self, script: str) -> Any:
        """What that expression is in the page."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """A key, as on a keyboard."""
        code = {"windowsVirtualKeyCode": _KEYS[key]} if key in _KEYS else {"text": key}
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, **code)

    def click(self, x: float, y: float) -> None:
        """With the left button, there in the window."""
        for kind in ("mousePressed", "mouseReleased"):
            place = {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
            self.ask("Input.dispatchMouseEvent", **place)

    def until(self, condition: str) -> None:
        """Waits until that is true, looking at each frame."""
        script = (
            f"new Promise((done) => {{ const look = () => ({condition}) ? done(true)"
            " : requestAnimationFrame(look); look() })"
        )
        self.ask("Runtime.evaluate", expression=script, awaitPromise=True)

    def text(self, selector: str) -> str:
        """What a reader sees in the first such element."""
        return str(self.run(f"document.querySelector({json.dumps(selector)}).innerText"))


@contextmanager
def browse(program: str, profile: Path) -> Iterator[Browser]:
    """A browser for a while. It reads commands from its descriptor 3, and answers on 4."""
    streams = 'exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null'
    options = [*_OPTIONS.split(), f"--user-data-dir={profile}"]
    with subprocess.Popen(
        ["/bin/sh", "-c", streams, program, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as running:
        assert running.stdin is not None and running.stdout is not None
        try:
            yield Browser(running.stdin.fileno(), running.stdout.fileno())
        finally:
            running.stdin.close()  # which ends it
            try:
                running.wait(_SECONDS)
            except subprocess.TimeoutExpired:
                running.kill()
