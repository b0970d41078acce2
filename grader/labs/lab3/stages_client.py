"""Lab 3, an extension: a client that people type commands into."""

from __future__ import annotations

from grader.labs.conversations import connected
from grader.labs.endpoint import Listener
from grader.labs.stage import Attempt, stage
from grader.labs.terminal import Terminal
from grader.labs.usage import expect_usage
from grader.run.client import Client
from grader.wire.resp import encode_request

CLIENT = "kv_client"
REPLIES = (
    (b"+OK\r\n", b"OK\n", 0),
    (b"+MOVED 2\r\n", b"MOVED 2\n", 0),
    (b"-ERROR\r\n", b"(error) ERROR\n", 1),
    (b":1\r\n", b"(integer) 1\n", 0),
    (b":-9223372036854775808\r\n", b"(integer) -9223372036854775808\n", 0),
    (b"*0\r\n", b"(empty array)\n", 0),
    (b"*2\r\n$5\r\nCloud\r\n$9\r\nComputing\r\n", b'1) "Cloud"\n2) "Computing"\n', 0),
    (b"*1\r\n$0\r\n\r\n", b'1) ""\n', 0),
    (b'*1\r\n$9\r\na"b\\c\r\n\t\0\r\n', b'1) "a\\"b\\\\c\\r\\n\\t\\x00"\n', 0),
    (b"*1\r\n$2\r\n\xc3\xa9\r\n", b'1) "\\xc3\\xa9"\n', 0),
)
LINES = (
    (b"SET k v\n", [b"SET", b"k", b"v"]),
    (b'  SET  "two words"\t\'and \\n more\'  ""\n', [b"SET", b"two words", b"and \\n more", b""]),
    (b'SET "\\x00\\r\\n\\t\\"\\\\" x\n', [b"SET", b'\0\r\n\t"\\', b"x"]),
    (b"DEL \xc3\xa9\n", [b"DEL", b"\xc3\xa9"]),
)


@stage(
    "3.14",
    "A client",
    points=10,
    see="lab3#client",
    source="PROTOCOL, section 1",
    extension=True,
    program=CLIENT,
    seconds=20,
)
def test_client(attempt: Attempt) -> None:
    """kv_client sends the words of its command line, or a command for each line of its input, and
    prints the replies in their order, as redis-cli does. Status 1 where the reply to the command
    line was an error, or the server left.
    """
    listener = Listener(attempt)
    for reply, printed, status in REPLIES:
        one_shot(attempt, listener, reply, printed, status)
    lines(attempt, listener)
    pipelined(attempt, listener)
    server_leaves(attempt, listener)
    expect_usage(attempt, CLIENT, [], ["127.0.0.1"], ["--nonsense", "127.0.0.1", "7"])


def one_shot(
    attempt: Attempt, listener: Listener, reply: bytes, printed: bytes, status: int
) -> None:
    """Words of the command line, and a reply byte by byte."""
    words = ["SET", "k", "two words", ""]
    terminal = Terminal(attempt, CLIENT, "127.0.0.1", str(listener.port), *words)
    server = listener.accept()
    server.expect(encode_request([word.encode() for word in words]), "the request")
    for at in range(len(reply)):
        server.send(reply[at : at + 1])
    terminal.keyboard.expect(printed, f"what it prints for {reply!r}")
    terminal.expect_status(status, f"the reply was {reply!r}")
    terminal.keyboard.expect_nothing_more()
    server.close()


def lines(attempt: Attempt, listener: Listener) -> None:
    """Words between blanks, and quotes around those that hold some."""
    terminal, server = connected(attempt, CLIENT, listener)
    for line, words in LINES:
        terminal.keyboard.send(line)
        server.expect(encode_request(words), f"the request for {line!r}")
        server.send(b"+OK\r\n")
        terminal.keyboard.expect(b"OK\n", "what it prints")
    terminal.keyboard.send(b"\n   \nGET k")
    terminal.keyboard.finish_sending()
    server.expect(encode_request([b"GET", b"k"]), "the last line's request, without a newline")
    server.send(b":7\r\n")
    terminal.keyboard.expect(b"(integer) 7\n", "what it prints")
    server.finish_sending()  # it may have half-closed, and wait for that
    terminal.expect_status(0, "its input has ended, and all was answered")


def pipelined(attempt: Attempt, listener: Listener) -> None:
    """It does not wait for a reply before it sends the next command."""
    terminal, server = connected(attempt, CLIENT, listener)
    count = 10_000
    terminal.keyboard.send(b"".join(b"GET k%d\n" % number for number in range(count)))
    terminal.keyboard.finish_sending()
    requests = b"".join(encode_request([b"GET", b"k%d" % number]) for number in range(count))
    server.expect(requests, "10,000 requests, none of which is answered yet")
    server.send(b"".join(b":%d\r\n" % number for number in range(count)))
    replies = b"".join(b"(integer) %d\n" % number for number in range(count))
    terminal.keyboard.expect(replies, "what it prints for 10,000 replies")
    server.finish_sending()
    terminal.expect_status(0, "its input has ended, and all was answered")


def server_leaves(attempt: Attempt, listener: Listener) -> None:
    """Instead of a reply: the end, in the middle of one, a reset, and what is no reply."""
    for leave, why in (
        (Client.finish_sending, "the server closed instead of a reply"),
        (_half_a_reply, "the server closed in the middle of a reply"),
        (Client.reset, "the server reset the connection"),
        (_nonsense, "what the server sent is no reply"),
    ):
        args = ["127.0.0.1", str(listener.port), "GET", "k"]
        terminal = Terminal(attempt, CLIENT, *args)
        server = listener.accept()
        server.expect(encode_request([b"GET", b"k"]), "the request")
        leave(server)
        terminal.expect_status(1, why, words=True)
        server.close()


def _half_a_reply(server: Client) -> None:
    server.send(b"*1\r\n$3\r\nni")
    server.finish_sending()


def _nonsense(server: Client) -> None:
    server.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
