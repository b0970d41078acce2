"""The student's storage behind labs/host/storage_driver.c, and folders for it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

from grader.labs.codec import CodecDriver
from grader.labs.lab6.contents import Content
from grader.labs.lab6.folders import Folders
from grader.labs.stage import Attempt
from grader.run.build import build_recorder
from grader.run.recorder import Recorder
from grader.run.sandbox import MIB, Limits
from grader.verdicts import Diagnosis, fail

ID = 1
KILLED = "killed"  # the error of the job in which the process was
MORE = ((1000, ID), (1000, b"more"))  # what a look saves: a vote and an entry
_LIMITS = Limits(file_bytes=512 * MIB)

Entry = tuple[int, bytes]  # term and data


@dataclass(frozen=True)
class Kept:
    """What a folder holds: the vote (term, and for whom) and the log."""

    vote: tuple[int, int] = (0, 0)
    log: tuple[Entry, ...] = ()

    def voted(self, term: int, voted_for: int) -> Kept:
        return Kept((term, voted_for), self.log)

    def with_entry(self, index: int, entry: Entry) -> Kept:
        return Kept(self.vote, (*self.log[: index - 1], entry))

    def with_more(self) -> Kept:
        return Kept(MORE[0], (*self.log, MORE[1]))

    def words(self) -> str:
        """In one line."""
        shown = [f"{term}:{_short(data)}" for term, data in self.log[-6:]]
        dots = "… " if len(self.log) > 6 else ""
        entries = f"{len(self.log)} entries ({dots}{' '.join(shown)})" if shown else "no entry"
        return f"term {self.vote[0]}, vote {self.vote[1]}, {entries}"


def _short(data: bytes) -> str:
    return repr(data)[1:] if len(data) <= 8 else f"{len(data)} bytes"


@dataclass(frozen=True)
class Look:
    """What one open finds, and what the next one, after a vote and an entry more were saved and
    synced; or the error of one of them.
    """

    found: Kept | None
    after: Kept | None
    error: str


class Workshop:
    """A folder in the sandbox, in which the drivers of one stage start and have their folders."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        sandbox = attempt.sandbox
        self.path = sandbox.own(Path(tempfile.mkdtemp(prefix="disk-", dir=sandbox.folder)))
        self.root = sandbox.seen(self.path)
        if not sandbox.in_namespaces:
            self.root = os.path.realpath(self.root)
        self._folders = Folders(self.path, sandbox.isolation.uid)
        self._count = 0
        self.files: set[str] = set()  # the names of those that were seen
        attempt.clients.append(self)

    def close(self) -> None:
        self._folders.close()
        with contextlib.suppress(RecursionError):  # else the janitor removes it
            shutil.rmtree(self.path, ignore_errors=True)

    def name(self) -> str:
        """Of a folder that is not there yet."""
        self._count += 1
        return f"raft-{self._count}"

    def recorder(self) -> Recorder:
        builder = self.attempt.builder
        made = Recorder(build_recorder(self.attempt.sandbox, builder.cache, builder.compiler))
        self.attempt.clients.append(made)
        return made

    def put(self, name: str, content: Content | None) -> None:
        """Makes this the folder's content, whatever it had; None: it is not there."""
        self._folders.put(name, content)

    def put_file(self, name: str, data: bytes) -> None:
        """Where a folder should be."""
        self._folders.put_file(name, data)

    def forbid(self, name: str, file: str) -> None:
        """Nobody may read the file in that folder."""
        self._folders.forbid(name, file)

    def knows(self, paths: list[str]) -> None:
        """Names that were used in system calls."""
        names = {path.rpartition("/")[2] for path in paths}
        self.files |= {name for name in names if name.strip(".")}

    def content(self, name: str) -> dict[str, bytes | None]:
        """What is in the folder now."""
        found = self._folders.content(name)
        self.files |= {path.rpartition("/")[2] for path in found}
        return found


class Storage:
    """A process that calls the functions of storage.h."""

    def __init__(
        self, workshop: Workshop, recorder: Recorder | None = None, build: str = "judge"
    ) -> None:
        self.workshop, self._recorder = workshop, recorder
        self.driver = CodecDriver(
            workshop.attempt,
            "storage_driver",
            writable=workshop.path,
            limits=_LIMITS,
            build=build,
            recorder=recorder,
        )

    def ask(self, op: str, payload: bytes, what: str, slot: int = 0) -> tuple[bool, bytes]:
        """Whether it was done, and the answer; or the error."""
        answer = self.driver.ask(op, bytes([slot]) + payload, what)
        return answer[0] == 1, answer[1:]

    def must(self, op: str, payload: bytes, what: str, slot: int = 0) -> bytes:
        """The answer to what has no reason to fail."""
        done, answer = self.ask(op, payload, what, slot)
        if not done:
            fail(f"to {what} fails: {error_text(answer)}", no_reason(what, answer))
        return answer

    def try_open(
        self, name: str, slot: int = 0, id: int = ID, flush: bool = True
    ) -> tuple[bool, bytes]:
        payload = struct.pack("<iB", id, flush) + name.encode()
        return self.ask("o", payload, f"open the folder {name} as server {id}", slot)

    def open(self, name: str, slot: int = 0, flush: bool = True) -> float:
        """Returns seconds of CPU time."""
        payload = struct.pack("<iB", ID, flush) + name.encode()
        answer = self.must("o", payload, f"open the folder {name}", slot)
        return float(struct.unpack_from("<Q", answer, 12)[0]) / 1e9

    def kept(self, slot: int = 0) -> Kept:
        """All that is there."""
        state = self.must("q", b"", "tell term, vote and count", slot)
        entries = self.must("a", b"", "read all entries", slot)
        return _kept(state + entries, 0)[0]

    def read(self, index: int) -> Entry:
        answer = self.must("r", struct.pack("<i", index), f"read entry {index}")
        return _entry(answer, 0)[0]

    def save_vote(self, term: int, voted_for: int, slot: int = 0) -> tuple[bool, bytes]:
        payload = struct.pack("<ii", term, voted_for)
        return self.ask("v", payload, f"save a vote for {voted_for} in term {term}", slot)

    def save_entry(self, index: int, entry: Entry, slot: int = 0) -> tuple[bool, bytes]:
        payload = struct.pack("<ii", index, entry[0]) + entry[1]
        what = f"save entry {index} of term {entry[0]}, {len(entry[1])} bytes"
        return self.ask("e", payload, what, slot)

    def sync(self, slot: int = 0) -> tuple[bool, bytes]:
        return self.ask("s", b"", "sync", slot)

    def count(self) -> int:
        """storage_count."""
        found: int = struct.unpack_from("<i", self.must("q", b"", "tell the count"), 8)[0]
        return found

    def must_sync(self, slot: int = 0) -> None:
        self.must("s", b"", "sync", slot)

    def close(self, slot: int = 0) -> None:
        self.must("c", b"", "close the folder", slot)

    def rule(self, text: str) -> None:
        """For the recorder: recorder_rules.c."""
        assert self._recorder is not None
        self._recorder.rule(text)

    def live_apart(self) -> None:
        """From here on a process of its own, until ``end_apart``, or until it is killed."""
        self.must("f", b"", "go on in a new process")

    def end_apart(self) -> None:
        self.must("x", b"", "end that process")

    def look(self, name: str, id: int = ID) -> Look:
        """Without flushes: whoever calls this has the disk in his hand."""
        payload = struct.pack("<i", id) + name.encode()
        done, answer = self.ask("l", payload, f"open {name}, read all, save more, read again")
        if not done:
            return Look(None, None, error_text(answer))
        found, at = _kept(answer, 0)
        if answer[at] != 1:
            return Look(found, None, error_text(answer[at + 1 :]))
        return Look(found, _kept(answer, at + 1)[0], "")


def error_text(answer: bytes) -> str:
    return answer.decode(errors="replace").strip() or "(no words)"


def no_reason(what: str, answer: bytes) -> Diagnosis:
    """Of what fails: by a system call, or since a file is not as it should be."""
    words = error_text(answer)
    names_a_call = any(os.strerror(number) in words for number in errno.errorcode)
    if what.startswith("open") and not names_a_call:
        return Diagnosis(
            "own-files-refused",
            "nobody else has changed these files, and nothing cut them: they are as the storage "
            "itself wrote them",
        )
    return Diagnosis("fails", "the folder, the disk and the call are all right")


def _kept(answer: bytes, at: int) -> tuple[Kept, int]:
    term, voted_for, count = struct.unpack_from("<iii", answer, at)
    at += 12
    log = []
    for _ in range(count):
        entry, at = _entry(answer, at)
        log.append(entry)
    return Kept((term, voted_for), tuple(log)), at


def _entry(answer: bytes, at: int) -> tuple[Entry, int]:
    term, size = struct.unpack_from("<iI", answer, at)
    return (term, answer[at + 8 : at + 8 + size]), at + 8 + size
