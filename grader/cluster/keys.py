"""What is typed, key by key where there is a terminal, else line by line."""

from __future__ import annotations

import os
import selectors
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from grader.run.world import World

_QUIT, _CANCEL = "q", "\x1b"


class Keys:
    """Commands of a letter and the id of a node, such as k1; q quits."""

    def __init__(self, world: World, letters: str, ids: range) -> None:
        self.letters, self.ids = letters, ids
        self.typed = ""  # the letter whose number is to come
        self.quits = False
        self.commands: list[tuple[str, int]] = []
        self._world = world
        try:
            world.watch(sys.stdin, selectors.EVENT_READ, self._on_event)
        except PermissionError:  # a file, which is always ready: epoll_ctl(2)
            while not self.quits:
                self._on_event(selectors.EVENT_READ)

    def close(self) -> None:
        self._world.watch(sys.stdin, 0, lambda _: None)

    def _on_event(self, _: int) -> None:
        data = os.read(sys.stdin.fileno(), 256)
        if not data:
            self.quits = True
            self.close()
        for key in data.decode(errors="replace"):
            self._take(key)

    def _take(self, key: str) -> None:
        if key == _QUIT:
            self.quits = True
        elif key in self.letters:
            self.typed = key
        elif self.typed and key.isascii() and key.isdigit() and int(key) in self.ids:
            self.commands.append((self.typed, int(key)))
            self.typed = ""
        elif key == _CANCEL:
            self.typed = ""


@contextmanager
def key_by_key() -> Iterator[None]:
    """The terminal gives each key at once, and shows none: termios(3)."""
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
