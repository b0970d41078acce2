"""What passed between real nodes as a run that pages and traces show. Of a node only its messages
are known: what it was when it sent them, and nothing of its disk.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from grader.sim.cluster import CRASH, RECEIVE, START, TICK, Input
from grader.sim.invariants import Broken
from grader.sim.run import Run, told
from grader.sim.server import CANDIDATE, FOLLOWER, LEADER, SEND, Answer, Config, State
from grader.wire.messages import (
    AppendEntries,
    AppendEntriesReply,
    Message,
    RequestVote,
    RequestVoteReply,
    encode,
)

_MOST = 2000  # events that are kept, the latest ones
_AT_ONCE_MS = 5  # a message so soon after a receipt is told as its effect


@dataclass
class Seen:
    """What a node's messages say of it."""

    role: int = FOLLOWER
    term: int = 0
    vote: int = 0  # in that term
    leader: int = 0
    last_index: int = 0
    commit: int = 0

    def sends(self, own: int, to: int, message: Message) -> None:
        """It is like this when it sends this."""
        if message.term > self.term:
            self.role, self.term, self.vote, self.leader = FOLLOWER, message.term, 0, 0
        match message:
            case RequestVote():
                self.role, self.vote, self.leader = CANDIDATE, own, 0
                self.last_index = message.last_log_index
            case RequestVoteReply():
                self.vote = to if message.vote_granted else self.vote
            case AppendEntries():
                self.role, self.vote, self.leader = LEADER, own, own
                end = message.prev_log_index + len(message.entries)
                self.last_index = max(self.last_index, end)
                self.commit = max(self.commit, message.leader_commit)
            case AppendEntriesReply():
                self.role, self.leader = FOLLOWER, to
                self.last_index = message.log_index
                self.commit = message.follower_commit

    def state(self) -> State:
        return (0, 1, self.role, self.term, self.vote, self.leader, self.last_index, self.commit)


@dataclass
class _Event:
    """An input, and what the node did about it; ``sent`` are the messages of it."""

    number: int
    kind: str
    at: int
    server: int
    of: tuple[int, int]
    state: State
    sent: list[tuple[int, bytes]] = field(default_factory=list)

    def input(self) -> Input:
        return self.number, self.kind, self.at, self.server, *self.of

    def answer(self) -> Answer:
        return [(SEND, to, data) for to, data in self.sent], self.state


class Recording:
    """Keeps the latest events. Times are milliseconds."""

    def __init__(self, servers: int) -> None:
        self.servers = servers
        self.seen = {id: Seen() for id in range(1, servers + 1)}
        self._events: list[_Event] = []
        self._latest: dict[int, _Event] = {}  # of each node
        self._gone: set[int] = set()
        self._number = 0

    def passed(self, at: int, sender: int, receiver: int, message: Message) -> None:
        """A message was sent, and arrives where anybody is there."""
        self.seen[sender].sends(sender, receiver, message)
        event = self._latest.get(sender)
        if event is None or at - event.at > _AT_ONCE_MS or event.kind == CRASH:
            event = self._add(TICK, at, sender, (0, 0))
        event.state = self.seen[sender].state()
        event.sent.append((receiver, encode(message)))
        if receiver not in self._gone:
            self._add(RECEIVE, at, receiver, (event.number, len(event.sent) - 1))

    def started(self, at: int, node: int) -> None:
        before = self.seen[node]
        self.seen[node] = replace(before, role=FOLLOWER, leader=0)
        self._gone.discard(node)
        self._add(START, at, node, (0, 0))

    def ended(self, at: int, node: int) -> None:
        self._gone.add(node)
        self._add(CRASH, at, node, (0, 0))

    def _add(self, kind: str, at: int, node: int, of: tuple[int, int]) -> _Event:
        self._number += 1
        event = _Event(self._number, kind, at, node, of, self.seen[node].state())
        self._events.append(event)
        self._latest[node] = event
        if len(self._events) > 2 * _MOST:
            del self._events[:_MOST]
        return event

    def run(self, broken: Broken | None = None) -> Run:
        """The latest events, and nothing that needs one before them."""
        latest = self._events[-_MOST:]
        numbers = {event.number for event in latest}
        events = self._beginning(latest) + [
            event for event in latest if event.kind != RECEIVE or event.of[0] in numbers
        ]
        spent = events[-1].at - events[0].at if events else 0
        return Run(
            Config(self.servers),
            [event.input() for event in events],
            [event.answer() for event in events],
            set(),
            spent,
            broken,
            {},
            told,
        )

    def _beginning(self, latest: list[_Event]) -> list[_Event]:
        """Starts of the nodes that run when the latest events begin."""
        first: dict[int, _Event] = {}
        for event in latest:
            first.setdefault(event.server, event)
        return [
            _Event(place - len(first), START, latest[0].at, event.server, (0, 0), event.state)
            for place, event in enumerate(first.values())
            if event.kind != START
        ]
