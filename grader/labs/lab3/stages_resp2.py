"""Lab 3, an extension: what ordinary Redis tools expect, behind --resp2."""

from __future__ import annotations

from grader.labs.lab3.stages_server import call
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
from grader.labs.usage import require_known
from grader.run.client import Client
from grader.verdicts import fail
from grader.wire.resp import encode_request


def resp2_server(attempt: Attempt) -> Server:
    """The student's store with --resp2; NotAttempted where it knows no such option."""
    require_known(attempt, "kv_server", "--resp2", otherwise="kv_server knows no --resp2")
    return Server(attempt, "kv_server", "--resp2", "--port", "0", name="kv_server --resp2")


@stage(
    "3.15",
    "RESP2: replies and inline commands",
    points=10,
    see="lab3#resp2",
    source="Redis serialization protocol specification, RESP2",
    extension=True,
    seconds=20,
)
def test_replies(attempt: Attempt) -> None:
    """With --resp2 a GET is answered by a bulk string, or by $-1 where there is none; errors say
    what is wrong; inline commands are understood; nothing else changes.
    """
    server = resp2_server(attempt)
    client = server.connect()
    call(client, b"SET", b"k", b"a \r\n value", expect=b"+OK\r\n")
    call(client, b"get", b"k", expect=b"$10\r\na \r\n value\r\n")
    call(client, b"GET", b"none", expect=b"$-1\r\n")
    call(client, b"SET", b"", b"", expect=b"+OK\r\n")
    call(client, b"GET", b"", expect=b"$0\r\n\r\n")
    call(client, b"DEL", b"k", b"k", b"none", expect=b":1\r\n")
    call(client, b"PING", expect=b"+PONG\r\n")
    call(client, b"PING", b"hello", expect=b"$5\r\nhello\r\n")
    call(client, b"ECHO", b"\0", expect=b"$1\r\n\0\r\n")
    for line, reply in (
        (b"PING\r\n", b"+PONG\r\n"),
        (b"SET inline value\r\n", b"+OK\r\n"),
        (b"GET  inline \r\n", b"$5\r\nvalue\r\n"),
        (b"\r\nPING\r\n", b"+PONG\r\n"),
        (b"ping\n", b"+PONG\r\n"),
    ):
        client.send(line)
        client.expect(reply, f"the reply to the inline command {line!r}")
    for words in ([b"NONSENSE"], [b"GET"], [b"SET", b"k"], [b"ECHO"]):
        client.send(encode_request(words))
        expect_error(client, repr(words))
    call(client, b"PING", expect=b"+PONG\r\n")
    broken = server.connect()
    broken.send(encode_request([b"PING"]) + b"*1\r\n:5\r\n")
    broken.expect(b"+PONG\r\n", "the reply before the error")
    expect_error(broken, "an integer where a bulk string is due")
    broken.expect_end()
    plain = Server(attempt, "kv_server", "--port", "0").connect()
    call(plain, b"PING", expect=b"-ERROR\r\n")


@stage(
    "3.16",
    "RESP2: what tools ask",
    points=10,
    see="lab3#tools",
    source="redis.io/commands: HELLO, CLIENT SETINFO, COMMAND, CONFIG GET, INFO",
    extension=True,
    seconds=20,
)
def test_tools(attempt: Attempt) -> None:
    """redis-cli, redis-benchmark and redis-py ask some things when they start; each gets one
    well-formed reply, and the connection goes on.
    """
    server = resp2_server(attempt)
    client = server.connect()
    asked = (
        [b"HELLO"], [b"HELLO", b"2"], [b"HELLO", b"3"], [b"COMMAND"], [b"COMMAND", b"DOCS"],
        [b"COMMAND", b"COUNT"], [b"CONFIG", b"GET", b"save"], [b"CONFIG", b"GET", b"appendonly"],
        [b"INFO"], [b"INFO", b"server"], [b"CLIENT", b"SETINFO", b"LIB-NAME", b"redis-py"],
        [b"CLIENT", b"SETINFO", b"LIB-VER", b"5.0.0"],
    )  # fmt: skip
    for words in asked:
        client.send(encode_request(words))
        expect_any_reply(client, b" ".join(words).decode())
        call(client, b"PING", expect=b"+PONG\r\n")
    client.send(b"".join(encode_request(words) for words in asked) + encode_request([b"PING"]))
    for words in asked:
        expect_any_reply(client, b" ".join(words).decode())
    client.expect(b"+PONG\r\n", "the reply to PING, behind all the others")


def expect_error(client: Client, what: str) -> None:
    line = client.take_line(f"the reply to {what}")
    if not line.startswith(b"-ERR "):
        fail(f"the reply to {what} should be an error, '-ERR …', and is {line!r}")


def expect_any_reply(client: Client, what: str) -> None:
    """One reply of RESP2, of any kind and depth."""
    left = 1
    while left:
        left -= 1
        line = client.take_line(f"the reply to {what}")
        kind, rest = line[:1], line[1:]
        if kind in (b"+", b"-") and b"\r" not in rest:
            continue
        try:
            number = int(rest)
        except ValueError:
            number = -2
        if kind not in (b":", b"$", b"*", b"%") or (kind != b":" and number < -1):
            fail(f"the reply to {what} has a line {line!r}, which starts no reply")
        if kind in (b"*", b"%"):  # a map is RESP3's, which HELLO 3 asks for
            left += max(number, 0) * (2 if kind == b"%" else 1)
        if kind == b"$" and number >= 0:
            client.take_whole(number + 2, f"the reply to {what}")
