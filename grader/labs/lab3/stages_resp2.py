"""Lab 3, an extension: what ordinary Redis tools expect, behind --resp2."""

from __future__ import annotations

from grader.labs.endpoint import Listener
from grader.labs.lab3.exchange import in_words_of_replies
from grader.labs.lab3.stages_client import CLIENT, asked, expect_end, send_in_pieces
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
from grader.labs.terminal import Terminal
from grader.labs.usage import require_known
from grader.run.client import Client
from grader.verdicts import Diagnosis, Hang, StageFailure, fail
from grader.wire.annotate import quoted
from grader.wire.resp import (
    DEEPEST,
    Failure,
    ProtocolError,
    Reply,
    ReplyDecoder,
    encode_reply,
    encode_request,
)

OK, PONG = b"+OK\r\n", b"+PONG\r\n"
PING = encode_request([b"PING"])
LONGEST_INLINE = 1 << 16  # bytes, LF not counted
LARGE = b"x" * 100_000

INLINE = (
    (b"PING\r\n", PONG),
    (b"SET inline value\r\n", OK),
    (b"GET  inline \r\n", encode_reply(b"value")),
    (b" \tGET\tinline\n", encode_reply(b"value")),
    (b"\r\nPING\r\n", PONG),
    (b"ping\n", PONG),
    (b"SET \"two words\" 'a \\n'\r\n", OK),
    (b'GET "two words"\n', encode_reply(b"a \\n")),
    (b'ECHO "\\x00\\xFf\\r\\n\\t\\a\\b\\"\\\\\\q"\r\n', encode_reply(b'\0\xff\r\n\t\a\b"\\q')),
    (b"ECHO 'it\\'s'\r\n", encode_reply(b"it's")),
    (b'ECHO ""\r\n', encode_reply(b"")),
    (b"ECHO " + b"x" * (LONGEST_INLINE - 5) + b"\n", encode_reply(b"x" * (LONGEST_INLINE - 5))),
)
REFUSED = (
    [b"NONSENSE"], [b"GET"], [b"SET", b"k"], [b"SET", b"k", b"two", b"words"], [b"ECHO"],
    [b"X\r\n+OK\r\n"], [b"X\ny", b"\n"], [LARGE], [b"X", LARGE],
)  # fmt: skip
FRAMING = (
    (b"*1\r\n:5\r\n", "an integer where a bulk string is due"),
    (b"*2\r\n$4\r\nECHO\r\n$-1\r\n", "a null where a bulk string is due"),
    (b"*1\r\n$4\r\nPINGXY", "other bytes than CR LF behind a word"),
    (b'PING "a\r\n', "a quote that is not closed"),
    (b'SET "a"b\r\n', "a quote that goes on without a blank behind it"),
    (b"x" * (LONGEST_INLINE + 1), "an inline command of more than 64 KiB"),
)

# Replies, and what a person sees of them, in this order.
TREES = (
    (b"$-1\r\n", ["(nil)"]),
    (b"*-1\r\n", ["(nil)"]),
    (b"$7\r\na\r\n:100\r\n", ['"a\\r\\n:100"']),
    (b"*3\r\n*2\r\n:100\r\n$-1\r\n:200\r\n+end\r\n", ["100", "(nil)", "200", "end"]),
    (b"*2\r\n*-1\r\n*1\r\n*1\r\n$3\r\nend\r\n", ["(nil)", '"end"']),
    (b"*1\r\n" * DEEPEST + b":100\r\n", ["100"]),
)
NO_REPLIES = (
    b"$-2\r\n",
    b"*-2\r\n",
    b"$3\r\nfooXY",
    b"*2\r\n:1\r\nnonsense\r\n",
    b"*1\r\n" * (DEEPEST + 1) + b":100\r\n",
)

ASKED = (
    [b"HELLO"], [b"HELLO", b"2"], [b"HELLO", b"9"], [b"COMMAND"], [b"COMMAND", b"DOCS"],
    [b"COMMAND", b"COUNT"], [b"CONFIG", b"GET", b"save"], [b"CONFIG", b"GET", b"appendonly"],
    [b"INFO"], [b"INFO", b"server"], [b"CLIENT", b"SETINFO", b"LIB-NAME", b"redis-py"],
    [b"CLIENT", b"SETINFO", b"LIB-VER", b"5.0.0"],
)  # fmt: skip


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
@in_words_of_replies()
def test_replies(attempt: Attempt) -> None:
    """With --resp2 a GET is answered by a bulk string, or by $-1 where there is none; errors say
    what is wrong; inline commands are understood; nothing else changes.
    """
    server = resp2_server(attempt)
    client = server.connect()
    commands(client)
    inline_commands(client)
    for words in REFUSED:
        refused(client, words)
    for bad, why in FRAMING:
        broken = server.connect()
        broken.send(PING + bad)
        expect_reply(broken, PONG, "the reply before the error")
        expect_error(broken, why)
        broken.expect_end()
    plain = Server(attempt, "kv_server", "--port", "0").connect()
    call(plain, b"PING", expect=b"-ERROR\r\n")
    client_reads_trees(attempt)


def commands(client: Client) -> None:
    """The commands of the store, and two that only Redis has."""
    call(client, b"SET", b"k", b"a \r\n value", expect=OK)
    call(client, b"get", b"k", expect=encode_reply(b"a \r\n value"))
    call(client, b"GET", b"none", expect=encode_reply(None))
    call(client, b"SET", b"", b"", expect=OK)
    call(client, b"GET", b"", expect=encode_reply(b""))
    call(client, b"SET", b"large", LARGE, expect=OK)
    call(client, b"GET", b"large", expect=encode_reply(LARGE))
    call(client, b"DEL", b"k", b"k", b"none", expect=b":1\r\n")
    call(client, b"PING", expect=PONG)
    call(client, b"PING", b"hello", expect=encode_reply(b"hello"))
    call(client, b"ECHO", b"\0", expect=encode_reply(b"\0"))


def inline_commands(client: Client) -> None:
    """Each alone, between arrays, and cut."""
    for line, reply in INLINE:
        client.send(line)
        what = f"the reply to the inline command {quoted(line)}"
        expect_reply(client, reply, what, "inline-words")
    client.send(b"PING\r\n" + PING + b"ECHO a\n*0\r\n\r\n" + encode_request([b"ECHO", b"b"]))
    replies = PONG + PONG + encode_reply(b"a") + encode_reply(b"b")
    what = "the replies to inline commands and arrays by turns"
    expect_reply(client, replies, what, "inline-words")
    client.send(PING + b"ECHO cut-in-the-")
    expect_reply(client, PONG, "the reply before an inline command that is cut", "inline-words")
    client.send(b"middle\r\nPING\n")
    replies = encode_reply(b"cut-in-the-middle") + PONG
    what = "the replies to an inline command that was cut, and to the one behind it"
    expect_reply(client, replies, what, "inline-words")


def call(client: Client, *words: bytes, expect: bytes) -> None:
    """One command, and its reply."""
    client.send(encode_request(words))
    expect_reply(client, expect, f"the reply to {' '.join(map(quoted, words))}")


def expect_reply(client: Client, reply: bytes, what: str, otherwise: str = "reply-form") -> None:
    """These bytes come; ``otherwise`` is the diagnosis where others do."""
    try:
        client.expect(reply, what)
    except StageFailure as failure:
        came = bytes(client.came())
        if not reply.startswith(came):
            due = f"{quoted(came)} came, and {quoted(reply)} is due"
            failure.diagnosis = Diagnosis(otherwise, due)
        raise


def refused(client: Client, words: list[bytes]) -> None:
    """One line of an error, and the connection goes on."""
    what = " ".join(map(quoted, words))
    client.send(encode_request(words) + PING)
    expect_error(client, what)
    expect_pong(client, what)


def expect_error(client: Client, what: str) -> None:
    """A line that begins with "-ERR "."""
    line = take_line(client, f"the reply to {what}")
    if not line.startswith(b"-"):
        fail(
            f"{what} should be refused with '-ERR …', and the reply is {quoted(line)}",
            Diagnosis("not-refused", "it was taken for a command that can be done"),
        )
    if not line.startswith(b"-ERR ") or b"\r" in line or b"\n" in line:
        fail(
            f"the reply to {what} should be one line, '-ERR …', and is {quoted(line)}",
            Diagnosis("error-form", "'-ERR', a blank, and a text without CR or LF"),
        )


def expect_pong(client: Client, what: str) -> None:
    """The reply to the PING that came behind something else."""
    line = take_line(client, f"the reply to PING, behind {what},")
    if line + b"\r\n" != PONG:
        fail(
            f"{what} has had its reply, PING came next, and {quoted(line)} is its reply",
            Diagnosis("reply-count", "each request gets one reply, which ends where it says"),
        )


def take_line(client: Client, what: str) -> bytes:
    try:
        return client.take_line(what)
    except Hang as hang:
        hang.diagnosis = Diagnosis("no-reply", f"{what} is due, and no whole line of it came")
        raise


def client_reads_trees(attempt: Attempt) -> None:
    """kv_client --resp2, if there is one, reads replies of any kind and depth, and refuses what is
    none.
    """
    listener = Listener(attempt)
    if not client_knows_resp2(attempt, listener):
        return
    for reply, leaves in TREES:
        terminal, server = asked(attempt, listener, "GET", "k", options=("--resp2",))
        send_in_pieces(server, reply)
        server.finish_sending()
        terminal.expect_status(0, f"the reply was {quoted(reply)}")
        expect_leaves(terminal, leaves, reply)
    for reply in NO_REPLIES:
        terminal, server = asked(attempt, listener, "GET", "k", options=("--resp2",))
        server.send(reply)
        expect_end(terminal, server, 1, f"{quoted(reply)} is no reply", went_wrong=True)


def client_knows_resp2(attempt: Attempt, listener: Listener) -> bool:
    if f"{attempt.builder.labs[-1]}/{CLIENT}.c" not in attempt.builder.files:
        return False
    port = str(listener.port)
    terminal = Terminal(attempt, CLIENT, "--resp2", "127.0.0.1", port, "PING")
    try:
        server = listener.accept()
    except StageFailure:
        if terminal.program.ended() and terminal.program.wait_end() == 2:
            return False
        raise
    server.close()
    terminal.program.close()
    return True


def expect_leaves(terminal: Terminal, leaves: list[str], reply: bytes) -> None:
    """They were printed, in this order, however they are laid out."""
    printed = "\n".join(terminal.keyboard.take_lines())
    at = 0
    for leaf in leaves:
        found = printed.find(leaf, at)
        if found < 0:
            fail(
                f"kv_client --resp2 prints {printed!r} for {quoted(reply)}: {leaf} is missing "
                "at its place",
                Diagnosis("reply-tree", "an array holds all of its elements, arrays too"),
            )
        at = found + len(leaf)


@stage(
    "3.16",
    "RESP2: what tools ask",
    points=10,
    see="lab3#tools",
    source="redis.io/commands: HELLO, CLIENT SETINFO, COMMAND, CONFIG GET, INFO",
    extension=True,
    seconds=20,
)
@in_words_of_replies()
def test_tools(attempt: Attempt) -> None:
    """redis-cli, redis-benchmark and redis-py ask some things when they start; each gets one
    well-formed reply, and the connection goes on.
    """
    server = resp2_server(attempt)
    client = server.connect()
    for words in ASKED:
        ask(client, words)
        client.send(PING)
        expect_pong(client, spoken(words))
    client.send(b"".join(encode_request(words) for words in ASKED) + PING)
    for words in ASKED:
        take_reply(client, words)
    expect_pong(client, "all the others")
    random = attempt.random("pipe").bytes(20)
    client.send(
        b"\r\n" + encode_request([b"ECHO", random])
    )  # the end of what redis-cli --pipe says
    expect_reply(client, encode_reply(random), "the reply to ECHO, behind an empty line")
    resp3_is_asked_for(server)


def resp3_is_asked_for(server: Server) -> None:
    """HELLO 3 is answered in RESP3, or with an error. It concerns one client, until its HELLO 2."""
    three, two = server.connect(), server.connect()
    speaks_resp3 = not isinstance(ask(three, [b"HELLO", b"3"], resp3=True), Failure)
    ask(three, [b"CONFIG", b"GET", b"save"], resp3=speaks_resp3)
    speaks_resp2(two)
    ask(three, [b"HELLO", b"2"])
    speaks_resp2(three)


def speaks_resp2(client: Client) -> None:
    """Where RESP3 has a map, and a null of its own."""
    ask(client, [b"CONFIG", b"GET", b"save"])
    call(client, b"GET", b"none", expect=encode_reply(None))


def ask(client: Client, words: list[bytes], *, resp3: bool = False) -> Reply:
    client.send(encode_request(words))
    return take_reply(client, words, resp3=resp3)


def take_reply(client: Client, words: list[bytes], *, resp3: bool = False) -> Reply:
    """One reply of RESP2, of any kind and depth; or of RESP3."""
    what = f"the reply to {spoken(words)}"
    decoder, came, taken = ReplyDecoder(resp2=True, resp3=resp3), client.came(), 0
    found: list[Reply] = []

    def is_whole() -> bool:
        nonlocal taken
        while not found and taken < len(came):
            found.extend(decoder.feed(bytes(came[taken : taken + 1])))
            taken += 1
        return bool(found)

    try:
        client.wait_came(is_whole, what)
    except ProtocolError as fault:
        fail(f"{what} is {quoted(bytes(came[: taken + 1]))}", malformed(fault, came[taken]))
    except Hang as hang:
        missing = f": {decoder.due} is due" if taken else ""
        hang.diagnosis = Diagnosis("no-reply", f"{counted_bytes(taken)} of {what} came{missing}")
        raise
    client.take(taken)
    return found[0]


def counted_bytes(size: int) -> str:
    return f"{size} bytes" if size else "nothing"


def malformed(fault: ProtocolError, byte: int) -> Diagnosis:
    """Why it is no reply."""
    if fault.field.endswith("type") and chr(byte) in "%~_":
        return Diagnosis("resp3-unasked", f"'{chr(byte)}' is of RESP3, which only HELLO 3 asks for")
    return Diagnosis("reply-malformed", f"{fault.field}: {fault.reason}")


def spoken(words: list[bytes]) -> str:
    return b" ".join(words).decode()
