"""Lab 1, the echo itself: one client, its bytes, and the end of its stream."""

from __future__ import annotations

from grader.labs.scenes import expect_echo, more_than_the_buffers_hold
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
from grader.labs.usage import expect_port, expect_usage
from grader.run.ports import free_port
from grader.verdicts import Diagnosis, fail


def echo_server(attempt: Attempt, **more: object) -> Server:
    """The student's server on a port of the kernel's choice."""
    return Server(attempt, "echo_server", "--port", "0", **more)


@stage(
    "1.1",
    "Listens and says so",
    points=8,
    see="lab1#listen",
    source="socket(2), bind(2), listen(2), getsockname(2)",
)
def test_listens(attempt: Attempt) -> None:
    """A server listens on the port that it is given, or on a free one for port 0, and then prints
    the line 'listening on ADDRESS:PORT'. A wrong option or value prints a usage line on stderr and
    exits with 2.
    """
    first = echo_server(attempt)
    first.connect()
    port = free_port()
    second = Server(attempt, "echo_server", "--port", str(port), name="echo_server --port")
    expect_port(second, port)
    second.connect()
    wrong = [["--port", "echo"], ["--port", "65536"], ["--port", f"-{port}"], ["--port", ""]]
    wrong += [["--port"], ["--port", "0", "--nonsense"], ["--nonsense", "--port", "0"], []]
    expect_usage(attempt, "echo_server", *wrong)
    for server in (first, second):
        server.connect()


@stage("1.2", "Echoes one message", points=8, see="lab1#echo", source="RFC 862; recv(2)")
def test_echoes_one_message(attempt: Attempt) -> None:
    """What a client sends comes back at once, whether or not a line end follows, and the connection
    stays open for more.
    """
    client = echo_server(attempt).connect()
    expect_echo(client, b"h")
    if client.world.observe(0.3, lambda: bool(client.ended)):
        fail(
            "client 1 pauses for a moment, and the server closes its connection",
            Diagnosis("impatient", "a client may take its time: EAGAIN is no end of file"),
        )
    expect_echo(client, b"hello")
    expect_echo(client, b"hello again")
    client.expect_nothing_more()


@stage("1.3", "Every byte value, every size", points=8, see="lab1#bytes", source="RFC 862; read(2)")
def test_every_byte(attempt: Attempt) -> None:
    """Data is bytes, not text: NUL, line ends and bytes above 127 come back as they are, in
    messages of any size.
    """
    client = echo_server(attempt).connect()
    expect_echo(client, b"echo\0echo")
    expect_echo(client, bytes(range(256)))
    for data in (b"\0", b"\n", b"\r\n", b"\nhello", b"a line\n", b"two lines\r\nand one\r\n"):
        expect_echo(client, data)
    expect_echo(client, b"%s%n%d\r\n\r\n\xff\xfe")
    random = attempt.random("sizes")
    for size in (512, 1000, 1024, 2048, 4096, 8192, 16384, 32768, 65536):
        for exact in (size - 1, size, size + 1):
            expect_echo(client, random.bytes(exact))
    expect_echo(client, b"the end")
    client.expect_nothing_more()


@stage(
    "1.4",
    "Any fragmentation",
    points=8,
    see="lab1#stream",
    source="RFC 9293, section 3.8: a stream of octets",
)
def test_any_fragmentation(attempt: Attempt) -> None:
    """TCP carries a stream of bytes and knows no messages: a server never waits for more than what
    has come, and never takes one read() for the whole.
    """
    client = echo_server(attempt).connect()
    for part in (b"he", b"l", b"lo, wor", b"ld"):
        expect_echo(client, part)
    for byte in b"one by one, aabb\n\n":
        expect_echo(client, bytes([byte]))
    random = attempt.random("cuts")
    text = random.bytes(40_000)
    start = 0
    for length in random.cuts(len(text), 900):
        expect_echo(client, text[start : start + length])
        start += length
    glued = [random.bytes(random.between(1, 3000)) for _ in range(60)]
    for part in glued:
        client.send(part)
    for part in glued:
        client.expect(part)
    expect_echo(client, b"no line end follows")
    client.expect_nothing_more()


@stage(
    "1.5",
    "A half-closed client gets every byte it is owed",
    points=10,
    see="lab1#half-close",
    source="RFC 9293, section 3.6",
)
def test_half_close(attempt: Attempt) -> None:
    """A client that sent FIN still receives: it gets every byte that it is owed, and only then the
    server closes.
    """
    for data in (b"", b"the last word"):
        client = echo_server(attempt).connect()
        if data:
            client.send(data)
        client.finish_sending()
        client.expect(data)
        client.expect_end()
    server = echo_server(attempt)
    client = server.connect(receive_buffer=4096)
    data = more_than_the_buffers_hold(server, client, attempt.random())
    client.finish_sending()
    server.come_to_rest(client)
    client.resume_reading()
    client.expect(data)
    client.expect_end()
