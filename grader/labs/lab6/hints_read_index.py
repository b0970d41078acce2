"""Hints of lab 6's reads without entries."""

from __future__ import annotations

from grader.labs.hints import Hint

HINTS = {
    "6.21": Hint(
        "Of which of a leader's requests does a reply tell that the leader still led when the read "
        "came?",
        "Replies to requests from before the read are counted, or the leader has committed nothing "
        "in its term yet and does not know what was committed before.",
        "Note the seq that was sent last when the read begins. Count the servers whose ack in this "
        "term is later than that, and yourself. Begin none before an entry of your own term is "
        "committed.",
    ),
    "read-is-an-entry": Hint(
        "What does begin_read say, and what does kvraft.c do when it says true?",
        "raft_begin_read says false though an entry of the term is committed, or the store "
        "proposes the read all the same.",
        "raft_begin_read: a leader whose entry at the commit index has its own term says true. "
        "kvraft.c keeps the request in its client's queue, and asks may_read after each call of "
        "the core.",
    ),
    "read-not-answered": Hint(
        "A read waits. Which event makes it ready, and who looks then?",
        "Nobody asks the others once the read is there, their acks are not noted, or the queue is "
        "not looked at when they come.",
        "Note the latest ack of each server on every reply of the term. Send heartbeats in the "
        "next tick. Look at the reads that wait in kvraft_settle.",
    ),
    "read-order": Hint(
        "A client has sent a write and a read. Which of its entries does the read have to wait "
        "for?",
        "The read is answered from the store while the write before it is not applied yet, or "
        "overtakes its reply.",
        "A read keeps its place in its client's queue: it is answered when all before it are.",
    ),
}
