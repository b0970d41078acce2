"""Folders that a student's program may change at any time, written and read by a grader who may do
more than that program: nothing here follows a link, or trusts a name twice.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from grader.labs.lab6.contents import Content, Link, size_of
from grader.run.files import regular_file
from grader.run.sandbox import MIB
from grader.verdicts import Diagnosis, StageFailure

_MOST_BYTES, _MOST_FILES, _MOST_DEPTH = 1024 * MIB, 10_000, 16
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Folders:
    """The folders in ``path``, by name. What is made belongs to ``uid``, the user of programs. All
    methods raise StageFailure where the program meddles.
    """

    def __init__(self, path: Path, uid: int | None) -> None:
        self._at, self._uid = os.open(path, _FOLDER), uid

    def close(self) -> None:
        os.close(self._at)

    def put(self, name: str, content: Content | None) -> None:
        """Makes this the folder's content, whatever it had; None: it is not there."""
        with _at_peace(name):
            if not self._is_emptied(name, keep=content is not None) and content is not None:
                self._make_folder(self._at, name)
            if content is not None:
                with _opened(self._at, name) as folder:
                    self._fill(folder, content)

    def content(self, name: str) -> dict[str, bytes | None]:
        """What is in the folder now, files and folders."""
        with _at_peace(name), _opened(self._at, name) as folder:
            return _read(folder)

    def put_file(self, name: str, data: bytes) -> None:
        """Beside the folders."""
        with _at_peace(name):
            self._make_file(self._at, name, data)

    def forbid(self, name: str, file: str) -> None:
        """Nobody may read the file in that folder."""
        with _at_peace(name), _opened(self._at, name) as folder:
            descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            os.fchmod(descriptor, 0)
            os.close(descriptor)

    def _is_emptied(self, name: str, keep: bool) -> bool:
        """Removes what is there. Whether an empty folder is left, which is only with ``keep``."""
        try:
            mode = os.stat(name, dir_fd=self._at, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return False
        if not stat.S_ISDIR(mode):
            os.unlink(name, dir_fd=self._at)
            return False
        with _opened(self._at, name) as folder:
            if keep and _holds_files_alone(folder):
                for file in os.listdir(folder):
                    os.unlink(file, dir_fd=folder)
                return True
        shutil.rmtree(name, dir_fd=self._at)
        return False

    def _fill(self, folder: int, content: Content) -> None:
        for path, data in content.items():
            above, _, name = path.rpartition("/")
            with _opened(folder, *filter(None, above.split("/"))) as place:
                if data is None:
                    self._make_folder(place, name)
                elif isinstance(data, Link):
                    os.symlink(data, os.fsencode(name), dir_fd=place)
                else:
                    self._make_file(place, name, data)

    def _make_folder(self, at: int, name: str) -> None:
        os.mkdir(name, 0o700, dir_fd=at)
        with _opened(at, name) as folder:
            self._give(folder)

    def _make_file(self, at: int, name: str, data: bytes) -> None:
        descriptor = os.open(name, _NEW_FILE, 0o600, dir_fd=at)
        try:
            self._give(descriptor)
            os.ftruncate(descriptor, size_of(data))
            data = data.rstrip(b"\0")  # zeros at the end are there
            while data:
                data = data[os.write(descriptor, data) :]
        finally:
            os.close(descriptor)

    def _give(self, descriptor: int) -> None:
        if self._uid is not None:
            os.fchown(descriptor, self._uid, self._uid)


@contextlib.contextmanager
def _at_peace(name: str) -> Iterator[None]:
    """Only the program can be to blame for what goes wrong within."""
    try:
        yield
    except (OSError, RecursionError) as error:
        words = error.strerror if isinstance(error, OSError) else "too deep"
        _meddled(name, str(words))


def _meddled(name: str, words: str) -> NoReturn:
    raise StageFailure(
        f"the folder {name} can't be used any more: {words}",
        diagnosis=Diagnosis(
            "folder-spoilt", "it holds what no storage leaves, or changes while nobody asked"
        ),
    )


@contextlib.contextmanager
def _opened(at: int, *names: str) -> Iterator[int]:
    """The folder at the end of these names, none of which is a link."""
    folder = os.dup(at)
    try:
        for name in names:
            inner = os.open(name, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        yield folder
    finally:
        os.close(folder)


def _holds_files_alone(folder: int) -> bool:
    with os.scandir(folder) as entries:
        return all(entry.is_file(follow_symlinks=False) for entry in entries)


def _read(top: int) -> dict[str, bytes | None]:
    """Of all that is neither file, folder nor link, nothing."""
    found: dict[str, bytes | None] = {}
    waiting, size = [""], 0
    while waiting:
        path = waiting.pop()
        with _opened(top, *filter(None, path.split("/"))) as folder:
            for name in sorted(os.listdir(folder)):
                inside = f"{path}/{name}".lstrip("/")
                mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
                if stat.S_ISDIR(mode):
                    found[inside] = None
                    waiting.append(inside)
                elif stat.S_ISLNK(mode):
                    found[inside] = Link(os.fsencode(os.readlink(name, dir_fd=folder)))
                elif (data := regular_file(name, _MOST_BYTES - size, folder)) is not None:
                    found[inside] = data
                    size += len(data)
                if (
                    size > _MOST_BYTES
                    or len(found) > _MOST_FILES
                    or inside.count("/") > _MOST_DEPTH
                ):
                    raise OSError(0, "it holds too much")
    return dict(sorted(found.items()))
