"""Lab 3, the store: kv_server on the student's loop."""

from __future__ import annotations

from grader.labs.lab3.exchange import exchange, in_words_of_replies
from grader.labs.lab3.keys import COLLIDING, numbers
from grader.labs.resources import MEMORY_BOUND, expect_idle, expect_no_connections, memory
from grader.labs.scenes import MIB
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
from grader.labs.usage import expect_usage
from grader.run.client import Client
from grader.run.random import Random
from grader.verdicts import Diagnosis, Hang, fail
from grader.wire.resp import encode_request

OK, FAILED, ABSENT = b"+OK\r\n", b"-ERROR\r\n", b"*1\r\n$3\r\nnil\r\n"
PLENTY = 3.0
"""Seconds of CPU time that are plenty for 65,536 SETs, whatever their keys."""
_LOOK_AFTER = 8192  # so many of them, whether they take too long already

GET_K = encode_request([b"GET", b"k"])
SPOIL_K = encode_request([b"SET", b"k", b"spoilt"])


def kv_server(attempt: Attempt, **more: object) -> Server:
    """The student's store, on a port of the kernel's choice."""
    return Server(attempt, "kv_server", "--port", "0", **more)


def call(client: Client, *words: bytes, expect: bytes) -> None:
    """One command, and its reply."""
    name = b" ".join(words)[:40].decode(errors="backslashreplace")
    exchange(client, [encode_request(list(words))], [expect], f"the reply to {name}")


@stage("3.10", "SET, GET, DEL", points=8, see="lab3#commands", source="PROTOCOL, section 1")
@in_words_of_replies()
def test_commands(attempt: Attempt) -> None:
    """A value is one or more words, which keep their bytes. What is no valid command gets -ERROR,
    and the connection goes on; an empty array gets no reply.
    """
    server = kv_server(attempt)
    client, other = server.connect(), server.connect()
    set_get_and_del(client, other)
    keys_and_words_keep_their_bytes(client, other)
    deleted_keys_only(client)
    names_in_any_case(client)
    no_valid_command(client)
    expect_usage(attempt, "kv_server", [], ["--port"], ["--port", "x"], ["--port", "0", "--what"])


def set_get_and_del(client: Client, other: Client) -> None:
    call(client, b"SET", b"CS06142", b"Cloud", b"Computing", expect=OK)
    call(other, b"GET", b"CS06142", expect=encode_request([b"Cloud", b"Computing"]))
    call(other, b"GET", b"CS06143", expect=ABSENT)
    call(client, b"SET", b"CS06142", b"another", expect=OK)
    call(client, b"GET", b"CS06142", expect=encode_request([b"another"]))
    call(client, b"DEL", b"CS06142", expect=b":1\r\n")
    call(client, b"DEL", b"CS06142", expect=b":0\r\n")
    call(client, b"GET", b"CS06142", expect=ABSENT)


def keys_and_words_keep_their_bytes(client: Client, other: Client) -> None:
    keys = (b"a", b"b", b"", b"A", b"\0\r\n", b"a\0", b"a\0b", b"a\0c", b"k" * 70_000)
    for key in keys:
        call(client, b"SET", key, key, b"", key, expect=OK)
    for key in keys:
        call(other, b"GET", key, expect=encode_request([key, b"", key]))
    call(client, b"DEL", b"a", b"a", b"none", b"b", expect=b":2\r\n")
    call(client, b"GET", b"A", expect=encode_request([b"A", b"", b"A"]))
    for value in ([b"a  b", b" ", b"\n"], [b"word %d" % number for number in range(2000)]):
        call(client, b"SET", b"k", *value, expect=OK)
        call(client, b"GET", b"k", expect=encode_request(value))
    call(client, b"SET", b"k", b"nil", expect=OK)
    call(client, b"GET", b"k", expect=ABSENT)  # as the protocol says: they can't be told apart
    call(client, b"DEL", b"k", expect=b":1\r\n")


def deleted_keys_only(client: Client) -> None:
    """Half of the keys go, and the others stay."""
    keys = [b"key %d" % number for number in range(200)]
    gone = keys[::2]
    for key in keys:
        call(client, b"SET", key, key, expect=OK)
    call(client, b"DEL", *gone, expect=b":%d\r\n" % len(gone))
    for key in keys:
        call(client, b"GET", key, expect=ABSENT if key in gone else encode_request([key]))


def names_in_any_case(client: Client) -> None:
    for name in (b"set", b"Set", b"sEt"):
        call(client, name, b"case", name, expect=OK)
    call(client, b"gEt", b"case", expect=encode_request([b"sEt"]))
    call(client, b"dEl", b"case", expect=b":1\r\n")


def no_valid_command(client: Client) -> None:
    call(client, b"SET", b"k", b"v", expect=OK)
    for words in (
        [b"GET"], [b"SET"], [b"SET", b"k"], [b"DEL"], [b"GET", b"k", b"l"], [b"PINGPONG"], [b""],
        [b"", b""], [b"SETX", b"k", b"v"], [b"SE", b"k", b"v"], [b"GET\0", b"k"], [b"GET ", b"k"],
    ):  # fmt: skip
        call(client, *words, expect=FAILED)
    client.send(b"*0\r\n" + encode_request([b"DEL", b"k"]) + b"*0\r\n")
    client.expect(b":1\r\n", "the reply to DEL, between two empty arrays which get none")
    client.expect_nothing_more()


@stage(
    "3.11",
    "After an error, the end",
    points=7,
    see="lab3#close",
    source="PROTOCOL, section 1; RFC 2525, section 2.17",
    seconds=20,
)
@in_words_of_replies()
def test_protocol_errors(attempt: Attempt) -> None:
    """Replies to all earlier requests come first, then one -ERROR, then the end of the stream:
    whatever the client still sends must not destroy these replies. Nobody else is concerned.
    """
    server = kv_server(attempt)
    other = server.connect()
    value = encode_request([b"v"])
    call(other, b"SET", b"k", b"v", expect=OK)
    for bad in (b"GET k\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$3\r\nfooXY", b"*x\r\n", b"*" + b"1" * 40):
        for count in (0, 3):
            expect_error(server, GET_K * count + bad, value * count, f"{count} values and an error")
        error_in_a_later_piece(server, GET_K + bad[:2], value, bad[2:])
    insists = GET_K * 2000 + b"nonsense\r\n" + SPOIL_K * 40_000
    expect_error(server, insists, value * 2000, "values, an error, and no more")
    replies_wait_when_it_comes(server, other)
    call(other, b"GET", b"k", expect=value)
    cut_short(server, value)
    for rude in (reset_half_way, reset_when_it_reads_nothing):
        rude(server)
        call(other, b"GET", b"k", expect=value)
    other.close()
    expect_no_connections(server)
    parsers_are_freed(server)


def expect_error(server: Server, sent: bytes, values: bytes, what: str) -> None:
    client = server.connect()
    client.send(sent)
    client.expect(values + FAILED, what)
    client.expect_end()
    client.close()


def error_in_a_later_piece(server: Server, piece: bytes, value: bytes, rest: bytes) -> None:
    client = server.connect()
    client.send(piece)
    client.expect(value, "the value")
    client.send(rest)
    client.expect(FAILED, "an error that came in a later piece")
    client.expect_end()
    client.close()


def replies_wait_when_it_comes(server: Server, other: Client) -> None:
    """The client takes no reply until the server has done all that it can."""
    value = b"x" * 10_000
    call(other, b"SET", b"large", value, expect=OK)
    client = server.connect(receive_buffer=4096)
    client.pause_reading()
    client.send(encode_request([b"GET", b"large"]) * 100 + b"nonsense\r\n" + SPOIL_K * 40_000)
    server.come_to_rest(client)
    client.resume_reading()
    client.expect(encode_request([value]) * 100 + FAILED, "100 large values, and an error")
    client.expect_end()
    client.close()


def cut_short(server: Server, value: bytes) -> None:
    client = server.connect()
    client.send(GET_K + SPOIL_K[:-3])
    client.finish_sending()
    client.expect(value, "the value; the request that is cut short gets no reply")
    client.expect_end()
    client.close()


def reset_half_way(server: Server) -> None:
    client = server.connect()
    client.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000\r\nhalf")
    client.wait_sent()
    client.reset()


def reset_when_it_reads_nothing(server: Server) -> None:
    client = server.connect(receive_buffer=4096)
    client.pause_reading()
    client.send(GET_K * 50_000)
    server.come_to_rest(client)
    client.reset()


def parsers_are_freed(server: Server) -> None:
    """Clients come one after the other, and leave in the middle of a request of many words."""
    before = 0
    for number in range(16):
        client = server.connect()
        client.send(b"*300000\r\n" + b"$0\r\n\r\n" * 250_000)
        client.finish_sending()
        client.expect_end()
        client.close()
        before = before if number else memory(server)
    grown = memory(server) - before
    if grown > MEMORY_BOUND:
        fail(
            f"15 clients came and left in the middle of a request: {grown >> 20} MiB are still "
            "held",
            Diagnosis("client-leak", "what belongs to a client is freed when it has left"),
        )


@stage(
    "3.12",
    "Pipelining",
    points=7,
    see="lab3#pipelining",
    source="PROTOCOL, section 1 and section 5",
    seconds=40,
)
@in_words_of_replies()
def test_pipelining(attempt: Attempt) -> None:
    """A client need not wait for replies: 100,000 commands in one go get theirs in order. One that
    does not read its replies is not read from while 1 MiB of them waits; a half-closed one gets
    all.
    """
    server = kv_server(attempt)
    many_in_one_go(server)
    replies_of_all_sizes(server)
    one_that_does_not_read(server)


def many_in_one_go(server: Server) -> None:
    requests, replies = [], []
    for number in range(25_000):
        key, value = b"key %d" % (number % 1000), b"value %d" % number
        get = encode_request([b"GET", key])
        requests += [encode_request([b"SET", key, value]), get]
        requests += [encode_request([b"DEL", key, key]), get]
        replies += [OK, encode_request([value]), b":1\r\n", ABSENT]
    client = server.connect()
    exchange(client, requests, replies, "the replies to 100,000 commands", finish=True)
    client.expect_end()


def replies_of_all_sizes(server: Server) -> None:
    """Whatever its size and kind, a reply keeps its place."""
    client, value = server.connect(), b"x" * 100_000
    call(client, b"SET", b"large", value, expect=OK)
    turns = (
        ([b"GET", b"none"], ABSENT),
        ([b"PINGPONG"], FAILED),
        ([b"DEL", b"none"], b":0\r\n"),
        ([b"GET", b"large"], encode_request([value])),
    )
    requests = [encode_request(words) for words, _ in turns]
    exchange(client, requests * 5, [reply for _, reply in turns] * 5, "small and large replies")


def one_that_does_not_read(server: Server) -> None:
    other, value = server.connect(), b"x" * 10_000
    call(other, b"SET", b"k", value, expect=OK)
    before = memory(server)
    greedy = server.connect(receive_buffer=4096)
    greedy.pause_reading()
    greedy.send(GET_K * 4000)
    server.come_to_rest(greedy)
    grown = memory(server) - before
    if grown > 24 * MIB:
        fail(
            f"a client asks for 40 MB and does not read: the server takes {grown >> 20} MiB",
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
    greedy.expect(encode_request([value]) * 4000, "4,000 large replies")
    greedy.expect_end()


@stage(
    "3.13",
    "Large values, many keys",
    points=6,
    see="lab3#hash",
    source="PROTOCOL, section 1; SipHash, section 7",
    seconds=60,
)
@in_words_of_replies()
def test_large(attempt: Attempt) -> None:
    """A value of 64 MiB goes in and comes out. Many keys cost no more each than a few do, even if
    somebody chose them to collide.
    """
    server = kv_server(attempt, build="plain")
    values_come_and_go(server, attempt.random("values"))
    a_large_value(server, attempt.random("value"))
    client = server.connect()
    usual = many_keys(server, client)
    for name, keys in COLLIDING.items():
        set_all(server, client, keys(), name, min(max(0.7, 12 * usual), PLENTY))


def values_come_and_go(server: Server, random: Random) -> None:
    """A value that is replaced or deleted leaves nothing, and so does one that is asked for."""
    client, value = server.connect(), random.bytes(2 * MIB)
    put, reply = encode_request([b"SET", b"k", value]), encode_request([value])
    small, gone = encode_request([b"SET", b"k", b"small"]), encode_request([b"DEL", b"k"])
    requests, replies = [put, GET_K, small, put, gone], [OK, reply, OK, OK, b":1\r\n"]
    before = 0
    for number in range(33):
        exchange(client, requests, replies, "the replies to SET, GET, SET, SET and DEL")
        before = before if number else memory(server)
    grown = memory(server) - before
    if grown > MEMORY_BOUND:
        fail(
            f"values of 2 MiB are put, got, replaced and deleted, 32 times: {grown >> 20} MiB more "
            "are held when all are gone",
            Diagnosis(
                "values-leak", "a value is freed when it is replaced or deleted, and each copy is"
            ),
        )


def a_large_value(server: Server, random: Random) -> None:
    """Others are served while it comes, and while it goes; it goes as it was when it was asked
    for.
    """
    client, other = server.connect(), server.connect()
    value, before = random.bytes(64 * MIB), memory(server)
    client.send(encode_request([b"SET", b"large", value]))
    call(other, b"GET", b"none", expect=ABSENT)
    client.expect(OK, "the reply to a SET of 64 MiB")
    client.send(encode_request([b"GET", b"large"]))
    client.wait_came(lambda: bool(client.came()), "the beginning of 64 MiB")
    client.pause_reading()
    call(other, b"SET", b"large", b"small now", expect=OK)
    call(other, b"GET", b"large", expect=encode_request([b"small now"]))
    client.resume_reading()
    client.expect(encode_request([value]), "64 MiB, replaced after they were asked for,")
    grown = memory(server) - before
    if grown > 160 * MIB:
        fail(
            f"{grown >> 20} MiB are held when the large value is gone",
            Diagnosis("memory-leak", "a value that is replaced is freed, and a buffer shrinks"),
        )


def many_keys(server: Server, client: Client) -> float:
    """They are all there, each with its value, also when half of them are deleted. The CPU time
    that 2^16 of them take.
    """
    keys = numbers()
    spent = set_all(server, client, keys, "numbers", PLENTY)
    gets = [encode_request([b"GET", key]) for key in keys]
    values = [encode_request([key]) for key in keys]
    exchange(client, gets, values, "the values of all keys")
    gone = [keys[at : at + 2048 : 2] for at in range(0, len(keys), 2048)]
    dels = [encode_request([b"DEL", *some]) for some in gone]
    exchange(client, dels, [b":1024\r\n"] * len(dels), "the replies to DELs of 1,024 keys each")
    values[::2] = [ABSENT] * (len(values) // 2)
    exchange(client, gets, values, "what is left when every other key is deleted")
    return spent / 2


_SET = encode_request([b"SET", b"key", b"key"]).replace(b"3\r\nkey", b"%d\r\n%b")  # in a hurry


def set_all(server: Server, client: Client, keys: list[bytes], name: str, bound: float) -> float:
    """The CPU time, which is at most ``bound`` seconds. The values are the keys, cut."""
    used = server.program.cpu_seconds()
    cut = ((key, key[:8]) for key in keys)
    requests = [_SET % (len(key), key, len(value), value) for key, value in cut]
    spent = 0.0
    for at in range(0, len(requests), _LOOK_AFTER):
        part = requests[at : at + _LOOK_AFTER]
        what = f"{at + len(part):,} SETs of {name}"
        try:
            exchange(client, part, [OK] * len(part), f"the replies to {what}")
        except Hang as hang:
            if server.program.cpu_seconds() - used > bound:
                hang.diagnosis = COLLIDE
            raise
        spent = server.program.cpu_seconds() - used
        if spent > bound:
            plenty = f"{bound:.1f} s is plenty for {len(keys):,}"
            fail(f"{what} take {spent:.1f} s of CPU time, where {plenty}", COLLIDE)
    return spent


COLLIDE = Diagnosis(
    "keys-collide",
    "each key costs more the more there are: does the table grow, and is its hash keyed with a "
    "secret, so that nobody can choose keys that fall together?",
)
