"""One server of the student's core: an event goes in, what the server did comes out.

``labs/host/raft_sim.c`` describes the bytes. Nothing here looks at what they mean. All of it runs
some 20,000 times a second, so records are tuples.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

# What a server does: (SEND, to, message), (SAVE_VOTE, term, voted_for),
# (SAVE_ENTRY, index, term, data), (SYNC,), (APPLY, index, term, data).
SEND, SAVE_VOTE, SAVE_ENTRY, SYNC, APPLY = range(1, 6)
Effect: TypeAlias = tuple[Any, ...]

# What it is afterwards: (deadline, what the call returned, role, term, voted_for, leader,
# last_index, commit_index).
State: TypeAlias = tuple[int, int, int, int, int, int, int, int]
FOLLOWER, CANDIDATE, LEADER = range(3)

Answer: TypeAlias = tuple[list[Effect], State]
Entry: TypeAlias = tuple[int, bytes]  # term and data

_SIZE = struct.Struct("<I")
_NEW = struct.Struct("<IBq7iQ")
_TICK = struct.Struct("<IBq")
_RECEIVE = struct.Struct("<IBqi")
_STATUS = struct.pack("<IB", 1, ord("s"))
ENTRY = struct.Struct("<iI")  # term and size; its data follows
_SENT = struct.Struct("<iI")  # to, size
_VOTE = struct.Struct("<ii")
_PLACED = struct.Struct("<iiI")  # index, term, size
_STATE = struct.Struct("<q7i")
_TICK_JOB, _RECEIVE_JOB, _PROPOSE_JOB = b"trp"
_LOOK_EVERY_US = 50_000
_T = TypeVar("_T")
_AT_ONCE = 1 << 15  # bytes of an answer that one read takes
_NOW = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
_LARGEST_ANSWER = 256 << 20  # some messages of 16 MiB to each of some servers


@dataclass(frozen=True)
class Config:
    """What all servers of a cluster are told; times in milliseconds."""

    servers: int
    election_min: int = 150
    election_max: int = 300
    heartbeat: int = 50


@dataclass(frozen=True)
class Life:
    """What a server starts with: its id, the time, the seed of its timeouts, and what it saved."""

    config: Config
    server: int
    now: int
    seed: int
    vote: tuple[int, int]  # term, and the vote in it
    entries: list[Entry]


def cpus() -> list[int]:
    """Those that this process may run on, first the one that it runs on just now: graders that run
    side by side were spread over them by the kernel. See sched_getcpu(3).
    """
    allowed = sorted(os.sched_getaffinity(0))
    here = ctypes.CDLL(None).sched_getcpu()
    at = allowed.index(here) if here in allowed else 0
    return allowed[at:] + allowed[:at]


def share_cpu(cpu: int) -> None:
    """This process and all that it starts from now on run on one CPU, where neither has to wake
    another for an answer.
    """
    os.sched_setaffinity(0, {cpu})


class Server(Protocol):
    """A server that runs. Times are milliseconds. Each call may raise ServerEnded."""

    def tick(self, now: int) -> Answer: ...
    def receive(self, now: int, sender: int, message: bytes) -> Answer: ...
    def propose(self, now: int, data: bytes) -> Answer: ...
    def end(self) -> int:
        """Ends it; the status is that of waitpid(2)."""
        ...

    def printed(self) -> bytes:
        """The last that it printed, on either of its streams."""
        ...


class Host(Protocol):
    """Starts servers."""

    def start(self, life: Life) -> tuple[Server, Answer]: ...


class ServerEnded(Exception):
    """A server ended, or closed its socket, instead of answering. Of one that did so while it was
    started, ``status`` and ``output`` are here, since nobody else has it; there is no status where
    it was not even forked.
    """

    status: int | None = None
    output = b""


class ServerHangs(ServerEnded):
    """A server did not answer in time: a function of the student's does not return."""


def decode(data: bytes) -> Answer:
    """What an answer says, without the four bytes of its size. Raises ServerEnded for one that
    raft_sim does not give: whoever answers is the student's process.
    """
    try:
        return _effects(data, len(data) - _STATE.size), _STATE.unpack_from(
            data, len(data) - _STATE.size
        )
    except (struct.error, IndexError):
        raise ServerEnded("an answer is cut short") from None


def _effects(data: bytes, end: int) -> list[Effect]:
    at = 0
    done: list[Effect] = []
    while at < end:
        kind = data[at]
        if kind == SEND:
            to, size = _SENT.unpack_from(data, at + 1)
            at += 9 + size
            done.append((SEND, to, data[at - size : at]))
        elif kind == SYNC:
            done.append((SYNC,))
            at += 1
        elif kind == SAVE_VOTE:
            done.append((SAVE_VOTE, *_VOTE.unpack_from(data, at + 1)))
            at += 9
        elif kind in (SAVE_ENTRY, APPLY):
            index, term, size = _PLACED.unpack_from(data, at + 1)
            at += 13 + size
            done.append((kind, index, term, data[at - size : at]))
        else:
            raise ServerEnded(f"an answer holds an effect {kind}")
    if at != end:
        raise ServerEnded("an answer is cut short")
    return done


def _wait_at_most(one: socket.socket, microseconds: int) -> None:
    """A read fails then with EAGAIN: socket(7)."""
    limit = struct.pack("@ll", 0, microseconds)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)


class ForkedServer:
    """A child of raft_sim. What is waited for has a time limit here, not one of the socket's: the
    student's process made this end of it, too, and may hold it.
    """

    def __init__(self, host: ForkingHost, pid: int, jobs: socket.socket, output: int) -> None:
        self._host, self._pid = host, pid
        self._jobs, self._output = jobs, output
        self._patience_ms = 1000 * host.patience_s or None
        self._answers, self._room = select.poll(), select.poll()
        self._answers.register(jobs, select.POLLIN)
        self._room.register(jobs, select.POLLOUT)

    def begin(self, life: Life) -> Answer:
        config = life.config
        saved = b"".join(ENTRY.pack(term, len(data)) + data for term, data in life.entries)
        times = (config.election_min, config.election_max, config.heartbeat)
        numbers = (life.server, config.servers, *times, *life.vote, life.seed)
        size = _NEW.size - _SIZE.size + len(saved)
        return self._ask(_NEW.pack(size, ord("n"), life.now, *numbers) + saved)

    def tick(self, now: int) -> Answer:
        return self._ask(_TICK.pack(9, _TICK_JOB, now))

    def receive(self, now: int, sender: int, message: bytes) -> Answer:
        return self._ask(_RECEIVE.pack(13 + len(message), _RECEIVE_JOB, now, sender) + message)

    def propose(self, now: int, data: bytes) -> Answer:
        return self._ask(_TICK.pack(9 + len(data), _PROPOSE_JOB, now) + data)

    def status(self) -> State:
        return self._ask(_STATUS)[1]

    def _ask(self, job: bytes) -> Answer:
        try:
            sent = self._jobs.send(job, _NOW)
            if sent != len(job):
                self._send_rest(job[sent:])
            self._await(self._answers)
            data = self._jobs.recv(_AT_ONCE, _NOW)
            if len(data) < 4 or int.from_bytes(data[:4], "little") != len(data) - 4:
                data = self._rest(data)
        except BlockingIOError:
            raise ServerHangs("it did not answer") from None
        except OSError:
            raise ServerEnded("it ended") from None
        return decode(data[4:])

    def _await(self, ready: select.poll) -> None:
        """Raises BlockingIOError once the host's patience is over."""
        if not ready.poll(self._patience_ms):
            raise BlockingIOError

    def _send_rest(self, job: bytes) -> None:
        """Of one that is larger than the socket's buffer."""
        left = memoryview(job)
        while left:
            self._await(self._room)
            left = left[self._jobs.send(left, _NOW) :]

    def _rest(self, data: bytes) -> bytes:
        """The whole answer that begins with ``data``, in one more patience of the host's."""
        answer, until = bytearray(data), time.monotonic() + (self._host.patience_s or 3600)
        while len(answer) < 4 or len(answer) < 4 + int.from_bytes(answer[:4], "little"):
            self._await(self._answers)
            piece = self._jobs.recv(1 << 20, _NOW)
            if not piece:
                raise ServerEnded("it ended")
            answer += piece
            if len(answer) > _LARGEST_ANSWER:
                raise ServerEnded("an answer is larger than all that a server can have to say")
            if time.monotonic() > until:
                raise ServerHangs("it did not answer in time")
        return bytes(answer)

    def end(self) -> int:
        if self._jobs.fileno() < 0:
            return 0
        status = self._host.end(self._pid)  # before its socket closes, which would let it exit
        self._jobs.close()
        return status

    def printed(self) -> bytes:
        try:
            size = os.fstat(self._output).st_size
            return os.pread(self._output, 1 << 16, max(0, size - (1 << 16)))
        except OSError:  # it is no file: not raft_sim gave it
            return b""

    def __del__(self) -> None:
        self._jobs.close()
        with contextlib.suppress(OSError):
            os.close(self._output)


def _nothing() -> None:
    """Of a caller that has no bounds."""


class ForkingHost:
    """raft_sim, on the other end of ``jobs`` (its descriptor 3). A server that does not answer
    within ``patience_s`` real seconds hangs; 0 is for ever.

    raft_sim itself may take any time: how long it takes to start is the machine's doing. ``look``
    is called again and again meanwhile, and raises to end that.
    """

    def __init__(
        self, jobs: socket.socket, patience_s: int = 10, look: Callable[[], None] = _nothing
    ) -> None:
        self._jobs, self.patience_s, self._look = jobs, patience_s, look
        _wait_at_most(jobs, _LOOK_EVERY_US)

    def start(self, life: Life) -> tuple[ForkedServer, Answer]:
        forked = self._fork()
        try:
            return forked, forked.begin(life)
        except ServerEnded as reason:
            reason.status, reason.output = forked.end(), forked.printed()
            raise

    def _fork(self) -> ForkedServer:
        descriptors: list[int] = []
        try:
            self._jobs.sendall(_SIZE.pack(1) + b"f")
            descriptors = self._patiently(lambda: socket.recv_fds(self._jobs, 1, 2))[1]
            pid = self._number()
            if len(descriptors) != 2 or pid <= 0:
                raise ServerEnded("raft_sim ended")
            jobs = socket.socket(fileno=descriptors[0])
            return ForkedServer(self, pid, jobs, descriptors[1])
        except BaseException as error:
            for descriptor in descriptors:
                os.close(descriptor)
            if not isinstance(error, (OSError, ServerEnded)):
                raise
            raise ServerEnded(f"there is nothing that forks it: {error}") from None

    def end(self, pid: int) -> int:
        """Ends a server. Returns its status, as of waitpid(2). None outlives raft_sim."""
        try:
            self._jobs.sendall(_SIZE.pack(5) + b"e" + _SIZE.pack(pid))
            status = self._number()
        except (OSError, ServerEnded):
            return signal.SIGKILL
        ended = 0 <= status < 1 << 16 and (os.WIFEXITED(status) or os.WIFSIGNALED(status))
        return status if ended else signal.SIGKILL

    def _number(self) -> int:
        answer = self._patiently(lambda: self._jobs.recv(8, socket.MSG_WAITALL))
        if len(answer) != 8:
            raise ServerEnded("raft_sim ended")
        return int.from_bytes(answer[4:], "little", signed=True)

    def _patiently(self, receive: Callable[[], _T]) -> _T:
        while True:
            try:
                return receive()
            except BlockingIOError:
                self._look()
