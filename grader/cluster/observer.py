"""A witness who lives on when a rule is broken, and keeps count of who talks to whom."""

from __future__ import annotations

import time
from collections import deque

from grader.cluster.recording import Recording
from grader.labs.lab5.witness import Stream
from grader.labs.lab6.witness import LogWitness
from grader.sim.invariants import Broken
from grader.wire.messages import Message

_SPAN_S = 2.0  # over which rates are taken


class Traffic:
    """From one node to another one."""

    def __init__(self) -> None:
        self._passed: deque[tuple[float, int, int]] = deque()  # when, messages, bytes

    def add(self, messages: int, size: int) -> None:
        self._passed.append((time.monotonic(), messages, size))

    def rates(self) -> tuple[float, float]:
        """Messages and bytes a second, lately."""
        begin = time.monotonic() - _SPAN_S
        while self._passed and self._passed[0][0] < begin:
            self._passed.popleft()
        messages, sizes = (sum(one[place] for one in self._passed) for place in (1, 2))
        return messages / _SPAN_S, sizes / _SPAN_S


class Recorder(LogWitness):
    """Keeps the latest messages."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.recording = Recording(count)
        self._began = time.monotonic()

    def now_ms(self) -> int:
        """Since the beginning."""
        return round(1000 * (time.monotonic() - self._began))

    def restarted(self, node: int) -> None:
        super().restarted(node)
        self.recording.started(self.now_ms(), node)

    def ended(self, node: int) -> None:
        self.recording.ended(self.now_ms(), node)

    def _judge(self, stream: Stream, message: Message) -> None:
        self.recording.passed(self.now_ms(), stream.sender, stream.receiver, message)
        super()._judge(stream, message)


class Observer(Recorder):
    """Of a cluster that nobody grades."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.broken: list[Broken] = []
        nodes = range(1, count + 1)
        self.traffic = {(one, to): Traffic() for one in nodes for to in nodes if one != to}

    def saw(self, stream: Stream, data: bytes) -> list[Message]:
        try:
            messages = super().saw(stream, data)
        except Broken as broken:
            self._note(broken)
            messages = []
        self.traffic[stream.sender, stream.receiver].add(len(messages), len(data))
        return messages

    def _judge(self, stream: Stream, message: Message) -> None:
        try:
            super()._judge(stream, message)
        except Broken as broken:
            self._note(broken)

    def _note(self, broken: Broken) -> None:
        self.broken.append(broken)
