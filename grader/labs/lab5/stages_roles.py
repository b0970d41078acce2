"""Lab 5: a leader's heartbeats, and what messages of newer, the same and older terms do to each
role.
"""

from __future__ import annotations

from collections.abc import Callable

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
from grader.labs.simulator import Simulator
from grader.labs.stage import Attempt, stage
from grader.sim.server import SEND, Config, Effect
from grader.verdicts import Diagnosis, fail
from grader.wire.messages import (
    AppendEntries,
    AppendEntriesReply,
    Message,
    RequestVote,
    RequestVoteReply,
    decode,
)

PATIENT = Config(3, 10_000, 20_000, 50)  # elections are far away


@stage("5.6", "Heartbeats", points=5, see="lab5#heartbeats", source="Raft, section 5.2, figure 2")
def test_heartbeats(attempt: Attempt) -> None:
    """A leader sends an empty AppendEntries to each of the others at once, and again before each
    heartbeat interval is over, whether or not they answer: so nobody else stands.
    """
    simulator = Simulator(attempt)
    for config in (Config(3), Config(2, 150, 300, 20), Config(5, 1000, 2000, 333), Config(7)):
        for me in (1, config.servers):
            with Scene(simulator, me=me, config=config, vote=(4, NOBODY)) as one:
                beats(one, answered=me == 1)
    with Scene(simulator, config=PATIENT) as one:
        one.lead()
        late_host(one)
    with Scene(simulator, config=Config(3, 20, 40, 9)) as one:
        one.lead()
        looked_at_often(one)
    expect_no_leak(Simulator(attempt, "plain"))  # the sanitizers keep what was freed


def beats(one: Scene, *, answered: bool) -> None:
    effects = one.lead()
    last = expect_beats(one, effects, "it has won its election", {})
    latest = dict.fromkeys(one.others, one.now)
    until = one.now + (4 if answered else 20) * one.config.heartbeat
    while one.now < until:
        due = min(max(one.now, one.deadline), min(latest.values()) + one.config.heartbeat)
        effects = answers(one, due - 1, last) if answered and due - 1 > one.now else []
        one.now = due
        effects += one.tick() + one.settle()
        one.expect("it leads, and nobody else does", role=LEADER, term=5, leader=one.me)
        came = beats_in(one, effects, last)
        latest.update(dict.fromkeys(came, one.now))
        late = [to for to, at in latest.items() if one.now - at >= one.config.heartbeat]
        if late:
            one.fail(
                f"no heartbeat for server {late[0]} within {one.config.heartbeat} ms of the last",
                "beats-late",
                "each of the others hears of its leader once in an interval, also if it is silent",
            )


def answers(one: Scene, now: int, last: dict[int, int]) -> list[Effect]:
    """All others answer their last heartbeats, just before the next are due. What it does then."""
    one.now = now
    replies = [AppendEntriesReply(5, to, 0, 1, 0, seq) for to, seq in last.items()]
    return [effect for reply in replies for effect in one.tell(reply.follower_id, reply)]


def beats_in(one: Scene, effects: list[Effect], last: dict[int, int]) -> dict[int, int]:
    """Who got a heartbeat, and its seq. Each is right to the byte but for its seq, which grows."""
    found: dict[int, int] = {}
    for to, data in sent(effects, AppendEntries):
        message = decode(data)
        assert isinstance(message, AppendEntries)
        one.expect_bytes(
            data, heartbeat(one.term, one.me, message.seq), f"its heartbeat to server {to}"
        )
        if to in last and not 0 < (message.seq - last[to]) % (1 << 32) < 1 << 31:
            one.fail(
                f"seq {message.seq} follows {last[to]} on the way to server {to}",
                "seq",
                "it grows with each request of a term",
            )
        found[to] = last[to] = message.seq
    return found


def expect_beats(
    one: Scene, effects: list[Effect], when: str, last: dict[int, int]
) -> dict[int, int]:
    """To each of the others."""
    missing = set(one.others) - set(beats_in(one, effects, last))
    if missing:
        one.fail(
            f"{when}, and no heartbeat goes to server {min(missing)}",
            "beats-missing",
            "all others hear at once who leads",
        )
    return last


def late_host(one: Scene) -> None:
    """The host looks at its clock too late: one round of heartbeats, and the interval from now."""
    one.now += 2000
    expect_beats(one, one.tick(), "its heartbeat is due for long", {})
    one.settle()
    one.now = one.deadline
    one.expect("a heartbeat was late", role=LEADER)


def looked_at_often(one: Scene) -> None:
    """raft_tick may come at any time: a leader has no election timer."""
    for _ in range(3 * one.config.election_max):
        one.now += 1
        one.tick()
        one.expect("it leads, and is ticked every millisecond", role=LEADER, term=1, leader=1)


def expect_no_leak(simulator: Simulator) -> None:
    """A leader of 64 sends some hundred thousand heartbeats: nothing of them stays."""
    config = Config(64, 1000, 2000, 1)
    with Scene(simulator, config=config) as one:
        one.lead()
        before = count = 0
        for number in range(_BEATS):
            one.now += config.heartbeat
            count += len(sent(one.tick(), AppendEntries))
            if number == _BEATS // 4:
                before, count = simulator.memory(), 0
        grown = simulator.memory() - before
    if grown > 16 * count:
        fail(
            f"a leader sent {count:,} heartbeats, and holds {grown >> 10:,} KiB more",
            Diagnosis("memory-leak", "what a message is made in is used again, or freed"),
        )


_BEATS = 1000

# A message of the term, of server 2, that says no more than that.
Make = Callable[[int], Message]
OF_ALL_TYPES: dict[str, Make] = {
    "RequestVote": lambda term: RequestVote(term, 2, 0, 0),
    "a vote's reply": lambda term: RequestVoteReply(term, 0),
    "AppendEntries": lambda term: heartbeat(term, 2, 77),
    "AppendEntries' reply": lambda term: AppendEntriesReply(term, 2, 0, 0, 0, 1),
}


def begin(simulator: Simulator, role: int, term: int = 7, **more: object) -> Scene:
    """A server of three with that role and term; as a follower, it knows its leader."""
    before = term if role == FOLLOWER else term - 1
    one = Scene(simulator, vote=(before, NOBODY), config=PATIENT, **more)  # type: ignore[arg-type]
    if role == FOLLOWER:
        one.tell(3, heartbeat(term, 3))
        one.expect(f"server 3 leads in term {term}", role=FOLLOWER, term=term, leader=3)
    elif role == CANDIDATE:
        one.stand()
    else:
        one.lead()
    return one


@stage(
    "5.7",
    "A newer term",
    points=6,
    see="lab5#newer-term",
    source="Raft, figure 2, All Servers; section 5.1",
)
def test_newer_term(attempt: Attempt) -> None:
    """A message of any type with a newer term makes every server a follower in that term, with its
    vote free; only then is the message obeyed.
    """
    simulator = Simulator(attempt)
    for role in ROLES:
        for title, make in OF_ALL_TYPES.items():
            for ahead in (1, 5, 2_000_000):
                with begin(simulator, role) as one:
                    adopts(one, title, make(7 + ahead), 7 + ahead)
    with begin(simulator, LEADER) as one:
        one.ask(3, RequestVote(7, 3, 0, 0), RequestVoteReply(7, 0), "a leader's vote is its own")
        one.expect("another asks in the term in which it leads", role=LEADER, term=7, leader=1)
    with Scene(simulator, 3, 2, vote=(5, NOBODY)) as one:
        one.tell(3, heartbeat(6, 3))
        one.ask(1, RequestVote(7, 1, 0, 0), RequestVoteReply(7, 1), "its vote is free")
        one.expect("another term than its leader's began", leader=NOBODY, voted_for=1)
    with Scene(simulator, 3, 1, vote=(7, NOBODY), terms=(1, 5)) as one:
        one.ask(2, RequestVote(9, 2, 1, 1), RequestVoteReply(9, 0), "its log is better")
        one.expect("a candidate with a worse log has a newer term", term=9, voted_for=NOBODY)


def adopts(one: Scene, title: str, message: Message, term: int) -> None:
    was = ROLES[one.role]
    when = f"{title} of term {term} comes to {was} of term 7"
    leader = voted = NOBODY
    if isinstance(message, RequestVote):
        one.ask(2, message, RequestVoteReply(term, 1), "its vote is free in the new term")
        voted = 2
    elif isinstance(message, AppendEntries):
        one.ask(2, message, AppendEntriesReply(term, 1, 0, 1, 0, message.seq))
        leader = 2
    else:
        one.tell(2, message)
        if not one.accepted:
            one.fail(f"raft_receive says false when {when}", "refused", "it is right")
    one.expect(when, role=FOLLOWER, term=term, voted_for=voted, leader=leader)
    effects = []
    for _ in range(100):
        effects += one.pass_time(one.now + one.config.heartbeat // 2) + one.tick()
    if [effect for effect in effects if effect[0] == SEND]:
        one.fail(
            f"{when}, and long before its election timeout is over it has sent messages",
            "speaks-unasked",
            "a follower answers, and asks nothing",
        )
    one.expect(when, role=FOLLOWER, term=term)


@stage("5.8", "A candidate yields", points=4, see="lab5#yields", source="Raft, section 5.2")
def test_yields(attempt: Attempt) -> None:
    """A candidate that hears of a leader of its own term follows it, also where the leader's
    entries don't fit its log.
    """
    simulator = Simulator(attempt)
    for prev, success in (((0, 0), 1), ((5, 2), 0), ((9, 7), 0)):
        for leader in (2, 3):
            with begin(simulator, CANDIDATE) as one:
                request = AppendEntries(7, leader, *prev, 0, 9, ())
                one.ask(leader, request, AppendEntriesReply(7, 1, 0, success, 0, 9))
                when = f"{show(request)} comes to a candidate of term 7"
                one.expect(when, role=FOLLOWER, term=7, leader=leader, voted_for=1)
                for voter in one.others:
                    one.tell(voter, RequestVoteReply(7, 1))
                one.expect(f"{when}, and grants after it", role=FOLLOWER, leader=leader)
    with Scene(simulator, vote=(6, NOBODY)) as one:
        one.tell(2, heartbeat(6, 2))
        one.stand()
        one.ask(3, heartbeat(7, 3, 4), AppendEntriesReply(7, 1, 0, 1, 0, 4))
        one.expect("it knew another leader before it stood", role=FOLLOWER, leader=3, term=7)
    too_late(simulator)


def too_late(simulator: Simulator) -> None:
    """Grants for one that never stood, and for one that leads already."""
    with Scene(simulator, 3, 1, config=PATIENT) as one:
        one.tell(2, heartbeat(4, 2))
        for voter in one.others:
            one.tell(voter, RequestVoteReply(4, 1))
            one.settle()
        one.expect("grants came, and it never stood", role=FOLLOWER, leader=2, term=4)
    with Scene(simulator, 3, 1, config=PATIENT) as one:
        one.lead()
        for voter in (2, 3, 2):
            one.tell(voter, RequestVoteReply(1, 1))
        one.expect("it leads, and more grants came", role=LEADER, leader=1, term=1)


@stage("5.9", "Stale messages", points=4, see="lab5#stale", source="Raft, section 5.1, figure 2")
def test_stale(attempt: Attempt) -> None:
    """A request of an older term is refused with the server's own term, so that its sender learns
    of it; a reply of an older term answers nothing. Neither changes anything.
    """
    simulator = Simulator(attempt)
    for role in ROLES:
        for old in (1, 6):
            with begin(simulator, role) as one:
                ignores(one, role, old)
        with begin(simulator, role, term=2_000_000_000) as one:
            ignores(one, role, 1)
    known_before(simulator)


def ignores(one: Scene, role: int, old: int) -> None:
    term, before = one.term, one.status()
    why = f"term {old} is over, it is {term}"
    when = f"a message of term {old} came to {ROLES[role]} of term {term}"
    log = (9, old - 1) if old > 1 else (0, 0)  # a candidate's term is later than its log's
    one.ask(2, RequestVote(old, 2, *log), RequestVoteReply(term, 0), why)
    one.expect_unchanged(before, when)
    one.ask(2, heartbeat(old, 2, 78), AppendEntriesReply(term, 1, 0, 0, 0, 78), why)
    one.expect_unchanged(before, when)
    for voter in one.others:
        one.tell(voter, RequestVoteReply(old, 1))
        one.expect_unchanged(before, when)
        one.tell(voter, AppendEntriesReply(old, voter, 0, 1, 0, 1))
        one.expect_unchanged(before, when)


def known_before(simulator: Simulator) -> None:
    """What was right in its own term, of the leader that is followed and of the one that was voted
    for, and is late.
    """
    with begin(simulator, FOLLOWER) as one:
        before = one.status()
        reply = AppendEntriesReply(7, 1, 0, 0, 0, 8)
        one.ask(3, heartbeat(6, 3, 8), reply, "term 6 is over, whoever led in it")
        one.expect_unchanged(before, "a message of term 6 came, of the leader of term 7")
    with Scene(simulator, vote=(6, NOBODY)) as one:
        one.ask(2, RequestVote(7, 2, 0, 0), RequestVoteReply(7, 1))
        before = one.status()
        one.ask(2, RequestVote(6, 2, 0, 0), RequestVoteReply(7, 0), "term 6 is over")
        one.expect_unchanged(before, "server 2 has the vote of term 7, and asks for that of 6")
