"""Runs of servers in Python, for the tests of what shows runs."""

from __future__ import annotations

from grader.selftest.toy_raft import Toys
from grader.sim import cluster, run
from grader.sim.cluster import Input
from grader.sim.invariants import Broken
from grader.sim.run import Run
from grader.sim.schedule import Faults
from grader.sim.server import APPLY, FOLLOWER, LEADER, SAVE_ENTRY, SEND, SYNC, Answer, Config
from grader.wire.messages import (
    AppendEntries,
    AppendEntriesReply,
    LogEntry,
    RequestVoteReply,
    encode,
)

THREE = Config(3)
FAULTS = Faults(loss=8000, repeat=4000, late=2000, moves=300, crashes=300)

# Server 1 asks; server 2 grants, and saves no vote: that breaks the rule. Server 3 is never asked.
ASKED: list[Input] = [
    (1, cluster.START, 0, 1, 5, 0),
    (2, cluster.START, 0, 2, 6, 0),
    (3, cluster.TICK, 300, 1, 0, 0),
    (7, cluster.RECEIVE, 301, 2, 3, 0),
]
HOSTILE = (
    "</script><script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\">"
)


def broken_run() -> Run:
    return run.replay(Toys("votes twice"), THREE, ASKED)


def long_run() -> Run:
    return run.draw(Toys(), Config(5), (4, "5.14", 1), 1500, FAULTS)


def replicating() -> Run:
    """What lab 6 adds: a proposal, entries in a message, in the log and applied, with hostile data.
    The receiver sends bytes that are no message, to a server that there is none of.
    """
    data = HOSTILE.encode() + b"\x1b[31m\xff"
    entries = encode(AppendEntries(1, 1, 0, 0, 0, 1, (LogEntry(1, b""), LogEntry(1, data))))
    matched = encode(AppendEntriesReply(1, 2, 2, 1, 0, 1))
    entry: Answer = ([(SAVE_ENTRY, 2, 1, data), (SYNC,)], (0, 2, LEADER, 1, 1, 1, 2, 0))
    answers: list[Answer] = [
        ([], (300, 1, LEADER, 1, 1, 1, 1, 0)),
        ([], (300, 1, FOLLOWER, 1, 0, 0, 0, 0)),
        entry,
        ([(SEND, 2, entries)], (50, 0, LEADER, 1, 1, 1, 2, 0)),
        ([(SYNC,), (SEND, 1, matched)], (400, 1, FOLLOWER, 1, 0, 1, 2, 0)),
        ([(APPLY, 1, 1, b""), (APPLY, 2, 1, data)], (50, 1, LEADER, 1, 1, 1, 2, 2)),
        ([(SEND, 9, data), (SEND, 0, b"")], (400, 0, FOLLOWER, 1, 0, 1, 2, 0)),
    ]
    inputs: list[Input] = [
        (1, cluster.START, 0, 1, 5, 0),
        (2, cluster.START, 0, 2, 6, 0),
        (3, cluster.PROPOSE, 5, 1, data, 0),
        (4, cluster.TICK, 6, 1, 0, 0),
        (5, cluster.RECEIVE, 7, 2, 4, 0),
        (6, cluster.RECEIVE, 9, 1, 5, 0),
        (7, cluster.TICK, 400, 2, 0, 0),
    ]
    return Run(THREE, inputs, answers, set(), 400, Broken(HOSTILE, 2, HOSTILE), {})


def played() -> Run:
    """One server among peers that the grader plays, as in lab 5's stages. It breaks no rule."""
    yes, no = encode(RequestVoteReply(4, 1)), encode(RequestVoteReply(4, 0))
    return run.replay(Toys(), THREE, [
        (1, cluster.DISK, 1000, 1, (3, 2, 1, 3), 0), (2, cluster.START, 1000, 1, 1, 0),
        (3, cluster.TICK, 1400, 1, 0, 0), (4, cluster.TELL, 1401, 1, yes, 2),
        (5, cluster.TELL, 1402, 1, no, 0), (6, cluster.CRASH, 1403, 1, 0, 0),
    ])  # fmt: skip
