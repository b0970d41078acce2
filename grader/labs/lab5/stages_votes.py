"""Lab 5: one server as a follower, a candidate and a voter; the others are played."""

from __future__ import annotations

from grader.labs.lab5.scene import CANDIDATE, FOLLOWER, LEADER, NOBODY, Scene, sent
from grader.labs.simulator import Simulator
from grader.labs.stage import Attempt, stage
from grader.sim.server import SEND, Config, Effect
from grader.wire.messages import AppendEntries, RequestVote, RequestVoteReply


@stage("5.1", "A follower waits", points=3, see="lab5#follower", source="Raft, section 5.2")
def test_follower(attempt: Attempt) -> None:
    """A server starts as a follower, with the term and the vote that it had saved, and is quiet
    for as long as its election timeout.
    """
    simulator = Simulator(attempt)
    for servers, me, vote, start in (
        (3, 1, (0, NOBODY), 1000),
        (3, 3, (7, 2), 0),
        (5, 2, (41, NOBODY), 1 << 40),
        (7, 7, (2, 7), 5),
    ):
        with Scene(simulator, servers, me, vote=vote, start=start) as one:
            waits(one, vote)
    for config in (Config(3, 1000, 1500, 300), Config(3, 20, 45, 5)):
        for seed in range(5):
            with Scene(simulator, config=config, seed=seed) as one:
                waits(one, (0, NOBODY))


def waits(one: Scene, vote: tuple[int, int]) -> None:
    known = {"role": FOLLOWER, "term": vote[0], "voted_for": vote[1], "leader": NOBODY}
    one.expect("it starts", **known)
    shortest, longest = one.config.election_min, one.config.election_max
    away = one.deadline - one.now
    if away > longest:
        one.fail(
            f"its deadline is {away} ms away, and the longest election timeout is {longest} ms",
            "deadline-late",
            "a host that sleeps until then lets the election pass",
        )
    began = one.now
    for now in (began, began + shortest // 2, began + shortest - 1):
        one.now = now
        quiet(one, one.tick(), f"{now - began} ms after its start")
        one.expect(f"{now - began} ms have passed, fewer than the shortest timeout", **known)


def quiet(one: Scene, effects: list[Effect], when: str) -> None:
    if any(effect[0] == SEND for effect in effects):
        one.fail(
            f"it sends a message {when}", "speaks-unasked", "a follower answers, and asks nothing"
        )


@stage("5.2", "A candidate asks", points=5, see="lab5#candidate", source="Raft, figure 2")
def test_candidate(attempt: Attempt) -> None:
    """When its timeout is over, a follower becomes a candidate: in a new term, with its own vote,
    and a RequestVote to each of the others. If that leads to nothing, it does so again.
    """
    simulator = Simulator(attempt)
    with Scene(simulator, 3, 1) as one:
        asks(one, 1, RequestVote(1, 1, 0, 0))
        for term in (2, 3, 4):
            asks_again(one, term, RequestVote(term, 1, 0, 0))
    with Scene(simulator, 3, 1) as one:
        one.tell(2, AppendEntries(6, 2, 0, 0, 0, 1, ()))
        one.expect("it has a leader", role=FOLLOWER, term=6, leader=2)
        asks(one, 7, RequestVote(7, 1, 0, 0))
    for servers, me, vote in ((2, 2, (0, 0)), (5, 4, (41, 2)), (7, 7, (3, 7)), (64, 64, (9, 1))):
        with Scene(simulator, servers, me, vote=vote) as one:
            asks(one, vote[0] + 1, RequestVote(vote[0] + 1, me, 0, 0))
    for terms, last in (((1, 1, 4), (3, 4)), ((2,), (1, 2)), ((1, 2, 3, 3, 3), (5, 3))):
        with Scene(simulator, 3, 2, vote=(7, 1), terms=terms) as one:
            asks(one, 8, RequestVote(8, 2, *last))


def asks(one: Scene, term: int, request: RequestVote) -> None:
    effects = one.stand()
    one.expect("its timeout is over", role=CANDIDATE, term=term, voted_for=one.me, leader=NOBODY)
    expect_asked(one, effects, request)


def asks_again(one: Scene, term: int, request: RequestVote) -> None:
    """One timeout later, in which nobody answered."""
    latest = one.now + one.config.election_max
    effects: list[Effect] = []
    while one.term < term and one.deadline <= latest:
        one.now = max(one.now, one.deadline)
        effects = one.tick()
    effects += one.settle()
    one.expect(
        "nobody answered for a whole timeout",
        role=CANDIDATE,
        term=term,
        voted_for=one.me,
        leader=NOBODY,
    )
    expect_asked(one, effects, request)


def expect_asked(one: Scene, effects: list[Effect], request: RequestVote) -> None:
    asked = sent(effects, RequestVote)
    for to, data in asked:
        one.expect_bytes(data, request, f"its request to server {to}")
    missing = set(one.others) - {to for to, _ in asked}
    if missing:
        one.fail(
            f"it stands, and does not ask server {min(missing)}",
            "not-asked",
            f"of {len(one.others)} other servers it asks {len(one.others) - len(missing)}",
        )


@stage(
    "5.3",
    "One vote a term",
    points=6,
    see="lab5#vote",
    source="Raft, figure 2, RequestVote RPC",
)
def test_vote(attempt: Attempt) -> None:
    """A server grants one vote a term, to the first that asks; to the same candidate again, as the
    reply may be lost. Each reply carries the server's own term.
    """
    simulator = Simulator(attempt)
    with Scene(simulator, 5, 1, vote=(5, NOBODY)) as one:
        votes(one, 6, 2, yes=True)
        one.expect("it granted its vote", term=6, voted_for=2, role=FOLLOWER, leader=NOBODY)
        for candidate, yes in ((2, True), (3, False), (2, True), (5, False)):
            votes(one, 6, candidate, yes=yes)
            one.expect("its vote is given", voted_for=2)
        votes(one, 7, 3, yes=True)
        votes(one, 7, 2, yes=False)
        votes(one, 9, 5, yes=True)
        one.expect("it voted three times, once a term", term=9, voted_for=5)
    for vote, candidate, yes in (
        ((5, 3), 2, False),
        ((5, 3), 3, True),
        ((5, NOBODY), 2, True),
        ((5, 1), 2, False),
        ((0, NOBODY), 2, True),
    ):
        with Scene(simulator, 3, 1, vote=vote) as one:
            votes(one, max(vote[0], 1), candidate, yes=yes)
    in_other_roles(simulator)


def votes(one: Scene, term: int, candidate: int, *, yes: bool) -> None:
    """It is asked in its own term or a later one, by a log that is as good as its own."""
    reply = RequestVoteReply(term, int(yes))
    voted, before = one.status()["voted_for"], one.term
    free = "it has not voted in this term"
    if before == term and voted:
        free = f"in term {term} its vote is server {voted}'s"
    one.ask(candidate, RequestVote(term, candidate, 0, 0), reply, free)


def in_other_roles(simulator: Simulator) -> None:
    """The vote of a candidate is its own; it ends with the term."""
    with Scene(simulator, 3, 2, vote=(5, 1)) as one:
        one.stand()
        votes(one, 6, 3, yes=False)
        one.expect("another asks in the same term", role=CANDIDATE, term=6, voted_for=2)
        votes(one, 7, 3, yes=True)
        one.expect("it granted its vote", role=FOLLOWER, term=7, voted_for=3, leader=NOBODY)


# The voter's log ends with 5/3; of candidates, last index and last term.
LOG = (1, 1, 2, 3, 3)
CANDIDATES = {
    (0, 0): False, (4, 2): False, (5, 2): False, (6, 2): False,
    (4, 3): False, (5, 3): True, (6, 3): True,
    (4, 4): True, (5, 4): True, (6, 4): True,
}  # fmt: skip


@stage("5.4", "The better log", points=4, see="lab5#up-to-date", source="Raft, section 5.4.1")
def test_up_to_date(attempt: Attempt) -> None:
    """A vote is granted only to a candidate whose log is at least as up-to-date: the later last
    term decides; with the same one, the longer log. Whoever is refused still tells of its term.
    """
    simulator = Simulator(attempt)
    for (index, term), yes in CANDIDATES.items():
        for now in (7, 8):
            with Scene(simulator, 3, 1, vote=(7, NOBODY), terms=LOG) as one:
                words = (
                    f"its own log ends with 5/3, and 5/3 "
                    f"{'is not' if yes else 'is'} more up-to-date than {index}/{term}"
                )
                request = RequestVote(now, 2, index, term)
                one.ask(2, request, RequestVoteReply(now, int(yes)), words)
                one.expect(
                    "it was asked",
                    term=now,
                    voted_for=2 if yes else NOBODY,
                    role=FOLLOWER,
                    last_index=5,
                )
    with Scene(simulator, 3, 1, vote=(7, NOBODY), terms=LOG) as one:
        one.ask(2, RequestVote(8, 2, 9, 2), RequestVoteReply(8, 0), "9/2 is of an older term")
        one.ask(3, RequestVote(8, 3, 1, 4), RequestVoteReply(8, 1), "its vote is free, 1/4 newer")


@stage("5.5", "Counting a majority", points=7, see="lab5#majority", source="Raft, section 5.2")
def test_majority(attempt: Attempt) -> None:
    """A candidate leads with the votes of more than half of all servers, its own included: each
    server counts once, by a grant in this term. Nothing else is a vote.
    """
    simulator = Simulator(attempt)
    for servers in (2, 3, 4, 5, 7, 64):
        for me in (1, servers):
            with Scene(simulator, servers, me) as one:
                one.stand()
                counts(one, 1)
    with Scene(simulator, 5, 3, vote=(8, NOBODY)) as one:
        one.stand()
        repeated(one)
    not_votes(simulator)
    tallies(simulator)


def counts(one: Scene, votes: int) -> None:
    """Grants, one after the other, until there are enough; so many votes are counted already."""
    for voter in one.others[votes - 1 :]:
        if 2 * votes > one.config.servers:
            break
        not_yet(one, f"it has {votes} of {one.config.servers} votes")
        one.tell(voter, RequestVoteReply(one.term, 1))
        one.settle()
        votes += 1
    one.expect(
        f"it has {votes} of {one.config.servers} votes",
        role=LEADER,
        leader=one.me,
        voted_for=one.me,
    )


def not_yet(one: Scene, when: str) -> None:
    if one.role == LEADER:
        one.fail(
            f"{when}, and it leads", "leads-early", "more than half of all servers have to agree"
        )


def repeated(one: Scene) -> None:
    """A network may deliver a message more than once."""
    for _ in range(4):
        one.tell(1, RequestVoteReply(one.term, 1))
        one.settle()
        not_yet(one, "server 1 granted its vote, and the grant came more than once")
    counts(one, 2)


def not_votes(simulator: Simulator) -> None:
    """Refusals, strangers, the server itself, and grants of a term that is over."""
    with Scene(simulator, 5, 1) as one:
        one.stand()
        for voter in one.others:
            one.tell(voter, RequestVoteReply(1, 0))
            one.settle()
            not_yet(one, "it was refused")
    with Scene(simulator, 5, 1) as one:
        one.stand()
        for stranger in (NOBODY, NOBODY, 6, 7, 1, 64, 65, 33, -1):
            one.tell(stranger, RequestVoteReply(1, 1))
            one.settle()
            not_yet(one, f"grants came of no other server of the cluster (from {stranger})")
        counts(one, 1)
    with Scene(simulator, 5, 1, vote=(8, 1)) as one:
        one.stand()
        for voter in one.others:
            one.tell(voter, RequestVoteReply(8, 1))
            one.settle()
            not_yet(one, "it stands in term 9, and grants of term 8 came")
        counts(one, 1)


def tallies(simulator: Simulator) -> None:
    """Each election is counted by itself."""
    with Scene(simulator, 5, 2) as one:
        one.stand()
        one.tell(1, RequestVoteReply(1, 1))
        one.pass_time(one.now + one.config.election_max)
        one.expect("one vote was not enough", role=CANDIDATE)
        one.tell(3, RequestVoteReply(one.term, 1))
        one.settle()
        not_yet(one, "one grant of the last election and one of this came")
        one.tell(4, RequestVoteReply(one.term, 1))
        one.settle()
        one.expect("it has 3 of 5 votes", role=LEADER)
