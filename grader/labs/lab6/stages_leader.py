"""Lab 6: what a leader does with a proposal: it appends, and asks the others to."""

from __future__ import annotations

from collections.abc import Sequence

from grader.labs.lab5.scene import CANDIDATE, FOLLOWER, LEADER, NOBODY, heartbeat
from grader.labs.lab6.played import Played
from grader.labs.lab6.scene import LogScene
from grader.labs.simulator import Simulator
from grader.labs.stage import Attempt, stage
from grader.sim.server import APPLY, SEND
from grader.wire.messages import AppendEntriesReply

SET = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"
DATA = (SET, b"", b"\0\xff\r\n\0*", bytes(range(256)) * 5, b"")


@stage(
    "6.1",
    "A leader appends, and asks the others to",
    points=4,
    see="lab6#append",
    source="Raft, section 5.3; figure 2, Leaders",
)
def test_append(attempt: Attempt) -> None:
    """What is proposed to a leader is appended to its log in its own term, and saved; raft_tick,
    which is due at once, asks all others to append it, byte for byte, until they have.
    """
    simulator = Simulator(attempt)
    for servers, me, log in ((3, 1, ()), (2, 2, (1,)), (5, 3, (1, 1, 4)), (7, 7, (2, 3))):
        with LogScene(simulator, servers, me, vote=(4, NOBODY), terms=log) as one:
            one.lead_over(*[Played(id, one.watch.log) for id in one.others])
            appends(one, DATA)
    with LogScene(simulator, 3, 2) as one:
        one.lead_over(Played(1), Played(3))
        for data in DATA:
            appends(one, [data])
    terms(simulator)
    losses(simulator)
    not_the_leader(simulator)


def appends(one: LogScene, proposals: Sequence[bytes], when: str = "entries were proposed") -> None:
    """All that is proposed reaches all others, whose logs were as the leader's is."""
    placed = [(proposed(one, data), data) for data in proposals]
    one.settle()
    one.expect_reached(placed[-1][0], when=f"{when}, and each follower answers")
    for peer in one.peers.values():
        for index, data in placed:
            if peer.log[index - 1] != (one.term, data):
                one.fail(
                    f"entry {index} was proposed as {data[:16]!r} in term {one.term}, and server "
                    f"{peer.id} got {peer.log[index - 1]}",
                    "entries-not-own",
                    "an entry is the data as it was proposed, and the leader's term",
                )


def proposed(one: LogScene, data: bytes) -> int:
    """The index of a proposal. Nothing is done about it but to append and to save."""
    before = one.last
    index = one.propose(data)
    effects = one.cluster.answers[-1][0]
    when = f"a leader whose log ends at {before} gets a proposal"
    if index != before + 1:
        one.fail(
            f"{when}; raft_propose returns {index}",
            "propose-returns",
            f"the index of the new entry is {before + 1}",
        )
    one.expect(when, last_index=index, role=LEADER)
    one.expect_saved([*one.watch.log[:before], (one.term, data)], when)
    if any(effect[0] in (SEND, APPLY) for effect in effects):
        one.fail(
            f"{when}; raft_propose sends or applies something",
            "propose-does-more",
            "raft.h: it appends and saves, no more; raft_tick sends",
        )
    if one.deadline > one.now:
        one.fail(
            f"{when}; its deadline is {one.deadline - one.now} ms away",
            "propose-deadline",
            "raft.h: the deadline is then now, and raft_tick sends",
        )
    return index


def terms(simulator: Simulator) -> None:
    """Entries keep their terms, and new ones have the leader's."""
    with LogScene(simulator, 3, 1, vote=(4, NOBODY), terms=(1, 4)) as one:
        one.lead_over(Played(2, one.watch.log), Played(3, one.watch.log))
        appends(one, [b"first"])
        one.tell(3, heartbeat(8, 3))
        one.expect("another leads in term 8", role=FOLLOWER, term=8, leader=3)
        one.lead_over(*one.peers.values())
        one.expect("it leads again", role=LEADER, term=9)
        appends(one, [b"second", b"third"])


def losses(simulator: Simulator) -> None:
    """What gets lost is sent again, without another proposal."""
    for lost in (1, 3):
        with LogScene(simulator, 3, 1) as one:
            one.lead_over(Played(2), Played(3))
            appends(one, [b"arrives"])
            index = proposed(one, b"lost at first")
            for _ in range(lost):
                one.pass_time(one.now + one.config.heartbeat)
                one.lose()
            one.expect_reached(index, when="all that was sent got lost, and now nothing does")


def not_the_leader(simulator: Simulator) -> None:
    """It takes no proposals."""
    with LogScene(simulator, 3, 1, vote=(4, NOBODY), terms=(1, 4)) as one:
        refuses(one, "it follows nobody")
        one.tell(2, heartbeat(4, 2))
        refuses(one, "it follows server 2")
        one.stand()
        one.expect("its timeout is over", role=CANDIDATE)
        refuses(one, "it is a candidate")
        one.lead_over(Played(2, one.watch.log), Played(3, one.watch.log))
        one.tell(2, AppendEntriesReply(one.term + 1, 2, 0, 0, 0, 1))
        one.expect("it has led, and a newer term has begun", role=FOLLOWER, leader=NOBODY)
        refuses(one, "it leads no longer")


def refuses(one: LogScene, when: str) -> None:
    before, log = one.status(), list(one.watch.log)
    index = one.propose(b"to whom it may concern")
    if index:
        one.fail(
            f"{when}, and raft_propose returns {index}",
            "propose-not-leader",
            "0: only a leader appends what is proposed",
        )
    one.expect_unchanged(before, f"{when}, and gets a proposal")
    one.expect_saved(log, f"{when}, and got a proposal")
