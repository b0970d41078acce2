"""What messages tell of logs, judged by the log of their sender."""

from __future__ import annotations

from grader.sim.invariants import APPEND, APPEND_REPLY, broken, entries_of
from grader.sim.log_model import Fields, Known, Log
from grader.sim.server import LEADER, Entry, State

# Places in the fields of a decoded message, as ``invariants.decode`` gives them.
TERM, WHO = 2, 3
LAST_INDEX, LAST_TERM = 4, 5  # of a RequestVote
GRANTED = 3
PREV, PREV_TERM, COMMIT, SEQ, COUNT = 4, 5, 6, 7, 8  # of an AppendEntries request
INDEX, SUCCESS, FOLLOWER_COMMIT, ACK = 4, 5, 6, 7  # of its reply

_COUNTED = 32  # where entry_count stands in a request


def stands(server: int, log: Log, fields: Fields) -> None:
    """A candidate tells where its log ends."""
    told, last = fields[LAST_INDEX : LAST_TERM + 1], (log.length, log.term(log.length))
    if told != last:
        broken(
            "candidates tell their own log",
            server,
            f"it says that its log ends with {told[0]}/{told[1]} (index/term), and that is "
            f"{last[0]}/{last[1]}",
        )


def grants(server: int, known: Known, term: int, candidate: int) -> None:
    """A voter compares the candidate's log with its own."""
    log, asked = known.log, known.asked.get((term, candidate))
    own = log.term(log.length), log.length
    if asked is not None and asked < own and not known.granted.get((term, candidate)):
        broken(
            "votes go to logs that are up to date",
            server,
            f"it votes for server {candidate}, whose log ends with {asked[1]}/{asked[0]} "
            f"(index/term), and its own with {own[1]}/{own[0]}",
        )
    known.granted[term, candidate] = True


def replies(server: int, known: Known, to: int, fields: Fields, durable: bool) -> None:
    """A follower tells what it has, and with ``durable`` has on its disk."""
    term, index, ack = fields[TERM], fields[INDEX], fields[ACK]
    known.answered.append((to, ack))
    if not fields[SUCCESS]:
        _refuses(server, known, to, fields)
        return
    request = known.requests.get((term, to, ack))
    if request is None:
        broken(
            "replies answer requests",
            server,
            f"it tells server {to} of a success in term {term}, with ack {ack}, and has "
            "received no such request of that term",
        )
    asked = request[1]
    if index != asked[PREV] + asked[COUNT]:
        broken(
            "replies answer requests",
            server,
            f"it acknowledges up to index {index} a request with prev {asked[PREV]} and "
            f"{asked[COUNT]} entries",
        )
    log = known.log
    if durable and not matches(log.durable, len(log.durable), *request):
        has = matches(log.entries, log.length, *request)
        broken(
            "save, then send" if has else "what is acknowledged is there",
            server,
            f"it acknowledges entries up to {index}, and has "
            f"{'not synced them' if has else 'other ones, or none, on its disk'}",
        )


def _refuses(server: int, known: Known, to: int, fields: Fields) -> None:
    term, index, ack = fields[TERM], fields[INDEX], fields[ACK]
    if not any(one[1:] == (to, ack) and one[0] <= term for one in known.requests):
        broken(
            "replies answer requests",
            server,
            f"it refuses a request of server {to} with seq {ack}, and has received none",
        )
    if index > max(known.log.began, known.log.length):
        broken(
            "replies answer requests",
            server,
            f"it refuses with the hint {index}, and its log ends at {known.log.length}",
        )


def has_sent(server: int, known: Known, state: State, durable: bool) -> None:
    """All of an event: what a leader asks, and what a follower acknowledges and need not have
    synced.
    """
    log, like = known.log, (-1, b"")
    for to, message, fields in known.sent:
        if fields[0] == APPEND and state[2] == LEADER and fields[TERM] == state[3]:
            same = fields[PREV], message[_COUNTED:]
            if same != like and not matches(log.entries, log.length, message, fields):
                _sends_other(server, log, to, fields)
            like = same
        elif fields[0] == APPEND_REPLY and fields[SUCCESS] and not durable:
            request = known.requests[fields[TERM], to, fields[ACK]]
            if not matches(log.entries, log.length, *request):
                broken(
                    "what is acknowledged is there",
                    server,
                    f"it acknowledges entries up to {fields[INDEX]}, and has other ones, or "
                    "none, in its log",
                )
    if known.told > state[7]:
        broken(
            "nobody tells more than is committed",
            server,
            f"it says {known.told} in a message, and its commit index is {state[7]}",
        )
    known.sent, known.told = [], 0


def _sends_other(server: int, log: Log, to: int, fields: Fields) -> None:
    prev, count = fields[PREV], fields[COUNT]
    told = f"prev {prev}/{fields[PREV_TERM]} (index/term) and {count} entries"
    has = (
        f"entry {prev} is of term {log.term(prev)}"
        if prev <= log.length and log.term(prev) != fields[PREV_TERM]
        else f"its log ends at {log.length}, or has other entries there"
    )
    broken("a leader sends its own log", server, f"it sends server {to} {told}, and {has}")


def matches(log: list[Entry], length: int, message: bytes, fields: Fields) -> bool:
    """Whether a log of that length has all that a request tells of its sender's."""
    prev, end = fields[PREV], fields[PREV] + fields[COUNT]
    if end > length or (log[prev - 1][0] if prev else 0) != fields[PREV_TERM]:
        return False
    return not fields[COUNT] or log[prev:end] == entries_of(message)


def conflict(log: Log, message: bytes, fields: Fields) -> int:
    """The first index of a log, as it was before this event, that differs from what a request tells
    of its sender's; 0: none.
    """
    prev = fields[PREV]
    if 0 < prev <= log.began and log.before(prev)[0] != fields[PREV_TERM]:
        return prev
    for index, (term, _) in enumerate(entries_of(message), prev + 1):
        if index > log.began:
            break
        if log.before(index)[0] != term:
            return index
    return 0
