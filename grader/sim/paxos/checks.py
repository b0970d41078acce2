"""What must hold after every event in a cluster that runs Paxos, judged by the bytes that its
servers send, by what they save, and by what they decide (Lamport, Paxos Made Simple, 2001).
"""

from __future__ import annotations

from grader.sim.invariants import ASKED, FLOOD, UNDECIDED, broken
from grader.sim.paxos.messages import (
    ACCEPT,
    ACCEPTED,
    NONE,
    OTHERS,
    PREPARE,
    PROMISE,
    TITLES,
    Ballot,
    Malformed,
    PaxosMessage,
    decode,
    shown,
)
from grader.sim.server import APPLY, SAVE_ENTRY, SAVE_VOTE, SEND, SYNC, Config, Effect, State

ONE_VALUE = "only one value is chosen"
PROPOSED = "a chosen value was proposed"
UNIQUE = "no ballot is used twice"
KEPT = "a promise is kept"
TOLD = "a promise tells what was accepted"
QUORUM_FIRST = "a quorum promises first"
ADOPTED = "the highest accepted value is proposed"
ONE_A_BALLOT = "one value a ballot"
AS_ASKED = "what is accepted was asked for"
TRUE_REFUSAL = "a refusal tells of a promise"
QUORUM_ACCEPTS = "a quorum accepts, then it is decided"
ONCE = "a decision is told once"
RECORDED = "recorded, then told"
OUTLIVE = "records outlive a restart"

# Each rule, and where it is from: Lamport's paper, or this project's own contract.
SOURCES = {
    ONE_VALUE: "Paxos Made Simple, section 2.1: Only a single value is chosen",
    PROPOSED: "Paxos Made Simple, section 2.1: Only a value that has been proposed may be chosen",
    UNIQUE: "Paxos Made Simple, section 2.5: a higher proposal number than any it has already used",
    KEPT: "Paxos Made Simple, section 2.2, P1a",
    TOLD: "Paxos Made Simple, section 2.2, phase 1(b)",
    QUORUM_FIRST: "Paxos Made Simple, section 2.2, phase 2(a): from a majority of acceptors",
    ADOPTED: "Paxos Made Simple, section 2.2, P2c and phase 2(a)",
    ONE_A_BALLOT: "Paxos Made Simple, section 2.2: a proposal is a number and a value",
    AS_ASKED: "Paxos Made Simple, section 2.2, phase 2(b)",
    TRUE_REFUSAL: "paxos.h, refused",
    QUORUM_ACCEPTS: "Paxos Made Simple, section 2.3: accepted by a majority of acceptors",
    ONCE: "paxos.h, decided",
    RECORDED: "Paxos Made Simple, section 2.5: in stable storage before actually sending",
    OUTLIVE: "Paxos Made Simple, section 2.5: stable storage, preserved during failures",
    UNDECIDED: "Paxos Made Simple, section 2.4; paxos.h, paxos_propose",
    "messages are canonical": "paxos.h, the messages",
    "messages go to other servers": "paxos.h, send",
    "messages are accepted": "paxos.h, paxos_receive",
    "paxos_status makes sense": "paxos.h, struct paxos_status",
    "deadlines move on": "paxos.h, paxos_deadline",
    FLOOD: "paxos.h, paxos_receive",
    "a server lives on": "paxos.h: every call returns",
    ASKED: "the handout's section on this stage",
}


class _Server:
    """What is known of one server. ``begin`` forgets what a crash does."""

    def __init__(self) -> None:
        self.promised = self.synced_promised = NONE  # by whatever was saved
        self.accepted = self.synced_accepted = (NONE, b"")
        self.history: dict[Ballot, bytes] = {}  # all that it accepted, and synced
        self.used = NONE  # the highest ballot that it has prepared
        self.begin()

    def begin(self) -> None:
        self.promised, self.accepted = self.synced_promised, self.synced_accepted
        self.promises: dict[Ballot, dict[int, tuple[Ballot, bytes]]] = {}  # of its ballots
        self.prepared: frozenset[Ballot] = frozenset()
        self.proposals: dict[Ballot, bytes] = {}
        self.heard: dict[Ballot, set[int]] = {}  # acceptors, as the learner knows
        self.decided: bytes | None = None

    def copied(self) -> _Server:
        other = object.__new__(_Server)
        other.__dict__.update(self.__dict__)
        other.history, other.proposals = dict(self.history), dict(self.proposals)
        other.promises = {ballot: dict(known) for ballot, known in self.promises.items()}
        other.heard = {ballot: set(known) for ballot, known in self.heard.items()}
        return other

    def sync(self) -> None:
        self.synced_promised, self.synced_accepted = self.promised, self.accepted


class Paxos:
    """The rules of Paxos, as Checks of a cluster."""

    def __init__(self, config: Config) -> None:
        self._count = config.servers
        self._servers = [_Server() for _ in range(config.servers + 1)]
        self._proposed: set[bytes] = set()
        self._values: dict[Ballot, bytes] = {}  # of all proposals that were made
        self._acceptors: dict[Ballot, frozenset[int]] = {}
        self.chosen: tuple[Ballot, bytes] | None = None

    def branch(self, server: int) -> Paxos:
        other = object.__new__(Paxos)
        other.__dict__.update(self.__dict__)
        other._servers = self._servers[:]
        other._servers[server] = self._servers[server].copied()
        other._proposed, other._values = set(self._proposed), dict(self._values)
        other._acceptors = dict(self._acceptors)
        return other

    def _is_other(self, one: int, server: int) -> bool:
        return 1 <= one <= self._count and one != server

    def _is_quorum(self, servers: int) -> bool:
        return 2 * servers > self._count

    # --- what happens to a server ---

    def offered(self, value: bytes) -> None:
        """A client asks a server to propose that."""
        self._proposed.add(value)

    def proposed(self, server: int, data: bytes, state: State) -> None:
        """It has been asked: what came of it is checked as all else is."""

    def settled(self, leader: int) -> None:
        """There are no leaders here."""

    def started(self, server: int, state: State) -> None:
        known = self._servers[server]
        known.begin()
        promised, accepted = Ballot(*state[3:5]), Ballot(*state[5:7])
        if (promised, accepted) != (known.promised, known.accepted[0]):
            broken(
                OUTLIVE,
                server,
                f"it starts with promised {promised} and accepted {accepted}, and had saved "
                f"{known.promised} and {known.accepted[0]}",
            )

    def received(self, server: int, sender: int, message: bytes) -> None:
        known = self._servers[server]
        try:
            it = decode(message)
        except Malformed:
            return
        if not self._is_other(sender, server) or max(it.ballot[1], it.other[1]) > self._count:
            return
        if it.type == PROMISE and it.ballot in known.promises:
            known.promises[it.ballot].setdefault(sender, (it.other, it.value))
        if it.type == ACCEPTED:
            known.heard.setdefault(it.ballot, set()).add(sender)
        if it.type in (ACCEPT, ACCEPTED):
            self._knows(it.ballot, it.value)
        elif it.type == PROMISE and it.other != NONE:
            self._knows(it.other, it.value)

    def _knows(self, ballot: Ballot, value: bytes) -> None:
        """Somebody told of that proposal: a server that was checked, or one that a stage plays."""
        self._values.setdefault(ballot, value)
        self._proposed.add(value)

    def crashed(self, server: int, survivors: list[Effect]) -> None:
        known = self._servers[server]
        known.promised, known.accepted = known.synced_promised, known.synced_accepted
        for effect in survivors:
            ballot = Ballot(*effect[1:3])
            known.promised = max(known.promised, ballot)
            if effect[0] == SAVE_ENTRY:
                known.accepted = (ballot, effect[3])
                self._knows(*known.accepted)
        self._synced(server, known)

    # --- what it does ---

    def did(self, server: int, effects: list[Effect]) -> None:
        known = self._servers[server]
        for effect in effects:
            kind = effect[0]
            if kind == SEND:
                self._sent(server, known, effect[1], effect[2])
            elif kind == SYNC:
                self._synced(server, known)
            elif kind == SAVE_VOTE:
                self._promises(server, known, Ballot(*effect[1:3]))
            elif kind == SAVE_ENTRY:
                self._accepts(server, known, Ballot(*effect[1:3]), effect[3])
            elif kind == APPLY:
                self._decides(server, known, effect[3])

    def _promises(self, server: int, known: _Server, ballot: Ballot) -> None:
        if not self._is_ballot(ballot):
            broken("paxos_status makes sense", server, f"it saves a promise of {tuple(ballot)}")
        if ballot < known.promised:
            broken(KEPT, server, f"it saves the promise of {ballot} after that of {known.promised}")
        known.promised = ballot
        if ballot.server == server:
            known.promises.setdefault(ballot, {})[server] = known.accepted

    def _is_ballot(self, ballot: Ballot) -> bool:
        return ballot.is_one and ballot.server <= self._count

    def _accepts(self, server: int, known: _Server, ballot: Ballot, value: bytes) -> None:
        if ballot < known.promised:
            broken(
                KEPT,
                server,
                f"it accepts {shown(value)} in ballot {ballot}, and has promised {known.promised}",
            )
        if ballot.server == server:
            self._proposes(server, known, ballot, value)
        elif ballot not in self._values:
            broken(AS_ASKED, server, f"it accepts ballot {ballot}, which nobody proposed")
        self._is_the_value(AS_ASKED, server, ballot, value, "accepts")
        known.promised, known.accepted = ballot, (ballot, value)

    def _is_the_value(
        self, rule: str, server: int, ballot: Ballot, value: bytes, does: str
    ) -> None:
        right = self._values.setdefault(ballot, value)
        if value != right:
            broken(
                rule,
                server,
                f"it {does} {shown(value)} in ballot {ballot}, whose value is {shown(right)}",
            )

    def _synced(self, server: int, known: _Server) -> None:
        known.sync()
        ballot, value = known.accepted
        if ballot == NONE or ballot in known.history:
            return
        known.history[ballot] = value
        acceptors = self._acceptors.get(ballot, frozenset()) | {server}
        self._acceptors[ballot] = acceptors
        if self._is_quorum(len(acceptors)):
            self._choose(server, ballot, value)

    def _choose(self, server: int, ballot: Ballot, value: bytes) -> None:
        if self.chosen is None:
            self.chosen = ballot, value
        elif self.chosen[1] != value:
            broken(
                ONE_VALUE,
                server,
                f"with it a quorum has accepted {shown(value)} in ballot {ballot}; "
                f"{shown(self.chosen[1])} was chosen before, in ballot {self.chosen[0]}",
            )

    def _decides(self, server: int, known: _Server, value: bytes) -> None:
        if known.decided is not None:
            broken(
                ONCE, server, f"it decides {shown(value)}, and has decided {shown(known.decided)}"
            )
        known.decided = value
        tallies = {ballot: len(heard) for ballot, heard in known.heard.items()}
        for ballot in known.history:
            tallies[ballot] = tallies.get(ballot, 0) + 1
        mine = {ballot: n for ballot, n in tallies.items() if self._values.get(ballot) == value}
        if not any(map(self._is_quorum, mine.values())):
            told = [f"{n} in ballot {ballot}" for ballot, n in sorted(mine.items())]
            broken(
                QUORUM_ACCEPTS,
                server,
                f"it decides {shown(value)}, and knows of these acceptors of it: "
                f"{', '.join(told) or 'none'}, of {self._count} servers",
            )

    # --- what it sends ---

    def _sent(self, server: int, known: _Server, to: int, message: bytes) -> None:
        if not self._is_other(to, server):
            broken("messages go to other servers", server, f"it sends a message to {to}")
        try:
            it = decode(message)
        except Malformed as fault:
            broken("messages are canonical", server, f"it sends bytes that are no message: {fault}")
        self._names_its_proposer(server, to, it)
        if it.type == PREPARE:
            self._prepares(server, known, it.ballot)
        elif it.type == PROMISE:
            self._tells_promise(server, known, it)
        elif it.type == ACCEPT:
            self._proposes(server, known, it.ballot, it.value)
        elif it.type == ACCEPTED:
            self._tells_accepted(server, known, it)
        elif it.other > known.promised:
            broken(
                TRUE_REFUSAL,
                server,
                f"it refuses {it.ballot} for {it.other}, and has promised {known.promised}",
            )

    def _names_its_proposer(self, server: int, to: int, it: PaxosMessage) -> None:
        proposer = to if it.type in OTHERS else server
        if it.type != ACCEPTED and it.ballot.server != proposer:
            broken(
                UNIQUE if proposer == server else "messages go to other servers",
                server,
                f"it sends {TITLES[it.type]} of ballot {it.ballot} to server {to}: that ballot is "
                f"server {it.ballot.server}'s",
            )

    def _prepares(self, server: int, known: _Server, ballot: Ballot) -> None:
        if ballot not in known.prepared:
            if ballot <= known.used:
                broken(UNIQUE, server, f"it prepares {ballot}, and has used {known.used}")
            known.used = ballot
            known.prepared |= {ballot}
            known.promises.setdefault(ballot, {})
        if known.synced_promised < ballot:
            broken(
                RECORDED,
                server,
                f"it prepares {ballot}, and has synced a promise of {known.synced_promised} only: "
                "after a crash it would use that ballot again",
            )

    def _tells_promise(self, server: int, known: _Server, it: PaxosMessage) -> None:
        if it.ballot < known.promised:
            broken(KEPT, server, f"it promises {it.ballot}, and has promised {known.promised}")
        if (it.other, it.value) != known.accepted:
            broken(
                TOLD,
                server,
                f"with its promise it tells of {_proposal(it.other, it.value)}, and the last that "
                f"it accepted is {_proposal(*known.accepted)}",
            )
        if known.synced_promised < it.ballot or known.synced_accepted != known.accepted:
            broken(
                RECORDED,
                server,
                f"it sends its promise of {it.ballot}, and has synced promised "
                f"{known.synced_promised} and accepted {known.synced_accepted[0]} only",
            )

    def _tells_accepted(self, server: int, known: _Server, it: PaxosMessage) -> None:
        if known.history.get(it.ballot) == it.value:
            return
        if known.accepted == (it.ballot, it.value):
            broken(
                RECORDED,
                server,
                f"it tells that it accepted {it.ballot}, and has synced accepted "
                f"{known.synced_accepted[0]} only",
            )
        broken(
            AS_ASKED,
            server,
            f"it tells that it accepted {_proposal(it.ballot, it.value)}, and the last that it "
            f"accepted is {_proposal(*known.accepted)}",
        )

    def _proposes(self, server: int, known: _Server, ballot: Ballot, value: bytes) -> None:
        """It asks for that to be accepted, or accepts it itself."""
        if ballot not in known.proposals:
            self._may_propose(server, known, ballot, value)
            known.proposals[ballot] = value
        self._is_the_value(ONE_A_BALLOT, server, ballot, value, "proposes")

    def _may_propose(self, server: int, known: _Server, ballot: Ballot, value: bytes) -> None:
        promises = known.promises.get(ballot)
        if promises is None:
            broken(
                QUORUM_FIRST,
                server,
                f"it proposes {shown(value)} in ballot {ballot}, which it has not prepared since "
                "its start",
            )
        if not self._is_quorum(len(promises)):
            broken(
                QUORUM_FIRST,
                server,
                f"it proposes {shown(value)} in ballot {ballot} with {len(promises)} of "
                f"{self._count} promises",
            )
        highest = max(promises.values())
        if not self._is_legal(list(promises.values()), value):
            broken(
                ADOPTED,
                server,
                f"it proposes {shown(value)} in ballot {ballot}, and the highest that its promises "
                f"tell of is {_proposal(*highest)}",
            )
        if value not in self._proposed:
            broken(PROPOSED, server, f"it proposes {shown(value)}, which no client asked for")

    def _is_legal(self, told: list[tuple[Ballot, bytes]], value: bytes) -> bool:
        """P2c, for any quorum among those that promised."""
        for ballot, its_value in told:
            below = sum(other <= ballot for other, _ in told)
            if self._is_quorum(below) and (ballot == NONE or its_value == value):
                return True
        return False

    # --- what it is ---

    def became(self, server: int, state: State) -> None:
        known = self._servers[server]
        phase, decided = state[2], state[7]
        promised, accepted = Ballot(*state[3:5]), Ballot(*state[5:7])
        right = known.promised, known.accepted[0], known.decided is not None
        if not 0 <= phase <= 2 or (promised, accepted, bool(decided)) != right:
            broken(
                "paxos_status makes sense",
                server,
                f"it says phase {phase}, promised {promised}, accepted {accepted}, "
                f"is_decided {decided}; by what it saved and decided that is promised {right[0]}, "
                f"accepted {right[1]}, is_decided {int(right[2])}",
            )


def _proposal(ballot: Ballot, value: bytes) -> str:
    return f"{shown(value)} in ballot {ballot}" if ballot != NONE else "none"
