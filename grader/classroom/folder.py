"""OUT of a class: what is done already, in a shape that SIGKILL at any point leaves readable.

    run.json             the options that the class is graded with
    students/KEY/        a student's reports; entry.json is the outcome
    quarantine/KEY/      the whole story of a submission that broke the grader
    before/KEY.json      outcomes that are graded again, until all of them are
    policy.toml          the instructor's policy, as it was last given
    late.csv             when students handed in, as the instructor said last

A student's folder is filled beside its place, as ``KEY.new``, and takes the place of the old one by
two renames. ``Folder.opened`` finishes what a killed run left between them.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from grader import SCHEMA_VERSION
from grader.classroom import keeping, lateness
from grader.classroom.lateness import LateFile, Lateness
from grader.classroom.model import Entry, Student
from grader.classroom.policy import Policy
from grader.errors import UsageError
from grader.report.write import replace_file

STUDENTS, QUARANTINE, BEFORE = "students", "quarantine", "before"
ENTRY, POLICY, LATE = "entry.json", "policy.toml", "late.csv"
LOCK = ".lock"


@dataclass(frozen=True)
class Folder:
    """OUT, held by this process alone."""

    path: Path

    @staticmethod
    @contextmanager
    def opened(path: Path) -> Iterator[Folder]:
        """Raises UsageError where another run holds it, or nothing can be written. What fails
        before there is anything in it leaves no folder.
        """
        made = [one for one in (path, *path.parents) if not one.exists()]
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock = (path / LOCK).open("w")
        except OSError as error:
            _remove_empty(made)
            raise UsageError(f"OUT={path}: can't write there: {error.strerror}") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_ours = os.path.samestat(os.fstat(lock.fileno()), (path / LOCK).stat())
            except OSError:
                is_ours = False
            if not is_ours:  # it is held, or was while the one who held it left no folder
                raise UsageError(f"OUT={path}: another run is at work there")
            folder = Folder(path)
            try:
                folder._recover()
                yield folder
            except BaseException:
                if os.listdir(path) == [LOCK]:
                    (path / LOCK).unlink()
                    _remove_empty(made)
                raise

    def _recover(self) -> None:
        for path in (*self.path.glob(".*.tmp"), *(self.path / BEFORE).glob(".*.tmp")):
            path.unlink()
        for part in (STUDENTS, QUARANTINE):
            for path in sorted((self.path / part).glob("*.old")):
                _finish_swap(path.with_suffix(""))
            for path in (self.path / part).glob("*.new"):
                shutil.rmtree(path)

    # --- policy.toml ---

    def policy(self, given: Path | None) -> Policy:
        """The one in that file; for None the one that was given last, if any was. Raises
        UsageError.
        """
        kept = self.path / POLICY
        return Policy.read(given or (kept if kept.exists() else None))

    def keep_policy(self, given: Path | None) -> None:
        """For the next time."""
        if given is not None:
            replace_file(self.path / POLICY, given.read_bytes())

    # --- late.csv ---

    def lateness(self) -> Lateness:
        """As it was last given. Raises UsageError for a file that somebody has spoilt."""
        kept = self.path / LATE
        file = LateFile.read(kept if kept.exists() else None)
        return file.of(Student(line.student, "") for line in file.lines) or {}

    def keep_lateness(self, given: Lateness | None) -> None:
        """For the next time; None leaves what is kept."""
        if given is not None:
            replace_file(self.path / LATE, lateness.text_of(given).encode())

    # --- run.json ---

    def settings(self) -> dict[str, Any] | None:
        """What run.json says; None before the first run. Raises UsageError if it can't be read."""
        try:
            data: Any = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise UsageError(f"{self.path / 'run.json'} can't be read: {error}") from error
        if not isinstance(data, dict) or data.get("schema_version") != SCHEMA_VERSION:
            raise UsageError(f"{self.path / 'run.json'} is not of this version of class mode")
        return data

    def write_settings(self, data: dict[str, Any]) -> None:
        """``run.json``, whole or not at all."""
        text = json.dumps({"schema_version": SCHEMA_VERSION, **data}, indent=2) + "\n"
        replace_file(self.path / "run.json", text.encode())

    # --- students ---

    def known(self) -> list[str]:
        """Of all students who have a folder."""
        return sorted(path.parent.name for path in (self.path / STUDENTS).glob(f"*/{ENTRY}"))

    def entry(self, key: str) -> Entry | None:
        """The outcome; None if there is none that can be read."""
        return _read_entry(self.path / STUDENTS / key / ENTRY)

    def store(self, entry: Entry, files: dict[str, bytes]) -> None:
        """``files`` by their path below OUT. What is not of this student's folders is an error of
        ours: ValueError.
        """
        key = entry.student.key
        for part in (QUARANTINE, STUDENTS):
            place = self.path / part / key
            new = place.with_name(f"{key}.new")
            for name, data in files.items():
                inner = PurePosixPath(name)
                if inner.parts[0] == part:
                    _write(new, inner, key, data)
            if part == STUDENTS:
                new.mkdir(parents=True, exist_ok=True)
                keeping.write_entry(entry, new)
            _swap(place, new)

    def rewrite(self, entry: Entry) -> None:
        """The same outcome, with other words about it."""
        keeping.write_entry(entry, self.path / STUDENTS / entry.student.key)

    # --- outcomes from before ---

    def remember(self, keys: Iterable[str]) -> None:
        """Keeps these outcomes beside those to come; those of an unfinished run stay."""
        for key in keys:
            kept, entry = self.path / BEFORE / f"{key}.json", self.path / STUDENTS / key / ENTRY
            if entry.exists() and not kept.exists():
                kept.parent.mkdir(exist_ok=True)
                replace_file(kept, entry.read_bytes())

    def remembered(self) -> dict[str, Entry]:
        """Outcomes from before, by key."""
        paths = sorted((self.path / BEFORE).glob("*.json"))
        entries = ((path.stem, _read_entry(path)) for path in paths)
        return {key: entry for key, entry in entries if entry}

    def forget(self) -> None:
        """Drops what was remembered."""
        shutil.rmtree(self.path / BEFORE, ignore_errors=True)


def _remove_empty(folders: list[Path]) -> None:
    """The innermost first, as far as they are empty."""
    with suppress(OSError):
        for path in folders:
            path.rmdir()


def _read_entry(path: Path) -> Entry | None:
    """None for one that is not there, or cut short by a machine that lost its power."""
    try:
        return Entry.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(new: Path, inner: PurePosixPath, key: str, data: bytes) -> None:
    if inner.parts[1] != key or ".." in inner.parts or len(inner.parts) < 3:
        raise ValueError(f"{inner} is no file of {key}")
    path = new.joinpath(*inner.parts[2:])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _swap(place: Path, new: Path) -> None:
    """``new`` takes the place; where there is no ``new``, the place is empty afterwards."""
    old = place.with_name(f"{place.name}.old")
    if place.exists():
        place.rename(old)
    if new.exists():
        new.rename(place)
    if old.exists():
        shutil.rmtree(old)


def _finish_swap(place: Path) -> None:
    """Between the two renames the old folder is whole, and so is the new one."""
    new, old = (place.with_name(f"{place.name}.{end}") for end in ("new", "old"))
    if not place.exists() and new.exists():
        new.rename(place)
    shutil.rmtree(old)
