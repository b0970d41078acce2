"""Bytes that no correct node sends, and a voter that watches what becomes of the others."""

from __future__ import annotations

import struct
from typing import Any

from grader.labs.lab5.node import Address
from grader.labs.lab5.peer import Link, Peer, acknowledged, vote
from grader.labs.stage import Attempt
from grader.verdicts import Diagnosis, Hang, fail
from grader.wire.messages import INT32_MAX, LARGEST_PAYLOAD, AppendEntries, Message, RequestVote
from grader.wire.messages import encode as encode

FAR = 1_000_000  # a term that only refused messages name


class Voter(Peer):
    """Votes for whoever asks, in a term that is not below ``first_term``, and acknowledges. What it
    hears shows that its leader goes on, and that nothing of what was refused has been obeyed.
    """

    def __init__(self, attempt: Attempt, id: int, address: Address, first_term: int = 1) -> None:
        super().__init__(attempt, id, address)
        self.term = first_term
        self.beats = 0  # AppendEntries so far
        self.on_message = self._answer

    def _answer(self, link: Link, message: Message) -> None:
        if not isinstance(message, RequestVote | AppendEntries):
            return
        if message.term >= FAR:
            fail(
                f"it is in term {message.term}, which only refused messages have named",
                Diagnosis("refused-obeyed", "what is refused changes nothing: look before you act"),
            )
        known = message.term >= self.term
        self.term = max(self.term, message.term)
        if isinstance(message, RequestVote):
            link.send(vote(self.term, int(known)))
        else:
            self.beats += 1
            link.send(acknowledged(self.term, self.id, message.seq, int(known)))

    def expect_beats(self, during: str, count: int = 3) -> None:
        """So many more heartbeats come."""
        enough = self.beats + count
        try:
            self.world.wait(lambda: self.beats >= enough, f"heartbeats to {self.name}, {during}")
        except Hang as hang:
            hang.diagnosis = Diagnosis("others-wait", f"nobody waits for anybody else: {during}")
            raise


def _vote(**wrong: Any) -> bytes:
    right = {"term": FAR, "candidate_id": 3, "last_log_index": 0, "last_log_term": 0}
    return encode("RequestVote", right | wrong)


def _append(**wrong: Any) -> bytes:
    right = {
        "term": FAR, "leader_id": 3, "prev_log_index": 0, "prev_log_term": 0, "leader_commit": 0,
        "seq": 1, "entries": (),
    }  # fmt: skip
    return encode("AppendEntries", right | wrong)


def _answer(**wrong: Any) -> bytes:
    right = {
        "term": FAR, "follower_id": 3, "log_index": 0, "success": 0, "follower_commit": 0, "ack": 1,
    }  # fmt: skip
    return encode("AppendEntriesReply", right | wrong)


def _header(number: int, size: int) -> bytes:
    return struct.pack("<II", number, size)


_ENTRY = {"term": FAR, "data": b""}

# In a cluster of three, to node 2.
REFUSED = (
    (b"GET / HTTP/1.1\r\n\r\n", "a request of HTTP"),
    (_header(0, 16) + bytes(16), "type 0"),
    (_header(11, 0), "type 11"),
    (_header(63, 5) + bytes(5), "type 63"),
    (_header(3, LARGEST_PAYLOAD + 1), "a header that announces more than 16 MiB"),
    (_header(3, 0x80000000), "a header that announces 2 GiB"),
    (_header(3, 0xFFFFFFFF), "a header that announces 4 GiB"),
    (_vote(payload_size=17) + b"\0", "a RequestVote with a byte too many"),
    (_header(1, 15) + bytes(15), "a RequestVote with a byte too few"),
    (_vote(term=-1), "term -1"),
    (_vote(term=INT32_MAX), "term 2147483647"),
    (_vote(candidate_id=0), "candidate 0"),
    (_vote(candidate_id=4), "candidate 4 of three nodes"),
    (_vote(candidate_id=999), "candidate 999"),
    (_vote(candidate_id=INT32_MAX), "candidate 2147483647"),
    (_vote(candidate_id=-3), "candidate -3"),
    (_vote(candidate_id=2), "a RequestVote of the node itself"),
    (_vote(last_log_index=-1), "last_log_index -1"),
    (encode("RequestVoteReply", {"term": FAR, "vote_granted": 2}), "vote_granted 2"),
    (_append(leader_id=0), "leader 0"),
    (_append(leader_id=999), "leader 999"),
    (_append(leader_id=2), "an AppendEntries of the node itself"),
    (_append(prev_log_index=INT32_MAX), "prev_log_index 2147483647"),
    (_append(entry_count=1), "an entry_count without its entry"),
    (_append(entry_count=0xFFFFFFFF), "an entry_count of 4 G"),
    (_append(entries=({**_ENTRY, "length": 9},)), "an entry that runs past the payload"),
    (_answer(follower_id=0), "follower 0"),
    (_answer(follower_id=999), "follower 999"),
    (_answer(follower_id=2), "an answer of the node itself"),
    (_answer(log_index=INT32_MAX), "log_index 2147483647"),
    (_answer(success=255), "success 255"),
)
