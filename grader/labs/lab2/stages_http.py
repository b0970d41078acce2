"""Lab 2, extension: an HTTP server for the files of a folder."""

from __future__ import annotations

import datetime
import re

from grader.labs.lab2.http_talk import Request, Site, Talk, expect_file, expect_status, serve
from grader.labs.resources import (
    expect_bounded_memory,
    expect_no_connections,
    expect_no_more_descriptors,
    memory,
)
from grader.labs.scenes import MIB
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
from grader.labs.usage import expect_usage
from grader.run import procinfo
from grader.verdicts import Diagnosis, fail
from grader.wire.http import Reply

HELLO = b"hello, world\n"
_DATE = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} "
    r"\d\d:\d\d:\d\d GMT"
)
_NAMES = {  # target: file
    "/hello.txt": "hello.txt",
    "/hello.txt?x=1&path=/../y": "hello.txt",
    "/%68ello%2Etxt": "hello.txt",
    "/empty.txt": "empty.txt",
    "/bytes.bin": "bytes.bin",
    "/docs/deep/page.html": "docs/deep/page.html",
    "/docs/deep/page.html?": "docs/deep/page.html",
    "/": "index.html",
    "/?q": "index.html",
    "/docs/": "docs/index.html",
    "/with%20a%20space.txt": "with a space.txt",
    "/100%25.txt": "100%.txt",
    "/a+b.txt": "a+b.txt",
    "/%c3%bc%C3%BC.txt": "üü.txt",
    "/chunk.bin": "chunk.bin",
    "http://lab/hello.txt": "hello.txt",
}
_TYPES = {".html": "text/html", ".txt": "text/plain"}


def site_of(attempt: Attempt) -> Site:
    """A folder with files of many kinds."""
    site = Site(attempt)
    random = attempt.random("site")
    site.add("hello.txt", HELLO)
    site.add("empty.txt", b"")
    site.add("bytes.bin", bytes(range(256)) * 5)
    site.add("index.html", b"<p>the index of the root\n")
    site.add("docs/index.html", b"<p>the index of docs\n")
    site.add("docs/deep/page.html", b"<p>a page\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")
    site.add("with a space.txt", b"a space")
    site.add("100%.txt", b"a percent sign")
    site.add("a+b.txt", b"a plus sign")
    site.add("üü.txt", b"UTF-8")
    site.add("chunk.bin", random.bytes(128 * 1024))
    site.add("large.bin", random.bytes(3 * MIB))
    site.folder_of(site.root / "bare" / "file")
    return site


@stage(
    "2.23",
    "HTTP: GET and HEAD",
    points=10,
    see="lab2#http",
    source="RFC 9112; RFC 9110, sections 9.3, 15",
    extension=True,
    program="http_server",
)
def test_http(attempt: Attempt) -> None:
    """A server of HTTP/1.1 answers GET and HEAD with the files of its folder, and keeps the
    connection for the next request unless one side says 'close'.
    """
    site = site_of(attempt)
    server = serve(attempt, site, environment={"TZ": "LAB-5:30"})
    descriptors = descriptors_after_one(server, site)
    get_files(server, site)
    not_found(server, site)
    other_methods(server)
    closing(server, site)
    old_clients(server, site)
    pipelined(server, site)
    slow_reader(server, site)
    large_files(server, site)
    expect_no_more_descriptors(server, descriptors)
    through_faults(attempt, site, "read=1")
    through_faults(attempt, site, "read=7,write=5,eintr=3")
    ask_once(serve(attempt, site, "--backend", "select"), site, "/hello.txt", "hello.txt")
    root = site.seen(site.root)
    expect_usage(
        attempt,
        "http_server",
        ["--port", "0"],
        ["--root", root],
        ["--root", root, "--port", "70000"],
        ["--root", root, "--port", "0", "--backend", "carrier-pigeon"],
        ["--root", root, "--port", "0", "more"],
    )


def ask_once(server: Server, site: Site, target: str, name: str) -> None:
    """A client of its own asks for one file."""
    request = Request(target)
    talk = Talk(server.connect())
    expect_file(talk.ask(request), request, site.files[name])
    talk.client.close()


def descriptors_after_one(server: Server, site: Site) -> int:
    """What the server holds open when its first client has left."""
    ask_once(server, site, "/hello.txt", "hello.txt")
    expect_no_connections(server)
    return len(procinfo.descriptors(server.program.pid))


def expect_kept(talk: Talk, reply: Reply, request: Request) -> None:
    """The reply leaves the connection open."""
    if "close" in reply.values("connection") or talk.client.ended:
        fail(
            f"after {request} the server closes the connection",
            Diagnosis("not-kept", "in HTTP/1.1 a connection stays until one side says 'close'"),
        )


def get_files(server: Server, site: Site) -> None:
    """Each file by GET and by HEAD, all through one connection."""
    talk = Talk(server.connect())
    for target, name in _NAMES.items():
        request = Request(target)
        reply = talk.ask(request)
        expect_file(reply, request, site.files[name])
        expect_kept(talk, reply, request)
        expect_date(reply, request)
        expect_type(reply, request, name)
        head = Request(target, "HEAD")
        same = talk.ask(head)
        expect_status(same, head, 200)
        expect_like_get(same, reply, head)
    talk.client.expect_nothing_more()
    talk.client.close()


def expect_like_get(head: Reply, get: Reply, request: Request) -> None:
    """HEAD has the fields of GET; the date may have moved on."""
    for name in ("content-length", "content-type"):
        if head.field(name) != get.field(name):
            fail(
                f"{request}: {name} is {head.field(name)}, and {get.field(name)} for GET",
                Diagnosis("head-fields", "HEAD asks for the fields that GET would have"),
            )
    expect_date(head, request)


def expect_date(reply: Reply, request: Request) -> None:
    """RFC 9110, section 6.6.1."""
    text = reply.field("date")
    if text is None:
        fail(f"the reply to {request} has no Date", Diagnosis("no-date", "section 6.6.1: MUST"))
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    try:
        said = datetime.datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT")
    except ValueError:
        said = None
    if said is None or not _DATE.fullmatch(text) or f"{said:%a}" != text[:3]:
        fail(
            f"{request}: '{text}' is no Date",
            Diagnosis("date", "the form is 'Sun, 06 Nov 1994 08:49:37 GMT': section 5.6.7"),
        )
    if abs((now - said).total_seconds()) > 60:
        fail(
            f"{request}: Date is '{text}', and it is {now:%H:%M:%S} GMT",
            Diagnosis("date", "is it local time? The server runs five and a half hours east"),
        )


def expect_type(reply: Reply, request: Request, name: str) -> None:
    """Content-Type, by the suffix of the file's name."""
    said = (reply.field("content-type") or "none").partition(";")[0].strip().lower()
    for suffix, wanted in _TYPES.items():
        if name.endswith(suffix) and said != wanted:
            fail(
                f"{request}: Content-Type is {said}, and {wanted} is due",
                Diagnosis("content-type", "it goes by the suffix of the file, not of the target"),
            )


def not_found(server: Server, site: Site) -> None:
    """What is not there, and folders."""
    talk = Talk(server.connect())
    for target, also in (
        ("/nothing.txt", ()),
        ("/docs/nothing/at/all.txt", ()),
        ("/HELLO.txt", ()),
        ("/hello.txt/more", ()),
        ("/docs", (301, 302, 307, 308)),
        ("/bare/", (403,)),
        ("/" + "long" * 100, (400, 414)),
    ):
        for request in (Request(target), Request(target, "HEAD")):
            reply = talk.ask(request)
            expect_status(reply, request, 404, *also, why="no file has that name")
            expect_date(reply, request)
            if "close" in reply.values("connection"):
                talk = Talk(server.connect())
    ask = Request("/hello.txt")
    expect_file(talk.ask(ask), ask, HELLO)
    talk.client.close()


def other_methods(server: Server) -> None:
    """405, with the methods that are allowed: RFC 9110, section 15.5.6."""
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        request = Request("/hello.txt", method, fields=("Content-Length: 0",))
        talk = Talk(server.connect())
        reply = talk.ask(request)
        expect_status(reply, request, 405, why="the file is there, but only for GET and HEAD")
        if not {"get", "head"} <= set(reply.values("allow")):
            fail(
                f"the reply to {request} does not say 'Allow: GET, HEAD'",
                Diagnosis("no-allow", "405 goes with the list of methods that are allowed: MUST"),
            )
        talk.client.close()
    for method in ("BREW", "get"):
        request = Request("/hello.txt", method)
        talk = Talk(server.connect())
        expect_status(talk.ask(request), request, 405, 501, 400, why="methods are case-sensitive")
        talk.client.close()


def closing(server: Server, site: Site) -> None:
    """A client that says 'close' gets its reply, and then the end; one that half-closes too."""
    for name in ("close", "Close", "foo, close"):
        request = Request("/large.bin", fields=(f"Connection: {name}",))
        talk = Talk(server.connect())
        talk.client.send(request.encoded() + Request("/hello.txt").encoded())
        expect_file(talk.reply(request), request, site.files["large.bin"])
        expect_end(talk, f"the client said 'Connection: {name}'")
        talk.client.close()
    request = Request("/large.bin")
    talk = Talk(server.connect())
    talk.client.send(request.encoded() + Request("/hello.txt").encoded())
    talk.client.finish_sending()
    expect_file(talk.reply(request), request, site.files["large.bin"])
    request = Request("/hello.txt")
    expect_file(talk.reply(request), request, HELLO)
    talk.expect_closed("the client ended its side, and has all that it asked for")
    talk.client.close()


def expect_end(talk: Talk, why: str) -> None:
    """The connection ends; whether a request that came behind is dropped with a RST is open."""
    talk.world.wait(lambda: bool(talk.client.ended or talk.client.came()), f"the end: {why}")
    if talk.client.came():
        fail(
            f"{why}, and the request behind that is answered too",
            Diagnosis("answers-after-close", "RFC 9112, section 9.6: MUST NOT"),
        )


def old_clients(server: Server, site: Site) -> None:
    """HTTP/1.0: no Host is needed, and the connection ends after the reply; unless both agree."""
    request = Request("/docs/", version="HTTP/1.0")
    talk = Talk(server.connect())
    expect_file(talk.ask(request), request, site.files["docs/index.html"])
    talk.expect_closed("a client of HTTP/1.0 takes the end of the connection for the end of all")
    talk.client.close()
    request = Request("/hello.txt", version="HTTP/1.0", fields=("Connection: Keep-Alive",))
    talk = Talk(server.connect())
    reply = talk.ask(request)
    expect_file(reply, request, HELLO)
    if "keep-alive" in reply.values("connection"):
        expect_file(talk.ask(request), request, HELLO)
    else:
        talk.expect_closed("the server did not agree to keep the connection")
    talk.client.close()


def pipelined(server: Server, site: Site) -> None:
    """Many requests in one segment."""
    wanted = ["hello.txt", "large.bin", "empty.txt", "chunk.bin", "chunk.bin", "bytes.bin"] * 3
    requests = [
        Request(f"/{name}", "HEAD" if i % 4 == 2 else "GET") for i, name in enumerate(wanted)
    ]
    requests += [Request("/hello.txt")] * 500
    wanted += ["hello.txt"] * 500
    talk = Talk(server.connect())
    talk.client.send(b"".join(request.encoded() for request in requests))
    for request, name in zip(requests, wanted, strict=True):
        data = b"" if request.method == "HEAD" else site.files[name]
        expect_file(talk.reply(request), request, data)
    talk.client.expect_nothing_more()
    talk.client.close()


def slow_reader(server: Server, site: Site) -> None:
    """A client that leaves its file lying does not keep the others waiting, and gets all of it."""
    request = Request("/large.bin")
    slow = Talk(server.connect(receive_buffer=4096))
    slow.client.pause_reading()
    slow.client.send(request.encoded())
    server.come_to_rest(slow.client)
    ask_once(server, site, "/large.bin", "large.bin")
    slow.client.resume_reading()
    expect_file(slow.reply(request), request, site.files["large.bin"])
    expect_file(slow.ask(Request("/hello.txt")), "GET /hello.txt", HELLO)
    slow.client.close()


def large_files(server: Server, site: Site) -> None:
    """A file costs no memory, however large it is."""
    site.add_zeros("huge.bin", 256 * MIB)
    before = memory(server)
    talks = [Talk(server.connect(receive_buffer=4096)) for _ in range(4)]
    for talk in talks:
        talk.client.pause_reading()
        talk.client.send(Request("/huge.bin").encoded())
    for talk in talks:
        server.come_to_rest(talk.client)
    expect_bounded_memory(server, before)
    for talk in talks:
        talk.client.reset()
    ask_once(server, site, "/hello.txt", "hello.txt")


def through_faults(attempt: Attempt, site: Site, faults: str) -> None:
    """Requests and files that come in small pieces, replies that leave in them, interruptions."""
    server = serve(attempt, site, build="faults", environment={"FAULTS": faults})
    talk = Talk(server.connect())
    requests = [Request(f"/{name}") for name in ("hello.txt", "bytes.bin", "empty.txt", "a+b.txt")]
    talk.client.send(b"".join(request.encoded() for request in requests))
    for request in requests:
        expect_file(talk.reply(request), request, site.files[request.target[1:]])
    talk.client.close()
