"""Runs of a student's storage under the recorder, and the power cut at every moment of them: what
the next open finds is compared with what was synced.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

from grader.labs.lab6.contents import Change, Content, Crash, part, size_of
from grader.labs.lab6.disk import Disk
from grader.labs.lab6.storage import Entry, Kept, Look, Storage, error_text, no_reason
from grader.run.recorder import Ended, Note, Step
from grader.run.sandbox import MIB
from grader.verdicts import Diagnosis, StageFailure
from grader.wire.diff import hex_bytes

Record = Callable[[], Iterator[Step]]

_SHOWN_CHANGES, _SHOWN_BYTES = 8, 96
_MOST_LEFT = 64 * MIB  # bytes of what crashes left: of a session, to go on from


@dataclass(frozen=True)
class Torn:
    """A state that a crash left, and what was found in it: to go on from."""

    content: Content | None
    found: Kept


class Cuts(Enum):
    """Where the power is lost."""

    BYTES = "before and after each call, and within each write"
    CALLS = "before and after each call"
    PROMISES = "where something was promised, and all that was not flushed is lost with it"


class Refused(StageFailure):
    """A call of the student's returned an error, and nothing was said to be wrong."""

    def __init__(self, what: str, answer: bytes) -> None:
        self.words = error_text(answer)
        super().__init__(
            f"to {what} fails: {self.words}",
            diagnosis=no_reason(what, answer),
        )


class Session:
    """One folder, from its making on, or from what a crash left of it (``torn``). All calls go to
    the recorded ``storage``; ``looker`` is another process, which opens what a crash leaves.
    """

    def __init__(
        self,
        storage: Storage,
        record: Record,
        looker: Storage,
        torn: Torn | None = None,
        *,
        cuts: Cuts = Cuts.BYTES,
    ) -> None:
        self.storage, self.looker, self._record = storage, looker, record
        for _ in record():  # what another session left
            pass
        self.workshop, self.cuts = storage.workshop, cuts
        self.name = self.workshop.name()
        self._place = self.workshop.name()  # of what crashes leave
        content = torn.content if torn else None
        self.states = [torn.found if torn else Kept()]  # after each save
        self.promised = 0  # how many of the saves
        self.left: list[Torn] = []  # by crashes so far
        self.is_open = False
        self.errors: list[int] = []  # of system calls
        self._seen: set[bytes] = set()
        self._left_bytes = 0
        if content is not None:
            self.workshop.put(self.name, content)
        inside = {f"{self.name}/{name}": data for name, data in (content or {}).items()}
        start = {self.name: None, **inside} if content is not None else {}
        self.disk = Disk(self.workshop.root, start)

    # --- calls ---

    def open(self, flush: bool = True) -> None:
        self._expect_done(self.storage.try_open(self.name, flush=flush), "open the folder")
        self.is_open = True

    def vote(self, term: int, voted_for: int) -> None:
        self.states.append(self.states[-1].voted(term, voted_for))
        self._expect_done(self.storage.save_vote(term, voted_for), "save a vote")

    def entry(self, index: int, entry: Entry) -> None:
        self.states.append(self.states[-1].with_entry(index, entry))
        self._expect_done(self.storage.save_entry(index, entry), f"save entry {index}")

    def sync(self) -> None:
        self._expect_done(self.storage.sync(), "sync")
        if self.promised != len(self.states) - 1:
            raise StageFailure(
                "storage_sync has returned, and what is recorded of the process does not say so",
                diagnosis=Diagnosis(
                    "note-lost", "the driver notes the end of each call by prctl(2), for the grader"
                ),
            )

    def close(self) -> None:
        self.is_open = False
        self.storage.close()
        self.catch_up()

    def reopen(self) -> None:
        """What was saved and not synced may be there or not."""
        self.close()
        self._resume("the folder is closed and opened again")

    def go_on(self) -> None:
        """The process was killed, and another one opens the folder: all that was written is there,
        flushed or not.
        """
        self.catch_up()
        self._resume("the process is killed, and another one opens the folder")

    def _resume(self, when: str) -> None:
        self.open()
        found, allowed = self.storage.kept(), self.states[self.promised :]
        if not is_one_of(found, allowed):
            raise StageFailure(
                f"{when}; synced was: {self.states[self.promised].words()}; found: {found.words()}",
                diagnosis=Diagnosis("lost-at-kill", "all that was written is still there"),
            )
        self.states, self.promised = [*allowed, found], 0  # it is promised by the next sync

    def expect_found(self) -> None:
        """What a look has found is found again."""
        found = self.storage.kept()
        if found != self.states[-1]:
            raise StageFailure(
                f"two opens of one folder find: {self.states[-1].words()}; {found.words()}",
                diagnosis=Diagnosis("open-differs", "what is found must not depend on the run"),
            )

    def _expect_done(self, answer: tuple[bool, bytes], what: str) -> None:
        if not answer[0]:
            raise Refused(what, answer[1])
        self.catch_up()

    # --- the record ---

    def catch_up(self) -> None:
        """Takes up what was recorded since, and cuts the power wherever a flush is about to change
        what a crash can leave, and where something was promised.
        """
        for step in self._record():
            if self.disk.is_due:
                self._cut_before_flush()
            if isinstance(step, Ended) and step.call.result is not None and step.call.result < 0:
                self.errors.append(-step.call.result)
            if isinstance(step, Ended) and "sync" in step.call.name:
                self._cut_before_flush()
            self.disk.take(step)
            if isinstance(step, Ended):
                self.workshop.knows(step.call.paths)
            if isinstance(step, Note) and step.text == "end s 1":
                self.promised = len(self.states) - 1
                self.cut_power()

    def _cut_before_flush(self) -> None:
        if self.cuts is not Cuts.PROMISES:
            self.cut_power()

    def cut_power(self) -> None:
        """Looks at each state that a crash can leave now."""
        self.disk.expect_followed(f"{self.workshop.root}/{self.name}")
        crashes = self.disk.crashes(within=self.cuts is Cuts.BYTES)
        for crash in [self.disk.flushed()] if self.cuts is Cuts.PROMISES else crashes:
            content = part(crash.compact, self.name)
            key = _digest(self.promised, content)
            if key not in self._seen:
                self._seen.add(key)
                self._look(crash, content)

    def _look(self, crash: Crash, content: Content | None) -> None:
        self.workshop.put(self._place, content)
        events = self.workshop.attempt.world.events
        told = len(events)
        look = self.looker.look(self._place)
        del events[told:]  # thousands of them, all alike
        allowed = self.states[self.promised :]
        if look.found is None:
            self._fail(crash, content, f"storage_open fails: {look.error}", _of_error(crash))
        if not is_one_of(look.found, allowed):
            self._fail(crash, content, f"found: {look.found.words()}", _of_loss(crash, look, self))
        if look.after != look.found.with_more():
            words = look.error or (look.after.words() if look.after else "")
            self._fail(
                crash,
                content,
                f"found is all; then a vote and an entry more are saved and synced, and the next "
                f"open finds: {words}",
                Diagnosis(
                    "torn-tail-kept",
                    "what the crash left of a record was not cut off, and hides what comes behind",
                ),
            )
        if crash.cut == 0 or crash.cut in (1, len(crash.pending[crash.kept].data) - 1):
            self._left_bytes += sum(len(data or b"") for data in (content or {}).values())
            if self._left_bytes <= _MOST_LEFT:
                self.left.append(Torn(content, look.found))

    def _fail(
        self, crash: Crash, content: Content | None, words: str, diagnosis: Diagnosis
    ) -> NoReturn:
        if any(change.lost for change in crash.pending):
            diagnosis = Diagnosis(
                "flush-error-ignored",
                "a flush has failed, and a later one does not make up for it: what could not be "
                "written counts as clean",
            )
        log = self.workshop.attempt.world.log
        for change in self.disk.changes[-_SHOWN_CHANGES:]:
            log("disk", f"{'flushed' if change.flushed else 'waits'}: {change.call}")
        log("the power", f"is lost {crash.words()}")
        for line in show(content):
            log("on the disk", line)
        raise StageFailure(
            f"the power is lost {crash.words()}; synced was: "
            f"{self.states[self.promised].words()}; {words}",
            diagnosis=diagnosis,
        )


def is_one_of(found: Kept, allowed: Sequence[Kept]) -> bool:
    """Vote and log may lie in files of their own: each is what it was after one of the saves."""
    votes, logs = {state.vote for state in allowed}, {state.log for state in allowed}
    return found.vote in votes and found.log in logs


def _digest(promised: int, content: Content | None) -> bytes:
    """Of what a look depends on."""
    digest = hashlib.blake2b(repr((promised, content is None)).encode(), digest_size=16)
    for name, data in (content or {}).items():
        digest.update(repr((name, type(data), size_of(data or b""))).encode())
        digest.update(data or b"")
    return digest.digest()


def show(content: Content | None) -> Iterator[str]:
    """The files of a folder, in lines."""
    if content is None:
        yield "no folder"
    for name, data in (content or {}).items():
        if data is not None:
            tail = data[-_SHOWN_BYTES:]
            dots = "… " if len(data) > len(tail) else ""
            yield f"{name}, {size_of(data)} bytes: {dots}{hex_bytes(tail)}"


def _of_error(crash: Crash) -> Diagnosis:
    what = "a record that was cut" if crash.cut else "a file that is not complete"
    return Diagnosis("crash-refused", f"{what} is what a crash leaves: no reason to refuse")


def _of_loss(crash: Crash, look: Look, session: Session) -> Diagnosis:
    assert look.found is not None
    synced, before = session.states[session.promised], session.states[: session.promised]
    is_old = is_one_of(look.found, before)
    if not is_old and len(look.found.log) > len(synced.log) and look.found.vote == synced.vote:
        return Diagnosis("never-saved", "the last entries were never saved so")
    waiting = crash.pending[crash.kept :]
    content = [change for change in waiting if not change.of_names]
    if content:
        return Diagnosis(
            "not-flushed", f"storage_sync has returned, and this was not flushed: {content[0].call}"
        )
    if waiting:
        return _of_names(waiting)
    if session.disk.mapped:
        return Diagnosis(
            "mapping-not-flushed",
            f"storage_sync has returned, and what was stored in the mapping of "
            f"{session.disk.mapped} was not flushed before: msync(2) with MS_SYNC",
        )
    return Diagnosis("not-found", "all of it is on the disk: it is not read back")


def _of_names(waiting: Sequence[Change]) -> Diagnosis:
    name = waiting[0].added or waiting[0].removed
    return Diagnosis(
        "name-not-flushed",
        f"the content is flushed, and a name is not: {waiting[0].call} is a change of the folder "
        f"{name.split('/')[-2]}, and flushed by fsync of a descriptor of that folder",
    )
