"""Lab 6: what is committed: by a majority, in the leader's own term, as far as was checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from grader.labs.lab5.scene import LEADER, NOBODY
from grader.labs.lab6.played import Played
from grader.labs.lab6.scene import LogScene
from grader.labs.lab6.stages_follower import entries, follower
from grader.labs.lab6.stages_leader import SET
from grader.labs.simulator import Simulator
from grader.labs.stage import Attempt, stage
from grader.sim.cluster import TELL
from grader.wire.messages import AppendEntries, AppendEntriesReply, encode

MIB = 1 << 20


def over_empty_logs(simulator: Simulator, servers: int = 3, me: int = 1, **more: Any) -> LogScene:
    """It leads, and nobody has an entry."""
    one = LogScene(simulator, servers, me, **more)
    one.lead_over(*map(Played, one.others))
    return one


# --- 6.5 ---


@stage(
    "6.5",
    "A majority commits",
    points=5,
    see="lab6#commit",
    source="Raft, section 5.3; figure 2, Leaders",
)
def test_commit(attempt: Attempt) -> None:
    """An entry of the leader's term is committed once a majority has it: the leader itself, when it
    has synced it, and each follower once. With the next requests the others learn of that.
    """
    simulator = Simulator(attempt)
    for servers in (1, 2, 3, 4, 5, 7):
        for me in {1, servers}:
            with over_empty_logs(simulator, servers, me) as one:
                for data in (SET, b"", SET):
                    commits(one, data)
    before_the_sync(simulator)
    repeated(simulator)
    older_success(simulator)
    strangers(simulator)
    followers(simulator)


def commits(one: LogScene, data: bytes) -> None:
    """Each of the others gets it and answers, one after the other."""
    index = one.propose(data)
    one.settle()
    for to in one.others:
        one.expect_reached(index, [to])
        one.expect_counted(f"server {to} has entry {index} too")
    if not one.serve(until=lambda: one.commit >= index):
        one.fail(
            f"all servers have entry {index}, and its commit index is {one.commit}",
            "commit-late",
            "figure 2, Leaders: a majority of matchIndex[i] >= N, and log[N].term is its own",
        )
    if not one.serve(until=lambda: all(peer.commit >= index for peer in one.peers.values())):
        one.fail(
            f"entry {index} is committed, and no request tells all others so",
            "commit-untold",
            "leader_commit is the leader's commit index, in heartbeats too",
        )


def before_the_sync(simulator: Simulator) -> None:
    """Replies come before the host has called raft_tick, in which it would sync."""
    for servers in (2, 3, 4):
        with over_empty_logs(simulator, servers) as one:
            one.propose(b"synced")
            one.settle()
            one.propose(b"not yet")
            for to in one.others[: servers // 2] * 4:
                if one.waiting[to]:
                    one.tell(to, one.peers[to].answer(one.waiting[to].pop(0)))
            one.expect_counted("replies came before raft_tick, and it has synced since")


def repeated(simulator: Simulator) -> None:
    """One follower's reply, more than once."""
    with over_empty_logs(simulator, 5) as one:
        one.propose(SET)
        one.settle()
        one.expect_reached(one.last, [2])
        reply = AppendEntriesReply(one.term, 2, one.last, 1, 0, one.seq_to(2))
        for _ in range(4):
            one.reply(reply)
        one.expect_counted("server 2 acknowledged it five times, and nobody else")
        one.expect_reached(one.last, [4])
        one.expect_counted("two of the others have it")


def older_success(simulator: Simulator) -> None:
    """The replies to older requests come last. Whoever gave them is silent from then on: one more
    reply would tell the same again.
    """
    with over_empty_logs(simulator, 5) as one:
        first = one.propose(b"first")
        one.settle()
        one.expect_reached(first, [2, 3])
        second = one.propose(b"second")
        one.settle()
        one.expect_reached(second, [2])
        one.serve([2], lambda: not one.waiting[2])
        for reply in [each for each in one.peers[2].replies if each.log_index < second]:
            one.reply(reply)
        one.expect_reached(second, [3])
        one.expect_counted(
            f"server 2 has acknowledged entry {second}, its older replies came again after that, "
            f"and nothing else from it; then server 3 acknowledged entry {second} too",
            [3],
        )


def strangers(simulator: Simulator) -> None:
    """No replies of servers of this cluster."""
    with over_empty_logs(simulator, 5) as one:
        one.propose(SET)
        one.settle()
        one.expect_reached(one.last, [2])
        for id in (0, 1, 6, 64):
            reply = AppendEntriesReply(one.term, id, one.last, 1, 0, one.seq_to(2))
            one.apply(TELL, encode(reply), id)
            one.settle()
        one.expect("nobody of the cluster has answered but server 2", role=LEADER)


def followers(simulator: Simulator) -> None:
    """They take the commit index from their leader, as far as they have what it means."""
    log = entries(1, 4, 7, 7)
    with follower(simulator) as one:
        one.append((0, 0), log)
        for commit in (1, 3, 3, 4):
            one.append((4, 7), commit=commit, why="figure 2: if leaderCommit > commitIndex")
        one.append((4, 7), entries(7, 7, start=5), commit=6)
        one.append((6, 7), commit=6)


# --- 6.6 ---


@stage(
    "6.6",
    "Only entries of the current term commit by counting",
    points=5,
    see="lab6#figure-8",
    source="Raft, section 5.4.2 and figure 8",
)
def test_figure_8(attempt: Attempt) -> None:
    """An entry of an older term may be on a majority and still be replaced. So a leader counts only
    entries of its own term; what lies before such a one is committed with it.
    """
    simulator = Simulator(attempt)
    for servers in (3, 5):
        for counted in range(1, servers):
            with LogScene(simulator, servers, vote=(3, NOBODY), terms=entries(1, 2)) as one:
                figure_8(one, counted, lambda id: entries(1, 2) if id % 2 == 0 else entries(1))
    with LogScene(simulator, 5, vote=(3, NOBODY), terms=entries(1, 2, 2)) as one:
        figure_8(one, 4, lambda id: entries(1, 3, 3, 3)[: id - 1] if id > 3 else entries(1, 2))
    for more in ((), (3,)):
        with LogScene(simulator, 3, vote=(3, NOBODY), terms=entries(1, 2, *more)) as one:
            figure_8(one, 2, lambda _: entries(1, 2, *more))  # noqa: B023
    large = [(2, b"1" * (9 * MIB)), (2, b"2" * (9 * MIB))]
    with LogScene(simulator, 2, vote=(3, NOBODY), terms=large) as one:
        figure_8(one, 1, lambda _: [])


def figure_8(one: LogScene, counted: int, log_of: Callable[[int], list[tuple[int, bytes]]]) -> None:
    """So many of the others get its old entries; then one of its own term is proposed."""
    old = one.last
    one.lead_over(*[Played(id, log_of(id)) for id in one.others])
    asked = one.others[:counted]
    one.expect_reached(old, asked, f"its log ends with entry {old}, of an older term")
    one.expect_counted(f"entry {old}, of an older term, is on {counted + 1} servers")
    index = one.propose(b"of its own term")
    one.settle()
    one.expect_reached(index, asked)
    one.expect_counted(f"entry {index}, of its own term, is on {counted + 1} servers")
    one.expect_reached(index)
    one.expect_commit(one.last, f"all have entry {index}, of its own term")


# --- 6.7 ---

# A follower's log, and what a leader of term 7 sends: prev, the terms of entries, leader_commit,
# whether it fits, and the follower's commit index afterwards.
Step: TypeAlias = tuple[tuple[int, int], tuple[int, ...], int, bool, int]
STEPS: list[tuple[tuple[int, ...], list[Step]]] = [
    ((), [((0, 0), (7,), 100, True, 1), ((1, 7), (7, 7), 2, True, 2), ((3, 7), (), 9, True, 3)]),
    ((1, 1, 1), [((1, 1), (), 3, True, 1), ((1, 1), (7,), 2, True, 2), ((2, 7), (), 2, True, 2)]),
    ((1, 1, 1), [((0, 0), (), 3, True, 0), ((0, 0), (1,), 3, True, 1), ((2, 1), (), 3, True, 2)]),
    ((1, 1, 4), [((3, 7), (), 3, False, 0), ((9, 7), (), 9, False, 0), ((2, 1), (7,), 3, True, 3)]),
    ((1, 1, 4), [((9, 7), (7,), 9, False, 0), ((3, 4), (), 9, True, 3), ((0, 0), (), 9, True, 3)]),
    ((1, 1, 4, 4), [((3, 4), (), 3, True, 3), ((3, 4), (), 1, True, 3), ((4, 4), (), 0, True, 3)]),
    ((1, 4, 4), [((1, 1), (4,), 9, True, 2), ((0, 0), (1,), 9, True, 2), ((3, 4), (), 2, True, 2)]),
]  # fmt: skip


@stage(
    "6.7",
    "Commit is bounded by what was checked",
    points=4,
    see="lab6#commit-bound",
    source="Raft, figure 2, AppendEntries RPC, receiver 5; PROTOCOL, section 2",
)
def test_commit_bound(attempt: Attempt) -> None:
    """A follower commits no further than prev_log_index and the entries of the request that says
    so: what it has behind them was not checked. A leader counts what was acknowledged, and no more.
    """
    simulator = Simulator(attempt)
    for log, steps in STEPS:
        with follower(simulator, entries(*log)) as one:
            for prev, new, commit, fits, reached in steps:
                more = entries(*new, start=prev[0] + 1)
                checked = f"it checks entries up to {prev[0] + len(new)}"
                one.append(prev, more, commit=commit, fits=fits, why=checked)
                one.expect_commit(reached, checked)
    with follower(simulator, entries(1, 1, 1, 1)) as one:
        for index in (2, 0, 3, 1):
            why = (
                f"it checks entries up to {index}: those behind may be other ones than the leader's"
            )
            one.append((index, min(index, 1)), why=why)
    held_back(simulator)


def held_back(simulator: Simulator) -> None:
    """A follower's reply is on its way while more is proposed."""
    for servers in (2, 3):
        for more in (1, 4):
            with over_empty_logs(simulator, servers) as one:
                first = one.propose(b"asked for")
                one.settle()
                request = expect_request(one, 2, first)
                for number in range(more):
                    one.propose(b"later %d" % number)
                one.settle()
                one.answer(2, request)
                one.expect_counted(f"server 2 acknowledged entry {first}, and it has more itself")
                one.expect_reached(one.last)
                one.expect_counted("all others have all")


def expect_request(one: LogScene, to: int, index: int) -> AppendEntries:
    """The one that brings the entry; those before it are answered, and this one is not yet."""

    def brings(asked: AppendEntries) -> bool:
        return asked.prev_log_index < index <= asked.prev_log_index + len(asked.entries)

    if not one.serve([to], lambda: any(map(brings, one.waiting[to]))):
        one.fail(
            f"no request brings server {to} entry {index}",
            "not-replicated",
            "figure 2, Leaders: if last log index >= nextIndex, send entries from there on",
        )
    found = next(filter(brings, one.waiting[to]))
    one.lose([to])
    return found
