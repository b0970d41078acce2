"""Requests to the store with the replies that are due, and what wrong replies say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate

from grader.report import escape
from grader.run.client import Client
from grader.verdicts import Diagnosis, StageFailure
from grader.wire import guess
from grader.wire.annotate import REPLIES
from grader.wire.resp import Decoder

_LONGEST_GUESSED = 1 << 20

# Diagnoses that Client words for an echo: the evidence before the colon, and these causes.
_CAUSES = {
    "extra-bytes": "more came than the replies that are due: is something answered that gets no "
    "reply, or answered twice?",
    "newline-added": "a line end came that belongs to no reply",
    "no-end-of-file": "all replies that are due came, and the stream should end behind them, yet "
    "the connection stays open",
    "bytes-missing": "{evidence}: is a reply dropped, or a part of one?",
    "bytes-repeated": "{evidence}: is a reply sent twice?",
    "upper-case": "the letters came in upper case: keys and values keep their bytes",
    "buffer-sent-whole": "zeros came instead: is a whole buffer sent, not just the bytes that a "
    "reply has?",
    "stops-at-nul": "the reply stops just before a NUL byte: words are bytes with a length, no "
    "strings of C",
    "stops-at-buffer-size": "{evidence}",
    "stops": "{evidence}",
}
_IN_OTHER_WORDS = {
    "the echo stops": "what comes stops",
    "is what was sent at offset": "is due at offset",
}


@contextmanager
def in_words_of_replies() -> Iterator[None]:
    """A stage about replies: its failures don't speak of an echo."""
    try:
        yield
    except StageFailure as failure:
        if failure.diagnosis is not None:
            failure.diagnosis = _reworded(failure.diagnosis)
        raise


def _reworded(old: Diagnosis) -> Diagnosis:
    evidence = old.text.partition(". ")[0].removesuffix(": is data sent again after a short write?")
    for theirs, ours in _IN_OTHER_WORDS.items():
        evidence = evidence.replace(theirs, ours)
    cause = _CAUSES.get(old.id)
    return Diagnosis(old.id, cause.format(evidence=evidence)) if cause else old


def exchange(
    client: Client,
    requests: Sequence[bytes],
    replies: Sequence[bytes],
    what: str,
    *,
    finish: bool = False,
) -> None:
    """Sends all requests at once, half-closes where ``finish`` says so, and expects all replies: as
    many, one for each. A wrong one is named.
    """
    client.send(b"".join(requests))
    if finish:
        client.finish_sending()
    try:
        client.expect(b"".join(replies), what)
    except StageFailure as failure:
        _explain(failure, client, requests, replies)
        raise


def _explain(
    failure: StageFailure, client: Client, requests: Sequence[bytes], replies: Sequence[bytes]
) -> None:
    """Adds which request has the wrong reply, and what that reply's bytes say of the cause."""
    if failure.difference is None:
        return
    at = failure.difference.offset - (client.received_size() - len(client.came()))
    ends = list(accumulate(map(len, replies)))
    number = next(number for number, end in enumerate(ends) if at < end)
    if len(replies) > 1:
        failure.summary += (
            f". It is reply {number + 1:,} of {len(replies):,}, to {shown(requests[number])}"
        )
    reply, start = replies[number], ends[number] - len(replies[number])
    came = bytes(client.came()[start : start + len(reply) + 64])
    is_cut = client.ended and at == len(client.came())
    is_known = not reply.startswith(b"$") and len(reply) <= _LONGEST_GUESSED  # $ is RESP2's
    if came and is_known and not is_cut:
        failure.diagnosis = guess.cause(reply, came, REPLIES) or failure.diagnosis


def shown(request: bytes) -> str:
    """The words of a request, cut where they are long."""
    words = Decoder().feed(request)[0]
    return escape.one_line(b" ".join(words), 40)
