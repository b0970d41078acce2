"""Lab 6, the node over TCP: what nobody can know, and what nobody may say."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count

from grader.labs.lab5.peer import Link, heartbeat
from grader.labs.lab6.played_nodes import (
    ERROR,
    LEADS,
    LEADS_LATER,
    LONGEST_S,
    NOT_CLOSED,
    OK,
    Played,
    expect,
    expect_no_word,
    expect_silence,
    goes_through,
    wait_word,
)
from grader.labs.stage import Attempt, stage
from grader.report import escape
from grader.run.client import Client
from grader.verdicts import Diagnosis, Hang, fail
from grader.wire.messages import AppendEntriesReply, LogEntry, RequestVote, encode
from grader.wire.resp import encode_reply, encode_request

_TRIES = 8  # for what a slow machine may spoil
_GET_X = encode_request([b"GET", b"x"])
_STALE = Diagnosis(
    "stale-read",
    "another node may lead by now, and may have replaced the value: a majority has to say, after "
    "the request came, that it has not",
)
_LATER = Diagnosis("done-later", "a write whose outcome was not known is done once it commits")


@stage(
    "6.18",
    "Outcomes that are unknown, and reads that are never stale",
    points=5,
    see="lab6#unknown",
    source="PROTOCOL, section 5, Client commands; Ongaro and Ousterhout, section 8",
    seconds=30,
)
def test_unknown(attempt: Attempt) -> None:
    """No write is acknowledged before it is committed; one that may still be done is never called
    refused: its connection ends. No value is read without a majority that was asked after the
    request came.
    """
    later, played = Played(attempt, *LEADS_LATER), Played(attempt, *LEADS)
    played.elected()
    _sets(played, b"1")
    not_before_a_majority(played)
    reads_without_a_majority(played)
    reads_by_an_old_answer(played)
    no_majority_ever(played)
    one_waits(played)
    for others_entry in (True, False) * 3:
        deposed(played, others_entry)
    played.end()
    ends_at_once(later)
    later.end()


def _sets(played: Played, value: bytes) -> None:
    """x has this value, and all know it."""
    played.go_on()
    diagnosis = Diagnosis("no-reply", "both others have its entry")
    goes_through(played, encode_request([b"SET", b"x", value]), OK, "the reply to SET x", diagnosis)


def not_before_a_majority(played: Played) -> None:
    """Nothing comes while both others keep silent, and OK when one of them has answered."""
    for number in range(_TRIES):
        played.go_on()
        played.hold()
        client = played.node.call("a client whose entry is held back")
        request = encode_request([b"SET", b"x", b"held-%d" % number])
        client.send(request + _GET_X)
        other = played.wait_entry(request, "SET x")
        expect_silence(client, "nobody else has its entry yet")
        other.answers = True
        other.answer()
        if _gets(client, OK + encode_reply([b"held-%d" % number])):
            client.close()
            break
    else:
        fail(f"one other node answers, and {_TRIES} times the connection ends", _ONE_IS_ENOUGH)
    played.go_on()


_ONE_IS_ENOUGH = Diagnosis("no-reply", "of three, the leader and one other one are a majority")


_OLD_VALUE = Diagnosis(
    "wrong-result", "GET x comes behind SET x: it reads what that has written, and not before"
)


def _gets(client: Client, replies: bytes) -> bool:
    """These; False where the connection ends among them."""
    what = "the replies to SET x and GET x"
    try:
        client.world.wait(
            lambda: (
                bool(client.ended)
                or not replies.startswith(client.came()[: len(replies)])
                or len(client.came()) >= len(replies)
            ),
            f"{what} to {client.name}",
        )
    except Hang as hang:
        hang.diagnosis = _ONE_IS_ENOUGH
        raise
    if client.ended and len(client.came()) < len(replies) and replies.startswith(client.came()):
        return False
    expect(client, replies, what, _OLD_VALUE)
    return True


def reads_without_a_majority(played: Played) -> None:
    """The node leads, as far as it knows, and nobody answers it any more."""
    played.hold()
    played.wait_requests(1)
    client = played.node.call("a client of a leader that nobody answers")
    client.send(_GET_X)
    expect_no_value(client, "no node has answered the leader since GET x came")
    played.go_on()


def expect_no_value(client: Client, why: str) -> None:
    """The end, or a word that says that it was not done."""
    came = wait_word(client, "the end, or a word that it was not done,", NOT_CLOSED)
    if came and not came.startswith(b"+"):
        fail(f"GET x gets {escape.one_line(came, 40)}: {why}", _STALE)
    client.close()


def reads_by_an_old_answer(played: Played) -> None:
    """What was asked before GET came is answered after it: that says nothing of now."""
    played.hold()
    played.wait_requests(1)
    before = {id: len(one.held) for id, one in played.others.items()}
    client = played.node.call("a client that comes after the heartbeat")
    client.send(_GET_X)
    wait_taken(client)
    for id, one in played.others.items():
        one.answer(before[id])
    played.world.observe(0.02, lambda: bool(client.came() or client.ended))
    expect_no_value(client, "the others have answered what the leader asked before GET x came only")
    played.go_on()


def wait_taken(client: Client) -> None:
    """The node has read what was sent."""
    client.world.wait(
        lambda: bool(client.ended) or (client.sent_all() and client.unread() == 0),
        "the node to read GET x",
    )


def no_majority_ever(played: Played) -> None:
    """The node goes on leading. Who waits is told by the end of the connection, and not at once;
    when the others are back, the write is done.
    """
    played.hold()
    client = played.node.call("a client that waits for a majority")
    request = encode_request([b"SET", b"x", b"late"])
    began = time.monotonic()
    client.send(request + encode_request([b"GET"]) + encode_request([b"SET", b"x"]) + _GET_X)
    half_closed = played.node.call("a client that half-closes, and waits for a majority")
    half_closed.send(encode_request([b"SET", b"half", b"closed"]))
    half_closed.finish_sending()
    expect_no_word(client, "its write may still be done, and what is behind that waits for it")
    if time.monotonic() - began < LONGEST_S:
        fail(
            "the connection ends less than one longest election timeout after the request",
            Diagnosis("closed-early", "a majority may need as long: two or more timeouts are fair"),
        )
    _expect_end(half_closed)
    played.wait_entry(request, "SET x")
    played.go_on()
    goes_through(played, _GET_X, encode_reply([b"late"]), "the value of x", _LATER)


def _expect_end(client: Client) -> None:
    """A node that takes no more without a majority may say so before the end."""
    try:
        client.world.wait(lambda: bool(client.ended), f"the connection of {client.name} to end")
    except Hang as hang:
        hang.diagnosis = NOT_CLOSED
        raise
    if not client.came().startswith((b"+MOVED", b"+TRYAGAIN")):
        expect_silence(client, "its write may still be done")
    client.close()


def one_waits(played: Played) -> None:
    """One request only: what takes the place of its entry is committed by the message that brings
    it, so when the node notices that it leads no more, nothing waits.
    """
    _sets(played, b"before")
    played.hold()
    client = played.node.call("the only client of a leader that falls")
    request = encode_request([b"SET", b"x", b"lost"])
    client.send(request)
    played.wait_entry(request, "SET x of the only client")
    _replaced(played, [client])
    client.close()


def deposed(played: Played, others_entry: bool) -> None:
    """Another node leads. Where its entry takes the place of the client's, that one was not done;
    before that is known, nobody may say so.
    """
    _sets(played, b"before")
    played.hold()
    first = played.node.call("a client that is answered before")
    first.send(encode_request([b"GET"]))
    expect(first, ERROR, "the reply to GET without a key", _LATER)
    clients = [played.node.call(f"client {number} of a leader that falls") for number in (1, 2, 3)]
    for number, client in enumerate(clients):
        request = encode_request([b"SET", b"x", b"lost-%d" % number])
        client.send(request + _GET_X)
        if number == 0:  # it may be all that the leader sends without an answer
            played.wait_entry(request, "SET x of client 1")
        wait_taken(client)
    if others_entry:
        _replaced(played, clients)
    else:
        _called_by_a_candidate(played, clients)
    first.close()
    for client in clients:
        client.close()


def _replaced(played: Played, clients: list[Client]) -> None:
    entry = LogEntry(played.term + 1, encode_request([b"SET", b"x", b"another"]))
    link = played.leads_instead(1, [entry], commits=True)
    wait_reply(link)
    for client in clients:
        expect_not_done(client, "another leader's entry is in the place of its own")
    played.go_on()
    played.elected(above=played.term)
    goes_through(
        played,
        _GET_X,
        encode_reply([b"another"]),
        "the value of x",
        Diagnosis("wrong-result", "the other leader's entry was committed, and nothing behind it"),
    )


def expect_not_done(client: Client, why: str) -> None:
    """The end, or a word that it was not done."""
    came = wait_word(client, "the end, or a word that it was not done,", NOT_CLOSED)
    if came.startswith((b"+O", b"*", b"-", b":")):
        fail(
            f"{client.name} gets {escape.one_line(came, 40)}, and {why}",
            Diagnosis("wrong-term", "a reply belongs to an index and a term, not to an index"),
        )


def wait_reply(link: Link) -> None:
    def is_there() -> bool:
        return any(isinstance(message, AppendEntriesReply) for message, _ in link.inbox)

    link.world.wait(is_there, "the node's answer to the new leader")


def _called_by_a_candidate(played: Played, clients: list[Client]) -> None:
    """A newer term is all that the node learns: its entries may be anywhere."""
    for one in played.others.values():
        one.grants = False
    link = played.peers[3].dial(played.node)
    link.send(encode(RequestVote(played.term + 1, 3, 0, 0)))
    why = "the leader was told of a newer term, and its entry may still be committed"
    expect_no_word(clients[0], why)
    for client in clients[1:]:  # which may not have been appended
        expect_not_done(client, "no majority has its entry")
    played.go_on()
    played.elected(above=played.term)


def ends_at_once(played: Played) -> None:
    """Leadership is lost long before anybody's time is over, and the node answers another leader's
    heartbeats from then on: whoever still waits has been forgotten.
    """
    played.elected()
    played.hold()
    writer = played.node.call("a client whose SET waits when leadership is lost")
    request = encode_request([b"SET", b"x", b"lost"])
    writer.send(request)
    played.wait_entry(request, "SET x")
    reader = played.node.call("a client whose GET waits when leadership is lost")
    reader.send(_GET_X)
    wait_taken(reader)
    term = played.term + 1
    link = played.peers[3].dial(played.node)
    link.send(encode(RequestVote(term, 3, 0, 0)))
    _beats(link, term, lambda: bool(writer.ended and (reader.ended or reader.came())))
    expect_no_word(writer, "leadership is lost, and its entry may still be committed")
    if not (reader.ended or reader.came()):
        fail(f"{reader.name} gets neither a word nor the end", _AT_ONCE)


def _beats(link: Link, term: int, is_over: Callable[[], bool]) -> None:
    """Heartbeats, one after the other is answered, until that is over; not for ever."""
    began = time.monotonic()
    for number in count(1):
        link.send(heartbeat(term, 3, number))
        link.world.wait(
            lambda known=number: is_over() or link.count >= known,  # type: ignore[misc]
            "the node's answer to a heartbeat of another leader",
        )
        if is_over():
            return
        if number >= _BEATS and time.monotonic() - began > _LOST_S:
            fail(
                f"the node has answered {number} heartbeats of another leader, and a client waits "
                "that had asked it when it led",
                _AT_ONCE,
            )


_BEATS, _LOST_S = 50, 0.5  # of a second, in which nobody's time is over
_AT_ONCE = Diagnosis(
    "not-closed-at-once",
    "who waits when leadership is lost is told by the end of the connection, then and there",
)
