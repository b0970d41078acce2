"""Lab 6: what a crash can't have left, and calls that fail, are errors, and no silent loss."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence

from grader.labs.lab6.contents import Content, Link, compact, part, size_of, with_flipped
from grader.labs.lab6.session import Cuts, Record, Refused, Session, is_one_of, show
from grader.labs.lab6.storage import ID, Kept, Look, Storage, Workshop, error_text
from grader.labs.stage import Attempt, stage
from grader.run.random import Random
from grader.verdicts import Diagnosis, fail

_ENOUGH = 60  # calls of a session, more than any needs
_ROOMS = 40  # sizes of a disk
_ZEROS = 40  # places among zeros at the end of a file


@stage(
    "6.16",
    "Storage: a full disk, damage, a foreign folder",
    points=5,
    see="lab6#damage",
    source="fsync(2)",
    seconds=120,
)
def test_damage(attempt: Attempt) -> None:
    """A folder that no crash can have left so is refused with an error: damaged, incomplete,
    another server's, in use. A call that fails is an error, and after it nothing is promised. What
    was synced is never lost without a word.
    """
    workshop = Workshop(attempt)
    looker = Storage(workshop)
    content, states = _folder(looker)
    flips(looker, content, states, attempt.random("flips"))
    lost_files(looker, content, states, attempt.random("garbage"))
    foreign(looker, content, states[-1])
    unreadable(looker, content, states[-1])
    in_use(workshop, looker, content, states[-1])
    recorder = workshop.recorder()
    recorded = Storage(workshop, recorder)
    emptied_files(recorded, recorder.steps, looker, content, states)
    failing_calls(recorded, recorder.steps, looker)
    full_disks(recorded, recorder.steps, looker)
    short_counts(recorded, recorder.steps, looker)


def _folder(storage: Storage) -> tuple[Content, list[Kept]]:
    """One that was used for a while; and what it held from before the last sync on."""
    name, kept = storage.workshop.name(), Kept()
    storage.open(name)
    for index, term in ((1, 1), (2, 1), (3, 1), (2, 2), (3, 2)):
        kept = kept.voted(term, 1 + index % 3).with_entry(index, (term, b"%d" % index * index))
        storage.save_vote(*kept.vote)
        storage.save_entry(index, kept.log[-1])
        storage.must_sync()
    states = [kept]
    for index in (4, 5):
        states.append(states[-1].with_entry(index, (2, b"")))
        storage.save_entry(index, (2, b""))
    storage.must_sync()
    storage.close()
    return compact(storage.workshop.content(name)), states


# --- damage ---


def judge(
    looker: Storage,
    content: Content,
    allowed: Sequence[Kept],
    what: str,
    diagnosis: Diagnosis,
    id: int = ID,
) -> Look:
    """The folder is refused in words, or has lost nothing."""
    name = looker.workshop.name()
    looker.workshop.put(name, content)
    look = looker.look(name, id)
    if look.found is None:
        expect_words(looker.workshop, look.error, name, what)
    elif not is_one_of(look.found, allowed) or look.after != look.found.with_more():
        bad = look.after if is_one_of(look.found, allowed) else look.found
        _show(looker, content)
        fail(
            f"{what}: storage_open succeeds; synced was: {allowed[-1].words()}; found: "
            f"{bad.words() if bad else look.error}",
            diagnosis,
        )
    looker.workshop.put(name, None)
    return look


def expect_words(workshop: Workshop, error: str, name: str, what: str) -> None:
    """An error names the folder, or a file in it."""
    if not any(known in error for known in {*name.split("/"), *workshop.files}):
        fail(
            f"{what}: that is refused with the words {error!r}",
            Diagnosis("error-words", "error->text is a sentence with the name of the file"),
        )


def _show(looker: Storage, content: Content) -> None:
    for line in show(content):
        looker.workshop.attempt.world.log("on the disk", line)


def flips(looker: Storage, content: Content, states: list[Kept], random: Random) -> None:
    """A bit of each byte. What was saved last may be taken for torn, and cut off."""
    for name, data in files_in(content).items():
        for at in _places(data):
            bit = random.below(8)
            judge(
                looker,
                {**content, name: with_flipped(data, at, bit)},
                states,
                f"bit {bit} of byte {at} of {name} is wrong",
                Diagnosis(
                    "damage-unseen",
                    "that was flushed before other things were: no crash can have changed it",
                ),
            )


def files_in(content: Content) -> dict[str, bytes]:
    """Those that have anything in them."""
    return {
        name: data
        for name, data in content.items()
        if data is not None and size_of(data) and not isinstance(data, Link)
    }


def _places(data: bytes) -> Iterator[int]:
    """Each byte; of long runs of zeros, between pages or ahead of what will be written, some."""
    at = 0
    for run in re.finditer(rb"\0{%d,}" % (8 * _ZEROS), data):
        yield from range(at, run.start())
        yield from range(run.start(), run.end(), 1 + (run.end() - run.start()) // _ZEROS)
        at = run.end()
    yield from range(at, len(data))
    yield from range(len(data), size_of(data), 1 + (size_of(data) - len(data)) // _ZEROS)


def lost_files(looker: Storage, content: Content, states: list[Kept], random: Random) -> None:
    """A file is missing, or is something else."""
    files = files_in(content)
    for name, data in files.items():
        rest = {other: inside for other, inside in content.items() if other != name}
        if len(files) > 1:  # else it is a new folder
            judge(
                looker,
                rest,
                states,
                f"the file {name} is missing",
                Diagnosis("missing-file", "something must tell that it was there once"),
            )
        judge(
            looker,
            {**content, name: random.bytes(size_of(data))},
            states,
            f"all {size_of(data)} bytes of {name} are wrong",
            Diagnosis("damage-unseen", "no crash changes what was flushed"),
        )


def emptied_files(
    storage: Storage, record: Record, looker: Storage, content: Content, states: list[Kept]
) -> None:
    """A file has no bytes. Nothing tells where it is the only one, or where a crash may leave it so
    in a folder that has a vote only, or an entry only; elsewhere no crash explains it.
    """
    files = files_in(content)
    if len(files) < 2:
        return
    young = [_young(Session(storage, record, looker, cuts=Cuts.PROMISES), way) for way in "ve"]
    for name in files:
        if all(at_worst.get(name) for at_worst in young):
            judge(
                looker,
                {**content, name: b""},
                states,
                f"the file {name} has 0 bytes",
                Diagnosis(
                    "empty-file", "it is in use, and has something in it from the first sync on"
                ),
            )


def _young(session: Session, save: str) -> Content:
    """What a crash leaves at the worst where one vote or one entry was saved and synced."""
    session.open()
    if save == "v":
        session.vote(1, 1)
    else:
        session.entry(1, (1, b"one"))
    session.sync()
    content = part(session.disk.flushed().content, session.name)
    session.close()
    return content or {}


def foreign(looker: Storage, content: Content, kept: Kept) -> None:
    """Another server's folder is not touched."""
    name = looker.workshop.name()
    looker.workshop.put(name, content)
    done, answer = looker.try_open(name, id=2)
    if done:
        fail(
            "server 2 opens the folder of server 1",
            Diagnosis("foreign-folder", "two servers with one vote: the id belongs into a file"),
        )
    expect_words(looker.workshop, error_text(answer), name, "server 2 opens the folder of server 1")
    judge(
        looker,
        looker.workshop.content(name),
        [kept],
        "server 2 was refused, and server 1 opens its folder",
        Diagnosis("foreign-touched", "what is refused is not changed"),
    )


def unreadable(looker: Storage, content: Content, kept: Kept) -> None:
    """A file that may not be read; a folder that is a file; and one in no folder at all."""
    workshop = looker.workshop
    for file in files_in(content):
        name = workshop.name()
        workshop.put(name, content)
        workshop.forbid(name, file)
        done, answer = looker.try_open(name)
        if not done:
            expect_words(workshop, error_text(answer), name, f"the file {file} can't be read")
        elif looker.kept() != kept:
            fail(
                f"the file {file} can't be read (EACCES): storage_open succeeds without it",
                Diagnosis("missing-file", "only ENOENT says that a file is not there"),
            )
        if done:
            looker.close()
    workshop.put_file("file", b"no folder")
    for name, what in (("file", "it is a file"), ("none/none", "the folder above is not there")):
        done, answer = looker.try_open(name)
        if done:
            fail(
                f"storage_open of {name} succeeds, and {what}",
                Diagnosis("no-folder", "look at what mkdir and open return"),
            )
        expect_words(workshop, error_text(answer), name, what)


def in_use(workshop: Workshop, first: Storage, content: Content, kept: Kept) -> None:
    """One process at a time; when it is gone, however that came, the next one may."""
    name, second = workshop.name(), Storage(workshop)
    workshop.put(name, content)
    first.open(name)
    done, answer = second.try_open(name)
    if done:
        fail(
            "two processes have one folder open",
            Diagnosis("two-processes", "flock(2), or fcntl(2) with F_SETLK, keeps others out"),
        )
    expect_words(workshop, error_text(answer), name, "another process has the folder open")
    first.close()
    second.open(name)
    second.driver.program.kill()
    first.open(name)
    found = first.kept()
    if found != kept:
        fail(
            f"the process before was killed; found: {found.words()}; synced was: {kept.words()}",
            Diagnosis("lost-at-kill", "all that was written is still there"),
        )
    first.close()


# --- calls that fail ---


def failing_calls(storage: Storage, record: Record, looker: Storage) -> None:
    """Each call that changes what is stored fails, once or from then on."""
    for kind, letters, number in (
        ("once", "f", errno.EIO),
        ("fail", "f", errno.EIO),
        ("once", "wons", errno.EIO),
        ("fail", "wons", errno.ENOSPC),
        ("once", "w", errno.EINTR),
    ):
        for nth in range(1, _ENOUGH):
            rule = f"!{kind} {letters} {nth} {number}"
            if not under(rule, storage, record, looker, number):
                break


def full_disks(storage: Storage, record: Record, looker: Storage) -> None:
    """Disks of many sizes: the write that does not fit is cut, and the next one fails."""
    session = Session(storage, record, looker, cuts=Cuts.PROMISES)
    saves(session)
    written = sum(len(change.data) for change in session.disk.changes)
    for room in range(0, written, 1 + written // _ROOMS):
        under(f"!room {room}", storage, record, looker, errno.ENOSPC)


def short_counts(storage: Storage, record: Record, looker: Storage) -> None:
    """Reads and writes move a few bytes a call."""
    for count in (1, 3, 7):
        under(f"!short {count}", storage, record, looker, 0)


def under(rule: str, storage: Storage, record: Record, looker: Storage, number: int) -> bool:
    """A session under a rule of the recorder's. Returns whether a call failed with that error."""
    session = Session(storage, record, looker, cuts=Cuts.PROMISES)
    storage.rule(rule)
    error = ""
    try:
        saves(session)
    except Refused as refused:
        error = refused.words
    storage.rule("!none")
    if session.is_open:
        session.close()
    session.catch_up()
    what = _RULES[rule.split()[0]].format(name=os.strerror(number), rule=rule)
    if error:
        expect_words(session.workshop, error, session.name, what)
    if error and number == 0:
        fail(
            f"{what}: {error}",
            Diagnosis("short-count", "less than was asked for is no error: go on with the rest"),
        )
    session.cut_power()
    look = looker.look(session.name)
    allowed = session.states[session.promised :]
    if look.found is None or not is_one_of(look.found, allowed):
        fail(
            f"{what}, and the power stays on; synced was: {allowed[0].words()}; the next open: "
            f"{look.found.words() if look.found else look.error}",
            Diagnosis("lost-at-error", "what was synced before the error is still on the disk"),
        )
    return number in session.errors


_RULES = {
    "!once": "one call fails ({name}; rule {rule})",
    "!fail": "all calls fail from then on ({name}; rule {rule})",
    "!room": "the disk is full ({name}; rule {rule})",
    "!short": "reads and writes of files move a few bytes a call (rule {rule})",
}


def saves(session: Session) -> None:
    """Several syncs, and two opens."""
    session.open()
    session.vote(1, 1)
    session.entry(1, (1, b"one"))
    session.sync()
    session.entry(2, (1, bytes(range(256))))
    session.entry(3, (1, b""))
    session.sync()
    session.vote(2, 1)
    session.entry(3, (2, b"in its place"))
    session.sync()
    session.reopen()
    session.entry(4, (2, b"four"))
    session.sync()
    session.close()
