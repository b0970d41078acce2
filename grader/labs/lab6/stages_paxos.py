"""Lab 6, an extension: single-decree Paxos. One server among others that the stage plays, then
whole clusters under schedules that the seed decides.
"""

from __future__ import annotations

from itertools import pairwise, permutations

from grader.labs.fleet import Fleet
from grader.labs.lab6.paxos_scene import LONGEST, SHORTEST, PaxosScene, sent
from grader.labs.simulator import Simulator
from grader.labs.stage import Attempt, stage
from grader.sim.cluster import CRASH
from grader.sim.family import PAXOS
from grader.sim.paxos.cluster import config
from grader.sim.paxos.messages import (
    ACCEPT,
    ACCEPTED,
    LARGEST_VALUE,
    LAST_ROUND,
    NONE,
    PREPARE,
    PROMISE,
    REFUSED,
    Ballot,
    PaxosMessage,
    encode,
)
from grader.sim.run import Run, draw, paxos
from grader.sim.server import Host

SCHEDULES = 120
ROUGH_MS = 1500
SIZES = (3, 5, 3, 4, 5, 3)
PAUSES = ((50, 250), (20, 60), (150, 300))


@stage(
    "6.22",
    "Single-decree Paxos",
    points=10,
    see="lab6#paxos",
    source="Lamport, Paxos Made Simple, 2001",
    extension=True,
    program="paxos",
    seconds=30,
)
def test_paxos(attempt: Attempt) -> None:
    """Servers choose one value, once, whatever the network does and wherever they crash: a quorum
    promises a ballot, the proposer adopts the highest accepted value that it hears of, and a quorum
    accepts it. Proposers that duel come to a decision all the same.
    """
    simulator = Simulator(attempt, family=PAXOS)
    for part in (
        acceptor, accepts_unprepared, outlives, proposer, quorums, adopts, own_value, learner,
        retries, pauses, ends, alone, large, malformed,
    ):  # fmt: skip
        part(simulator)

    def make(host: Host, number: int) -> Run:
        of = config(SIZES[number % len(SIZES)], *PAUSES[number % len(PAUSES)])
        place = attempt.seed, attempt.stage.id, number
        return draw(host, of, place, ROUGH_MS, rules=paxos)

    Fleet(attempt, SCHEDULES, make, family=PAXOS).run()


def prepare(round: int, server: int) -> PaxosMessage:
    return PaxosMessage(PREPARE, Ballot(round, server))


def promise(ballot: Ballot, accepted: Ballot = NONE, value: bytes = b"") -> PaxosMessage:
    return PaxosMessage(PROMISE, ballot, accepted, value)


def accept(round: int, server: int, value: bytes) -> PaxosMessage:
    return PaxosMessage(ACCEPT, Ballot(round, server), value=value)


def accepted(round: int, server: int, value: bytes) -> PaxosMessage:
    return PaxosMessage(ACCEPTED, Ballot(round, server), value=value)


def refused(round: int, server: int, promised: Ballot) -> PaxosMessage:
    return PaxosMessage(REFUSED, Ballot(round, server), promised)


# --- an acceptor ---


def accepts(one: PaxosScene, request: PaxosMessage) -> None:
    effects = one.hear(request.ballot.server, request)
    reply = PaxosMessage(ACCEPTED, request.ballot, value=request.value)
    one.says(effects, one.others, reply, f"{request} of server {request.ballot.server}")


def acceptor(simulator: Simulator) -> None:
    """It promises, refuses what is below, and tells what it accepted."""
    with PaxosScene(simulator, 3, 1) as one:
        for _ in range(2):
            one.answers(2, prepare(2, 2), promise(Ballot(2, 2)))
        one.answers(2, prepare(1, 2), refused(1, 2, Ballot(2, 2)))
        one.answers(3, prepare(1, 3), refused(1, 3, Ballot(2, 2)))
        one.answers(3, prepare(2, 3), promise(Ballot(2, 3)))
        one.answers(2, accept(2, 2, b"old"), refused(2, 2, Ballot(2, 3)))
        one.answers(2, prepare(2, 2), refused(2, 2, Ballot(2, 3)))
        for _ in range(2):
            accepts(one, accept(2, 3, b"a value"))
        one.answers(2, prepare(1, 2), refused(1, 2, Ballot(2, 3)))
        one.answers(2, prepare(3, 2), promise(Ballot(3, 2), Ballot(2, 3), b"a value"))
        one.answers(3, accept(2, 3, b"a value"), refused(2, 3, Ballot(3, 2)))
        accepts(one, accept(3, 2, b"a value"))
        one.answers(3, prepare(300, 3), promise(Ballot(300, 3), Ballot(3, 2), b"a value"))
        one.expect_idle("it has nothing to propose")


def accepts_unprepared(simulator: Simulator) -> None:
    """The prepare was lost, or went to others: to accept is to promise as well."""
    with PaxosScene(simulator, 5, 3) as one:
        accepts(one, accept(4, 5, b""))
        one.answers(2, prepare(4, 2), refused(4, 2, Ballot(4, 5)))
        one.answers(2, accept(3, 2, b"lower"), refused(3, 2, Ballot(4, 5)))
        one.answers(1, prepare(5, 1), promise(Ballot(5, 1), Ballot(4, 5), b""))


def outlives(simulator: Simulator) -> None:
    """What was saved is known after a restart, whichever of the two saves was the last."""
    with PaxosScene(simulator, 3, 1, promised=Ballot(5, 3)) as one:
        one.answers(2, prepare(5, 2), refused(5, 2, Ballot(5, 3)))
        one.answers(2, accept(5, 2, b"x"), refused(5, 2, Ballot(5, 3)))
        one.answers(3, prepare(5, 3), promise(Ballot(5, 3)))
        one.asks(one.propose(b"mine"), Ballot(5, 3))
    at, value = Ballot(3, 2), b"\0\xff\r\n"
    with PaxosScene(simulator, 3, 1, promised=Ballot(1, 3), accepted=at, value=value) as one:
        one.answers(3, prepare(2, 3), refused(2, 3, Ballot(3, 2)))
        one.answers(3, prepare(4, 3), promise(Ballot(4, 3), at, value))
    with PaxosScene(simulator, 3, 1, promised=Ballot(6, 3), accepted=at, value=value) as one:
        one.asks(one.propose(b"mine"), Ballot(6, 3))
    with PaxosScene(simulator, 3, 2) as one:
        ballot = one.asks(one.propose(b"first life"))
        one.apply(CRASH)
        one.start(2)
        one.expect_idle("it has just started, and what it was to propose is forgotten")
        one.asks(one.propose(b"second life"), ballot)


# --- a proposer ---


def proposer(simulator: Simulator) -> None:
    """Both phases, to the byte, and the decision."""
    with PaxosScene(simulator, 3, 2) as one:
        effects = one.propose(b"mine")
        ballot = one.asks(effects)
        one.says(effects, one.others, PaxosMessage(PREPARE, ballot), "paxos_propose")
        one.propose(b"another", taken=False)
        effects = one.promised_by(ballot, [3])
        value = one.proposes(effects, ballot, [3])
        one.decides(effects, None, "one server of three has accepted a value")
        effects = one.hear(1, PaxosMessage(ACCEPTED, ballot, value=value))
        one.decides(effects, value, "two servers of three have accepted one ballot")
        one.expect_idle("it has decided")
        one.propose(b"late", taken=False)
        for voter in (1, 3):
            effects = one.hear(voter, PaxosMessage(ACCEPTED, ballot, value=value))
            one.decides(effects, None, "it has decided before")
        one.answers(1, prepare(99, 1), promise(Ballot(99, 1), ballot, value))


def quorums(simulator: Simulator) -> None:
    """More than half of all servers, each counted once, and for this ballot."""
    for servers in (2, 3, 4, 5, 7, 64):
        with PaxosScene(simulator, servers, servers) as one:
            ballot = one.asks(one.propose(b"mine"))
            needed = one.others[: servers // 2]
            effects = one.promised_by(ballot, needed)
            one.proposes(effects, ballot, needed)
    with PaxosScene(simulator, 5, 1) as one:
        first = one.asks(one.propose(b"mine"))
        one.promised_by(first, [2, 2, 2])
        one.hear(3, refused(*first, Ballot(first.round, 3)))
        one.hear(4, refused(*first, Ballot(first.round, 3)))
        second, _ = one.next_ballot(Ballot(first.round, 3))
        one.promised_by(first, [3, 4, 5])
        one.promised_by(second, [5, 5])
        one.proposes(one.promised_by(second, [4]), second, [4, 5])


def adopts(simulator: Simulator) -> None:
    """P2c, whatever the order in which promises come."""
    told = {2: (Ballot(1, 4), b"older"), 3: (NONE, b""), 4: (Ballot(2, 2), b"newer")}
    for order in permutations(told, 2):
        with PaxosScene(simulator, 5, 1, promised=Ballot(6, 1)) as one:
            ballot = one.asks(one.propose(b"mine"))
            effects = []
            for voter in order:
                effects += one.hear(voter, promise(ballot, *told[voter]))
            one.proposes(effects, ballot, order)
            late = promise(ballot, Ballot(5, 3), b"late")
            effects = one.hear(5, late)
            if any(it.type == ACCEPT and it.value == b"late" for _, it in sent(effects)):
                one.fail(
                    f"a quorum has promised {ballot}, and after {late} the value changes",
                    "value-changes",
                    "a ballot has one value: what comes after the quorum is too late for it",
                )
    with PaxosScene(simulator, 3, 1) as one:
        first = one.asks(one.propose(b"mine"))
        effects = one.hear(3, promise(first, Ballot(first.round, 0)._replace(server=1), b""))
        one.proposes(effects, first, [3])
    with PaxosScene(simulator, 3, 3) as one:
        accepts(one, accept(2, 2, b"theirs"))
        ballot = one.asks(one.propose(b"mine"), Ballot(2, 2))
        one.proposes(one.promised_by(ballot, [1]), ballot, [1])


def own_value(simulator: Simulator) -> None:
    """What it heard of in one ballot counts for that one: the next begins anew."""
    with PaxosScene(simulator, 5, 1, promised=Ballot(6, 1)) as one:
        first = one.asks(one.propose(b"mine"))
        one.hear(2, promise(first, Ballot(5, 2), b"five"))
        second, _ = one.next_ballot(first)
        effects = one.hear(3, promise(second, Ballot(4, 3), b"four"))
        effects += one.promised_by(second, [4])
        one.proposes(effects, second, [3, 4])


# --- a learner ---


def learner(simulator: Simulator) -> None:
    """A quorum for one ballot; its own acceptance counts."""
    with PaxosScene(simulator, 5, 1) as one:
        for sender, ballot in ((2, (1, 2)), (2, (1, 2)), (3, (2, 3)), (4, (3, 4)), (5, (3, 4))):
            effects = one.hear(sender, accepted(*ballot, b"same"))
            one.decides(effects, None, "no ballot has been accepted by three servers of five")
        effects = one.hear(4, accepted(3, 4, b"same")) + one.hear(3, accepted(2, 3, b"same"))
        one.decides(effects, None, "two servers have accepted 3.4, one of them told twice")
        effects = one.hear(2, accepted(3, 4, b"same"))
        one.decides(effects, b"same", "three servers of five have accepted 3.4")
    with PaxosScene(simulator, 5, 5) as one:
        effects = one.hear(1, accepted(1, 2, b"")) + one.hear(2, accepted(1, 2, b""))
        one.decides(effects, None, "two servers of five have accepted 1.2")
        effects = one.hear(2, accept(1, 2, b""))
        one.decides(effects, b"", "with itself three servers of five have accepted 1.2")
    with PaxosScene(simulator, 4, 2) as one:
        effects = one.hear(1, accept(1, 1, b"v")) + one.hear(1, accepted(1, 1, b"v"))
        one.decides(effects, None, "two servers of four have accepted 1.1: that is half of them")
        one.decides(one.hear(4, accepted(1, 1, b"v")), b"v", "three of four have accepted 1.1")


# --- time ---


def retries(simulator: Simulator) -> None:
    """A refusal tells of a ballot, and the next one is above it: after the pause, not at once."""
    with PaxosScene(simulator, 3, 1) as one:
        ballot, began = one.asks(one.propose(b"mine")), one.now
        high = Ballot(40, 3)
        for sender in (2, 3):
            effects = one.hear(sender, refused(*ballot, high))
            if any(it.type == PREPARE for _, it in sent(effects)):
                one.fail(
                    "it is refused, and prepares the next ballot at once",
                    "no-pause",
                    "two proposers that never pause refuse each other for ever",
                )
        _, at = one.next_ballot(high)
        if at - began < SHORTEST:
            one.fail(
                f"it prepares its next ballot {at - began} ms after the last one, and the shortest "
                f"pause is {SHORTEST} ms",
                "no-pause",
                "two proposers that never pause refuse each other for ever",
            )
    with PaxosScene(simulator, 3, 1) as one:
        one.hear(3, accepted(7, 2, b"theirs"))
        one.answers(2, prepare(9, 2), promise(Ballot(9, 2)))
        one.asks(one.propose(b"mine"), Ballot(9, 2))


def pauses(simulator: Simulator) -> None:
    """They are drawn anew, from the seed, out of the whole interval."""
    found = []
    for seed in (1, 2):
        with PaxosScene(simulator, 3, 1, seed=seed) as one:
            ballot, times = one.asks(one.propose(b"mine")), [one.now]
            for _ in range(12):
                ballot, at = one.next_ballot(ballot)
                times.append(at)
            found.append([after - before for before, after in pairwise(times)])
            if min(found[-1]) < SHORTEST or len(set(found[-1])) == 1:
                one.fail(
                    f"its pauses are {found[-1]} ms; they should be drawn from {SHORTEST} to "
                    f"{LONGEST}",
                    "pauses",
                    "pauses that are all the same let two proposers meet again and again",
                )
            if len(found) == 2 and found[0] == found[1]:
                one.fail(
                    f"with two seeds its pauses are the same: {found[0]} ms",
                    "pauses",
                    "config.seed is another one for each server, so that they do not keep step",
                )
    with PaxosScene(simulator, 3, 1, pauses=(70, 70)) as one:
        ballot, began = one.asks(one.propose(b"mine")), one.now
        _, at = one.next_ballot(ballot)
        if at - began != 70:
            one.fail(
                f"all pauses are 70 ms, and one is {at - began} ms", "pauses", "70 to 70 is 70"
            )


def ends(simulator: Simulator) -> None:
    """There is no ballot above the last round."""
    last = Ballot(LAST_ROUND, 3)
    with PaxosScene(simulator, 3, 1) as one:
        ballot = one.asks(one.propose(b"mine"))
        one.hear(3, refused(*ballot, last))
        one.pass_time(one.now + 2 * LONGEST)
        one.expect_idle("it knows of the last round")
        one.propose(b"again", taken=False)
    with PaxosScene(simulator, 3, 1) as one:
        one.answers(3, prepare(*last), promise(last))
        one.propose(b"mine", taken=False)
        accepts(one, accept(*last, b"theirs"))


# --- sizes, and bytes ---


def alone(simulator: Simulator) -> None:
    with PaxosScene(simulator, 1, 1) as one:
        one.decides(one.propose(b"mine"), b"mine", "the only server is a quorum")
        one.expect_idle("it has decided")


def large(simulator: Simulator) -> None:
    whole = bytes(range(256)) * (LARGEST_VALUE // 256)
    with PaxosScene(simulator, 3, 1) as one:
        accepts(one, accept(1, 2, whole))
        one.answers(3, prepare(2, 3), promise(Ballot(2, 3), Ballot(1, 2), whole))
        one.propose(whole + b"x", taken=False)
        one.propose(whole)
        one.refuses(2, encode(accept(9, 2, whole + b"x")), "its value is too large")


def malformed(simulator: Simulator) -> None:
    """No correct server sends these."""
    b = Ballot
    with PaxosScene(simulator, 3, 1) as one:
        mine = one.asks(one.propose(b"mine"))
        above = b(mine.round + 1, 2)
        right = encode(promise(mine, b(1, 1), b"v"))
        for cut in range(len(right) - 1):
            one.refuses(2, right[:cut], "it is cut short")
        for data, why in (
            (encode(prepare(7, 2)) + b"\0", "a prepare has no value"),
            (encode(refused(*mine, above)) + b"\0", "a refusal has no value"),
            (encode(accept(7, 2, b"v")) + b"x", "it is longer than it says"),
            (encode(prepare(7, 2))[:4] + b"\x09" + encode(prepare(7, 2))[5:], "its size is wrong"),
            (b"\x10" + encode(prepare(7, 2))[1:], "16 is no type"),
            (b"\x0a" + encode(prepare(7, 2))[1:], "10 is no type"),
            (encode(prepare(0, 2)), "rounds start at 1"),
            (encode(prepare(-1, 2)), "rounds start at 1"),
            (encode(prepare(LAST_ROUND + 1, 2)), "it is above the last round"),
            (encode(promise(mine, NONE, b"v")), "nothing was accepted, and there is a value"),
            (encode(promise(mine, b(0, 2), b"v")), "0/2 is no ballot"),
            (encode(promise(mine, b(1, 4), b"v")), "there is no server 4"),
            (encode(promise(mine, above, b"v")), "it accepted more than it promises"),
            (encode(promise(b(mine.round, 3))), "it promises another server's ballot"),
            (encode(refused(*mine, mine)), "a ballot is no reason to refuse itself"),
            (encode(refused(mine.round, 3, above)), "it refuses another server's ballot"),
            (encode(prepare(7, 3)), "it prepares another server's ballot"),
            (encode(accept(7, 3, b"v")), "it proposes in another server's ballot"),
            (encode(accepted(7, 4, b"v")), "there is no server 4"),
            (encode(accepted(7, 0, b"v")), "there is no server 0"),
        ):
            one.refuses(2, data, why)
        for sender in (0, 1, 4, 64, 65, -1):
            one.refuses(sender, encode(accepted(7, 2, b"v")), "of none of the other servers")
        one.proposes(one.promised_by(mine, [3]), mine, [3])
