"""Likely causes of wrong bytes, for both formats: what a failure card and ``make explain`` say
beside the first difference. None where the bytes say nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from grader.verdicts import Diagnosis
from grader.wire import guess_messages, guess_resp
from grader.wire.annotate import MESSAGE, MESSAGES


def cause(expected: bytes, received: bytes, kind: str) -> Diagnosis | None:
    """Why ``received`` came instead of ``expected``, which is right: one message, or a stream of
    requests or of replies. ``kind`` as ``annotate.read`` takes it.
    """
    if kind in (MESSAGE, MESSAGES):
        return guess_messages.message(expected, received)
    return guess_resp.stream(expected, received, kind)


def values(expected: Mapping[str, int], received: Mapping[str, int]) -> Diagnosis | None:
    """Why a decoder of messages found other numbers; by the names of the fields."""
    return guess_messages.values(expected, received)


def alone(data: bytes, kind: str) -> Diagnosis | None:
    """Why these bytes are wrong, as far as that can be seen from them alone."""
    return guess_messages.alone(data) if kind in (MESSAGE, MESSAGES) else guess_resp.alone(data)
