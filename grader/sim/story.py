"""A run as a story: what happened at each step, what changed by it, which messages came of it and
what became of them, and who voted for whom. The page shows this; nothing here draws.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from grader.sim import fields
from grader.sim.cluster import (
    CRASH,
    DISK,
    DOOM,
    QUIET,
    RECEIVE,
    TELL,
    Input,
)
from grader.sim.family import RAFT
from grader.sim.invariants import REQUEST, decode
from grader.sim.run import Run
from grader.sim.server import (
    SAVE_ENTRY,
    SAVE_VOTE,
    SEND,
    SYNC,
    Answer,
    Effect,
    State,
)
from grader.wire.walk import counted

_MOST_LISTED = 4  # entries that are saved or applied one after the other


@dataclass
class Sent:
    """A message on its way; ``received`` are the steps at which it arrived: none, one or more. One
    that is ``told`` is of a server that the grader plays (0: it is not known which).
    """

    sender: int
    to: int
    message: int
    step: int
    received: list[int] = field(default_factory=list)
    told: bool = False


@dataclass
class Step:
    """One input, and what came of it. ``state`` is None where the server does not run after it;
    ``disk`` is what is durable then, and what is saved and not synced.
    """

    event: int
    at: int
    kind: str
    server: int
    what: str
    changes: list[str] = field(default_factory=list)
    tag: str = ""  # the same in a few letters
    state: State | None = None
    disk: tuple[str, str] = ("", "")
    effects: list[tuple[str, int]] = field(default_factory=list)  # words; Story.sent, or -1
    received: int = -1  # Story.sent
    again: bool = False
    crashes: bool = False


@dataclass
class Story:
    """Steps count from 0."""

    servers: int
    steps: list[Step] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    messages: list[fields.Message] = field(default_factory=list)
    names: list[tuple[str, str]] = field(default_factory=list)  # of fields, and what they mean
    votes: list[tuple[int, int, int, int]] = field(default_factory=list)  # step, term, voter, for


def tell(run: Run) -> Story:
    """The whole story of a run."""
    return _Teller(run).story


class _Teller:
    """Takes one input after the other, as a cluster does, and keeps what is to be told."""

    def __init__(self, run: Run) -> None:
        family = run.family
        self._words, self._has_votes = family.words, family is RAFT
        known = fields.Messages(self._words)
        self.story = Story(run.config.servers, messages=known.messages, names=known.names)
        count = run.config.servers + 1
        self._messages = known
        self._states: list[State | None] = [None] * count
        self._disks = [family.cluster.disk() for _ in range(count)]
        self._kept = [0] * count  # of what is not synced, at the crash to come
        self._of: dict[tuple[int, int], int] = {}  # Story.sent, by event and place in it
        self._votes: set[tuple[int, int, int]] = set()
        for place, one in enumerate(run.inputs):
            answer = run.answers[place] if place < len(run.answers) else None
            self._take(one, answer, one[0] in run.crashed)

    def _take(self, one: Input, answer: Answer | None, crashes: bool) -> None:
        number, kind, at, server, first, second = one
        disk = self._disks[server]
        step = Step(number, at, kind, server, self._words.of_input(one, disk))
        self.story.steps.append(step)
        if kind == RECEIVE and (first, second) in self._of:
            self._arrive(step, self._of[first, second])
        elif kind == TELL:
            self._arrive(step, self._told(step, first, second))
        if kind in QUIET:
            step.state = self._states[server]
            self._arrange(step, first, second)
        elif answer is None:
            step.changes, step.tag = ["It does not answer."], "ends"
        else:
            self._did(step, answer, crashes)
        self._states[server] = step.state
        step.disk = self._words.on_disk(disk)
        if disk.vote[1]:
            self._voted(server, *disk.vote)

    def _arrange(self, step: Step, first: Any, second: int) -> None:
        """What no server notices."""
        disk = self._disks[step.server]
        if step.kind == DOOM:
            self._kept[step.server] = second
            step.tag = "will crash"
        elif step.kind == CRASH:
            self._kept[step.server] = second
            step.changes, step.tag, step.crashes = self._crash(step.server), "crash", True
            step.state = None
        elif step.kind == DISK:
            disk.unsynced = disk.saves(first)
            disk.sync()
            step.what, step.tag = self._words.of_saved(step.server, disk), "disk"

    def _told(self, step: Step, data: bytes, sender: int) -> int:
        sent, message = len(self.story.sent), self._messages.place_of(data)
        place = len(self.story.steps) - 1
        self.story.sent.append(Sent(sender, step.server, message, place, told=True))
        is_known = 1 <= sender <= self.story.servers
        if is_known and self.story.messages[message].kind == "yes":
            self._voted(sender, decode(data)[2], step.server)
        return sent

    def _arrive(self, step: Step, sent: int) -> None:
        one = self.story.sent[sent]
        title = self.story.messages[one.message].title
        step.received, step.again = sent, bool(one.received)
        step.what = self._words.of_receipt(step.server, title, one.sender, step.again)
        one.received.append(len(self.story.steps) - 1)

    def _did(self, step: Step, answer: Answer, crashes: bool) -> None:
        effects, state = answer
        for run in self._words.runs(effects):
            sent = [self._carry_out(step, effect) for effect in run]
            if len(run) > _MOST_LISTED:
                step.effects.append((self._words.of_effect(run[0], len(run)), -1))
            else:
                told = map(self._words.of_effect, run)
                step.effects += zip(told, sent, strict=True)
        step.crashes = crashes
        if crashes:
            step.tag = "crash"
            step.changes = [self._words.of_crash(len(effects)), *self._crash(step.server)]
            return
        step.state = state
        changes = self._words.changes(step.server, self._states[step.server], state)
        step.changes = [told for told, _ in changes]
        if step.kind in (RECEIVE, TELL) and not state[1]:
            step.changes.insert(0, "It refuses the message: the connection would be closed.")
        if not step.changes:
            step.changes = ["It stays what it was."] if effects else ["Nothing changes."]
        begins = self._words.begins(step.kind, state)
        step.tag = ", ".join(filter(None, (begins, *(short for _, short in changes))))

    def _carry_out(self, step: Step, effect: Effect) -> int:
        """The place in Story.sent of what it sends; else -1."""
        kind, disk = effect[0], self._disks[step.server]
        sent = -1
        if kind == SEND:
            sent = self._send(step, effect)
        elif kind == SYNC:
            disk.sync()
        elif kind in (SAVE_VOTE, SAVE_ENTRY):
            disk.unsynced.append(effect)
        return sent

    def _send(self, step: Step, effect: Effect) -> int:
        _, to, data = effect
        sent, message = len(self.story.sent), self._messages.place_of(data)
        which = sum(one >= 0 for _, one in step.effects)
        self._of[step.event, which] = sent
        self.story.sent.append(Sent(step.server, to, message, len(self.story.steps) - 1))
        if self.story.messages[message].kind in ("ask", "yes"):
            number, _, term, *_ = decode(data)
            self._voted(step.server, term, step.server if number == REQUEST else to)
        return sent

    def _crash(self, server: int) -> list[str]:
        """Ends a life. What that leaves of what was not synced, in words."""
        disk = self._disks[server]
        saved, disk.unsynced = len(disk.unsynced), disk.unsynced[: self._kept[server]]
        kept = len(disk.unsynced)
        disk.sync()
        told = f"Of {counted(saved, 'save')} since its last sync, {kept} outlive it."
        return [told] if saved else []

    def _voted(self, voter: int, term: int, candidate: int) -> None:
        """A vote is given when it is sent, or when it is durable: what comes first."""
        if self._has_votes and (term, voter, candidate) not in self._votes:
            self._votes.add((term, voter, candidate))
            self.story.votes.append((len(self.story.steps) - 1, term, voter, candidate))
