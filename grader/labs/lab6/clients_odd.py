"""Lab 6, the node over TCP: requests that are none, entries that are none, and more requests than a
queue has places at first.
"""

from __future__ import annotations

from grader.labs.lab6.played_nodes import (
    ABSENT,
    ERROR,
    OK,
    Played,
    expect,
    expect_closed,
    goes_through,
)
from grader.run.client import Client
from grader.verdicts import Diagnosis, Hang, fail
from grader.wire.messages import AppendEntriesReply, LogEntry
from grader.wire.resp import encode_reply, encode_request

PAIRING = Diagnosis("wrong-pairing", "each reply belongs to one request, in order of the requests")
FRAMING = Diagnosis(
    "framing",
    "beyond a limit, or without a boundary to trust: the replies to all before, -ERROR, the end",
)
_NO_COMMAND = Diagnosis(
    "entry-no-command",
    "an entry that is not one valid command, and nothing else, changes nothing; those behind it "
    "are done",
)
_KEYS = (50, 25, 10)  # fewer, where that took too long
# Requests, bytes of their keys, and bytes: more than the largest request, which a node may take in
# before it looks at what lies behind, and more places than fit into 1 MiB of the shortest replies.
_WITHOUT_END, _KEY_SIZE, _MOST_TAKEN = 350_000, 60, 20 << 20
_TURNS, _TURN_S = 3, 3.0
_WHILE_S = 0.3  # for a node that stops reading from who has much waiting


def bad_framing(played: Played) -> None:
    """Behind writes that wait, bytes that are no request. The client keeps its own side open."""
    writes = b"".join(encode_request([b"SET", b"framed", b"%d" % number]) for number in range(3))
    for wrong in (b"*2\r\n$3\r\nGET\r\n$x\r\n", b"GET framed\r\n"):
        client = played.node.call("a client that sends three SETs, and bytes that are no request,")
        client.send(writes + wrong)
        what = "the replies to three SETs, and the error for what is behind them,"
        expect(client, OK * 3 + ERROR, what, FRAMING)
        expect_closed(client, "after the error", FRAMING)
        client.close()


def no_commands(played: Played) -> None:
    """Another node leads, and commits entries of which the last one only is a valid command."""
    sets = [encode_request([b"SET", b"odd-%d" % number, b"1"]) for number in range(3)]
    entries = [b"hello", sets[0] + sets[1], encode_request([b"GET"]), sets[2]]
    link = played.leads_instead(
        1, [LogEntry(played.term + 1, data) for data in entries], commits=True
    )
    link.world.wait(
        lambda: any(isinstance(message, AppendEntriesReply) for message, _ in link.inbox),
        "the node's answer to entries that are no commands",
    )
    played.elected(above=played.term)
    goes_through(
        played,
        b"".join(encode_request([b"GET", b"odd-%d" % number]) for number in range(3)),
        ABSENT * 2 + encode_reply([b"1"]),
        "what was done of the entries",
        _NO_COMMAND,
    )


def more_than_a_queue(played: Played) -> None:
    """Behind an answered request many, each with a reply of its own. None is answered before all
    were sent, unless the node does not read as many. Where they take longer than the node's longest
    wait, the connection may end among the replies, and less is asked for.
    """
    for keys in _KEYS:
        client = played.node.call(f"a client that sends {2 * keys} requests behind an answered one")
        is_last = keys == _KEYS[-1]
        client.send(encode_request([b"SET", b"first", b"1"]))
        if is_last or not _ends_among(client, OK):
            expect(client, OK, "the reply to the first SET", PAIRING)
            _ask_much(played, client, keys)
            replies = b"".join(_pair(number)[1] for number in range(keys))
            if is_last or not _ends_among(client, replies):
                expect(client, replies, f"the replies to {2 * keys} requests", PAIRING)
                client.close()
                return
        client.close()


def more_than_it_may_take(played: Played) -> None:
    """Requests without an end, and no majority: at some time the node reads no more of them. How
    many it lets wait is its affair, as long as that has a bound. Where it is slow, or ends what has
    waited for long, nothing is known.
    """
    played.hold()
    client = played.node.call("a client that sends requests without an end")
    client.send(encode_request([b"GET", b"k" * _KEY_SIZE]) * _WITHOUT_END)
    other = played.node.call("a client that asks meanwhile")
    before = -1
    while _has_turned(other) and not client.ended:
        taken = client.held()
        if taken <= before and client.unread() > 0:
            break
        before = taken
        if taken > _MOST_TAKEN:
            fail(
                f"without a majority the node has taken {taken >> 20} MiB of small requests of "
                "one client, and goes on reading",
                Diagnosis(
                    "waits-without-bound",
                    "each request that waits takes a place: who has many of them is read from "
                    "later",
                ),
            )
    client.close()
    other.close()


def _has_turned(other: Client) -> bool:
    """The node's loop has gone round, more than once: it has answered what needs no entry. One that
    takes nothing from anybody as long as much waits is right too.
    """
    for _ in range(_TURNS):
        other.send(encode_request([b"GET"]))
        if not other.world.observe(_TURN_S, lambda: len(other.came()) >= len(ERROR)):
            return False
        other.take(len(ERROR))
    return True


def _ask_much(played: Played, client: Client, keys: int) -> None:
    played.hold()
    client.send(b"".join(_pair(number)[0] for number in range(keys)))
    played.world.observe(_WHILE_S, lambda: client.sent_all() and client.unread() == 0)
    played.go_on()


def _pair(number: int) -> tuple[bytes, bytes]:
    """SET and GET of one key, and their replies."""
    key, value = b"q%d" % number, b"value %d" % number
    requests = encode_request([b"SET", key, value]) + encode_request([b"GET", key])
    return requests, OK + encode_reply([value])


def _ends_among(client: Client, replies: bytes) -> bool:
    """The connection ends, and what came is right as far as it goes."""
    is_right = True

    def is_known() -> bool:
        nonlocal is_right
        is_right = replies.startswith(client.came())
        return not is_right or bool(client.ended) or len(client.came()) == len(replies)

    try:
        client.world.wait(is_known, f"the replies to {client.name}")
    except Hang as hang:
        hang.diagnosis = PAIRING
        raise
    return is_right and len(client.came()) < len(replies)
