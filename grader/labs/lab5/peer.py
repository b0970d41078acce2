"""The grader as another node of the cluster: its listener, its connections, messages on them."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from grader.labs.lab5.node import Address, Node
from grader.labs.lab5.told import Pulses, named, whole
from grader.labs.stage import Attempt
from grader.run.client import Client
from grader.verdicts import Diagnosis, Hang, StageFailure, fail
from grader.wire import guess
from grader.wire.annotate import MESSAGE
from grader.wire.diff import difference
from grader.wire.messages import (
    AppendEntries,
    AppendEntriesReply,
    Decoder,
    Malformed,
    Message,
    RequestVote,
    RequestVoteReply,
    encode,
)

_PULSES = 40  # longest pauses: four seconds at least
_M = TypeVar("_M", RequestVote, RequestVoteReply, AppendEntries, AppendEntriesReply)


def ask(term: int, candidate: int) -> bytes:
    """A RequestVote of a candidate without a log."""
    return encode(RequestVote(term, candidate, 0, 0))


def vote(term: int, granted: int = 1) -> bytes:
    return encode(RequestVoteReply(term, granted))


def heartbeat(term: int, leader: int, seq: int) -> bytes:
    """An AppendEntries of a leader without a log."""
    return encode(AppendEntries(term, leader, 0, 0, 0, seq, ()))


def acknowledged(term: int, follower: int, ack: int, success: int = 1) -> bytes:
    """What a node without a log answers to a heartbeat."""
    return encode(AppendEntriesReply(term, follower, 0, success, 0, ack))


class Link(Client):
    """A Raft connection. Messages are decoded as they come: ``on_message`` sees each, and ``inbox``
    keeps it, with its bytes, for whoever waits.
    """

    def __init__(self, attempt: Attempt, made: socket.socket, name: str, peer: str) -> None:
        self._decoder = Decoder()
        self._stream = bytearray()  # what no whole message was made of yet
        self._pulses = Pulses()
        self.on_message: Callable[[Link, Message], None] | None = None
        self.inbox: list[tuple[Message, bytes]] = []
        self.keeps = True  # what comes; a flood is only counted
        self.count = 0
        super().__init__(attempt.world, made, name, peer=peer)
        attempt.clients.append(self)

    def _log_sent(self, data: bytes) -> None:
        message = whole(data)
        if message is None:
            super()._log_sent(data)
        else:
            self.world.log(self.name, "sends", data, named(message), self._pulses.of(message))

    def _on_event(self, events: int) -> None:
        super()._on_event(events)
        data = self.take(self.received_size())
        if data:
            self._decode(data)

    def _decode(self, data: bytes) -> None:
        start = self._decoder.offset
        self._stream += data
        try:
            messages = self._decoder.feed(data)
        except Malformed as fault:
            for message in fault.before:
                self._deliver(message, b"")
            self._refuse(fault)
        taken = bytes(self._stream[: self._decoder.offset - start])
        del self._stream[: len(taken)]
        at = 0
        for message in messages:
            size = 8 + int.from_bytes(taken[at + 4 : at + 8], "little")
            self._deliver(message, taken[at : at + size])
            at += size

    def _deliver(self, message: Message, data: bytes) -> None:
        self.count += 1
        if self.keeps:
            self.world.log(self.name, "receives", data, named(message), self._pulses.of(message))
            self.inbox.append((message, data))
        if self.on_message is not None:
            self.on_message(self, message)

    def _refuse(self, fault: Malformed) -> None:
        shown = self._stream[:24].hex(" ")
        fail(
            f"{self.name} gets bytes that are no message: at byte {fault.offset} of the stream, "
            f"{fault.field}: {fault.reason} (the message begins {shown})",
            Diagnosis("no-message", "all that goes to another node is whole messages, in a row"),
        )

    def is_open(self) -> bool:
        """Neither side has ended it."""
        return self.socket.fileno() >= 0 and not self.ended

    def partial(self) -> bytes:
        """The beginning of a message that has not come whole."""
        return bytes(self._stream)

    def expect_message(self, expected: bytes, what: str) -> None:
        """The next message is, byte for byte, ``expected``."""
        try:
            self.world.wait(lambda: bool(self.inbox or self.ended), f"{what} to {self.name}")
        except Hang as hang:
            hang.difference = difference(expected, self.partial(), "nothing more came")
            hang.diagnosis = Diagnosis("no-answer", "a reply goes by the connection of the request")
            raise
        if not self.inbox:
            raise StageFailure(
                f"{what} to {self.name} is due, and the connection was {self.ended}",
                difference=difference(expected, self.partial(), f"the connection was {self.ended}"),
                diagnosis=Diagnosis("link-closed", "nothing on it was wrong"),
            )
        data = self.inbox.pop(0)[1]
        found = difference(expected, data, "the message ends")
        if found is not None:
            cause = guess.cause(expected, data, MESSAGE)
            raise StageFailure(
                f"{what} to {self.name} differs from what was expected",
                difference=found,
                diagnosis=cause
                or Diagnosis("wrong-reply", "it answers another message, or wrongly"),
            )

    def expect_silence(self, why: str) -> None:
        """No message has come that nobody took."""
        if self.inbox or self._stream:
            came = self.inbox[0][1] if self.inbox else self.partial()
            raise StageFailure(
                f"{self.name} gets a message that is not due here: {why}",
                difference=difference(b"", came),
                diagnosis=Diagnosis("wrong-link", why),
            )

    def expect_closed(self, why: str, goes_on: Callable[[], bool] = lambda: False) -> None:
        """The program closes it, in peace or by a RST; not if it ``goes_on``."""
        diagnosis = Diagnosis(
            "not-closed", "no boundary can be trusted after bytes that are no message"
        )
        try:
            self.world.wait(
                lambda: bool(self.ended) or goes_on(),
                f"the connection of {self.name} to be closed",
            )
        except Hang as hang:
            hang.summary += f", after {why}"
            hang.diagnosis = diagnosis
            raise
        if goes_on():
            fail(f"{self.name} is answered what it asked behind {why}", diagnosis)


class Peer:
    """Another node. ``links`` are its connections that it has not closed itself, dialled by either
    side; ``inbox`` is what came on any of them.
    """

    def __init__(
        self, attempt: Attempt, id: int, address: Address, *, listens: bool = True
    ) -> None:
        self.attempt, self.world, self.id, self.address = attempt, attempt.world, id, address
        self.name = f"node {id}"
        self.links: list[Link] = []
        self.accepted: list[Link] = []
        self.on_link: Callable[[Link], None] | None = None  # one that the program has dialled
        self.on_message: Callable[[Link, Message], None] | None = None
        self.inbox: list[tuple[Link, Message]] = []
        self.dialled_at: list[float] = []  # time.monotonic()
        self.pulses: list[Callable[[], int]] = []  # grow while the program runs, see wait_dialled
        self._dials = 0
        self._fillers: dict[int, socket.socket] = {}  # by their ports
        self._socket: socket.socket | None = None
        if listens:
            self.listen()
        attempt.clients.append(self)

    def listen_deaf(self) -> None:
        """Listens, with a queue that is full: who dials gets no answer, not even a refusal."""
        self.listen(0)
        self.leave_calls()
        for _ in range(2):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(self.address.raft)
            self._fillers[filler.getsockname()[1]] = filler

    @property
    def dials(self) -> int:
        """How many connections of the program it has accepted."""
        return len(self.accepted)

    def listen(self, backlog: int = 128) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(self.address.raft)
        self._socket.listen(backlog)
        self._socket.setblocking(False)
        self.take_calls()

    def take_calls(self) -> None:
        """Accepts from now on."""
        assert self._socket is not None
        self.world.watch(self._socket, selectors.EVENT_READ, self._accept)

    def leave_calls(self) -> None:
        """Accepts no more: who comes waits in the queue."""
        assert self._socket is not None
        self.world.watch(self._socket, 0, self._accept)

    def stop_listening(self) -> None:
        """Who comes from now on is refused."""
        if self._socket is not None and self._socket.fileno() >= 0:
            self.world.watch(self._socket, 0, self._accept)
            self._socket.close()

    def close(self) -> None:
        self.stop_listening()
        for filler in self._fillers.values():
            filler.close()

    def _accept(self, _: int) -> None:
        assert self._socket is not None
        try:
            made, (_, port) = self._socket.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        if port in self._fillers:
            self._fillers.pop(port).close()
            made.close()
            return
        self.dialled_at.append(time.monotonic())
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.world.log(self.name, "is dialled")
        link = self._adopt(made, f"{self.name} ({_th(self.dials + 1)} connection from the node)")
        self.accepted.append(link)
        if self.on_link is not None:
            self.on_link(link)

    def _adopt(self, made: socket.socket, name: str) -> Link:
        link = Link(self.attempt, made, name, "the node")
        link.on_message = self._on_message
        self.links.append(link)
        return link

    def _on_message(self, link: Link, message: Message) -> None:
        if link.keeps:
            self.inbox.append((link, message))
        if self.on_message is not None:
            self.on_message(link, message)

    def dial(self, node: Node, receive_buffer: int | None = None) -> Link:
        """A new connection to the node's Raft port, from this node's address."""
        self._dials += 1
        name = f"{self.name} ({_th(self._dials)} connection to the node)"
        self.world.log(name, "connects")
        raft, source = node.home.own.raft, self.address.host
        return self._adopt(node.socket_to(raft, name, receive_buffer, source), name)

    def wait_dialled(self, number: int = 1, why: str = "each node dials every other") -> Link:
        """The connection that the program has dialled, the so-many-th. It will not come if a pulse
        goes on for long meanwhile: the dials of another node, or something else that grows by one
        in a longest pause.
        """
        pulses = [(pulse, pulse() + _PULSES) for pulse in self.pulses]

        def is_passed_over() -> bool:
            return any(pulse() >= end for pulse, end in pulses)

        waiting_for = f"{self.name} to be dialled for the {_th(number)} time"
        diagnosis = Diagnosis("not-dialled", why)
        try:
            self.world.wait(lambda: self.dials >= number or is_passed_over(), waiting_for)
        except Hang as hang:
            hang.diagnosis = diagnosis
            raise
        if self.dials < number:
            fail(
                f"waited for {waiting_for}: longest pauses passed, and others are served", diagnosis
            )
        return self.accepted[number - 1]

    def wait_for(self, kind: type[_M], what: str, term: int = 0, above: int = -1) -> _M:
        """A message of that kind on any connection, of ``term`` (0: any) that is above ``above``;
        all that came before it is forgotten.
        """
        found: list[_M] = []

        def ready() -> bool:
            while self.inbox and not found:
                message = self.inbox.pop(0)[1]
                right = isinstance(message, kind) and term in (0, message.term)
                if right and message.term > above:
                    found.append(message)  # type: ignore[arg-type]
            return bool(found)

        try:
            self.world.wait(ready, f"{what} to {self.name}")
        except Hang as hang:
            hang.diagnosis = Diagnosis("no-request", "it is due on the connection to this node")
            raise
        return found[0]


def _th(number: int) -> str:
    return {1: "1st", 2: "2nd", 3: "3rd"}.get(number, f"{number}th")


def peers_of(
    attempt: Attempt, nodes: list[Address], own: int, *, silent: tuple[int, ...] = ()
) -> dict[int, Peer]:
    """All nodes but ``own``, by id; those that are ``silent`` do not listen yet."""
    peers = {
        id: Peer(attempt, id, address, listens=id not in silent)
        for id, address in enumerate(nodes, 1)
        if id != own
    }
    for peer in peers.values():
        peer.pulses = [partial(getattr, other, "dials") for other in peers.values()]
    return peers
