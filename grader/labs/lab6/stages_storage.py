"""Lab 6: what is saved and synced is found again, whatever a crash leaves."""

from __future__ import annotations

import struct

from grader.labs.lab6.session import Cuts, Record, Refused, Session
from grader.labs.lab6.storage import KILLED, Kept, Storage, Workshop
from grader.labs.stage import Attempt, stage
from grader.run.random import Random
from grader.run.recorder import Ended
from grader.run.sandbox import MIB
from grader.verdicts import Diagnosis, fail

SIZES = (0, 1, 3, 8, 24, 511, 512, 513, 4095, 4096, 4097, 65_535, 65_536, 65_537, 1_048_577)
LARGE = 15 * MIB
MANY = 1000  # entries for one sync
_DSYNC = 0o10000
_MOST_CALLS = 60


@stage(
    "6.15",
    "Storage keeps what was saved, torn at any byte",
    points=6,
    see="lab6#storage",
    source="fdatasync(2)",
    seconds=240,
)
def test_storage(attempt: Attempt) -> None:
    """What was saved and synced is found by the next open, wherever the power is lost: before and
    after each system call, and within each write. What came later is found as far as it goes, or
    not at all. One flush does for all that waits.
    """
    workshop = Workshop(attempt)
    looker = Storage(workshop)
    reloads(looker, attempt.random("reload"))
    overwrites(looker)
    linear(workshop)
    recorder = workshop.recorder()
    recorded = Storage(workshop, recorder)
    one_flush(recorded, recorder.steps)
    left = []
    for script in (short, long, large):
        session = Session(recorded, recorder.steps, looker)
        script(session, attempt.random(script.__name__))
        left += session.left
    much(Session(recorded, recorder.steps, looker, cuts=Cuts.PROMISES), attempt.random("much"))
    random = attempt.random("crashes")
    for _ in range(min(8, len(left))):
        torn = left[random.below(len(left))]
        again(Session(recorded, recorder.steps, looker, torn))
    kills(recorded, recorder.steps, looker)


# --- as long as the power is on ---


def expect_kept(storage: Storage, expected: Kept, when: str) -> None:
    found = storage.kept()
    if found == expected:
        return
    for index, (one, other) in enumerate(zip(found.log, expected.log, strict=False), 1):
        if one != other:
            fail(
                f"{when}: entry {index} has term {one[0]} and {len(one[1])} bytes; saved was "
                f"term {other[0]} and {len(other[1])} bytes",
                Diagnosis("entry-changed", "its bytes are not those that were saved")
                if one[1] != other[1]
                else Diagnosis("entry-term", "its data is right, its term is not"),
            )
    fail(
        f"{when}: {found.words()}; saved was {expected.words()}",
        Diagnosis("reload", "storage_open reads all that was saved, in order"),
    )


def reloads(storage: Storage, random: Random) -> None:
    """Entries of all sizes, over several opens; a new folder has nothing."""
    name, kept = storage.workshop.name(), Kept()
    sizes = [*SIZES[:-1], 2, SIZES[-1], LARGE]
    for turn in range(len(sizes) // 4 + 1):
        storage.open(name)
        expect_kept(storage, kept, f"open {turn + 1}")
        for size in sizes[turn * 4 : turn * 4 + 4]:
            index, term = len(kept.log) + 1, 1 + turn * 100_000_000
            entry = (term, random.bytes(size))
            kept = kept.voted(term + 1, index % 3).with_entry(index, entry)
            done = storage.save_vote(*kept.vote)[0] and storage.save_entry(index, entry)[0]
            if not done:
                fail(
                    f"to save entry {index} of {size:,} bytes fails",
                    Diagnosis("fails", "an entry has up to 16 MiB, and there is room"),
                )
        storage.must_sync()
        storage.close()
    storage.open(name)
    for index in (len(sizes), 1, 3, 2):
        if storage.read(index) != kept.log[index - 1]:
            fail(
                f"storage_read of entry {index}, after another one: it is not what was saved",
                Diagnosis("entry-changed", "entries may be read in any order"),
            )
    storage.close()


def overwrites(storage: Storage) -> None:
    """An entry drops all from its index on: at once, and for good."""
    name, kept = storage.workshop.name(), Kept()
    storage.open(name, flush=False)
    for index, term in ((1, 1), (2, 1), (3, 1), (4, 1), (3, 2), (4, 2), (2, 3), (1, 4), (2, 4)):
        entry = (term, f"{index} of {term}".encode())
        kept = kept.with_entry(index, entry)
        storage.save_entry(index, entry)
        count = storage.count()
        if count != index:
            fail(
                f"entry {index} of term {term} was saved, and storage_count is {count}",
                Diagnosis("count", "an entry is the last one when it was saved"),
            )
        storage.must_sync()
        storage.close()
        storage.open(name, flush=False)
        expect_kept(storage, kept, f"after entry {index} of term {term} was saved, synced")
    storage.close()


def linear(workshop: Workshop) -> None:
    """Saving, opening and reading take time in proportion to the number of entries."""
    storage = Storage(workshop, build="plain")
    times = [_times(storage, count) for count in (20_000, 160_000)]
    for what, one, other in zip(("save", "open", "read"), *times, strict=True):
        if other > 0.5 and other > 24 * one:
            fail(
                f"to {what} 20,000 entries takes {one:.2f} s of CPU time, 160,000 {other:.2f} s",
                Diagnosis("quadratic", "eight times as much may take eight times as long"),
            )


def _times(storage: Storage, count: int) -> tuple[float, float, float]:
    name = storage.workshop.name()
    storage.open(name, flush=False)
    answer = storage.must("b", struct.pack("<II", count, 40), f"save {count:,} entries")
    storage.must_sync()
    storage.close()
    opened = storage.open(name, flush=False)
    read = storage.must("m", b"", f"read {count:,} entries")
    storage.close()
    saved, took, size = *struct.unpack("<Q", answer), *struct.unpack("<QQ", read)
    if size != 40 * count:
        fail(
            f"{count:,} entries of 40 bytes were saved; read are {size:,} bytes",
            Diagnosis("reload", "storage_open finds all that was saved"),
        )
    return saved / 1e9, opened, took / 1e9


# --- flushes ---


def one_flush(storage: Storage, record: Record) -> None:
    """The flushes of a sync don't grow with the number of entries that wait."""
    storage.open(storage.workshop.name())
    for _ in record():
        pass
    storage.must("b", struct.pack("<II", MANY, 10), f"save {MANY} entries")
    storage.must_sync()
    count = sum(isinstance(step, Ended) and _flushes(step) for step in record())
    storage.close()
    if count > MANY // 10:
        fail(
            f"{MANY} entries are saved, and then synced: {count} flushes",
            Diagnosis("flush-each", "saves wait, and storage_sync flushes once for all of them"),
        )


def _flushes(step: Ended) -> bool:
    call = step.call
    if call.name in ("fsync", "fdatasync", "sync", "syncfs", "msync"):
        return True
    return "write" in call.name and bool(call.descriptor and call.descriptor.flags & _DSYNC)


# --- crashes ---


def short(session: Session, _: Random) -> None:
    """From the making of the folder on: each kind of save."""
    session.open()
    session.vote(1, 2)
    session.entry(1, (1, b""))
    session.sync()
    session.entry(2, (1, b"\0\r\n\xff"))
    session.entry(3, (1, b"three"))
    session.sync()
    session.vote(2, 0)
    session.sync()
    session.entry(2, (2, b"in place of two"))
    session.sync()
    session.entry(3, (2, b"3"))
    session.vote(3, 1)
    session.entry(2, (3, b"again"))
    session.reopen()
    session.entry(len(session.states[-1].log) + 1, (3, b"last"))
    session.sync()
    session.close()


def long(session: Session, random: Random) -> None:
    """Any saves, syncs and opens."""
    session.open()
    term = 1
    for _ in range(20):
        choice, count = random.below(10), len(session.states[-1].log)
        if choice < 2:
            term += random.below(2)
            session.vote(term, random.below(4))
        elif choice < 6:
            index = count + 1 if choice < 5 else random.between(1, count + 1)
            session.entry(index, (term, random.bytes(random.below(20))))
        elif choice < 9:
            session.sync()
        else:
            session.reopen()
    session.sync()
    session.close()


def large(session: Session, random: Random) -> None:
    """Records larger than a block, a page and a buffer."""
    session.open()
    session.entry(1, (1, random.bytes(5000)))
    session.sync()
    session.vote(1, 1)
    session.entry(2, (1, random.bytes(70_000)))
    session.entry(3, (1, random.bytes(10)))
    session.sync()
    session.close()


def much(session: Session, random: Random) -> None:
    """What is saved last before a sync is more than one would let wait in memory."""
    session.open()
    for index, size in enumerate((MIB, 2 * MIB + 1, LARGE), 1):
        session.vote(index, 1)
        session.entry(index, (index, random.bytes(size)))
        session.sync()
    session.close()


def again(session: Session) -> None:
    """From what a crash left: the power is lost again, while that is put in order, and later."""
    session.open()
    session.expect_found()
    session.entry(len(session.states[-1].log) + 1, (5, b"after the crash"))
    session.sync()
    session.vote(6, 3)
    session.sync()
    session.close()


def kills(storage: Storage, record: Record, looker: Storage) -> None:
    """Killed before each call: what was written and not flushed is found, promised by the next
    process, and so has to be flushed by that.
    """
    for nth in range(1, _MOST_CALLS):
        session = Session(storage, record, looker, cuts=Cuts.PROMISES)
        if not _is_killed(session, nth):
            return
        session.cuts = Cuts.CALLS
        session.go_on()
        session.sync()
        session.entry(len(session.states[-1].log) + 1, (2, b"goes on"))
        session.sync()
        session.close()


def _is_killed(session: Session, nth: int) -> bool:
    """Before its nth call that changes what is stored."""
    session.storage.live_apart()
    session.storage.rule(f"!kill {nth}")
    try:
        session.open()
        session.vote(1, 1)
        session.entry(1, (1, b"one"))
        session.sync()
        session.entry(2, (1, b"two"))
        session.sync()
    except Refused as refused:
        if refused.words != KILLED:
            raise
        return True
    session.storage.rule("!none")
    session.storage.end_apart()
    return False
