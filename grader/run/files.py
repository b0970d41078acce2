"""Reading files that others made."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from pathlib import Path


def regular_file(path: Path | str, most: int, folder: int | None = None) -> bytes | None:
    """What is in it, up to a byte more than ``most``; None for anything but a regular file.
    ``folder`` is a descriptor that the path begins at.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, dir_fd=folder)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return file.read(most + 1)


class Quota:
    """Bounds what a program puts into a folder: on the disk of this machine, which has no bound."""

    _EVERY_S = 0.5

    def __init__(self, folder: Path, most_bytes: int, most_files: int) -> None:
        self._folder, self._most_bytes, self._most_files = folder, most_bytes, most_files
        self._next = 0.0

    def is_exceeded(self) -> bool:
        """Looks now and then: it takes time where there is much."""
        began = time.monotonic()
        if began < self._next:
            return False
        exceeded = self._holds_more()
        took = time.monotonic() - began
        self._next = began + max(self._EVERY_S, 20 * took)
        return exceeded

    def _holds_more(self) -> bool:
        waiting, size, count = [str(self._folder)], 0, 0
        while waiting and size <= self._most_bytes and count <= self._most_files:
            with contextlib.suppress(OSError):  # it is gone, may not be read, or is too deep
                with os.scandir(waiting.pop()) as entries:
                    for entry in entries:
                        status = entry.stat(follow_symlinks=False)
                        size, count = size + status.st_blocks * 512, count + 1
                        if stat.S_ISDIR(status.st_mode):
                            waiting.append(entry.path)
        return size > self._most_bytes or count > self._most_files
