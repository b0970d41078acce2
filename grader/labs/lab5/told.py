"""Raft messages in a few words, and those among them that tell nothing new."""

from __future__ import annotations

from grader.report import escape
from grader.report.transcript import ANSWERS
from grader.wire.messages import (
    AppendEntries,
    AppendEntriesReply,
    Malformed,
    Message,
    RequestVote,
    RequestVoteReply,
    decode,
)

_MOST_SEQS = 10_000  # that are remembered: an answer comes soon or never


def named(message: Message) -> str:
    """A message in a few words."""
    match message:
        case RequestVote():
            last = f"{message.last_log_index}/{message.last_log_term}"
            return f"RequestVote (node {message.candidate_id}, term {message.term}, last {last})"
        case RequestVoteReply():
            word = "granted" if message.vote_granted else "refused"
            return f"RequestVote response ({word}, term {message.term})"
        case AppendEntries():
            return _request(message)
        case AppendEntriesReply():
            word = "success" if message.success else "refused"
            return (
                f"AppendEntries response ({word}, node {message.follower_id}, term {message.term}, "
                f"log_index {message.log_index}, ack {message.ack})"
            )
    return escape.one_line(repr(message).encode(), 60)


def _request(message: AppendEntries) -> str:
    count = len(message.entries)
    what = {0: "no entries", 1: "1 entry"}.get(count, f"{count} entries")
    return (
        f"AppendEntries (node {message.leader_id}, term {message.term}, "
        f"prev {message.prev_log_index}/{message.prev_log_term}, {what}, "
        f"commit {message.leader_commit}, seq {message.seq})"
    )


class Pulses:
    """Of one connection: its heartbeats, and the answers to them, as a transcript folds them."""

    def __init__(self) -> None:
        self._seqs: set[tuple[int, int]] = set()  # term and seq

    def of(self, message: Message) -> str:
        """The name of what it is one of; none of a message that is neither."""
        match message:
            case AppendEntries(entries=()):
                if len(self._seqs) == _MOST_SEQS:
                    self._seqs.clear()
                self._seqs.add((message.term, message.seq))
                return f"heartbeats of node {message.leader_id} in term {message.term}"
            case AppendEntriesReply() if message.success:
                return ANSWERS if (message.term, message.ack) in self._seqs else ""
        return ""


def whole(data: bytes) -> Message | None:
    """The message that these bytes are."""
    try:
        return decode(data)
    except Malformed:
        return None
