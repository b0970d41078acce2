"""One server of the student's Paxos, and others that the stage plays. Times are milliseconds.

What it saves, sends and decides is checked by the rules of Paxos after every event; here is what it
has to do beside that.
"""

from __future__ import annotations

from collections.abc import Iterable

from grader.labs.lab5.scene import Scene
from grader.labs.simulator import Simulator
from grader.sim.cluster import DISK, PROPOSE, TELL
from grader.sim.paxos.cluster import PaxosCluster, config
from grader.sim.paxos.messages import (
    ACCEPT,
    NONE,
    PREPARE,
    PROMISE,
    TITLES,
    Ballot,
    PaxosMessage,
    decode,
    encode,
    shown,
)
from grader.sim.run import paxos
from grader.sim.server import APPLY, SEND, Effect
from grader.verdicts import Diagnosis, StageFailure, Verdict
from grader.wire.diff import difference

NEVER = 2**63 - 1
SHORTEST, LONGEST = 50, 250  # of a proposer's pauses


class PaxosScene(Scene):
    """A cluster of ``servers``, of which only ``me`` runs. It has saved a promise, and a value that
    it accepted in a ballot.
    """

    def __init__(
        self,
        simulator: Simulator,
        servers: int = 3,
        me: int = 1,
        *,
        promised: Ballot = NONE,
        accepted: Ballot = NONE,
        value: bytes = b"",
        pauses: tuple[int, int] = (SHORTEST, LONGEST),
        seed: int = 1,
    ) -> None:
        self._simulator, self.me = simulator, me
        self.config, self._rules = config(servers, *pauses), paxos
        self.others = [one for one in range(1, servers + 1) if one != me]
        self.cluster = PaxosCluster(simulator, self.config, paxos(self.config))
        self.now = 1000
        if promised != NONE or accepted != NONE:
            self.apply(DISK, (*promised, *accepted, *value))
        self.start(seed)

    # --- what happens ---

    def propose(self, value: bytes, *, taken: bool = True) -> list[Effect]:
        """A client's value, which the server takes, or not."""
        effects = self.apply(PROPOSE, value)
        if self.accepted != taken:
            self.fail(
                f"paxos_propose says {str(self.accepted).lower()} to {shown(value)}",
                "wrong-answer",
                f"it should say {str(taken).lower()} here",
            )
        return effects + self.settle()

    def hear(self, sender: int, message: PaxosMessage) -> list[Effect]:
        """A message that is right, from one of the others."""
        effects = self.apply(TELL, encode(message), sender)
        if not self.accepted:
            self.fail(
                f"paxos_receive says false to {message} of server {sender}, which is right",
                "refused",
                "its connection would be closed",
            )
        return effects + self.settle()

    def refuses(self, sender: int, data: bytes, why: str) -> None:
        """Bytes that no correct server sends."""
        what = (
            f"of server {sender} comes {data[:40].hex(' ')}, which no correct server sends ({why})"
        )
        right = Diagnosis("takes-malformed", "paxos_receive says false, and nothing has changed")
        before = self.cluster.states[self.me]
        try:
            effects = self.apply(TELL, data, sender)
        except StageFailure as failure:
            failure.summary = f"{what}: {failure.summary}"
            if failure.verdict is Verdict.WRONG:
                failure.diagnosis = right
            raise
        after = self.cluster.states[self.me]
        if self.accepted or effects or (before and after and before[2:] != after[2:]):
            did = "paxos_receive says true" if self.accepted else "it does something about it"
            self.fail(f"{what}, and {did}", right.id, right.text)

    # --- what it has to do ---

    def asks(self, effects: list[Effect], above: Ballot = NONE) -> Ballot:
        """Its prepare, to all others, of a ballot above that one."""
        asked = {to: it for to, it in sent(effects) if it.type == PREPARE}
        missing = sorted(set(self.others) - set(asked))
        if missing:
            self.fail(
                f"it has something to propose, and sends no prepare to server {missing[0]}",
                "not-asked",
                "a proposer prepares its ballot with all others",
            )
        ballot = max(it.ballot for it in asked.values())
        if ballot <= above:
            self.fail(
                f"it prepares ballot {ballot}, and knows of {above}",
                "ballot-too-low",
                "a ballot below what others have promised is refused by each of them",
            )
        return ballot

    def promised_by(self, ballot: Ballot, voters: Iterable[int]) -> list[Effect]:
        """Promises of those, who have accepted nothing."""
        done: list[Effect] = []
        for voter in voters:
            done += self.hear(voter, PaxosMessage(PROMISE, ballot))
        return done

    def proposes(self, effects: list[Effect], ballot: Ballot, to: Iterable[int]) -> bytes:
        """Its accept, at least to those. The value."""
        asked = {to: it for to, it in sent(effects) if it.type == ACCEPT and it.ballot == ballot}
        missing = sorted(set(to) - set(asked))
        if missing:
            self.fail(
                f"it has the promises of a quorum for {ballot}, and sends no accept to server "
                f"{missing[0]}",
                "no-accept",
                "with a quorum of promises a proposer goes on to its second phase",
            )
        return asked[next(iter(asked))].value

    def answers(self, sender: int, request: PaxosMessage, reply: PaxosMessage) -> list[Effect]:
        """A request, and the one reply to its sender that is right, to the byte."""
        effects = self.hear(sender, request)
        self.says(effects, [sender], reply, f"{request} of server {sender}")
        return effects

    def says(self, effects: list[Effect], to: list[int], reply: PaxosMessage, after: str) -> None:
        """One message, to each of those, and no other."""
        told = [(effect[1], effect[2]) for effect in effects if effect[0] == SEND]
        right = encode(reply)
        for other in to:
            mine = [data for receiver, data in told if receiver == other]
            if not mine:
                self.fail(
                    f"after {after} server {other} gets no message",
                    f"no-{TITLES[reply.type]}",
                    f"due is {reply}",
                )
            if mine[0] != right:
                self._raise(
                    StageFailure(
                        f"after {after} it says {decode(mine[0])}, and should say {reply}",
                        difference=difference(right, mine[0]),
                        diagnosis=Diagnosis(f"not-{TITLES[reply.type]}", f"due is {reply}"),
                    )
                )
        if len(told) > len(to):
            self.fail(
                f"after {after} it sends {len(told)} messages, and {len(to)} are due",
                "too-many-messages",
                f"due is {reply}, once to each of {len(to)}",
            )

    def decides(self, effects: list[Effect], value: bytes | None, when: str) -> None:
        """It tells its client that value; None: it does not know of a decision."""
        found = [effect[3] for effect in effects if effect[0] == APPLY]
        if value is None and found:
            self.fail(f"{when}, and it decides {shown(found[0])}", "decides-early", when)
        if value is not None and found != [value]:
            did = f"it decides {shown(found[0])}" if found else "it does not decide"
            self.fail(
                f"{when}, and {did}",
                "not-decided",
                f"a quorum has accepted {shown(value)} in one ballot: it is chosen",
            )

    def expect_idle(self, when: str) -> None:
        if self.deadline != NEVER:
            self.fail(
                f"{when}, and its deadline is {self.deadline - self.now:+} ms away",
                "deadline-set",
                "without a proposal there is nothing to try again: the deadline is INT64_MAX",
            )

    def next_ballot(self, above: Ballot) -> tuple[Ballot, int]:
        """Nobody answers: the next ballot that it prepares, and when."""
        latest = self.now + self.config.election_max
        while self.deadline <= latest:
            self.now = max(self.now, self.deadline)
            effects = self.apply("tick")
            if any(it.type == PREPARE and it.ballot > above for _, it in sent(effects)):
                return self.asks(effects, above), self.now
        self.fail(
            f"nobody has answered for {self.config.election_max} ms, the longest pause, and it "
            f"prepares no ballot above {above}",
            "no-retry",
            "a proposer tries again with a higher ballot until it has decided",
        )


def sent(effects: list[Effect]) -> list[tuple[int, PaxosMessage]]:
    """Receivers and messages. (The rules have seen that they decode.)"""
    return [(effect[1], decode(effect[2])) for effect in effects if effect[0] == SEND]
