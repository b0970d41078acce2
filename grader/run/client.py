"""The grader's own end of a TCP connection: sends and receives at once, and knows what it is
owed.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import struct
from collections.abc import Callable

from grader.run import tcp
from grader.run.world import World
from grader.verdicts import Hang, StageFailure
from grader.wire import diagnose
from grader.wire.diff import difference

_BUFFER = memoryview(bytearray(1 << 18))  # of whoever receives just now
_MOST = 128 << 20  # twice what any stage sends through one connection


def counted(size: int) -> str:
    """A number of bytes, in words."""
    return "1 byte" if size == 1 else f"{size:,} bytes"


class Client:
    """A connection to the program under test, or one that it made to the grader.

    ``send`` only queues: bytes go out, and come in, whenever the stage waits. What came and was not
    yet expected stays until it is. All methods that wait raise StageFailure with the bytes that
    tell why.
    """

    def __init__(
        self,
        world: World,
        connection: socket.socket,
        name: str,
        peer: str = diagnose.SERVER,
        *,
        silent: bool = False,
    ) -> None:
        self.world, self.name, self.socket, self.peer = world, name, connection, peer
        self.silent = silent  # in the transcript
        self.over: Callable[[], bool] = lambda: False  # whether the peer's process has ended
        self.reading = True
        self.ended = ""  # how the other side stopped sending: "closed" or "reset"
        self._outgoing = bytearray()
        self._finish = False
        self._received = bytearray()  # from offset _base on: what is not yet expected
        self._base = 0
        self.sent_size = 0
        connection.setblocking(False)
        self._watch()

    def send(self, data: bytes) -> None:
        """Queues ``data``."""
        if not self.silent:
            self._log_sent(data)
        self._outgoing += data
        self.sent_size += len(data)
        self._flush()

    def _log_sent(self, data: bytes) -> None:
        self.world.log(self.name, "sends", data)

    def finish_sending(self) -> None:
        """Half-closes once all that is queued went out: the FIN of RFC 9293, shutdown(2)."""
        self.world.log(self.name, "half-closes (FIN)")
        self._finish = True
        self._flush()

    def reset(self) -> None:
        """Closes at once with a RST (SO_LINGER of 0), and forgets what is queued: socket(7)."""
        self.world.log(self.name, "resets the connection (RST)")
        self._forget()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        """Closes the socket."""
        if self.socket.fileno() >= 0:
            self._forget()
            self.socket.close()

    def pause_reading(self) -> None:
        """Leaves what comes in the kernel's buffers from now on."""
        self.reading = False
        self._watch()

    def resume_reading(self) -> None:
        self.reading = True
        self._watch()

    def local_port(self) -> int:
        """The port of the grader's own end."""
        return int(self.socket.getsockname()[1])

    def sent_all(self) -> bool:
        """True once the kernel has taken all that was queued."""
        return not self._outgoing

    def queued(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return len(self._outgoing)

    def received_size(self) -> int:
        """All bytes that came so far."""
        return self._base + len(self._received)

    def wait_sent(self) -> None:
        """Waits until the kernel has taken all that was queued."""
        self.world.wait(
            lambda: self.sent_all() or bool(self.ended),
            f"{self.name} to send {self.queued()} more bytes",
        )
        if self.queued():
            self._fail(
                f"the connection of {self.name} was {self.ended} before it could send everything"
            )

    def expect(self, data: bytes, what: str = "the echo") -> None:
        """Waits until exactly ``data`` came; fails at the first byte that is wrong, without waiting
        for the rest.
        """
        checked = 0

        def ready() -> bool:
            nonlocal checked
            now = min(len(data), len(self._received))
            if data[checked:now] != self._received[checked:now]:
                return True
            checked = now
            return checked == len(data) or bool(self.ended) or self._is_over()

        try:
            self.world.wait(ready, f"{what} to {self.name}")
        except Hang as hang:
            self._mismatch(data, what, hang)
        if checked < len(data):
            if not self.ended:  # some more of the stream, for a better diagnosis
                self.world.observe(
                    0.2, lambda: len(self._received) >= checked + 64 or bool(self.ended)
                )
            self._mismatch(data, what, None)
        self.world.log(self.name, "receives what was expected", data)
        self.take(len(data))

    def expect_end(self) -> None:
        """Waits until the other side closed, and nothing came before that."""
        try:
            self.world.wait(
                lambda: bool(self.ended or self._received),
                f"{self.peer} to close the connection of {self.name}",
            )
        except Hang as hang:
            hang.diagnosis = diagnose.no_end(self.peer)
            raise
        self.expect_nothing_more()
        if self.ended == "reset":
            self._fail(f"the connection of {self.name} was reset, not closed, after the last byte")
        self.world.log(self.name, "sees the end of the stream")

    def expect_nothing_more(self) -> None:
        """Fails if bytes came that nobody asked for; does not wait."""
        self._read()
        if self._received:
            extra = bytes(self._received)
            found = difference(b"", extra, base=self._base)
            raise StageFailure(
                f"{self.name} received {counted(len(extra))} too many",
                difference=found,
                diagnosis=diagnose.extra(extra),
            )

    def came(self) -> bytearray:
        """What came and is not taken yet: to be looked at, and to be taken by ``take`` only."""
        return self._received

    def take(self, size: int) -> bytes:
        """Takes the next ``size`` bytes that came, or as many as there are; does not wait."""
        taken = bytes(self._received[:size])
        del self._received[:size]
        self._base += len(taken)
        return taken

    def wait_came(self, ready: Callable[[], bool], what: str) -> None:
        """Waits until ``ready()`` of what ``came``; fails if the stream ends before."""
        self.world.wait(lambda: ready() or bool(self.ended), f"{what} to {self.name}")
        if not ready():
            self._fail(f"{what} to {self.name} is due, and the connection was {self.ended}")

    def take_whole(self, size: int, what: str) -> bytes:
        """Waits for ``size`` bytes, and takes them."""
        self.wait_came(lambda: len(self._received) >= size, what)
        return self.take(size)

    def take_line(self, what: str) -> bytes:
        """Waits for a line up to CR LF, and takes it; returns it without these."""
        self.wait_came(lambda: b"\r\n" in self._received, what)
        return self.take(self._received.index(b"\r\n") + 2)[:-2]

    def take_lines(self) -> list[str]:
        """The whole lines that came and were not expected; does not wait."""
        self._read()
        whole = self.take(self._received.rfind(b"\n") + 1)
        return whole.decode(errors="replace").splitlines()

    def _is_over(self) -> bool:
        """For a program's own stdin and stdout: it has ended, and all that it printed is here."""
        if not self.over():
            return False
        size = -1
        while size != len(self._received):
            size = len(self._received)
            self._read()
        self.ended = self.ended or "closed"
        return True

    def _mismatch(self, data: bytes, what: str, hang: Hang | None) -> None:
        came = bytes(self._received[: len(data) + 64])
        ending = f"the connection was {self.ended}" if self.ended else "nothing more came"
        shown = came if len(came) > len(data) else came[: len(data)]
        found = difference(data, shown, ending, self._base)
        if found is None:
            return
        at = found.offset - self._base
        diagnosis = diagnose.echo(data, came, at, self.ended, self._waits())
        if hang is not None:
            hang.difference, hang.diagnosis = found, diagnosis
            hang.summary = (
                f"{what} to {self.name} stops after {len(came)} of {len(data)} bytes; "
                f"{hang.summary}"
            )
            raise hang
        short = len(came) == found.offset - self._base
        how = (
            f"ends early: the connection was {self.ended}"
            if short
            else "differs from what was expected"
        )
        raise StageFailure(f"{what} to {self.name} {how}", difference=found, diagnosis=diagnosis)

    def unread(self) -> int:
        """Bytes that this client sent, and that lie unread in the program's receive buffer."""
        waits = self._waits()
        return waits.unread if waits else 0

    def seconds_since_data(self) -> float:
        """How long ago the kernel last received data: tcp_info's tcpi_last_data_recv, tcp(7)."""
        info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        return int(struct.unpack_from("I", info, 52)[0]) / 1000

    def held(self) -> int:
        """Bytes of an echo that the program has taken in and not given to its kernel."""
        try:
            ours, theirs = self.socket.getsockname()[1], self.socket.getpeername()[1]
        except OSError:  # not connected any more
            return 0
        ends = (tcp.connection(ours, theirs), tcp.connection(theirs, ours))
        kernel = sum(end.unread + end.unsent for end in ends if end)
        return self.sent_size - self.queued() - self.received_size() - kernel

    def _waits(self) -> diagnose.Waits | None:
        """What the kernel holds for a program that this client is connected to by TCP."""
        if self.socket.family != socket.AF_INET or self.ended:
            return None
        try:
            ours, theirs = self.socket.getsockname()[1], self.socket.getpeername()[1]
        except OSError:  # not connected any more
            return None
        found = tcp.connection(theirs, ours)
        return diagnose.Waits(found.inode != 0, found.unread) if found else None

    def _fail(self, summary: str) -> None:
        raise StageFailure(summary, diagnosis=diagnose.ended(self.ended) if self.ended else None)

    def _watch(self) -> None:
        if self.socket.fileno() < 0:
            return
        events = selectors.EVENT_READ if self.reading and not self.ended else 0
        if self._outgoing or self._finish:
            events |= selectors.EVENT_WRITE
        self.world.watch(self.socket, events, self._on_event)

    def _forget(self) -> None:
        self._outgoing.clear()
        self._finish = False
        self.world.watch(self.socket, 0, lambda _: None)

    def _on_event(self, events: int) -> None:
        if events & selectors.EVENT_READ:
            self._read()
        if events & selectors.EVENT_WRITE and self.socket.fileno() >= 0:
            self._flush()

    def _read(self) -> None:
        if self.socket.fileno() < 0 or self.ended or not self.reading:
            return
        try:
            size = self.socket.recv_into(_BUFFER)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end("reset", error)
            return
        if len(self._received) > _MOST:
            raise StageFailure(
                f"{self.name} received more than {_MOST >> 20} MiB that nobody asked for",
                diagnosis=diagnose.extra(bytes(self._received[:64])),
            )
        if size:
            self._received += _BUFFER[:size]
        else:
            self._end("closed", None)

    def _end(self, how: str, error: OSError | None) -> None:
        self.ended = how
        detail = f" ({errno.errorcode.get(error.errno or 0, str(error))})" if error else ""
        self.world.log(self.name, f"sees that the connection was {how}{detail}")
        self._watch()

    def _flush(self) -> None:
        """Sends what the kernel takes. A failure here is no verdict: what came back decides."""
        if self.socket.fileno() < 0:
            return
        try:
            while self._outgoing:
                sent = self.socket.send(memoryview(self._outgoing)[: 1 << 20])
                del self._outgoing[:sent]
            if self._finish:
                self._finish = False
                with contextlib.suppress(OSError):
                    self.socket.shutdown(socket.SHUT_WR)
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            self._outgoing.clear()
            self._finish = False
            if not self.ended and not self.reading:
                self._end("reset", error)
        self._watch()
