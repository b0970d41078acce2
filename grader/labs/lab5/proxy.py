"""Wires between nodes: each dials the grader, who dials the other one and passes all bytes on, both
ways, once the witness has seen them.
"""

from __future__ import annotations

import errno
import selectors
import socket
import struct
from collections.abc import Callable, Iterable

from grader.labs.lab5.node import Address
from grader.labs.lab5.told import Pulses, named
from grader.labs.lab5.witness import Stream, Witness
from grader.run.world import World
from grader.sim.invariants import Broken
from grader.verdicts import Diagnosis, fail

_AT_ONCE = 1 << 16
_MOST_WAITING = 1 << 20  # bytes for a node that does not read; then its sender waits


class Proxy:
    """What the node ``dialler`` takes for the node ``dialled``: it listens at ``address``, and
    dials ``target``.
    """

    def __init__(
        self, wires: Wires, dialler: int, dialled: int, address: Address, target: Address
    ) -> None:
        self.wires, self.dialler, self.dialled, self.target = wires, dialler, dialled, target
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(address.raft)
        self._listener.listen()
        self._listener.setblocking(False)
        wires.world.watch(self._listener, selectors.EVENT_READ, self._accept)

    def close(self) -> None:
        self._listener.close()

    def _accept(self, _: int) -> None:
        try:
            came = self._listener.accept()[0]
        except (BlockingIOError, ConnectionAbortedError):
            return
        onward = socket.socket()
        onward.setblocking(False)
        if onward.connect_ex(self.target.raft) not in (0, errno.EINPROGRESS):
            onward.close()
            _reset(came)
            return
        self.wires.join(_End(came, self.dialler), _End(onward, self.dialled))


class _End:
    """A connection of the proxy's with a node: what the node sends comes out of it."""

    def __init__(self, made: socket.socket, node: int) -> None:
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket, self.node = made, node
        self.other: _End = self
        self.stream: Stream | None = None
        self.pulses = Pulses()
        self.waiting = bytearray()  # to be sent to the node
        self.has_ended = False  # the node sends no more
        self.is_finished = False  # it was told that the other one sends no more


class Wires:
    """All connections between the nodes. What a node sends to another one waits while that way is
    cut.
    """

    def __init__(self, world: World, witness: Witness) -> None:
        self.world, self.witness = world, witness
        self.cuts: set[tuple[int, int]] = set()  # from which node to which one
        self._ends: list[_End] = []

    def join(self, one: _End, other: _End) -> None:
        one.other, other.other = other, one
        other.pulses = one.pulses
        for end in (one, other):
            end.stream = self.witness.stream(end.node, end.other.node)
            self._ends.append(end)
            self._watch(end)

    def cut(self, ways: Iterable[tuple[int, int]]) -> None:
        """Nothing goes these ways from now on, and nobody is told."""
        self.cuts |= set(ways)
        self._watch_all()

    def heal(self, ways: Iterable[tuple[int, int]], *, loses: bool = False) -> None:
        """These ways are open again. What waited goes on, late; or it is lost, with the connections
        that it waited on.
        """
        healed = self.cuts & set(ways)
        self.cuts -= healed
        for end in list(self._ends):
            if loses and end in self._ends and (end.node, end.other.node) in healed:
                self._end_both(end, _reset)
        self._watch_all()

    def read_out(self, node: int) -> None:
        """Of a node that has ended, what waits is seen, and goes nowhere where the way is cut, or
        where nobody reads it.
        """
        for end in list(self._ends):
            if end in self._ends and end.node == node and not self._flows(end):
                self._end_both(end, _reset)

    def _flows(self, end: _End) -> bool:
        """Whether what its node sends is taken now."""
        is_cut = (end.node, end.other.node) in self.cuts
        return not is_cut and len(end.other.waiting) < _MOST_WAITING

    def _watch_all(self) -> None:
        for end in self._ends:
            self._watch(end)

    def are_silent(self, node: int) -> bool:
        """All that this node has sent was seen, and no more can come."""
        return not any(end.node == node and not end.has_ended for end in self._ends)

    def close(self) -> None:
        for end in list(self._ends):
            end.socket.close()

    def _watch(self, end: _End) -> None:
        if end.socket.fileno() < 0:
            return
        reads = not end.has_ended and self._flows(end)
        events = selectors.EVENT_READ if reads else 0
        if end.waiting or (end.other.has_ended and not end.is_finished):
            events |= selectors.EVENT_WRITE
        self.world.watch(end.socket, events, lambda ready: self._on_event(end, ready))

    def _on_event(self, end: _End, ready: int) -> None:
        try:
            if ready & selectors.EVENT_READ:
                self._read(end)
            if ready & selectors.EVENT_WRITE and end.socket.fileno() >= 0:
                self._write(end)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._end_both(end, _reset)
        else:
            self._end_if_done(end)

    def _read(self, end: _End) -> None:
        data = end.socket.recv(_AT_ONCE)
        if not data:
            end.has_ended = True
        else:
            self._show(end, data)
            end.other.waiting += data
        self._watch(end)
        self._watch(end.other)

    def _show(self, end: _End, data: bytes) -> None:
        assert end.stream is not None
        who = f"node {end.node} to node {end.other.node}"
        try:
            for message in self.witness.saw(end.stream, data):
                self.world.log(who, "sends", told=named(message), pulse=end.pulses.of(message))
        except Broken as broken:
            self.world.log(who, "sends", data)
            fail(
                f"the rule '{broken.rule}' is broken: {broken.words}",
                Diagnosis(
                    f"seen-{broken.rule.replace(' ', '-')}", "seen in the bytes of the links"
                ),
            )

    def _write(self, end: _End) -> None:
        if end.waiting:
            sent = end.socket.send(end.waiting)
            del end.waiting[:sent]
        if end.other.has_ended and not end.waiting and not end.is_finished:
            end.is_finished = True
            end.socket.shutdown(socket.SHUT_WR)
        self._watch(end)
        self._watch(end.other)

    def _end_if_done(self, end: _End) -> None:
        if all(one.has_ended and one.is_finished for one in (end, end.other)):
            self._end_both(end, socket.socket.close)

    def _end_both(self, end: _End, how: Callable[[socket.socket], None]) -> None:
        for one in (end, end.other):
            if one.socket.fileno() >= 0:
                self._rest(one)
                one.has_ended = True
                self.world.watch(one.socket, 0, lambda _: None)
                how(one.socket)
                self._ends.remove(one)

    def _rest(self, end: _End) -> None:
        """What a node has sent counts, although it can't be passed on any more."""
        try:
            while not end.has_ended and (data := end.socket.recv(_AT_ONCE)):
                self._show(end, data)
        except OSError:
            return


def _reset(made: socket.socket) -> None:
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    made.close()
