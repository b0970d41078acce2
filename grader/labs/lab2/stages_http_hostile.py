"""Lab 2, extension: what clients of an HTTP server get wrong, by accident or on purpose."""

from __future__ import annotations

import os

from grader.labs.lab2.http_talk import (
    SECRET,
    Request,
    Site,
    Talk,
    expect_file,
    expect_status,
    serve,
)
from grader.labs.lab2.stages_http import HELLO, ask_once, descriptors_after_one, site_of
from grader.labs.resources import MEMORY_BOUND, expect_no_more_descriptors, memory
from grader.labs.scenes import MIB
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
from grader.run.client import Client
from grader.verdicts import Diagnosis, Hang, fail
from grader.wire.http import Reply

GET = Request("/hello.txt")
_HEAD = b"GET /hello.txt HTTP/1.1\r\n"
_HOST = b"Host: lab\r\n"
_ERRORS = tuple(range(400, 600))

# What is wrong, and a first line with it: RFC 9112, section 3. Which part is looked at first is
# open.
_FIRST_LINES = {
    "a method alone": b"GET\r\n",
    "no version": b"GET /hello.txt\r\n",
    "a fourth word in the first line": b"GET /hello.txt HTTP/1.1 please\r\n",
    "a version without minor number": b"GET /hello.txt HTTP/1\r\n",
    "a version with three numbers": b"GET /hello.txt HTTP/1.1.1\r\n",
    "a version in lower case": b"GET /hello.txt http/1.1\r\n",
    "another protocol": b"GET /hello.txt HTTQ/1.1\r\n",
    "HTTP/2.0": b"GET /hello.txt HTTP/2.0\r\n",
    "bytes that are no text": bytes(range(128, 256)) + bytes(range(1, 10)) + b"\r\n",
    "a method that is no token": b"G(T /hello.txt HTTP/1.1\r\n",
    "a target without a slash": b"GET hello.txt HTTP/1.1\r\n",
    "a control character in the target": b"GET /hello.txt?\x01 HTTP/1.1\r\n",
}
_FIELDS = {  # sections 3.2 and 5
    "a line without a colon": _HOST + b"nonsense\r\n",
    "a blank before the colon": _HOST + b"Accept : x\r\n",
    "a field without a name": _HOST + b": x\r\n",
    "a name with a blank in it": _HOST + b"Some thing: x\r\n",
    "no Host (section 3.2)": b"",
    "two Hosts (section 3.2)": _HOST + b"host: other\r\n",
}
_LENGTHS = {
    "Content-Length: five": b"Content-Length: five\r\n",
    "Content-Length: -1": b"Content-Length: -1\r\n",
    "Content-Length: +5": b"Content-Length: +5\r\n",
    "Content-Length: 5 5": b"Content-Length: 5 5\r\n",
    "Content-Length: 0x5": b"Content-Length: 0x5\r\n",
    "Content-Length: 2^64 + 5": b"Content-Length: 18446744073709551621\r\n",
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n",
}


@stage(
    "2.24",
    "HTTP: what clients get wrong",
    points=10,
    see="lab2#http-hostile",
    source="RFC 9112, sections 2.2, 3, 5, 6.3, 11; RFC 9110, section 15",
    extension=True,
    program="http_server",
)
def test_http_hostile(attempt: Attempt) -> None:
    """No request reaches a file outside the folder; a malformed one gets an error, and what comes
    behind it is never taken for something else. Whatever a client does, the server lives, and the
    others are served.
    """
    site = site_of(attempt)
    site.add("smuggled.txt", b"smuggled")
    server = serve(attempt, site)
    descriptors = descriptors_after_one(server, site)
    escapes(server, site)
    malformed(server)
    bodies(server)
    long_heads(server)
    halves(server, site)
    unreadable(server, site, attempt)
    shrinking(server, site)
    expect_no_more_descriptors(server, descriptors)
    ask_once(server, site, "/hello.txt", "hello.txt")


def escapes(server: Server, site: Site) -> None:
    """Ways out of the folder, and files that are none."""
    beside = site.folder / "root-beside"
    site.folder_of(beside / "file")
    (beside / "secret.txt").write_bytes(SECRET)
    (beside / "secret.txt").chmod(0o644)
    secret = site.seen(site.secret)
    for name, aim in (
        ("link.txt", "../secret.txt"),
        ("absolute.txt", secret),
        ("up", ".."),
        ("zero.bin", "/dev/zero"),
        ("passwd.txt", "/etc/passwd"),
        ("docs/deep/link", "../../../root-beside"),
        ("inner.txt", "hello.txt"),
        ("loop.txt", "loop.txt"),
    ):
        (site.root / name).symlink_to(aim)
    os.mkfifo(site.root / "fifo", 0o644)
    (site.root / "fifo").chmod(0o644)
    for target in (
        "/../secret.txt",
        "/docs/../../secret.txt",
        "/docs/deep/../../../secret.txt",
        "/%2e%2e/secret.txt",
        "/%2E./secret.txt",
        "/..%2fsecret.txt",
        "/docs%2f..%2f..%2fsecret.txt",
        "/%252e%252e/secret.txt",
        "/..%5csecret.txt",
        "/../root-beside/secret.txt",
        "/./../secret.txt",
        "/.../../../secret.txt",
        f"/{secret}",
        f"/%2f{secret[1:]}",
        "http://lab/../secret.txt",
        "../secret.txt",
        secret,
        "/link.txt",
        "/absolute.txt",
        "/up/secret.txt",
        "/zero.bin",
        "/passwd.txt",
        "/docs/deep/link/secret.txt",
        "/loop.txt",
        "/inner.txt",
        "/fifo",
        "/hello.txt%00",
        "/hello.txt%00.html",
        "/link.txt%00.txt",
        "/%00",
        "/",
        "/..",
        "/../..",
        "/%zz",
        "/hello.txt%",
        "/hello%2",
        "*",
        "",
    ):
        escape(server, site, Request(target))


def escape(server: Server, site: Site, request: Request) -> None:
    """An error or a redirection is due, or one of the folder's files: '/../a' may be '/a'."""
    talk = Talk(server.connect())
    talk.client.send(request.encoded())
    reply = reply_due(talk, request, str(request))
    if SECRET in reply.body or b"root:" in reply.body or b"student:" in reply.body:
        fail(
            f"{request}: what came is not in the folder",
            Diagnosis("escape", "a client can read any file of the machine"),
        )
    may_be_there = request.target in ("/", "/inner.txt") or "/.." in request.target
    is_there = may_be_there and bytes(reply.body) in site.files.values()
    if reply.status < 300 and not is_there:
        fail(
            f"{request}: status {reply.status} says that this is a file of the folder",
            Diagnosis("escape-status", "400 or 404 is due"),
        )
    talk.client.close()


def reply_due(talk: Talk, request: Request, what: str) -> Reply:
    """The next reply, which has to come even if it says no more than that something is wrong."""
    reply = talk.reply_or_end(request)
    if reply is None:
        fail(
            f"{what}: the connection ends without a word",
            Diagnosis("no-error-reply", "a client learns from a status what was wrong"),
        )
    return reply


def follow_up(talk: Talk, after: str, *, must_close: bool = False) -> None:
    """Behind an error the connection ends, or the next request gets its own reply."""
    reply = talk.reply_or_end(GET)
    if reply is None:
        return
    if must_close:
        fail(
            f"after {after} the server goes on with what comes behind",
            Diagnosis("framing-unknown", "nobody knows where such a request ends: close"),
        )
    expect_file(reply, f"{GET} after {after}", HELLO)


def malformed(server: Server) -> None:
    """Each of them gets 400, and a request behind it is answered properly or not at all."""
    for what, line in _FIRST_LINES.items():
        refuse(server, what, line + _HOST + b"\r\n", 400, 404, 405, 501, 505)
    for what, fields in _FIELDS.items():
        refuse(server, what, _HEAD + fields + b"\r\n", 400)
    for what, field in _LENGTHS.items():
        head = _HEAD + _HOST + field + b"\r\n"
        refuse(server, what, head, 400, 413, must_close=True)
    for what, head in (  # which a server may also mend: sections 2.2, 3 and 5.2
        ("a folded line", _HEAD + _HOST + b"Accept: a\r\n b\r\n\r\n"),
        ("a NUL in a value", _HEAD + _HOST + b"Accept: a\0b\r\n\r\n"),
        ("a CR in a value", _HEAD + _HOST + b"Accept: a\rb\r\n\r\n"),
        ("two blanks in the first line", b"GET  /hello.txt HTTP/1.1\r\n" + _HOST + b"\r\n"),
        ("lines that end with LF", (_HEAD + _HOST + b"\r\n").replace(b"\r", b"")),
        ("empty lines before it", b"\r\n\r\n" + _HEAD + _HOST + b"\r\n"),
    ):
        refuse(server, what, head, 200, 400)


def refuse(
    server: Server, what: str, data: bytes, *statuses: int, must_close: bool = False
) -> None:
    talk = Talk(server.connect())
    talk.client.send(data + GET.encoded())
    talk.client.finish_sending()
    reply = reply_due(talk, Request("/hello.txt", version="any"), what)
    expect_status(reply, what, *statuses, why="the request is malformed")
    follow_up(talk, what, must_close=must_close)
    talk.client.close()


def bodies(server: Server) -> None:
    """A body that looks like a request is none."""
    hidden = Request("/smuggled.txt").encoded()
    length = f"Content-Length: {len(hidden)}"
    chunk = f"{len(hidden):x}\r\n".encode() + hidden + b"\r\n0\r\n\r\n"
    coding = "Transfer-Encoding: chunked"
    for request, statuses in (
        (Request("/hello.txt", "POST", fields=(length,), body=hidden), _ERRORS),
        (Request("/hello.txt", fields=(length,), body=hidden), (200, *_ERRORS)),
        (Request("/hello.txt", "HEAD", fields=(length,), body=hidden), (200, *_ERRORS)),
        (Request("/hello.txt", "POST", fields=(coding,), body=chunk), _ERRORS),
        (Request("/hello.txt", fields=(coding,), body=chunk), (200, *_ERRORS)),
        (Request("/hello.txt", fields=(length, coding), body=chunk), (200, *_ERRORS)),
    ):
        talk = Talk(server.connect())
        talk.client.send(request.encoded() + GET.encoded())
        talk.client.finish_sending()
        what = f"{request} with {' and '.join(request.fields)}"
        expect_status(talk.reply(request), what, *statuses)
        reply = talk.reply_or_end(GET)
        if reply is not None and b"smuggled" in reply.body:
            fail(
                f"{what}: the body was taken for the next request",
                Diagnosis(
                    "smuggled",
                    "behind a proxy that knows better, one client asks in another's name: read the "
                    "body and drop it, or close",
                ),
            )
        if reply is not None:
            expect_file(reply, f"{GET} behind {what}", HELLO)
        talk.client.close()


def long_heads(server: Server) -> None:
    """A head of 7,000 bytes is taken, one without end is not: RFC 9112, section 3."""
    talk = Talk(server.connect())
    request = Request("/hello.txt?" + "x" * 7000)
    expect_file(talk.ask(request), "a target of 7,000 bytes", HELLO)
    request = Request("/hello.txt", fields=tuple(f"X-Field-{i}: {i}" for i in range(350)))
    expect_file(talk.ask(request), "a request with 350 fields", HELLO)
    talk.client.close()
    before = memory(server)
    for what, begin, more in (
        ("a field without end", _HEAD + _HOST + b"X: ", b"x" * (48 * MIB)),
        ("fields without end", _HEAD + _HOST, b"X: y\r\n" * MIB),
        ("a target without end", b"GET /", b"x" * (8 * MIB)),
    ):
        client = server.connect()
        client.send(begin + more)
        expect_refused(server, client, what, before)
        client.reset()


def expect_refused(server: Server, client: Client, what: str, before: int) -> None:
    """An error, or the end of the connection, before all of it was read."""
    talk = Talk(client)
    unbounded = Diagnosis("head-unbounded", "who keeps a head has to bound it: HTTP_HEAD_BOUND")

    def answered() -> bool:
        return bool(talk.client.came() or client.ended)

    def all_kept() -> bool:
        return client.sent_all() and memory(server) - before > MEMORY_BOUND

    try:
        server.world.wait(lambda: answered() or all_kept(), f"{what} to be refused")
    except Hang as hang:
        hang.diagnosis = unbounded
        raise
    if not answered():
        fail(f"{what}: the server keeps {client.sent_size >> 20} MiB of it", unbounded)
    if talk.client.came():
        reply = talk.reply_or_end(Request("/hello.txt", version="any"))
        if reply is not None:
            expect_status(reply, what, 431, 400, 413, 414, why="more than any bound")


def halves(server: Server, site: Site) -> None:
    """A request that stops in the middle, for now or for ever."""
    whole = GET.encoded()
    for size in (1, 4, 10, 24, len(whole) - 3, len(whole) - 1):
        talk = Talk(server.connect())
        talk.client.send(whole[:size])
        talk.client.finish_sending()
        try:
            reply = talk.reply_or_end(Request("/hello.txt", version="any"))
        except Hang as hang:
            hang.diagnosis = Diagnosis("half-request", "the rest of it will never come: close")
            raise
        if reply is not None:
            expect_status(reply, f"the first {size} bytes of a request", *_ERRORS)
        talk.client.close()
        gone = server.connect()
        gone.send(whole[:size])
        gone.reset()
    slow = Talk(server.connect())
    slow.client.send(whole[:20])
    never = Talk(server.connect(receive_buffer=4096))
    never.client.pause_reading()
    never.client.send(Request("/large.bin").encoded())
    server.come_to_rest(never.client)
    ask_once(server, site, "/large.bin", "large.bin")
    slow.client.send(whole[20:])
    expect_file(slow.reply(GET), GET, HELLO)
    slow.client.close()
    never.client.reset()


def unreadable(server: Server, site: Site, attempt: Attempt) -> None:
    """A file that may not be read, and no descriptor left to read one with."""
    site.add("locked.txt", SECRET)
    (site.root / "locked.txt").chmod(0)
    isolation = attempt.sandbox.isolation
    if attempt.sandbox.in_namespaces or isolation.uid is not None or os.geteuid() != 0:
        request = Request("/locked.txt")
        talk = Talk(server.connect())
        why = "the file is there, and the server can't open it: that is the server's trouble"
        expect_status(talk.ask(request), request, 500, 403, why=why)
        if not talk.client.ended:
            talk.client.send(GET.encoded())
            follow_up(talk, str(request))
        talk.client.close()
    talk = Talk(server.connect())
    expect_file(talk.ask(GET), GET, HELLO)
    server.program.limit_descriptors(free=False)
    reply = talk.ask(GET)
    server.program.limit_descriptors(free=True)
    if reply.status == 200:  # it had one in reserve
        expect_file(reply, GET, HELLO)
    else:
        expect_status(reply, f"{GET} without a free descriptor", 500, 503)
    talk.client.close()
    ask_once(server, site, "/hello.txt", "hello.txt")


def shrinking(server: Server, site: Site) -> None:
    """A file that gets shorter while it is sent: the rest can't be sent, and nothing else may take
    its place.
    """
    path = site.add_zeros("shrinking.bin", 64 * MIB)
    request = Request("/shrinking.bin")
    talk = Talk(server.connect(receive_buffer=4096))
    talk.client.pause_reading()
    behind = Request("/hello.txt", fields=("Connection: close",))
    talk.client.send(request.encoded() + behind.encoded())
    server.come_to_rest(talk.client)
    os.truncate(path, 0)
    talk.client.resume_reading()
    reply = talk.read(request).reply  # as far as it comes
    body = bytes(reply.body) if reply is not None else b""
    if body.strip(b"\0"):
        fail(
            f"{request}: the file got shorter, and other bytes came in the place of its own",
            Diagnosis("shrunk-file", "the client counts: close when the file ends too early"),
        )
