"""Lab 6: many entries at a time, and large ones."""

from __future__ import annotations

from collections.abc import Sequence

from grader.labs.lab5.scene import heartbeat
from grader.labs.lab6.played import Played
from grader.labs.lab6.scene import LogScene
from grader.labs.lab6.stages_commit import MIB, over_empty_logs
from grader.labs.lab6.stages_follower import entries, follower
from grader.labs.lab6.stages_leader import appends
from grader.labs.simulator import Simulator
from grader.labs.stage import Attempt, stage
from grader.run.random import Random
from grader.sim.server import Entry
from grader.wire.messages import RequestVote

MANY = 25
_FEW_SYNCS = 3  # more than for one entry, however many there are


@stage(
    "6.10",
    "Batches and large entries",
    points=4,
    see="lab6#batches",
    source="PROTOCOL, section 2; raft.h",
    seconds=30,
)
def test_batches(attempt: Attempt) -> None:
    """All that waits for a follower reaches it, in requests of at most 16 MiB; an entry may be as
    large as 15 MiB. Many entries that come together are synced together, and no entry changes when
    the message that brought it is gone.
    """
    simulator = Simulator(attempt)
    random = attempt.random()
    for count in (2, MANY, 300):
        lags(simulator, count)
    for sizes in ((15 * MIB,), (6 * MIB, 6 * MIB, 6 * MIB), (100_000, 10 * MIB, 1)):
        large(simulator, [random.bytes(size) for size in sizes])
    large_to_follower(simulator, random)
    leader_syncs(simulator)
    follower_syncs(simulator)
    keeps_bytes(simulator, random)


def lags(simulator: Simulator, count: int) -> None:
    """One follower hears nothing while so much is proposed; then it answers."""
    with over_empty_logs(simulator) as one:
        for number in range(count):
            one.propose(b"%d" % number * (number % 7))
            if number % 3 == 0:
                one.settle()
        one.settle()
        one.expect_reached(one.last, [3])
        one.lose([2])
        one.expect_reached(one.last, [2], f"{count} entries wait for a follower, which answers now")
        expect_logs(one)


def expect_logs(one: LogScene) -> None:
    for peer in one.peers.values():
        if peer.log != one.watch.log:
            one.fail(
                f"server {peer.id} has acknowledged all {one.last} entries, and has other ones",
                "entries-not-own",
                "entries go one behind the other, each once in a request",
            )


def large(simulator: Simulator, proposals: Sequence[bytes]) -> None:
    """They reach both others, whole."""
    with over_empty_logs(simulator) as one:
        sizes = " and ".join(f"{len(data):,}" for data in proposals)
        appends(one, proposals, f"entries of {sizes} bytes were proposed")
        one.expect_counted("all have the large entries")


def large_to_follower(simulator: Simulator, random: Random) -> None:
    """A request that is as large as a request may be."""
    log = [(7, random.bytes(15 * MIB)), (7, b""), (7, random.bytes(MIB - 100))]
    with follower(simulator) as one:
        one.append((0, 0), log)
        one.expect_log(log, "a request of nearly 16 MiB came")


def leader_syncs(simulator: Simulator) -> None:
    """Proposals that come together cost a leader what one costs."""
    spent: dict[int, int] = {}
    for count in (1, MANY):
        with over_empty_logs(simulator) as one:
            one.settle()
            before = one.watch.syncs
            for _ in range(count):
                one.propose(b"x")
            one.settle()
            spent[count] = one.watch.syncs - before
            if spent[count] > spent[1] + _FEW_SYNCS:
                _too_many(one, f"{count} proposals came before raft_tick", spent)


def follower_syncs(simulator: Simulator) -> None:
    """Entries of one request cost a follower what one costs."""
    spent: dict[int, int] = {}
    for count in (1, MANY):
        with follower(simulator) as one:
            one.append((0, 0))
            before = one.watch.syncs
            one.append((0, 0), entries(*[7] * count))
            spent[count] = one.watch.syncs - before
            if spent[count] > spent[1] + _FEW_SYNCS:
                _too_many(one, f"a request brought {count} entries", spent)


def _too_many(one: LogScene, when: str, spent: dict[int, int]) -> None:
    one.fail(
        f"{when}: it synced {spent[MANY]} times, and {spent[1]} times where there was one entry",
        "sync-each",
        "a sync waits for the disk, and covers all that was saved before it",
    )


def keeps_bytes(simulator: Simulator, random: Random) -> None:
    """A follower's entries after other messages in the same buffer; it leads, and hands them on."""
    for sizes in ((3, 3, 3), (100, 0, 70_000), (4000, 4000, 4000)):
        log: list[Entry] = [(7, random.bytes(size)) for size in sizes]
        more: list[Entry] = [(7, random.bytes(size)) for size in sizes]
        with follower(simulator, applies=True) as one:
            one.append((0, 0), log)
            one.append((3, 7), more)
            one.expect_saved(log + more, "two requests brought three entries each")
            for number in range(5):
                one.tell(2, heartbeat(7, 2, 100 + number))
                one.tell(3, RequestVote(6, 3, 0, 0))
            one.append((6, 7), commit=6)
            one.lead_over(Played(2), Played(3))
            one.propose(random.bytes(sizes[0]))
            one.settle()
            one.expect_reached(one.last, when="entries came as a follower's, and it leads now")
            expect_logs(one)
