"""Lab 6: reads that need no entry, and are never stale. (An extension.)"""

from __future__ import annotations

from grader.labs.lab6.played_nodes import LEADS, Follower, Played, expect, goes_through, wait_word
from grader.labs.lab6.stages_unknown import (
    expect_no_value,
    reads_by_an_old_answer,
    reads_without_a_majority,
    wait_reply,
    wait_taken,
)
from grader.labs.stage import Attempt, stage
from grader.verdicts import Diagnosis, fail
from grader.wire.messages import LogEntry
from grader.wire.resp import encode_reply, encode_request

_READS, _TRIES = 20, 8
_GET_X = encode_request([b"GET", b"x"])
_OK = b"+OK\r\n"
_ORDER = Diagnosis("read-order", "a client's read sees what the same client wrote before it")
_IS_AN_ENTRY = Diagnosis(
    "read-is-an-entry",
    "with --read-index a leader that has committed an entry of its term answers a read without one",
)
_ONE_IS_ENOUGH = Diagnosis(
    "read-not-answered",
    "of three, the leader and one other one that answers what was sent after the read are a "
    "majority",
)


@stage(
    "6.21",
    "ReadIndex, by seq and ack",
    points=10,
    see="lab6#read-index",
    source="Ongaro, Consensus: Bridging Theory and Practice, section 6.4; PROTOCOL, section 5",
    extension=True,
    program="read_index",
    seconds=30,
)
def test_read_index(attempt: Attempt) -> None:
    """A leader answers a read without an entry, once a majority has answered in its term what was
    sent after the read came, and if it has committed an entry of its term.
    """
    played = Played(attempt, "--read-index", *LEADS)
    played.elected()
    _set(played, b"1")
    without_an_entry(played)
    behind_a_write(played)
    by_one_answer(played)
    reads_without_a_majority(played)
    reads_by_an_old_answer(played)
    right_behind_a_read(played)
    before_an_entry_of_its_term(played)
    played.end()


def _set(played: Played, value: bytes) -> None:
    played.go_on()
    request = encode_request([b"SET", b"x", value])
    diagnosis = Diagnosis("no-reply", "both others have its entry")
    goes_through(played, request, _OK, "the reply to SET x", diagnosis)


def without_an_entry(played: Played) -> None:
    """Many reads, and nothing new in the log."""
    for _ in range(_READS):
        goes_through(played, _GET_X, encode_reply([b"1"]), "the value of x", _ONE_IS_ENOUGH)
    if _GET_X in played.entries():
        fail("an entry of a leader's is the read of a client", _IS_AN_ENTRY)


def behind_a_write(played: Played) -> None:
    """Requests of one client that are sent together, reads among them."""
    requests, replies = b"", b""
    for number in range(_READS):
        value = b"behind-%d" % number
        requests += encode_request([b"SET", b"x", value]) + _GET_X
        replies += _OK + encode_reply([value])
    goes_through(played, requests, replies, "replies to SET and GET by turns", _ORDER)


def by_one_answer(played: Played) -> None:
    """One of the two others answers what came after the read."""
    for _ in range(_TRIES):
        _set(played, b"one")
        played.hold()
        client = played.node.call("a client whose read one other node confirms")
        client.send(_GET_X)
        wait_taken(client)
        played.wait_requests(2)
        other = played.others[1]
        other.answers = True
        other.answer()
        if wait_word(client, "the value of x", _ONE_IS_ENOUGH):
            expect(client, encode_reply([b"one"]), "the value of x", _ONE_IS_ENOUGH)
            client.close()
            break
    else:
        fail(f"one other node answers, and {_TRIES} times the connection ends", _ONE_IS_ENOUGH)
    played.go_on()


def right_behind_a_read(played: Played) -> None:
    """A read was asked for, confirmed and answered. The next one comes at once, and nobody answers
    the leader any more.
    """
    for _ in range(_TRIES):
        _set(played, b"one")
        second = played.node.call("a client whose read comes right behind another one")
        goes_through(played, _GET_X, encode_reply([b"one"]), "the value of x", _ONE_IS_ENOUGH)
        played.hold()
        second.send(_GET_X)
        expect_no_value(second, "no node has answered the leader since that came, only before")
    played.go_on()


def before_an_entry_of_its_term(played: Played) -> None:
    """The node has an entry that another leader has committed, which it was not told; it leads, and
    what it sends with entries is lost. So its heartbeats are answered, and it can't commit.
    """
    _set(played, b"before")
    played.hold()
    entry = LogEntry(played.term + 1, encode_request([b"SET", b"x", b"another"]))
    wait_reply(played.leads_instead(1, [entry]))
    played.elected(above=played.term)
    client = played.node.call("a client of a leader that has committed nothing in its term")
    client.send(_GET_X)
    client.world.wait(
        lambda: _loses_entries(played) and bool(client.came() or client.ended),
        "the end of the connection, or a word that it was not done,",
    )
    expect_no_value(
        client,
        "an entry that the leader before had committed is in its log, and it has committed none "
        "of its own term, so it does not know that yet",
    )
    played.go_on()
    diagnosis = Diagnosis("read-not-answered", "all others answer again")
    goes_through(played, _GET_X, encode_reply([b"another"]), "the value of x", diagnosis)


def _loses_entries(played: Played) -> bool:
    """True; what the others were sent without entries is answered, all else is lost."""
    for one in played.others.values():
        _answer_empty(one)
    return True


def _answer_empty(one: Follower) -> None:
    one.held = [(link, request) for link, request in one.held if not request.entries]
    one.answer()
