"""Clients that go on asking a store, whatever happens to it, and note what they see."""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from grader.histories.operation import DEL, GET, SET, Operation, Outcome, Value
from grader.report import escape
from grader.run.client import Client
from grader.run.random import Random
from grader.run.world import World
from grader.verdicts import Diagnosis, StageFailure, fail
from grader.wire.resp import Failure, ProtocolError, Reply, ReplyDecoder, Simple, encode_request

ABSENT = [b"nil"]
NO_REPLY = Diagnosis("no-reply-at-all", "replies are as lab 3 has them")
_PAUSE_S = 0.02  # before somebody else is asked
_MOST_PATIENCE_S = 4.0
_LONGEST_REDIRECT = 20  # bytes
_MOST_FAILURES = 5  # that a pause grows by
_TIMES = 4  # as long as its last reply took, a client waits for the next one
_WEIGHTS = (SET,) * 9 + (GET,) * 9 + (DEL,) * 2


class Recorder:
    """What all clients saw, with places in the order in which they saw it."""

    def __init__(self) -> None:
        self.history: list[Operation] = []
        self._place = 0

    def now(self) -> int:
        """The place of what happens now: a call before it is sent, a return when it is there."""
        self._place += 1
        return self._place


@dataclass(frozen=True)
class Habits:
    """How a client asks. One that is ``faithful`` asks the same node for ever, and mostly reads."""

    keys: tuple[bytes, ...] = (b"x", b"y", b"z")
    most_at_once: int = 3
    patience_s: float = 0.2  # or longer, where replies take long; then it hangs up
    faithful: bool = False


class _Session(Client):
    """A connection whose replies are taken as they come."""

    def __init__(self, world: World, made: socket.socket, name: str, node: str) -> None:
        self.on_change: Callable[[], None] = lambda: None
        super().__init__(world, made, name, peer=node, silent=True)

    def _on_event(self, events: int) -> None:
        super()._on_event(events)
        if events:
            self.on_change()

    def is_connected(self) -> bool:
        try:
            self.socket.getpeername()
        except OSError:
            return False
        return True


class Asker:
    """A client. ``addresses`` is where the nodes are, by id; nobody tells it who leads."""

    def __init__(
        self,
        name: str,
        world: World,
        recorder: Recorder,
        addresses: dict[int, tuple[str, int]],
        random: Random,
        node: int,
        habits: Habits = Habits(),
    ) -> None:
        self.name, self.world, self.recorder, self.habits = name, world, recorder, habits
        self.node = node  # that it asks
        self.done = 0  # operations whose outcome it knows to be DONE
        self.is_over = False  # it asks no more
        self._addresses, self._random = addresses, random
        self._session: _Session | None = None
        self._decoder = ReplyDecoder()
        self._waiting: deque[Operation] = deque()
        self._since = 0.0  # when the first of these was asked
        self._due = 0.0  # not before
        self._written = 0
        self._patience_s = habits.patience_s
        self._failures = 0  # in a row: connections that ended without a reply

    @property
    def is_idle(self) -> bool:
        return not self._waiting

    def pulse(self) -> None:
        """What time brings: the end of a pause, or of its patience."""
        now = time.monotonic()
        if self._session is None:
            if now >= self._due and not self.is_over:
                self._connect()
        elif self._waiting and now - self._since > self._patience_s:
            self._patience_s = min(2 * self._patience_s, _MOST_PATIENCE_S)
            self._fails()
        elif not self._waiting and now >= self._due:
            self._on_change()

    def hang_up(self) -> None:
        """What it waits for, it will not know."""
        if self._session is not None:
            self._hang_up()

    # --- its connection ---

    def _connect(self) -> None:
        made = socket.socket()
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.connect_ex(self._addresses[self.node])
        self._decoder = ReplyDecoder()
        self._session = _Session(self.world, made, self.name, f"node {self.node}")
        self._session.on_change = self._on_change
        self._since = time.monotonic()

    def _fails(self) -> None:
        """Who is not answered asks less: what it has asked may still wait to be done."""
        self._failures = min(self._failures + 1, _MOST_FAILURES)
        self._hang_up()

    def _hang_up(self, ask: int = 0) -> None:
        """Outcomes that it waits for stay unknown; then it asks that node, or any other."""
        assert self._session is not None
        self._session.close()
        self._session = None
        while self._waiting:
            self._note(self._waiting.popleft(), Outcome.UNKNOWN, None)
        if not self.habits.faithful:
            ids = sorted(self._addresses)
            self.node = ask if ask in ids else ids[self._random.below(len(ids))]
        pause = _PAUSE_S * 2**self._failures
        self._due = 0.0 if ask else time.monotonic() + pause

    def _on_change(self) -> None:
        session = self._session
        if session is None:
            return
        for reply in self._replies(session):
            if self._session is not session:
                return
            self._take(reply)
        if self._session is not session:
            return
        if session.ended:
            self._fails()
        elif self._is_free() and session.is_connected():
            self._ask()

    def _is_free(self) -> bool:
        return not self._waiting and not self.is_over and time.monotonic() >= self._due

    def _replies(self, session: _Session) -> list[Reply]:
        try:
            return self._decoder.feed(session.take(session.received_size()))
        except ProtocolError as fault:
            raise StageFailure(
                f"node {self.node} sends {self.name} bytes that are no reply: {fault}",
                diagnosis=NO_REPLY,
            ) from None

    # --- what it asks, and gets ---

    def _ask(self) -> None:
        assert self._session is not None
        requests = bytearray()
        most = 1 if self._failures else self.habits.most_at_once
        for _ in range(self._random.between(1, most)):
            operation = self._draw()
            self._waiting.append(operation)
            words = [operation.kind.encode(), operation.key]
            requests += encode_request([*words, *(operation.value or ())])
        self._since = time.monotonic()
        self._session.send(bytes(requests))

    def _draw(self) -> Operation:
        kind = _WEIGHTS[self._random.below(len(_WEIGHTS))]
        if self.habits.faithful and self._random.below(4):
            kind = GET
        key = self.habits.keys[self._random.below(len(self.habits.keys))]
        value: Value | None = None
        if kind == SET:
            self._written += 1
            value = (f"{self.name}.{self._written}".encode(),)
            if self._random.below(4) == 0:
                value += (b"", b"\r\n\0")[: self._random.between(1, 2)]
        called = self.recorder.now()
        return Operation(self.name, kind, key, value, called, None, node=self.node)

    def _take(self, reply: Reply) -> None:
        if not self._waiting:
            fail(
                f"node {self.node} sends {self.name} a reply that it has not asked for: {reply!r}",
                Diagnosis("wrong-pairing", "each reply belongs to one request"),
            )
        operation = self._waiting.popleft()
        match reply:
            case Simple(b"TRYAGAIN"):
                self._note(operation, Outcome.REFUSED, None)
                self._leave(0)
            case Simple(text) if text.startswith(b"MOVED "):
                self._note(operation, Outcome.REFUSED, None)
                known = text[6:].isdigit() and len(text) < _LONGEST_REDIRECT
                self._leave(int(text[6:]) if known else 0)
            case _ if _fits(operation, reply):
                self.done += 1
                self._failures = 0
                took = time.monotonic() - self._since
                self._patience_s = max(self.habits.patience_s, _TIMES * took)
                self._note(operation, Outcome.DONE, reply)
            case _:
                self._wrong(operation, reply)

    def _leave(self, leader: int) -> None:
        """Once it has all replies that it is owed here."""
        if self._waiting:
            return
        if self.habits.faithful:
            self._due = time.monotonic() + _PAUSE_S
        else:
            self._hang_up(leader if leader != self.node else 0)

    def _wrong(self, operation: Operation, reply: Reply) -> None:
        shown = reply.text if isinstance(reply, Simple | Failure) else reply
        fail(
            f"node {self.node} answers '{operation.words()}' of {self.name} with "
            f"{escape.one_line(repr(shown).encode(), 60)}",
            Diagnosis("wrong-result", "SET gets +OK, GET an array, DEL a number, of what it names"),
        )

    def _note(self, operation: Operation, outcome: Outcome, reply: Reply) -> None:
        back = None if outcome is Outcome.UNKNOWN else self.recorder.now()
        made = replace(operation, returned=back, outcome=outcome)
        if outcome is Outcome.DONE and operation.kind == GET:
            assert isinstance(reply, list)
            words = tuple(word for word in reply if isinstance(word, bytes))
            made = replace(made, value=None if reply == ABSENT else words)
        elif outcome is Outcome.DONE and operation.kind == DEL:
            assert isinstance(reply, int)
            made = replace(made, removed=reply)
        self.recorder.history.append(made)


def _fits(operation: Operation, reply: Reply) -> bool:
    """A reply of the right kind."""
    if operation.kind == SET:
        return reply == Simple(b"OK")
    if operation.kind == GET:
        return isinstance(reply, list) and bool(reply)
    return isinstance(reply, int) and reply in (0, 1)


class Crowd:
    """Some clients of one store: they ask while the stage waits for anything."""

    def __init__(self, world: World, askers: Iterable[Asker], recorder: Recorder) -> None:
        self.world, self.recorder, self.askers = world, recorder, list(askers)
        world.check(self._pulse)

    @property
    def done(self) -> int:
        return sum(asker.done for asker in self.askers)

    def _pulse(self) -> None:
        for asker in self.askers:
            asker.pulse()

    def wait_done(self, count: int, when: str) -> None:
        """Until each client that may ask any node has got so many more outcomes."""
        goals = {a.name: a.done + count for a in self.askers if not a.habits.faithful}
        moving = [a for a in self.askers if a.name in goals]
        try:
            self.world.wait(
                lambda: all(a.done >= goals[a.name] for a in moving),
                f"{count} more operations of each client, {when}",
            )
        except StageFailure as failure:
            late = ", ".join(a.name for a in moving if a.done < goals[a.name])
            failure.summary += f"; {late} did not get so far"
            failure.diagnosis = failure.diagnosis or Diagnosis(
                "no-progress", "a majority runs and is connected: what is asked of it gets done"
            )
            raise

    def finish(self) -> list[Operation]:
        """They ask no more, and hang up; all that they saw."""
        for asker in self.askers:
            asker.is_over = True
        self.world.observe(1.0, lambda: all(asker.is_idle for asker in self.askers))
        self.world.uncheck(self._pulse)
        for asker in self.askers:
            asker.hang_up()
        return self.recorder.history

    def close(self) -> None:
        """As stages close what they opened."""
        for asker in self.askers:
            asker.hang_up()
