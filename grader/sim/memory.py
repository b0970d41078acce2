"""Servers that are asked once. What a server does depends on its calls alone (raft.h), so nobody
has to make the same calls again to know: a search that goes back and forth between states costs
real servers only the calls that none has had yet.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from grader.sim.cluster import PROPOSE, RECEIVE, TICK
from grader.sim.server import Answer, Host, Life, Server, ServerEnded

# (TICK, now), (RECEIVE, now, sender, message) or (PROPOSE, now, data), as Server's functions have
# them.
Call: TypeAlias = tuple[Any, ...]


class Place:
    """What a server went through since it started, and its answer to the last of that, or why there
    is none.
    """

    __slots__ = ("answer", "before", "call", "failed", "life", "next", "number")

    def __init__(self, number: int, life: Life, before: Place | None, call: Call) -> None:
        self.number, self.life, self.before, self.call = number, life, before, call
        self.next: dict[Call, Place] = {}
        self.answer: Answer | None = None
        self.failed: ServerEnded | None = None

    def calls(self) -> list[Call]:
        """All of them, the first one first."""
        found: list[Call] = []
        place = self
        while place.before is not None:
            found.append(place.call)
            place = place.before
        return found[::-1]


class Memory:
    """Knows what servers of ``host`` did. ``calls`` counts those that were really made."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._starts: dict[Call, Place] = {}
        self._places = 0
        self.calls = 0

    def _new(self, life: Life, before: Place | None, call: Call) -> Place:
        self._places += 1
        return Place(self._places, life, before, call)

    def start(self, life: Life) -> Place:
        """Where the server is that starts so."""
        key = (life.server, life.now, life.seed, life.vote, tuple(life.entries))
        place = self._starts.get(key)
        if place is None:
            place = self._starts[key] = self._new(life, None, ())
            self._ask(place)
        return place

    def go(self, place: Place, call: Call) -> Place:
        """Where a server is after one more call."""
        known = place.next.get(call)
        if known is None:
            known = place.next[call] = self._new(place.life, place, call)
            self._ask(known)
        return known

    def _ask(self, place: Place) -> None:
        """Has a new server go there. One that waited at the place before would hardly ever be the
        one that is needed next.
        """
        self.calls += 1
        try:
            server, place.answer = self._host.start(place.life)
        except ServerEnded as reason:
            place.failed = reason.with_traceback(None)
            return
        try:
            for call in place.calls():
                self.calls += 1
                place.answer = _made(server, call)
        except ServerEnded as reason:
            place.answer, place.failed = None, reason.with_traceback(None)
        finally:
            server.end()


def _made(server: Server, call: Call) -> Answer:
    if call[0] == TICK:
        return server.tick(call[1])
    if call[0] == RECEIVE:
        return server.receive(*call[1:])
    return server.propose(*call[1:])


class Remembered:
    """A server that may never have run: for a cluster, one like any other."""

    __slots__ = ("_memory", "place")

    def __init__(self, memory: Memory, place: Place) -> None:
        self._memory, self.place = memory, place

    def _go(self, call: Call) -> Answer:
        self.place = self._memory.go(self.place, call)
        return answer_of(self.place)

    def tick(self, now: int) -> Answer:
        return self._go((TICK, now))

    def receive(self, now: int, sender: int, message: bytes) -> Answer:
        return self._go((RECEIVE, now, sender, message))

    def propose(self, now: int, data: bytes) -> Answer:
        return self._go((PROPOSE, now, data))

    def end(self) -> int:
        return 0

    def printed(self) -> bytes:
        return b""


def answer_of(place: Place) -> Answer:
    """Raises ServerEnded where there is none."""
    if place.answer is None:
        assert place.failed is not None
        raise place.failed
    return place.answer


class RememberingHost:
    """Starts them."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    def start(self, life: Life) -> tuple[Remembered, Answer]:
        place = self.memory.start(life)
        return Remembered(self.memory, place), answer_of(place)
