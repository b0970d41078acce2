"""Lab 5: what has to be saved before a message is sent, and messages that no correct server
sends.
"""

from __future__ import annotations

import struct
from functools import partial

from grader.labs.lab5.scene import (
    CANDIDATE,
    FOLLOWER,
    LEADER,
    NOBODY,
    ROLES,
    Scene,
    heartbeat,
    sent,
    show,
)
from grader.labs.lab5.stages_roles import begin
from grader.labs.lab5.stages_timers import EXACT, moves
from grader.labs.lab5.steps import Step, revive, settles, stands, tells, wins
from grader.labs.simulator import Simulator
from grader.labs.stage import Attempt, stage
from grader.sim.cluster import CRASH, DOOM
from grader.sim.server import SEND, Config
from grader.wire.messages import (
    INT32_MAX,
    AppendEntries,
    AppendEntriesReply,
    LogEntry,
    Message,
    RequestVote,
    RequestVoteReply,
    encode,
)

LAST_TERM = INT32_MAX - 1

# --- saved before sent ---


def _asks(candidate: int, term: int, *, well: bool = True) -> Step:
    """For a vote, by a log that is as good as the server's, or a worse one."""
    return tells(candidate, RequestVote(term, candidate, *((2, 4) if well else (1, 1))))


# What happens to a server that has saved term 5 and no vote, and a log that ends with 2/4.
STORIES: dict[str, list[Step]] = {
    "it stands": [stands],
    "it stands twice": [stands, stands],
    "it votes": [_asks(2, 5)],
    "it votes in a newer term": [_asks(2, 8)],
    "it votes in one term after the other": [_asks(2, 6), _asks(3, 7)],
    "it votes again": [_asks(2, 6), _asks(2, 6)],
    "it refuses, in a newer term": [_asks(2, 8, well=False)],
    "it refuses, and votes for another": [_asks(2, 8, well=False), _asks(3, 8)],
    "it stands, and votes for the next": [stands, _asks(3, 7)],
    "it stands, and refuses the next": [stands, _asks(3, 7, well=False)],
    "it stands, and is asked in its own term": [stands, _asks(3, 6)],
    "it learns of a newer term, and votes": [tells(3, RequestVoteReply(9, 0)), _asks(2, 9)],
    "it learns of a newer term, and refuses": [
        tells(3, RequestVoteReply(9, 0)),
        _asks(2, 9, well=False),
    ],
    "it learns of a newer term, and refuses a stale leader": [
        tells(3, RequestVoteReply(9, 0)),
        tells(2, heartbeat(5, 2)),
    ],
    "it learns of a newer term, and stands": [tells(3, RequestVoteReply(9, 0)), stands],
    "it follows the leader of a newer term": [tells(2, heartbeat(8, 2))],
    "it follows, and votes in that term": [tells(2, heartbeat(8, 2)), _asks(3, 8)],
    "it leads": [stands, wins, settles],
    "it leads, and a newer leader is heard": [stands, wins, settles, tells(2, heartbeat(8, 2))],
    "it is deposed, and votes": [
        stands,
        wins,
        tells(2, AppendEntriesReply(9, 2, 0, 0, 0, 1)),
        _asks(3, 9),
    ],
}


@stage(
    "5.11",
    "Saved before sent",
    points=7,
    see="lab5#save",
    source="Raft, figure 2, State",
    seconds=60,
)
def test_save(attempt: Attempt) -> None:
    """Term and vote are saved and synced before any message that depends on them is sent: wherever
    a crash comes between two of its effects, a server keeps after its restart what it promised
    before.
    """
    simulator = Simulator(attempt)
    for steps in STORIES.values():
        for crash_in in range(len(steps)):
            for after in range(_effects(simulator, steps, crash_in) + 1):
                for kept in range(after + 1):
                    crash(simulator, steps, crash_in, after, kept)


def _effects(simulator: Simulator, steps: list[Step], step: int) -> int:
    """How much it does at that step, if nothing happens to it."""
    with Scene(simulator, vote=(5, NOBODY), terms=(1, 4), durable=True) as one:
        for before in steps[:step]:
            before(one)
        known = len(one.cluster.answers)
        steps[step](one)
        return max((len(done) for done, _ in one.cluster.answers[known:]), default=0)


def crash(simulator: Simulator, steps: list[Step], step: int, after: int, kept: int) -> None:
    """It crashes in that step, after so many effects, and so much of what was not synced is kept;
    then it starts again, is asked by both others in each of the terms, and stands.
    """
    with Scene(simulator, vote=(5, NOBODY), terms=(1, 4), durable=True) as one:
        for at, one_step in enumerate(steps):
            if at == step:
                one.apply(DOOM, after, kept)
            one_step(one)
        revive(one)
        for candidate in (3, 2):
            for term in range(one.term, one.term + 2):
                _asks(candidate, term)(one)
                revive(one)
        stands(one)


# --- what no correct server sends ---


@stage(
    "5.12",
    "What no correct server sends",
    points=4,
    see="lab5#malformed",
    source="PROTOCOL, section 2",
)
def test_malformed(attempt: Attempt) -> None:
    """raft_receive says false to what no correct server of this cluster sends, and nothing has
    changed then: no state, no timer, no reply.
    """
    simulator = Simulator(attempt)
    for role in ROLES:
        for why, sender, message in impossible(7):
            with begin(simulator, role) as one:
                refuses(one, role, why, sender, message)
    for why, sender, message in impossible(7):
        with Scene(simulator, config=EXACT, vote=(7, NOBODY)) as one:
            moves(one, f"a message comes ({why})", partial(_refused, sender, message))
    possible(simulator)
    two_leaders(simulator)
    last_terms(simulator)


def impossible(term: int) -> list[tuple[str, int, bytes]]:
    """For server 1 of three: what is wrong, on whose connection it comes, and the bytes."""
    newer = term + 1
    found: list[tuple[str, int, Message]] = []
    for id in (0, 1, 4, 64, 65, INT32_MAX):
        found += [
            (f"candidate_id is {id}", 2, RequestVote(newer, id, 0, 0)),
            (f"leader_id is {id}", 2, heartbeat(newer, id)),
            (f"follower_id is {id}", 2, AppendEntriesReply(newer, id, 0, 1, 0, 1)),
        ]
        if id:
            found.append((f"it is a vote of server {id}", id, RequestVoteReply(newer, 1)))
    found += [
        ("its term is INT32_MAX", 2, make)
        for make in (
            RequestVote(INT32_MAX, 2, 0, 0),
            RequestVoteReply(INT32_MAX, 0),
            heartbeat(INT32_MAX, 2),
            AppendEntriesReply(INT32_MAX, 2, 0, 0, 0, 1),
        )
    ]
    top = INT32_MAX - 1
    found += [
        ("log_index is INT32_MAX", 2, AppendEntriesReply(newer, 2, INT32_MAX, 1, 0, 1)),
        ("prev_log_index is INT32_MAX", 2, AppendEntries(newer, 2, INT32_MAX, 1, 0, 1, ())),
        (
            "prev_log_index + entry_count is INT32_MAX",
            2,
            AppendEntries(newer, 2, top, 1, 0, 1, (LogEntry(1, b""),)),
        ),
        (
            "prev_log_index + entry_count is above INT32_MAX",
            2,
            AppendEntries(newer, 2, top, 1, 0, 1, (LogEntry(1, b""),) * 3),
        ),
    ]
    return [(why, sender, encode(message)) for why, sender, message in found] + broken_bytes(newer)


def broken_bytes(term: int) -> list[tuple[str, int, bytes]]:
    """What the codec refuses."""
    ask, beat = encode(RequestVote(term, 2, 0, 0)), encode(heartbeat(term, 2))
    grant = encode(RequestVoteReply(term, 1))
    cases = [
        ("it has no bytes", b""),
        ("it has three bytes", ask[:3]),
        ("it is a header alone", ask[:8]),
        ("its last byte is missing", ask[:-1]),
        ("a byte follows it", ask + b"\0"),
        ("two messages came as one", ask + ask),
        ("there is no type 0", struct.pack("<I", 0) + ask[4:]),
        ("there is no type 11", struct.pack("<I", 11) + ask[4:]),
        ("its flag is 2", grant[:-1] + b"\2"),
        ("its term is -1", ask[:8] + b"\xff" * 4 + ask[12:]),
        ("an entry is announced, and none comes", beat[:-4] + struct.pack("<I", 1)),
        ("payload_size is 17", struct.pack("<II", 1, 17) + ask[8:]),
    ]
    return [(why, 2, data) for why, data in cases]


def refuses(one: Scene, role: int, why: str, sender: int, message: bytes) -> None:
    before = one.status()
    when = f"a message came to {ROLES[role]} ({why})"
    effects = one.tell(sender, message)
    if one.accepted:
        one.fail(
            f"raft_receive says true: {when}",
            "accepted",
            "no correct server sends it, so its connection is to be closed",
        )
    if any(effect[0] == SEND for effect in effects):
        one.fail(f"{when}, and is answered", "answered", "nothing happens at such a message")
    one.expect_unchanged(before, when)
    one.ask(2, RequestVote(9, 2, 0, 0), RequestVoteReply(9, 1), "a right message after a wrong one")


def _refused(sender: int, message: bytes, one: Scene) -> None:
    one.tick()  # it knows what time it is
    one.tell(sender, message)


def possible(simulator: Simulator) -> None:
    """Just within the bounds."""
    top = INT32_MAX - 1
    with begin(simulator, FOLLOWER) as one:
        request = AppendEntries(7, 3, top, 5, 0, 3, ())
        one.ask(3, request, AppendEntriesReply(7, 1, 0, 0, 0, 3), "it has no such entry")
        request = AppendEntries(7, 3, top - 1, 5, 0, 4, (LogEntry(5, b""),))
        one.ask(3, request, AppendEntriesReply(7, 1, 0, 0, 0, 4), "it has no such entry")
        one.ask(2, RequestVote(LAST_TERM, 2, 0, 0), RequestVoteReply(LAST_TERM, 1))
    with begin(simulator, CANDIDATE) as one:
        one.tell(NOBODY, RequestVoteReply(7, 1))
        if not one.accepted:
            one.fail(
                "raft_receive says false to a vote of nobody knows whom",
                "refused",
                "its connection has named nobody so far: the vote is ignored, and no more",
            )


def two_leaders(simulator: Simulator) -> None:
    """It can't be, and is answered with success 0, or refused."""
    for role in (FOLLOWER, LEADER):
        with begin(simulator, role) as one:
            before = one.status()
            request = heartbeat(7, 2, 12)
            replies = sent(one.tell(2, request), AppendEntriesReply)
            when = f"{show(request)} comes, and server {before['leader']} leads in term 7"
            for _, data in replies:
                one.expect_bytes(data, AppendEntriesReply(7, 1, 0, 0, 0, 12), "the reply")
            if one.accepted and not replies:
                one.fail(f"{when}; there is no reply", "no-reply", "due is success 0")
            one.expect_unchanged(before, when)


def last_terms(simulator: Simulator) -> None:
    """There is no term after INT32_MAX - 1."""
    config = Config(3)
    with Scene(simulator, config=config, vote=(LAST_TERM - 1, 2)) as one:
        one.lead()
        one.expect("it stood in the last but one term", role=LEADER, term=LAST_TERM)
    for vote in ((LAST_TERM, NOBODY), (LAST_TERM, 1)):
        with Scene(simulator, config=config, vote=vote) as one:
            effects = one.pass_time(one.now + 5 * config.election_max)
            if sent(effects, RequestVote) or one.role == LEADER:
                one.fail(
                    f"in term {LAST_TERM}, the last one, it stands",
                    "stands-in-last-term",
                    "the next term would be INT32_MAX, which nobody accepts",
                )
            one.expect("the last term goes on", term=LAST_TERM, voted_for=vote[1])
            free = int(vote[1] == NOBODY)
            one.ask(2, RequestVote(LAST_TERM, 2, 0, 0), RequestVoteReply(LAST_TERM, free))


# --- alone ---


@stage("5.13", "Alone", points=2, see="lab5#alone", source="Raft, section 5.2")
def test_alone(attempt: Attempt) -> None:
    """A cluster of one server has a majority as soon as that server stands: it leads, sends
    nothing, and goes on to lead.
    """
    simulator = Simulator(attempt)
    for vote in ((0, NOBODY), (6, 1)):
        with Scene(simulator, 1, 1, vote=vote, durable=True) as one:
            for _ in range(3):
                term = one.cluster.disks[1].vote[0] + 1  # it may save nothing: whom would it tell?
                effects = one.pass_until(LEADER, one.now + one.config.election_max)
                known = {"role": LEADER, "term": term, "leader": 1, "voted_for": 1}
                one.expect("its timeout is over, and there are no others", **known)
                effects += one.pass_time(one.now + 2000)
                one.expect("two seconds have passed", **known)
                if any(effect[0] == SEND for effect in effects):
                    one.fail("it sends a message", "speaks-unasked", "there are no others")
                one.apply(CRASH, 0, 9)
                one.start(seed=term + 3)
