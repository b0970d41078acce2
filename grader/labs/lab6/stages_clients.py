"""Lab 6, the node over TCP: its clients, and what they are told."""

from __future__ import annotations

from collections.abc import Sequence

from grader.labs.lab5.node import QUIET, TRYAGAIN, Node
from grader.labs.lab5.peer import Link, heartbeat
from grader.labs.lab6.clients_odd import (
    FRAMING,
    PAIRING,
    bad_framing,
    more_than_a_queue,
    more_than_it_may_take,
    no_commands,
)
from grader.labs.lab6.played_nodes import (
    ABSENT,
    ERROR,
    LEADS,
    LEADS_LATE,
    LEADS_LATER,
    OK,
    Played,
    expect,
    goes_through,
)
from grader.labs.stage import Attempt, stage
from grader.report import escape
from grader.run.client import Client
from grader.verdicts import Diagnosis, StageFailure, fail
from grader.wire.messages import AppendEntries, LogEntry, RequestVote, encode
from grader.wire.resp import encode_reply, encode_request

_MIB = 1 << 20
_REDIRECT = Diagnosis(
    "redirect",
    "a leader is known once its AppendEntries came in this term: +MOVED and its id; without one, "
    "+TRYAGAIN",
)
_COMMAND = Diagnosis(
    "command",
    "SET key word…, GET key and DEL key… are valid, in any letter case, with empty words too. All "
    "else gets -ERROR, whoever leads, and the connection goes on; an empty array gets nothing",
)
_RESULT = Diagnosis("wrong-result", "the reply is what the store says when the entry is applied")

# What a client may send, and whether it is a valid command.
_COMMANDS: Sequence[tuple[list[bytes], bool]] = [
    ([b"GET", b"k"], True),
    ([b"set", b"k", b"v"], True),
    ([b"GET"], False),
    ([b"Del", b"k", b"l"], True),
    ([b"SET", b"k"], False),
    ([b"GET", b"k", b"l"], False),
    ([b"sEt", b"", b""], True),
    ([b"DEL"], False),
    ([b"PUT", b"k", b"v"], False),
    ([b""], False),
    ([b"get", b"\0\r\n"], True),
]


@stage(
    "6.17",
    "SET, GET and DEL through the log",
    points=6,
    see="lab6#clients",
    source="PROTOCOL, sections 1 and 5; Ongaro and Ousterhout, section 8",
    seconds=30,
)
def test_clients(attempt: Attempt) -> None:
    """A leader's client is answered when its entry was applied, in order of its requests; any other
    node's client is told whom to ask, or to try again. A client that leaves takes nobody else's
    reply along, and one that sends without an end is read from no further than it may wait.
    """
    later, late = Played(attempt, *LEADS_LATER), Played(attempt, *LEADS_LATE)
    a_follower(attempt)
    later.elected()
    results(later)
    a_log_that_was_kept(attempt)
    a_leader(later)
    late.elected()
    large_values(late)
    more_than_it_may_take(late)
    late.end()


# --- who does not lead ---


def a_follower(attempt: Attempt) -> None:
    played = Played(attempt, *QUIET)
    node, first, third = played.node, played.peers[1], played.peers[3]
    client = node.call("a client that stays")
    redirects(client, TRYAGAIN, "before any leader is known")
    link = first.dial(node)
    _asks(link, heartbeat(1, 1, 1))
    redirects(client, b"+MOVED 1\r\n", "when node 1 leads")
    _asks(third.dial(node), encode(AppendEntries(2, 3, 7, 1, 0, 1, ())))
    redirects(client, b"+MOVED 3\r\n", "when node 3 leads, and the log check has failed")
    _asks(link, encode(RequestVote(3, 1, 0, 0)))
    redirects(client, TRYAGAIN, "in a new term, in which nobody leads yet")
    _asks(link, heartbeat(3, 1, 1))
    refused_by_size(node, b"+MOVED 1\r\n")
    redirects(client, b"+MOVED 1\r\n", "when node 1 leads again")
    played.end()


def _asks(link: Link, request: bytes) -> None:
    """And gets an answer: whatever the request makes known is known then."""
    count = link.count
    link.send(request)
    link.world.wait(lambda: link.count > count or bool(link.ended), f"an answer to {link.name}")


def redirects(client: Client, expected: bytes, when: str) -> None:
    """Each of the commands by itself, and all at once, behind an empty array."""
    requests = [encode_request(words) for words, _ in _COMMANDS]
    replies = [expected if is_valid else ERROR for _, is_valid in _COMMANDS]
    for (words, _), request, reply in zip(_COMMANDS, requests, replies, strict=True):
        client.send(request)
        shown = escape.one_line(b" ".join(words), 40)
        _expect_reply(client, reply, f"the reply to '{shown}', {when},", _REDIRECT)
    client.send(b"*0\r\n" + b"".join(requests))
    _expect_reply(client, b"".join(replies), f"the replies to many requests, {when},", PAIRING)


def _expect_reply(client: Client, reply: bytes, what: str, diagnosis: Diagnosis) -> None:
    """The diagnosis is of what is not a question of commands that are valid or not."""
    try:
        client.expect(reply, what)
    except StageFailure as failure:
        is_error = b"-" in (reply[:1], bytes(client.came()[:1]))
        failure.diagnosis = _COMMAND if is_error or client.ended else diagnosis
        raise


def refused_by_size(node: Node, known: bytes) -> None:
    """A request over 15 MiB, and bytes that are none: an error, and the end."""
    beginning = encode_request([b"GET", b"k"])
    for wrong, what in (
        (b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % (16 * _MIB), "a request of 16 MiB"),
        (b"*2\r\n$3\r\nGET\r\n$x\r\n", "a length that is no number"),
    ):
        client = node.call(f"a client that sends {what}")
        client.send(beginning + wrong)
        expect(
            client,
            known + ERROR,
            f"the redirect, and the error for {what},",
            FRAMING,
        )
        client.finish_sending()
        client.expect_end()


# --- who leads ---


def a_leader(played: Played) -> None:
    more_than_a_queue(played)
    many_at_once(played)
    bad_framing(played)
    many_clients(played)
    half_closed(played)
    who_leaves(played)
    no_commands(played)
    played.end()


def results(played: Played) -> None:
    """Of one command after the other; each is one entry of the log, byte for byte."""
    client = played.node.call()
    odd = [b"", b"two words", b"\0\r\n$3", b"nil"]
    cases: list[tuple[list[bytes], bytes]] = [
        ([b"GET", b"x"], ABSENT),
        ([b"SET", b"x", b"1"], OK),
        ([b"GET", b"x"], encode_reply([b"1"])),
        ([b"set", b"x", *odd], OK),
        ([b"get", b"x"], encode_reply([*odd])),
        ([b"SET", b"y", b"2"], OK),
        ([b"DEL", b"x", b"x", b"z", b"y"], b":2\r\n"),
        ([b"DEL", b"x"], b":0\r\n"),
        ([b"GET", b"x"], ABSENT),
        ([b"GET"], ERROR),
        ([b"SET", b"", b""], OK),
        ([b"GET", b""], encode_reply([b""])),
        ([b"SET", b"x", b"3"], OK),
        ([b"DEL", b"x"], b":1\r\n"),
        ([b"SET", b"x", b"4"], OK),
    ]
    for words, reply in cases:
        client.send(encode_request(words))
        expect(client, reply, f"the reply to {escape.one_line(b' '.join(words), 40)}", _RESULT)
    wrote = [
        encode_request(words)
        for words, reply in cases
        if words[0].upper() != b"GET" and reply != ERROR
    ]
    came = [data for data in played.entries() if not data.upper().startswith(b"*2\r\n$3\r\nGET")]
    if came != wrote:
        fail(
            f"{len(wrote)} commands that write became {len(came)} entries, or other ones",
            Diagnosis("wrong-entries", "each is one entry, and its data is the request as it came"),
        )
    client.close()


def many_at_once(played: Played) -> None:
    """A hundred requests in one piece, with errors between them."""
    client = played.node.call("a client that sends 100 requests at once")
    requests, replies = bytearray(), bytearray()
    for number in range(50):
        value = b"v%d" % number
        requests += encode_request([b"SET", b"p", value]) + encode_request([b"GET", b"p"])
        replies += OK + encode_reply([value])
        if number % 10 == 0:
            requests += encode_request([b"SET", b"p"])
            replies += ERROR
    client.send(bytes(requests))
    expect(client, bytes(replies), "the replies to 100 requests", PAIRING)
    client.close()


def many_clients(played: Played) -> None:
    """Sixteen at once, each with keys of its own: no reply goes astray."""
    clients = [played.node.call(f"client {number} of sixteen") for number in range(16)]
    for number, client in enumerate(clients):
        key = b"own-%d" % number
        requests = [[b"SET", key, b"%d" % number], [b"GET", key], [b"DEL", key], [b"GET", key]]
        client.send(b"".join(map(encode_request, requests)))
    for number, client in enumerate(clients):
        replies = OK + encode_reply([b"%d" % number]) + b":1\r\n" + ABSENT
        expect(client, replies, "the replies to four requests", PAIRING)
        client.close()


def half_closed(played: Played) -> None:
    """FIN comes behind the requests, before they can be answered."""
    played.hold()
    client = played.node.call("a client that half-closes")
    request = encode_request([b"SET", b"half", b"closed"])
    client.send(request + encode_request([b"GET", b"half"]))
    client.finish_sending()
    played.wait_entry(request, "the half-closed client's SET")
    played.go_on()
    expect(
        client,
        OK + encode_reply([b"closed"]),
        "the replies behind its FIN",
        Diagnosis("half-closed", "who has sent FIN still receives: its replies, then the end"),
    )
    client.expect_end()


def who_leaves(played: Played) -> None:
    """A client goes before its reply comes; the next one gets its descriptor, and not its reply."""
    for number, leaves in enumerate((Client.close, Client.reset)):
        played.hold()
        gone = played.node.call("a client that leaves")
        request = encode_request([b"SET", b"gone", b"%d" % number])
        gone.send(request)
        played.wait_entry(request, "the SET of the client that leaves")
        leaves(gone)
        played.wait_requests(1)
        others = [played.node.call(f"client {place} that comes then") for place in (1, 2, 3)]
        others[0].send(encode_request([b"GET"]))
        expect(others[0], ERROR, "the reply to GET without a key", PAIRING)
        played.go_on()
        for client in others:
            client.send(encode_request([b"GET", b"gone"]))
            expect(client, encode_reply([b"%d" % number]), "the reply to its own GET", PAIRING)
            client.close()


def large_values(played: Played) -> None:
    """Up to 14 MiB."""
    block = played.attempt.random("values").bytes(_MIB - 1)
    for blocks in (0, 1, 14):
        value = b"".join(b"%c" % number + block for number in range(blocks)) or block[:100_000]
        for words, reply in (
            ([b"SET", b"large", value], OK),
            ([b"GET", b"large"], encode_reply([value])),
        ):
            what = f"the reply to {words[0].decode()} of {len(value):,} bytes"
            goes_through(played, encode_request(words), reply, what, _LARGE)


_LARGE = Diagnosis("large-value", "a value is cut, or its entry does not get through")


# --- what was kept ---


def a_log_that_was_kept(attempt: Attempt) -> None:
    """A follower's log outlives SIGKILL, with what was cut from it. A new leader says nothing of
    its store before it has committed an entry of its own term.
    """
    played = Played(attempt, *QUIET)
    kept = [LogEntry(1, _set(b"a", 1)), LogEntry(1, _set(b"b", 1)), LogEntry(1, _set(b"gone", 1))]
    cut = [LogEntry(2, _set(b"a", 2)), LogEntry(2, encode_request([b"DEL", b"b", b"gone"]))]
    link = played.leads_instead(1, kept)
    _wait_answers(link, 1)
    for one in played.others.values():
        del one.log[2:]
    link = played.leads_instead(3, cut, commits=True)
    _wait_answers(link, 1)
    played.hold()
    played.restart(*LEADS)
    played.elected(above=played.term)
    client = played.node.call("a client of the new leader")
    client.send(encode_request([b"GET", b"a"]))
    played.wait_requests(2)
    came = bytes(client.came())
    if came.startswith((b"*", b"$", b":")):
        fail(
            f"the new leader answers GET with {escape.one_line(came, 40)}, and nobody has answered "
            "it yet",
            Diagnosis("read-too-early", "it may not know yet what is committed: its own entry is"),
        )
    played.go_on()
    reads_what_was_kept(played)
    played.end()


def _wait_answers(link: Link, count: int) -> None:
    link.world.wait(lambda: link.count >= count, "the node's answer to the entries")


def _set(key: bytes, number: int) -> bytes:
    return encode_request([b"SET", key, b"%d" % number])


def reads_what_was_kept(played: Played) -> None:
    kept = Diagnosis("log-forgotten", "the log is read back, with all that was cut from it")
    for key, reply in ((b"a", encode_reply([b"2"])), (b"b", ABSENT), (b"gone", ABSENT)):
        what = f"the value of {key.decode()} after a restart"
        goes_through(played, encode_request([b"GET", key]), reply, what, kept)
