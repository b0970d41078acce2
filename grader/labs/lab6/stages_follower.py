"""Lab 6: a follower, and the entries that leaders send it: those that fit, those that conflict with
its own, and those that it has already.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grader.labs.lab5.scene import CANDIDATE, LEADER, NOBODY, sent, show
from grader.labs.lab6.scene import LogScene
from grader.labs.lab6.watch import as_sent
from grader.labs.simulator import Simulator
from grader.labs.stage import Attempt, stage
from grader.run.random import Random
from grader.sim.server import Config, Entry
from grader.wire.messages import AppendEntries, AppendEntriesReply

PATIENT = Config(3, 10_000, 20_000, 50)  # elections are far away
SAME = b"x"  # data of entries that only their terms tell apart


def entries(*terms: int, start: int = 1) -> list[Entry]:
    """Of these terms, from an index on; each has data of its own."""
    return [(term, b"%d of term %d" % (at, term)) for at, term in enumerate(terms, start)]


def follower(
    simulator: Simulator, log: Sequence[Entry] = (), term: int = 7, **more: Any
) -> LogScene:
    """Server 1 of three, with this log; server 2 leads in the term."""
    saved = log[-1][0] if log else 0
    one = LogScene(simulator, config=PATIENT, vote=(saved, NOBODY), terms=log, **more)
    one.leader_term = term
    return one


def tail(one: LogScene, log: Sequence[Entry], prev: int, more: Sequence[Entry] = ()) -> None:
    """The leader, with that log, sends what follows prev, or so much of it."""
    one.append((prev, log[prev - 1][0] if prev else 0), more)


# --- 6.2 ---

TERMS = (1, 1, 4, 4, 4)
# Of a request to a server with that log: prev, and whether it fits.
PREVS = {
    (0, 0): True, (1, 1): True, (2, 1): True, (3, 4): True, (4, 4): True, (5, 4): True,
    (1, 2): False, (2, 2): False, (2, 3): False, (3, 1): False, (3, 3): False,
    (4, 2): False, (4, 5): False, (5, 1): False, (5, 3): False, (5, 5): False, (5, 7): False,
    (6, 4): False, (6, 5): False, (7, 7): False, (1000, 4): False,
}  # fmt: skip


@stage(
    "6.2",
    "The log check, with heartbeats too",
    points=5,
    see="lab6#log-check",
    source="Raft, figure 2, AppendEntries RPC, receiver 2; section 5.3",
)
def test_log_check(attempt: Attempt) -> None:
    """A request succeeds only if the follower's log has an entry at prev_log_index whose term is
    prev_log_term, or if that is 0/0; with entries and without any. What is refused is not appended.
    """
    simulator = Simulator(attempt)
    for prev, fits in PREVS.items():
        for count in (0, 1, 3):
            with follower(simulator, [(term, SAME) for term in TERMS]) as one:
                checks(one, prev, fits, [(7, SAME)] * count)
    with follower(simulator) as one:
        why = "its log is empty: index 1 is behind its end"
        one.append((1, 1), fits=False, why=why)
        one.append((1, 1), entries(7), fits=False, why=why)
        one.append((0, 0), why="0/0 is before every log")
        one.append((0, 0), entries(2, 2, 7), why="0/0 is before every log")
        one.expect_log(entries(2, 2, 7), "an empty log got three entries")
    goes_on(simulator)
    in_other_roles(simulator)


def checks(one: LogScene, prev: tuple[int, int], fits: bool, more: Sequence[Entry]) -> None:
    index, term = prev
    held = f"entry {index} is of term {TERMS[index - 1]}" if 0 < index <= 5 else "its log ends at 5"
    one.append(prev, more, fits=fits, why=held if index else "0/0 is before every log")
    when = f"a request with prev {index}/{term} and {len(more)} entries came"
    if fits:
        one.expect(when, last_index=index + len(more) if more else 5)
        return
    one.expect_saved([(term, SAME) for term in TERMS], f"{when}, which does not fit")
    safe = min(index - 1, 5)  # it may cut what conflicts, with what follows
    if not safe <= one.last <= 5 or (index > 5 and one.last != 5):
        one.fail(
            f"{when}, and its log ends at {one.last}",
            "refused-changes",
            "a refused request appends nothing, and at most the entry at prev and those behind it "
            "are cut",
        )
    if safe:
        one.append((safe, TERMS[safe - 1]), why=f"entry {safe} is of term {TERMS[safe - 1]}")


def goes_on(simulator: Simulator) -> None:
    """A leader that goes back step by step, until it fits."""
    log = entries(1, 1, 5, 5, 6, 7)
    with follower(simulator, entries(1, 1, 4, 4)) as one:
        for prev in (6, 5, 4, 3):
            one.append((prev, log[prev - 1][0]), log[prev:], fits=False)
        one.append((2, 1), log[2:], why="entry 2 is of term 1")
        one.expect_log(log, "the leader went back to entry 2")


def in_other_roles(simulator: Simulator) -> None:
    """A candidate, a leader of an older term, and one whose term is newer than the request's."""
    for role in (CANDIDATE, LEADER):
        for prev, fits in (((3, 4), True), ((3, 3), False), ((40, 4), False)):
            with follower(simulator, entries(*TERMS), term=9) as one:
                _ = one.stand() if role == CANDIDATE else one.lead()
                one.append(prev, entries(9, start=4), fits=fits)
    with follower(simulator, entries(*TERMS), term=8) as one:
        one.append((5, 4))
        one.leader, one.leader_term = 3, 6
        one.append((5, 4), entries(6, start=6), fits=False, why="term 6 is over, it is 8")
        one.expect("a leader of an older term sent an entry", term=8, leader=2, last_index=5)


# --- 6.3 ---


@stage(
    "6.3",
    "A conflict is cut, and nothing that matches is",
    points=5,
    see="lab6#conflicts",
    source="Raft, figure 2, AppendEntries RPC, receiver 3 and 4; section 5.3",
)
def test_conflicts(attempt: Attempt) -> None:
    """The first entry that has another term than the leader's at its index is removed, with all
    that follow it; those before it stay. After a restart it is the same.
    """
    simulator = Simulator(attempt)
    mine = entries(1, 1, 1, 3, 3, 3)
    for prev in range(6):
        for same in range(6 - prev):
            for new in ((7,), (7, 7, 7), (2, 7)):
                if new[0] > 2 or prev + same == 3:
                    conflict(simulator, mine, prev, same, new)
    for same in range(4):
        with follower(simulator, [(1, SAME)] * 4) as one:
            log = [(1, SAME)] * same + [(7, SAME)]
            one.append((0, 0), log)
            one.expect_log(log, f"entry {same + 1} differs by its term alone")
    keeps(simulator, mine)
    deposed(simulator)
    committed(simulator)


def conflict(
    simulator: Simulator, mine: list[Entry], prev: int, same: int, new: tuple[int, ...]
) -> None:
    """Of a request's entries the first ones match, and then comes one of another term."""
    agreed = prev + same
    log = mine[:agreed] + entries(*new, start=agreed + 1)
    when = f"entries {agreed + 1} to 6 conflict with the leader's, or lie behind such a one"
    with follower(simulator, mine) as one:
        one.append((prev, mine[prev - 1][0] if prev else 0), log[prev:])
        one.expect_log(log, when)
        one.restart()
        one.expect_log(log, f"{when}; and it has started again")


def keeps(simulator: Simulator, mine: list[Entry]) -> None:
    """Requests in which nothing conflicts."""
    for prev in range(7):
        for count in range(7 - prev):
            with follower(simulator, mine) as one:
                one.append((prev, mine[prev - 1][0] if prev else 0), mine[prev : prev + count])
                one.expect_log(mine, f"entries {prev + 1} to {prev + count} came, which match")


def deposed(simulator: Simulator) -> None:
    """Of a leader that was alone, the entries that nobody else has."""
    log = entries(1, 1, 9, 9)
    with follower(simulator, entries(1, 1), term=9) as one:
        one.lead()
        for number in range(3):
            one.propose(b"lost %d" % number)
            one.settle()
        one.append((2, 1), log[2:])
        one.expect("another leads in a newer term", last_index=4, leader=2)
        one.expect_log(log, "its own entries conflict with those of the next leader")


def committed(simulator: Simulator) -> None:
    """What is committed stays, though no correct leader would ask for anything else."""
    mine = entries(1, 1, 1, 3, 3)
    for prev, new in ((0, (7,)), (1, (1, 7)), (2, (7, 7)), (2, (2, 7, 7, 7, 7))):
        with follower(simulator, mine) as one:
            one.append((5, 3), commit=3)
            one.settle()
            _impossible(one, prev, entries(*new, start=prev + 1))
            one.expect_log(mine, "what would cut a committed entry came")


def _impossible(one: LogScene, prev: int, more: list[Entry]) -> None:
    """It is answered with success 0, or refused."""
    before = one.status()
    request = AppendEntries(7, 2, prev, 1 if prev else 0, 3, 99, as_sent(more))
    effects = one.tell(2, request)
    accepted = one.accepted
    replies = sent(effects + one.settle(), AppendEntriesReply)
    when = f"entries 1 to 3 are committed, and {show(request)} came"
    if accepted and not replies:
        one.fail(f"{when}; there is no reply", "no-reply", "due is success 0")
    for _, data in replies:
        if data[20]:
            one.fail(
                f"{when}; it is answered with success 1",
                "cuts-committed",
                "a committed entry never goes: only what lies behind the commit index may",
            )
    one.expect_unchanged(before, when)
    one.expect_commit(3, when)


# --- 6.4 ---


@stage(
    "6.4",
    "Duplicates, overlaps and late requests",
    points=4,
    see="lab6#duplicates",
    source="Raft, figure 2, AppendEntries RPC, receiver 3 and 4; section 5.5",
)
def test_duplicates(attempt: Attempt) -> None:
    """A request that comes again, late or in another order than it was sent changes nothing that
    matches; it is answered like any other, by its own prev, entries and seq.
    """
    simulator = Simulator(attempt)
    log = entries(1, 1, 4, 4, 7, 7)
    with follower(simulator) as one:
        for count in (2, 2, 2, 6, 6, 1, 3, 2, 6):
            tail(one, log, 0, log[:count])
        one.expect_log(log, "the same requests came more than once, shorter ones last")
    with follower(simulator) as one:
        tail(one, log, 0, log)
        for prev in (0, 3, 1, 5, 6, 2):
            tail(one, log, prev)
            one.expect("a heartbeat came with an older prev", last_index=6)
        for prev, end in ((2, 5), (0, 1), (4, 6), (5, 6), (1, 4)):
            tail(one, log, prev, log[prev:end])
            one.expect(f"entries {prev + 1} to {end} came again", last_index=6)
        one.expect_log(log, "it has all six entries, and parts of them came again")
    late(simulator, log)
    echoes(simulator, log)
    for number in range(4):
        with follower(simulator) as one:
            windows(one, attempt.random(number))


def late(simulator: Simulator, log: list[Entry]) -> None:
    """Requests from before an entry was committed."""
    with follower(simulator) as one:
        one.append((0, 0), log, commit=4)
        for prev, end, commit in ((0, 2, 0), (0, 0, 0), (1, 4, 2), (3, 4, 3), (0, 6, 1)):
            one.append((prev, log[prev - 1][0] if prev else 0), log[prev:end], commit=commit)
            one.expect("entries 1 to 4 are committed, and an old request came", last_index=6)
        one.expect_log(log, "requests came that are older than its commit index")


def echoes(simulator: Simulator, log: list[Entry]) -> None:
    """ack is the seq of the request that it answers, whichever came before."""
    with follower(simulator) as one:
        for seq in (7, 0xFFFFFFFF, 3, 0, 0x80000000, 7, 1):
            one.append((0, 0), log[: seq % 7], seq=seq, why=f"ack is this request's seq, {seq}")
        one.append((40, 7), seq=5, fits=False, why="ack is this request's seq, 5")


def windows(one: LogScene, random: Random) -> None:
    """Parts of one log, in any order."""
    log = entries(*sorted(random.between(1, 7) for _ in range(30)))
    reached = 0
    for _ in range(60):
        prev = random.below(min(len(log), reached + 4))
        end = min(len(log), prev + random.below(7))
        fits = prev <= reached
        one.append((prev, log[prev - 1][0] if prev else 0), log[prev:end], fits=fits)
        reached = max(reached, end) if fits else reached
        one.expect(f"entries {prev + 1} to {end} of the leader's log came", last_index=reached)
    one.expect_log(log[:reached], "parts of the leader's log came in any order")
