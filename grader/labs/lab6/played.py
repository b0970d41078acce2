"""A follower that a stage plays: its log is its own, and it answers as figure 2 says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from grader.sim.server import Entry
from grader.wire.messages import AppendEntries, AppendEntriesReply

# The log_index of a refusal, by the log and the request: any index up to the log's last is right.
Hint: TypeAlias = Callable[[list[Entry], AppendEntries], int]


def usual(log: list[Entry], request: AppendEntries) -> int:
    """The last index if prev lies beyond it, else the index before the conflicting term's first."""
    at = request.prev_log_index
    if at > len(log):
        return len(log)
    term = log[at - 1][0]
    while at > 0 and log[at - 1][0] == term:
        at -= 1
    return at


def last(log: list[Entry], _: AppendEntries) -> int:
    return len(log)


def one_before(log: list[Entry], request: AppendEntries) -> int:
    return min(len(log), request.prev_log_index - 1)


def nothing(_: list[Entry], __: AppendEntries) -> int:
    return 0


def least(log: list[Entry], request: AppendEntries) -> int:
    """What no hint that is drawn at random would be below."""
    return min(usual(log, request), one_before(log, request))


HINTS: dict[str, Hint] = {
    "the usual one": usual,
    "its last index": last,
    "the index before prev": one_before,
    "0": nothing,
    "the least of the others": least,
}


class Played:
    """Server ``id``, with a log that begins so."""

    def __init__(self, id: int, log: Sequence[Entry] = (), hint: Hint = usual) -> None:
        self.id, self.log, self.hint = id, list(log), hint
        self.commit = 0
        self.replies: list[AppendEntriesReply] = []  # all that it gave
        self.asked: AppendEntries | None = None  # the latest request
        self.brought = 0  # entries of all requests

    @property
    def refusals(self) -> int:
        return sum(not reply.success for reply in self.replies)

    def holds(self, index: int, term: int) -> bool:
        return index == 0 or (index <= len(self.log) and self.log[index - 1][0] == term)

    def answer(self, request: AppendEntries) -> AppendEntriesReply:
        """Figure 2, AppendEntries RPC, receiver; the request is of the current term."""
        self.asked, self.brought = request, self.brought + len(request.entries)
        if not self.holds(request.prev_log_index, request.prev_log_term):
            return self._reply(request, self.hint(self.log, request), 0)
        for index, entry in enumerate(request.entries, request.prev_log_index + 1):
            if not self.holds(index, entry.term):
                del self.log[index - 1 :]
                self.log.append((entry.term, entry.data))
        reached = request.prev_log_index + len(request.entries)
        self.commit = max(self.commit, min(request.leader_commit, reached))
        return self._reply(request, reached, 1)

    def _reply(self, request: AppendEntries, index: int, success: int) -> AppendEntriesReply:
        reply = AppendEntriesReply(request.term, self.id, index, success, self.commit, request.seq)
        self.replies.append(reply)
        return reply
