"""Lab 3, an extension: a client that people type commands into."""

from __future__ import annotations

from grader.labs.conversations import connected
from grader.labs.endpoint import Listener
from grader.labs.lab3.exchange import in_words_of_replies
from grader.labs.stage import Attempt, stage
from grader.labs.terminal import Terminal
from grader.labs.usage import expect_usage
from grader.run.client import Client
from grader.verdicts import Diagnosis, Hang, StageFailure
from grader.wire.annotate import quoted
from grader.wire.resp import Decoder, ProtocolError, encode_request

CLIENT = "kv_client"
LARGE = b"x" * 200_000
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
    (b"*1\r\n$6\r\n\xc3\xa9\x1b\x7f~ \r\n", b'1) "\\xc3\\xa9\\x1b\\x7f~ "\n', 0),
    (encode_request([LARGE]), b'1) "' + LARGE + b'"\n', 0),
)
LINES = (
    (b"SET k v\n", [b"SET", b"k", b"v"]),
    (b'  SET  "two words"\t\'and \\n more\'  ""\n', [b"SET", b"two words", b"and \\n more", b""]),
    (b'SET "\\x00\\r\\n\\t\\"\\\\" x\n', [b"SET", b'\0\r\n\t"\\', b"x"]),
    (b"DEL \xc3\xa9\n", [b"DEL", b"\xc3\xa9"]),
    (b"SET k %b\n" % LARGE, [b"SET", b"k", LARGE]),
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
@in_words_of_replies()
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
    server_owes_a_reply(attempt, listener)
    server_resets_while_it_sends(attempt, listener)
    listener.close()
    nobody = Terminal(attempt, CLIENT, "127.0.0.1", str(listener.port), "GET", "k")
    nobody.expect_status(1, "nobody listens on that port", words=True)
    expect_usage(
        attempt, CLIENT, [], ["127.0.0.1"], ["127.0.0.1", "x"], ["--nonsense", "127.0.0.1", "7"]
    )


def one_shot(
    attempt: Attempt, listener: Listener, reply: bytes, printed: bytes, status: int
) -> None:
    """Words of the command line, some of which look like options, and a reply byte by byte."""
    words = ["SET", "-k", "--resp2", "two words", ""]
    terminal, server = asked(attempt, listener, *words)
    send_in_pieces(server, reply)
    wait_for_words(terminal, server, f"{CLIENT} to print the reply {quoted(reply)}")
    expect_printed(terminal, printed, f"what it prints for {quoted(reply)}")
    expect_end(terminal, server, status, f"the reply was {quoted(reply)}")


def asked(
    attempt: Attempt, listener: Listener, *words: str, options: tuple[str, ...] = ()
) -> tuple[Terminal, Client]:
    """The client with a command on its command line, and the server that got it."""
    args = [*options, "127.0.0.1", str(listener.port), *words]
    terminal = Terminal(attempt, CLIENT, *args)
    server = listener.accept()
    expect_request(server, [word.encode() for word in words], "the command line's request")
    return terminal, server


def send_in_pieces(server: Client, reply: bytes) -> None:
    """Byte by byte, unless it is long."""
    step = 1 if len(reply) < 1000 else len(reply) // 3
    for at in range(0, len(reply), step):
        server.send(reply[at : at + step])


def wait_for_words(terminal: Terminal, server: Client, what: str) -> None:
    """The client may have half-closed, and print nothing until the server does so too."""
    try:
        server.world.wait(
            lambda: bool(terminal.keyboard.came() or server.ended) or terminal.program.ended(), what
        )
    except Hang as hang:
        hang.diagnosis = Diagnosis("waits-for-more", "the whole reply came, and nothing is printed")
        raise
    if server.ended:
        server.finish_sending()


def lines(attempt: Attempt, listener: Listener) -> None:
    """Words between blanks, and quotes around those that hold some. Errors are replies like any
    other here.
    """
    terminal, server = connected(attempt, CLIENT, listener)
    for line, words in LINES:
        terminal.keyboard.send(line)
        expect_request(server, words, f"the request for {quoted(line)}")
        server.send(b"-ERROR\r\n")
        expect_printed(terminal, b"(error) ERROR\n", "what it prints")
    terminal.keyboard.send(b"\n   \nGET k")
    terminal.keyboard.finish_sending()
    expect_request(server, [b"GET", b"k"], "the last line's request, without a newline")
    server.send(b":7\r\n")
    expect_printed(terminal, b"(integer) 7\n", "what it prints")
    expect_end(terminal, server, 0, "its input has ended, and all was answered")


def pipelined(attempt: Attempt, listener: Listener) -> None:
    """It does not wait for a reply before it sends the next command."""
    terminal, server = connected(attempt, CLIENT, listener)
    count = 10_000
    terminal.keyboard.send(b"".join(b"GET k%d\n" % number for number in range(count)))
    terminal.keyboard.finish_sending()
    requests = b"".join(encode_request([b"GET", b"k%d" % number]) for number in range(count))
    server.expect(requests, "10,000 requests, none of which is answered yet")
    word = b"x" * 50
    array, shown = encode_request([word]), b'1) "%b"\n' % word
    server.send(b"".join(b":%d\r\n%b" % (number, array) for number in range(count // 2)))
    replies = b"".join(b"(integer) %d\n%b" % (number, shown) for number in range(count // 2))
    terminal.keyboard.expect(replies, "what it prints for 10,000 replies")
    expect_end(terminal, server, 0, "its input has ended, and all was answered")


def server_leaves(attempt: Attempt, listener: Listener) -> None:
    """Instead of a reply: the end, in the middle of one, a reset, and what is no reply."""
    for leave, why in (
        (Client.finish_sending, "the server closed instead of a reply"),
        (_half_a_reply, "the server closed in the middle of a reply"),
        (Client.reset, "the server reset the connection"),
        (_nonsense, "what the server sent is no reply"),
    ):
        terminal, server = asked(attempt, listener, "GET", "k")
        leave(server)
        expect_end(terminal, server, 1, why, went_wrong=True)


def _half_a_reply(server: Client) -> None:
    server.send(b"*1\r\n$3\r\nni")
    server.finish_sending()


def _nonsense(server: Client) -> None:
    server.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def server_owes_a_reply(attempt: Attempt, listener: Listener) -> None:
    """Two lines, one reply, and the end."""
    terminal, server = connected(attempt, CLIENT, listener)
    terminal.keyboard.send(b"GET a\nGET b\n")
    terminal.keyboard.finish_sending()
    for key in (b"a", b"b"):
        expect_request(server, [b"GET", key], "the request of a line")
    server.send(b":1\r\n")
    server.finish_sending()
    expect_printed(terminal, b"(integer) 1\n", "what it prints")
    terminal.expect_status(1, "the server closed, and owes a reply", words=True)
    server.close()


def server_resets_while_it_sends(attempt: Attempt, listener: Listener) -> None:
    """A connection with FIN and RST gives EPIPE, and SIGPIPE, to the next write: while a long
    reply fills the client's output, only its input goes on.
    """
    terminal, server = connected(attempt, CLIENT, listener)
    terminal.keyboard.pause_reading()
    terminal.keyboard.send(b"GET k\n")
    expect_request(server, [b"GET", b"k"], "the request of a line")
    server.send(encode_request([b"x" * 60_000]))
    server.finish_sending()
    server.wait_sent()
    server.reset()
    terminal.keyboard.send(b"GET k\n")
    server.world.observe(0.1, terminal.program.ended)
    terminal.keyboard.resume_reading()
    terminal.keyboard.finish_sending()
    terminal.expect_status(1, "the server reset the connection while the client sent", words=True)


def expect_end(
    terminal: Terminal, server: Client, status: int, why: str, went_wrong: bool = False
) -> None:
    """The client ends by itself, or half-closes and waits for the server to do so too; and it
    prints no more, but what went wrong.
    """
    try:
        server.world.wait(
            lambda: terminal.program.ended() or bool(server.ended), f"{CLIENT} to end or half-close"
        )
    except Hang as hang:
        hang.diagnosis = Diagnosis(
            "does-not-end" if went_wrong else "no-half-close",
            f"{why}: it neither ends nor says by shutdown() that no more will come",
        )
        raise
    server.finish_sending()
    terminal.expect_status(status, why, words=went_wrong)
    terminal.keyboard.expect_nothing_more()
    server.close()


def expect_request(server: Client, words: list[bytes], what: str) -> None:
    """The next request is these words."""
    due = encode_request(words)
    try:
        server.expect(due, what)
    except StageFailure as failure:
        came = bytes(server.came())
        if not due.startswith(came):
            failure.diagnosis = Diagnosis(
                "request-words", f"{_sent(came)}; due is {_spoken(words)}"
            )
        raise


def _sent(came: bytes) -> str:
    """What the first request that came says."""
    try:
        found = Decoder().feed(came)
    except ProtocolError as fault:
        if not fault.before:
            return f"it sent what is no request ({fault.field}: {fault.reason})"
        found = fault.before
    return f"it sent {_spoken(found[0]) if found else quoted(came)}"


def _spoken(words: list[bytes]) -> str:
    return f"{len(words)} words: " + " ".join(map(quoted, words))


def expect_printed(terminal: Terminal, printed: bytes, what: str) -> None:
    """The client prints this, as the handout has it."""
    try:
        terminal.keyboard.expect(printed, what)
    except StageFailure as failure:
        came = bytes(terminal.keyboard.came())
        if not printed.startswith(came):
            failure.diagnosis = Diagnosis(
                "printed-form", f"it printed {quoted(came)}, and due is {quoted(printed)}"
            )
        elif terminal.program.ended():
            failure.diagnosis = Diagnosis(
                "not-all-printed", f"it {terminal.program.ending()} after it printed {quoted(came)}"
            )
        raise
