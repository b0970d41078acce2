"""Lab 5: the election timer. With a shortest timeout that is the longest too, it is exact to the
millisecond.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from grader.labs.lab5.scene import CANDIDATE, FOLLOWER, LEADER, NOBODY, Scene, heartbeat
from grader.labs.simulator import Simulator
from grader.labs.stage import Attempt, stage
from grader.sim.server import Config
from grader.wire.messages import AppendEntries, AppendEntriesReply, RequestVote, RequestVoteReply

EXACT = Config(3, 200, 200, 50)
DRAWS = 18


@stage("5.10", "Timers", points=7, see="lab5#timers", source="Raft, sections 5.2 and 9.3")
def test_timers(attempt: Attempt) -> None:
    """The election timer restarts, with a fresh random timeout, when a vote is granted, a leader of
    this term is heard, an election begins, or leadership is lost; at nothing else. raft_deadline is
    never later than what is due.
    """
    simulator = Simulator(attempt)
    draws(simulator, attempt)
    exact(simulator)
    for title, event, restarts in EVENTS:
        with Scene(simulator, config=EXACT, vote=(7, NOBODY), terms=(1, 4)) as one:
            moves(one, title, event, restarts=restarts)
    candidates(simulator)
    deposed(simulator)
    clocks(simulator)


# --- timeouts are drawn ---


def draws(simulator: Simulator, attempt: Attempt) -> None:
    """One after the other, and those of servers that start together."""
    random = attempt.random("seeds")
    for config in (Config(3), Config(3, 10, 1000, 5), Config(3, 1, 60, 1)):
        with Scene(simulator, config=config, seed=random.next()) as one:
            gaps = [gap(one) for _ in range(2 * DRAWS)]
            expect_varied(one, gaps[:DRAWS], f"of {DRAWS} elections in a row")
            expect_spread(one, gaps)
    for seeds in ([random.next() for _ in range(DRAWS)], range(DRAWS)):
        firsts = []
        for at, seed in enumerate(seeds):
            with Scene(simulator, me=1 + at % 3, seed=seed) as one:
                firsts.append(gap(one))
                if len(firsts) == DRAWS:
                    expect_varied(one, firsts, f"of {DRAWS} servers with seeds of their own")


def gap(one: Scene) -> int:
    """How long it waits for its next election."""
    began, term = one.now, one.term
    config = one.config
    while one.term == term:
        if one.deadline > began + config.election_max:
            too_late(one, began, one.deadline - began)
        one.now = max(one.now, one.deadline)
        one.tick()
        if one.now - began >= config.election_max and one.term == term:
            too_late(one, began, config.election_max)
    waited = one.now - began
    if waited < config.election_min:
        one.fail(
            f"it stands {waited} ms after its timer was restarted; the shortest timeout is "
            f"{config.election_min} ms",
            "timeout-short",
            "timeouts are drawn from election_min_ms to election_max_ms, both included",
        )
    one.settle()
    return waited


def too_late(one: Scene, began: int, waited: int) -> None:
    one.fail(
        f"{waited} ms after its timer was restarted, at {began} ms, it does not stand; the longest "
        f"timeout is {one.config.election_max} ms",
        "timeout-long",
        "an election is due election_max_ms after the restart at the latest, and raft_deadline "
        "says so",
    )


def expect_varied(one: Scene, gaps: list[int], what: str) -> None:
    if len(set(gaps)) < 4:
        one.fail(
            f"the timeouts {what} are {', '.join(map(str, gaps))} ms",
            "not-random",
            "a fresh one is drawn each time, by a generator that begins with config.seed",
        )


def expect_spread(one: Scene, gaps: list[int]) -> None:
    """Both halves of the range come up: of so many draws, but for once in 2^35 times."""
    config = one.config
    middle = (config.election_min + config.election_max) / 2
    for side, near in (("lower", min(gaps) < middle), ("upper", max(gaps) > middle)):
        if not near:
            one.fail(
                f"none of {len(gaps)} timeouts is in the {side} half of {config.election_min} to "
                f"{config.election_max} ms",
                "not-random",
                "timeouts are drawn from the whole range",
            )


# --- and exact where there is one only ---


def exact(simulator: Simulator) -> None:
    for timeout in (1, 200, 5000):
        config = Config(3, timeout, timeout, 1)
        with Scene(simulator, config=config) as one:
            for _ in range(3):
                gap(one)
    with Scene(simulator, config=EXACT) as one:
        looked_at_often(one)


def looked_at_often(one: Scene) -> None:
    """raft_tick may come at any time: what is not due is not done."""
    began = one.now
    for now in range(began, began + 200, 7):
        one.now = now
        one.tick()
        one.expect(f"{now - began} ms of a timeout of 200 ms have passed", role=FOLLOWER, term=0)
    one.now = began + 200
    one.tick()
    one.settle()
    one.expect("its timeout of 200 ms is over", role=CANDIDATE, term=1)


# --- what restarts it ---


def _worse(term: int) -> RequestVote:
    return RequestVote(term, 2, 1, 1)


def _twice(one: Scene) -> None:
    one.tell(3, heartbeat(7, 3))
    one.pass_time(one.now + 80)
    one.tell(3, heartbeat(7, 3, 2))


def _late(one: Scene) -> None:
    one.tell(3, heartbeat(6, 3))


def _beat(one: Scene, term: int) -> None:
    one.tell(3, heartbeat(term, 3))


def _backward(one: Scene) -> None:
    one.tick()
    one.now -= 1000
    one.tick()
    one.now += 1000


Event = Callable[[Scene], object]
# The server is a follower in term 7, whose log ends with 2/4.
EVENTS: list[tuple[str, Event, bool]] = [
    ("it grants its vote", lambda one: one.tell(2, RequestVote(7, 2, 2, 4)), True),
    ("it grants its vote in a newer term", lambda one: one.tell(2, RequestVote(9, 2, 3, 4)), True),
    ("its leader is heard", lambda one: one.tell(3, AppendEntries(7, 3, 0, 0, 0, 1, ())), True),
    (
        "its leader is heard, and the log check fails",
        lambda one: one.tell(3, AppendEntries(7, 3, 9, 5, 0, 1, ())),
        True,
    ),
    ("the leader of a newer term is heard", lambda one: one.tell(3, heartbeat(8, 3)), True),
    ("it refuses its vote: the log is worse", lambda one: one.tell(2, _worse(7)), False),
    ("it refuses its vote in a newer term", lambda one: one.tell(2, _worse(9)), False),
    ("a candidate of an older term asks", lambda one: one.tell(2, RequestVote(6, 2, 9, 5)), False),
    ("the leader of an older term is heard", lambda one: one.tell(3, heartbeat(6, 3)), False),
    ("a stale grant comes", lambda one: one.tell(3, RequestVoteReply(7, 1)), False),
    ("an old refusal comes", lambda one: one.tell(3, RequestVoteReply(3, 0)), False),
    ("an old success comes", lambda one: one.tell(3, AppendEntriesReply(3, 3, 0, 1, 0, 1)), False),
    ("its leader is heard a second time", _twice, True),
    ("its leader's message of an older term comes", _late, False),
    ("a time comes that is over", _backward, False),
]


def moves(one: Scene, title: str, event: Event, *, restarts: bool = False) -> None:
    """100 ms after the timer was restarted, that happens."""
    one.pass_time(one.now + 100)
    event(one)
    expect_stands_in(one, 200 if restarts else 100, title, restarts=restarts)


def expect_stands_in(one: Scene, wait: int, title: str, *, restarts: bool) -> None:
    """Exactly so many milliseconds from now."""
    began, term = one.now, one.term
    one.pass_time(began + wait - 1)
    if one.term != term:
        one.fail(
            f"{title}; the timeout is 200 ms, and less than {wait} ms later it stands",
            "not-restarted" if restarts else "timeout-short",
            f"when {title}, the election timer restarts"
            if restarts
            else "the timer restarts with a whole timeout",
        )
    one.pass_time(began + wait)
    if one.term == term:
        one.fail(
            f"{title}; {wait} ms later its timeout of 200 ms is over, and it does not stand",
            "timeout-long" if restarts else "restarted",
            "the election is due"
            if restarts
            else f"when {title}, the election timer does not restart",
        )


OF_CANDIDATES: list[tuple[str, Event]] = [
    ("it refuses its vote", lambda one: one.tell(2, RequestVote(8, 2, 9, 7))),
    ("a vote is granted", lambda one: one.tell(2, RequestVoteReply(8, 1))),
    ("the leader of an older term is heard", lambda one: one.tell(3, heartbeat(7, 3))),
]


def candidates(simulator: Simulator) -> None:
    """Nor does a candidate's timer move at what comes."""
    for title, event in OF_CANDIDATES:
        with Scene(simulator, config=Config(5, 200, 200, 50), vote=(7, NOBODY)) as one:
            one.stand()
            moves(one, f"it is a candidate, and {title}", event, restarts=False)
    with Scene(simulator, config=EXACT, vote=(7, NOBODY)) as one:
        one.stand()
        title = "it is a candidate, and another leads"
        moves(one, title, partial(_beat, term=8), restarts=True)


DEPOSED: list[tuple[str, Event]] = [
    ("a vote is asked for", lambda one: one.tell(2, RequestVote(9, 2, 9, 8))),
    ("another leads", lambda one: one.tell(2, heartbeat(9, 2))),
    ("a follower knows", lambda one: one.tell(2, AppendEntriesReply(9, 2, 0, 0, 0, 1))),
]


def deposed(simulator: Simulator) -> None:
    """A leader has no timer: it gets one when it leads no more."""
    for title, event in DEPOSED:
        with Scene(simulator, config=EXACT, vote=(7, NOBODY)) as one:
            one.lead()
            one.pass_time(one.now + 730)
            one.expect("it leads for 730 ms", role=LEADER, term=8)
            event(one)
            one.expect(f"{title} in a newer term", role=FOLLOWER, term=9)
            expect_stands_in(one, 200, f"it led, and {title} in a newer term", restarts=True)


# --- clocks ---


def clocks(simulator: Simulator) -> None:
    """Those that show large numbers, stop, jump, or run backward."""
    for start in (0, 1 << 31, (1 << 32) - 100, 1 << 52):
        with Scene(simulator, config=EXACT, start=start) as one:
            gap(one)
            gap(one)
    with Scene(simulator, config=EXACT) as one:
        one.now += 3_600_000
        one.tick()
        one.settle()
        one.expect("its host slept for an hour", role=CANDIDATE, term=1)
        gap(one)
    with Scene(simulator, config=EXACT) as one:
        runs_backward(one)
    with Scene(simulator, config=EXACT, vote=(7, NOBODY)) as one:
        is_seen_by_a_message(one)


def runs_backward(one: Scene) -> None:
    """Time that ran backward stands still."""
    one.pass_time(one.now + 150)
    one.tick()
    one.now -= 50
    one.tell(3, heartbeat(1, 3))
    one.expect("its leader is heard", role=FOLLOWER, leader=3, term=1)
    one.now += 50
    expect_stands_in(one, 200, "its leader is heard at a time that is over", restarts=True)


def is_seen_by_a_message(one: Scene) -> None:
    """The latest time counts, whichever call it came with."""
    one.now += 210
    one.tell(2, RequestVoteReply(7, 0))
    one.now -= 15
    one.tick()
    one.settle()
    title = "a message came 10 ms after its timeout of 200 ms was over"
    one.expect(f"{title}, and then a tick", role=CANDIDATE, term=8)
