"""The grader as a server or as a UDP peer, for the clients that students write."""

from __future__ import annotations

import selectors
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

from grader.labs.stage import Attempt
from grader.run.client import Client
from grader.run.world import SHOWN
from grader.verdicts import Diagnosis, Hang, StageFailure
from grader.wire.diff import difference

_MOST_WAITING = 1000
_SO_TIMESTAMPNS = getattr(socket, "SO_TIMESTAMPNS", 35)  # socket(7); Python names it from 3.14 on


def loopback_hosts(in_namespaces: bool) -> list[tuple[socket.AddressFamily, list[str]]]:
    """What names the loopback of each family that there is here. In namespaces localhost has both;
    elsewhere it is the machine's own.
    """
    found = [(socket.AF_INET, ["127.0.0.1", "localhost"])]
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return found
    known = {entry[0] for entry in socket.getaddrinfo("localhost", None)}
    named = in_namespaces or socket.AF_INET6 in known
    return [*found, (socket.AF_INET6, ["::1", "localhost"] if named else ["::1"])]


class Listener:
    """A listening socket of the grader's, on loopback and a port (0: of the kernel's choice)."""

    def __init__(
        self, attempt: Attempt, family: socket.AddressFamily = socket.AF_INET, port: int = 0
    ) -> None:
        self.attempt = attempt
        self.socket = socket.socket(family)
        attempt.clients.append(self)
        if family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.socket.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
        self.socket.listen()
        self.socket.setblocking(False)
        self.port: int = self.socket.getsockname()[1]

    def accept(self) -> Client:
        """Waits for the program under test to connect."""
        ready: list[socket.socket] = []
        world = self.attempt.world
        world.watch(
            self.socket,
            selectors.EVENT_READ,
            lambda _: ready.append(self.socket.accept()[0]) if not ready else None,
        )
        gone = self.attempt.programs[-1]
        try:
            world.wait(
                lambda: bool(ready) or gone.ended(), f"{gone.name} to connect to port {self.port}"
            )
        finally:
            world.watch(self.socket, 0, lambda _: None)
        if not ready:
            raise StageFailure(
                f"{gone.name} {gone.ending()} without connecting to port {self.port}",
                diagnosis=Diagnosis("not-connected", "its own words are below"),
            )
        client = Client(world, ready[0], "the server", peer=gone.name)
        self.attempt.clients.append(client)
        return client

    def close(self) -> None:
        self.socket.close()


@dataclass(frozen=True)
class Datagram:
    """One that came: its bytes, its sender's port, and when the kernel took it, in seconds."""

    data: bytes
    port: int
    at: float


class UdpSocket:
    """A UDP socket of the grader's on 127.0.0.1."""

    def __init__(self, attempt: Attempt, name: str) -> None:
        self.name, self.world, self._attempt = name, attempt.world, attempt
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port: int = self.socket.getsockname()[1]
        self.waiting: list[Datagram] = []
        self.passes_over_repeats = False
        self._seen: set[bytes] = set()
        self._last: Datagram | None = None
        attempt.clients.append(self)
        self.world.watch(self.socket, selectors.EVENT_READ, self._on_event)

    def _on_event(self, _: int) -> None:
        data, ancillary, _, address = self.socket.recvmsg(1 << 16, socket.CMSG_SPACE(16))
        if len(self.waiting) > _MOST_WAITING:
            raise StageFailure(
                f"{self.name} got {_MOST_WAITING} datagrams that nobody asked for",
                diagnosis=Diagnosis("datagram-flood", "a loop sends without end"),
            )
        seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
        self.waiting.append(Datagram(data, address[1], seconds + nanoseconds / 1e9))
        self.world.log(self.name, f"receives a datagram from port {address[1]}", data)

    def send(self, data: bytes, port: int) -> None:
        """The same again and again is one event of the transcript."""
        what = f"sends a datagram to port {port}"
        last = self.world.events[-1] if self.world.events else None
        if last is None or (last.who, last.what, last.data) != (self.name, what, data[:SHOWN]):
            self.world.log(self.name, what, data)
        self.socket.sendto(data, ("127.0.0.1", port))

    def expect(self, data: bytes, port: int) -> None:
        """The next datagram is ``data``, and comes from ``port``."""
        if self.receive(data).port != port:
            raise StageFailure(
                f"{self.name}: the reply comes from another port than {port}",
                diagnosis=Diagnosis(
                    "reply-port", "a reply leaves from the socket that the request came to"
                ),
            )

    def receive_again(self, data: bytes) -> Datagram:
        """Another try with the same ``data``."""
        return self.receive(data, ("no-retry", "the reply did not come, and no further try either"))

    def receive(
        self,
        data: bytes,
        otherwise: tuple[str, str] = (
            "no-datagram",
            "no datagram came at all: an empty one counts, and so does the largest",
        ),
    ) -> Datagram:
        """The next datagram, which is ``data``; ``otherwise`` explains why none came."""
        what = f"a datagram of {len(data)} bytes to {self.name}"
        programs = self._attempt.programs
        try:
            self.world.wait(lambda: self._is_there(data) or programs[-1].ended(), what)
        except Hang as hang:
            hang.diagnosis = Diagnosis(*otherwise)
            raise
        if not self.waiting:
            raise StageFailure(
                f"{programs[-1].name} {programs[-1].ending()} where {what} is due",
                diagnosis=Diagnosis("ended-early", "it ended in the middle of it"),
            )
        came = self.waiting.pop(0)
        found = difference(data, came.data, "the datagram ends")
        if found is not None:
            cut = len(came.data) < len(data) and data.startswith(came.data)
            text = (
                f"it was cut to {len(came.data)} bytes, the size of a buffer?"
                if cut
                else "it is not the datagram that is due"
            )
            raise StageFailure(
                f"{what} differs",
                difference=found,
                diagnosis=Diagnosis("datagram-cut" if cut else "datagram", text),
            )
        self._last = came
        self._seen.add(data)
        return came

    def _is_there(self, data: bytes) -> bool:
        """Whether something waits, apart from further tries of what came before ``data``."""
        while self.passes_over_repeats and self.waiting and self.waiting[0].data != data:
            if self.waiting[0].data not in self._seen:
                break
            del self.waiting[0]
        return bool(self.waiting)

    def reply(self, to: Datagram) -> None:
        self.send(to.data, to.port)

    def answer(self, data: bytes) -> None:
        """Receives ``data`` and sends it back."""
        self.reply(self.receive(data))

    def answer_last(self) -> None:
        """Sends the last received datagram back."""
        assert self._last is not None
        self.reply(self._last)

    def until_next(
        self, data: bytes, meanwhile: Callable[[], None], printed: Callable[[], int]
    ) -> None:
        """Waits for the next try, and calls ``meanwhile`` about every 50 ms until it comes;
        ``printed`` counts what the client printed, which should be nothing more.
        """
        before = printed()

        def ready() -> bool:
            if not self.waiting:
                meanwhile()
            return bool(self.waiting) or printed() > before

        try:
            self.world.wait(ready, f"another try of {len(data)} bytes to {self.name}")
        except Hang as hang:
            hang.diagnosis = Diagnosis(
                "wait-restarts",
                "datagrams that are not the reply come again and again: does each of them start "
                "the wait anew?",
            )
            raise
        if not self.waiting:
            raise StageFailure(
                "a datagram that is not the reply was printed as if it were",
                diagnosis=Diagnosis("wrong-reply-taken", "its bytes are not those of the line"),
            )
        self.receive(data)

    def expect_no_more(self, otherwise: str) -> None:
        """Fails if another datagram has come."""
        if self.waiting:
            raise StageFailure(
                otherwise, diagnosis=Diagnosis("too-many-tries", "the same line came once more")
            )

    def close(self) -> None:
        if self.socket.fileno() >= 0:
            self.world.watch(self.socket, 0, lambda _: None)
            self.socket.close()
