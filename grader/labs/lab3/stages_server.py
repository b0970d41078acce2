"""Lab 3, the store: kv_server on the student's loop."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from grader.labs.resources import expect_idle, expect_no_connections, memory
from grader.labs.scenes import MIB
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
from grader.labs.usage import expect_usage
from grader.run.client import Client
from grader.verdicts import Diagnosis, Hang, fail
from grader.wire.resp import encode_request

OK, FAILED, ABSENT = b"+OK\r\n", b"-ERROR\r\n", b"*1\r\n$3\r\nnil\r\n"


def kv_server(attempt: Attempt, **more: object) -> Server:
    """The student's store, on a port of the kernel's choice."""
    return Server(attempt, "kv_server", "--port", "0", **more)


def call(client: Client, *words: bytes, expect: bytes) -> None:
    """One command, and its reply."""
    client.send(encode_request(list(words)))
    shown = b" ".join(words)[:40].decode(errors="backslashreplace")
    client.expect(expect, f"the reply to {shown}")


@stage("3.10", "SET, GET, DEL", points=8, see="lab3#commands", source="PROTOCOL, section 1")
def test_commands(attempt: Attempt) -> None:
    """A value is one or more words, which keep their bytes. What is no valid command gets -ERROR,
    and the connection goes on; an empty array gets no reply.
    """
    server = kv_server(attempt)
    client, other = server.connect(), server.connect()
    call(client, b"SET", b"CS06142", b"Cloud", b"Computing", expect=OK)
    call(other, b"GET", b"CS06142", expect=encode_request([b"Cloud", b"Computing"]))
    call(other, b"GET", b"CS06143", expect=ABSENT)
    call(client, b"SET", b"CS06142", b"another", expect=OK)
    call(client, b"GET", b"CS06142", expect=encode_request([b"another"]))
    call(client, b"DEL", b"CS06142", expect=b":1\r\n")
    call(client, b"DEL", b"CS06142", expect=b":0\r\n")
    call(client, b"GET", b"CS06142", expect=ABSENT)
    for key in (b"a", b"b", b"", b"\0\r\n", b"A"):
        call(client, b"SET", key, key, b"", key, expect=OK)
    for key in (b"a", b"b", b"", b"\0\r\n", b"A"):
        call(other, b"GET", key, expect=encode_request([key, b"", key]))
    call(client, b"DEL", b"a", b"a", b"none", b"b", expect=b":2\r\n")
    call(client, b"GET", b"A", expect=encode_request([b"A", b"", b"A"]))
    for name in (b"set", b"Set", b"sEt"):
        call(client, name, b"case", name, expect=OK)
    call(client, b"gEt", b"case", expect=encode_request([b"sEt"]))
    call(client, b"SET", b"k", b"nil", expect=OK)
    call(client, b"GET", b"k", expect=ABSENT)  # as the protocol says: they can't be told apart
    call(client, b"SET", b"k", b"a  b", b" ", b"\n", expect=OK)
    call(client, b"GET", b"k", expect=encode_request([b"a  b", b" ", b"\n"]))
    for words in (
        [b"GET"], [b"SET"], [b"SET", b"k"], [b"DEL"], [b"GET", b"k", b"l"], [b"PINGPONG"], [b""],
        [b"", b""], [b"SETX", b"k", b"v"], [b"SE", b"k", b"v"], [b"GET\0", b"k"], [b"GET ", b"k"],
    ):  # fmt: skip
        call(client, *words, expect=FAILED)
    client.send(b"*0\r\n" + encode_request([b"DEL", b"k"]) + b"*0\r\n")
    client.expect(b":1\r\n", "the reply to DEL, between two empty arrays which get none")
    client.expect_nothing_more()
    expect_usage(attempt, "kv_server", [], ["--port"], ["--port", "x"], ["--port", "0", "--what"])


@stage(
    "3.11",
    "After an error, the end",
    points=7,
    see="lab3#close",
    source="PROTOCOL, section 1; RFC 2525, section 2.17",
    seconds=20,
)
def test_protocol_errors(attempt: Attempt) -> None:
    """Replies to all earlier requests come first, then one -ERROR, then the end of the stream:
    whatever the client still sends must not destroy these replies. Nobody else is concerned.
    """
    server = kv_server(attempt)
    other = server.connect()
    call(other, b"SET", b"k", b"v", expect=OK)
    get = encode_request([b"GET", b"k"])
    value = encode_request([b"v"])
    for bad in (b"GET k\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$3\r\nfooXY", b"*x\r\n", b"*" + b"1" * 40):
        for count in (0, 3):
            client = server.connect()
            client.send(get * count + bad)
            client.expect(value * count + FAILED, f"{count} values and an error")
            client.expect_end()
            client.close()
        later = server.connect()
        later.send(get + bad[:2])
        later.expect(value, "the value")
        later.send(bad[2:])
        later.expect(FAILED, "an error that came in a later piece")
        later.expect_end()
        later.close()
    insists = server.connect()
    insists.send(get * 2000 + b"nonsense\r\n" + get * 40_000)
    insists.expect(value * 2000 + FAILED, "values, an error, and no more")
    insists.expect_end()
    insists.close()
    cut = server.connect()
    cut.send(get + get[:-3])
    cut.finish_sending()
    cut.expect(value, "the value; the request that is cut short gets no reply")
    cut.expect_end()
    for rude in (reset_half_way, reset_when_it_reads_nothing):
        rude(server)
        call(other, b"GET", b"k", expect=value)
    other.close()
    cut.close()
    expect_no_connections(server)


def reset_half_way(server: Server) -> None:
    client = server.connect()
    client.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000\r\nhalf")
    client.wait_sent()
    client.reset()


def reset_when_it_reads_nothing(server: Server) -> None:
    client = server.connect(receive_buffer=4096)
    client.pause_reading()
    client.send(encode_request([b"GET", b"k"]) * 50_000)
    server.come_to_rest(client)
    client.reset()


@stage(
    "3.12",
    "Pipelining",
    points=7,
    see="lab3#pipelining",
    source="PROTOCOL, section 1 and section 5",
    seconds=40,
)
def test_pipelining(attempt: Attempt) -> None:
    """A client need not wait for replies: 100,000 commands in one go get theirs in order. One that
    does not read its replies is not read from while 1 MiB of them waits; a half-closed one gets
    all.
    """
    server = kv_server(attempt)
    client, other = server.connect(), server.connect()
    requests, replies = bytearray(), bytearray()
    for number in range(25_000):
        key, value = b"key %d" % (number % 1000), b"value %d" % number
        requests += encode_request([b"SET", key, value]) + encode_request([b"GET", key])
        requests += encode_request([b"DEL", key, key]) + encode_request([b"GET", key])
        replies += OK + encode_request([value]) + b":1\r\n" + ABSENT
    client.send(bytes(requests))
    client.finish_sending()
    client.expect(bytes(replies), "the replies to 100,000 commands")
    client.expect_end()
    call(other, b"SET", b"k", b"x" * 10_000, expect=OK)
    before = memory(server)
    greedy = server.connect(receive_buffer=4096)
    greedy.pause_reading()
    get, reply = encode_request([b"GET", b"k"]), encode_request([b"x" * 10_000])
    greedy.send(get * 6000)
    server.come_to_rest(greedy)
    grown = memory(server) - before
    if grown > 24 * MIB:
        fail(
            f"a client asks for 60 MB and does not read: the server takes {grown >> 20} MiB",
            Diagnosis("output-unbounded", "while 1 MiB of replies waits, no request is taken"),
        )
    expect_idle(
        server.program,
        "while a client does not read its replies",
        "spins-when-full",
        "nothing can be done for it until it reads",
    )
    call(other, b"GET", b"none", expect=ABSENT)
    greedy.finish_sending()
    greedy.resume_reading()
    greedy.expect(reply * 6000, "6,000 large replies")
    greedy.expect_end()


@stage(
    "3.13",
    "Large values, many keys",
    points=6,
    see="lab3#hash",
    source="PROTOCOL, section 1; SipHash, section 7",
    seconds=60,
)
def test_large(attempt: Attempt) -> None:
    """A value of 64 MiB goes in and comes out. Many keys cost no more each than a few do, even if
    somebody chose them to collide.
    """
    server = kv_server(attempt, build="plain")
    client, other = server.connect(), server.connect()
    value = attempt.random("value").bytes(64 * MIB)
    before = memory(server)
    client.send(encode_request([b"SET", b"large", value]))
    call(other, b"GET", b"none", expect=ABSENT)
    client.expect(OK, "the reply to a SET of 64 MiB")
    client.send(encode_request([b"GET", b"large"]))
    client.expect(encode_request([value]), "64 MiB")
    call(client, b"SET", b"large", b"small now", expect=OK)
    grown = memory(server) - before
    if grown > 160 * MIB:
        fail(
            f"{grown >> 20} MiB are held when the large value is gone",
            Diagnosis("memory-leak", "a value that is replaced is freed, and a buffer shrinks"),
        )
    for name, keys in KEYS.items():
        used = server.program.cpu_seconds()
        known = keys()
        client.send(b"".join(encode_request([b"SET", key, b"v"]) for key in known))
        try:
            client.expect(OK * len(known), f"the replies to {len(known):,} SETs of {name}")
        except Hang as hang:
            hang.diagnosis = COLLIDE
            raise
        spent = server.program.cpu_seconds() - used
        if spent > 3:
            fail(f"{len(known):,} SETs of {name} take {spent:.1f} s of CPU time", COLLIDE)


COLLIDE = Diagnosis(
    "keys-collide",
    "each key costs more the more there are: does the table grow, and is its hash keyed with a "
    "secret, so that nobody can choose keys that fall together?",
)


def _pairs(first: bytes, second: bytes) -> list[bytes]:
    """2^16 keys that are all alike for a hash that takes ``first`` and ``second`` for the same."""
    return [b"".join(pair) for pair in product((first, second), repeat=16)]


KEYS: dict[str, Callable[[], list[bytes]]] = {
    "numbers": lambda: [b"%d" % number for number in range(1 << 17)],
    "keys that collide where a hash is multiplied by 31": lambda: _pairs(b"Aa", b"BB"),
    "keys that collide where a hash is multiplied by 33": lambda: _pairs(b"Ab", b"BA"),
    "keys of the same bytes": lambda: [
        bytes(97 + ((number >> bit) & 1) for bit in range(16))
        + bytes(98 - ((number >> bit) & 1) for bit in range(16))
        for number in range(1 << 16)
    ],
}
