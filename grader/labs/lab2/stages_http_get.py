"""Lab 2, extension: a client that fetches one file over HTTP."""

from __future__ import annotations

import itertools
import re
import socket
from typing import Any

from grader.labs.endpoint import Listener, loopback_hosts
from grader.labs.scenes import MIB
from grader.labs.stage import Attempt, stage
from grader.labs.terminal import Terminal
from grader.labs.usage import expect_usage
from grader.run.client import Client
from grader.verdicts import Diagnosis, Hang, StageFailure, fail

_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*")
_PAGE = b"<p>\r\n\r\n0\r\n\r\nHTTP/1.1 404 Not Found\0\xff"
_OK = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


def chunks(data: bytes, *sizes: int, form: str = "x") -> bytes:
    """``data`` in chunks of those sizes, and the last one; ``form`` says how sizes are written."""
    coded, at = b"", 0
    for size in sizes:
        piece = data[at : at + size]
        coded += f"{len(piece):{form}}".encode() + b"\r\n" + piece + b"\r\n"
        at += size
    return coded + b"0\r\n\r\n"


# How URLs may end: with a path and a query, with less, with a fragment.
_ENDINGS = ("/dir/a%20file.txt?x=1", "", "/", "?q=/", "/a#b", "/a?b#c?d")
_SIZE = f"{len(_PAGE)}".encode()
_LONG = f"{len(_PAGE) + 5}".encode()

# What the server says and whether it closes then: right replies with _PAGE in them.
_RIGHT = {
    "Content-Length": (_OK + b"Content-Length: " + _SIZE + b"\r\n\r\n" + _PAGE, False),
    "Content-Length in odd letters": (
        _OK + b"X-Length: 3\r\ncONTENT-lENGTH:\t " + _SIZE + b" \r\nA:\r\n\r\n" + _PAGE,
        False,
    ),
    "chunks": (_OK + _CHUNKED + chunks(_PAGE, 1, 2, 10, 100), False),
    "chunks, their sizes in other forms": (
        _OK + b"transfer-encoding:Chunked\r\n\r\n" + chunks(_PAGE, 12, 100, form="04X"),
        False,
    ),
    "chunks with extensions and trailers": (
        _OK + _CHUNKED + b"5;a=b\r\n" + _PAGE[:5] + b"\r\n" + f"{len(_PAGE) - 5:X}".encode()
        + b' ; c="d"\r\n' + _PAGE[5:] + b"\r\n00\r\nX: y\r\nZ: w\r\n\r\n",
        False,
    ),
    "a body up to the end of the connection": (_OK + b"\r\n" + _PAGE, True),
    "a reply of HTTP/1.0": (b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\n" + _PAGE, True),
    "no words behind the status": (
        b"HTTP/1.1 206 \r\nContent-Length: " + _SIZE + b"\r\n\r\n" + _PAGE,
        False,
    ),
    "100 and 103 first": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        + _OK + b"Content-Length: " + _SIZE + b"\r\n\r\n" + _PAGE,
        False,
    ),
}  # fmt: skip
_EMPTY = {
    "Content-Length 0": _OK + b"Content-Length: 0\r\n\r\n",
    "204, which has no body": b"HTTP/1.1 204 No Content\r\n\r\n",
}
_WRONG = {
    "404": b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone",
    "a redirection": b"HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
    "nothing": b"",
    "half a head": _OK + b"Content-Length: 0\r\n",
    "less than the Content-Length": _OK + b"Content-Length: " + _LONG + b"\r\n\r\n" + _PAGE,
    "no last chunk": _OK + _CHUNKED + chunks(_PAGE, 100)[:-5],
    "half of the last chunk": _OK + _CHUNKED + chunks(_PAGE, 100)[:-2],
    "half a chunk": _OK + _CHUNKED + b"ff\r\n" + _PAGE,
    "no HTTP": b"220 ftp.example.org ready\r\n\r\n",
    "a Content-Length of letters": _OK + b"Content-Length: all\r\n\r\n" + _PAGE,
    "a Content-Length below 0": _OK + b"Content-Length: -1\r\n\r\n" + _PAGE,
    "two lengths": _OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "a chunk size of letters": _OK + _CHUNKED + b"xyz\r\n" + chunks(_PAGE, 100),
    "a chunk without size": _OK + _CHUNKED + b"\r\n" + chunks(_PAGE, 100),
    "a chunk size below 0": _OK + _CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
    "a chunk of 2^64 + 5 bytes": _OK + _CHUNKED + b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "a chunk longer than its size": _OK + _CHUNKED + b"3\r\nhello\r\n0\r\n\r\n",
}


class Fetch:
    """http_get, and the request that it made to the grader."""

    def __init__(
        self,
        attempt: Attempt,
        listener: Listener,
        rest: str = _ENDINGS[0],
        *,
        host: str = "127.0.0.1",
        options: tuple[str, ...] = (),
        **more: Any,
    ) -> None:
        authority = f"{host}:{listener.port}"
        self.terminal = Terminal(
            attempt, "http_get", *options, f"http://{authority}{rest}", name="http_get", **more
        )
        self.server = listener.accept()
        target = rest.partition("#")[0]
        self._expect_request(target if target.startswith("/") else f"/{target}", authority)

    def _expect_request(self, target: str, authority: str) -> None:
        came = self.server.came()
        try:
            self.server.world.wait(
                lambda: b"\r\n\r\n" in came or bool(self.server.ended), "the request of http_get"
            )
        except Hang as hang:
            hang.diagnosis = Diagnosis("no-request", f"so far it is '{bytes(came)!r}'")
            raise
        head, end, rest = self.server.take(len(came)).partition(b"\r\n\r\n")
        line, *fields = head.split(b"\r\n")
        wanted = f"GET {target} HTTP/1.1".encode()
        if not end or line != wanted:
            fail(
                f"the request begins with {line!r}",
                Diagnosis("request-line", f"due is {wanted!r}"),
            )
        named = [_FIELD.fullmatch(field) for field in fields]
        if not all(named) or rest:
            fail(
                f"the request {head + end + rest!r} is malformed",
                Diagnosis("request-fields", "fields like 'Host: lab', an empty line, nothing more"),
            )
        hosts = [match[2] for match in named if match and match[1].lower() == b"host"]
        if hosts != [authority.encode()]:
            fail(
                f"the request names the hosts {hosts}",
                Diagnosis("host", f"one Host is due, as in the URL: {authority}"),
            )

    def expect_body(self, body: bytes, what: str) -> None:
        """It prints the body, and ends with 0."""
        try:
            self.terminal.keyboard.expect(body, f"the body ({what})")
        except StageFailure as failure:
            failure.diagnosis = failure.diagnosis or Diagnosis("body", what)
            raise
        self.terminal.expect_status(0, f"all of the body came ({what})")
        self.terminal.keyboard.expect_nothing_more()
        self.close()

    def expect_failure(self, what: str) -> None:
        """Status 1, and a word about it."""
        self.terminal.expect_status(1, f"the reply is {what}", words=True)
        self.close()

    def close(self) -> None:
        self.terminal.keyboard.close()
        self.terminal.program.close()
        self.server.close()


@stage(
    "2.25",
    "An HTTP client",
    points=10,
    see="lab2#http-get",
    source="RFC 9112, sections 6.3, 7.1, 9.3; RFC 9110, section 15",
    extension=True,
    program="http_get",
    seconds=20,
)
def test_http_get(attempt: Attempt) -> None:
    """http_get sends one GET and prints the body of the reply, which ends as its head says: after
    Content-Length bytes, with the last chunk, or with the connection. It exits with 0 if the status
    is 2xx and all of the body came, else with 1.
    """
    listener = Listener(attempt)
    for (what, (reply, closes)), rest in zip(_RIGHT.items(), itertools.cycle(_ENDINGS)):
        right(attempt, listener, f"{what}; URL with '{rest}'", reply, closes, rest=rest)
    for what, reply in _EMPTY.items():
        fetch = Fetch(attempt, listener)
        fetch.server.send(reply)
        fetch.expect_body(b"", what)
    in_pieces(attempt, listener)
    large(attempt, listener)
    hosts(attempt)
    for what, reply in _WRONG.items():
        fetch = Fetch(attempt, listener)
        fetch.server.send(reply)
        fetch.server.finish_sending()
        fetch.expect_failure(what)
    leaves(attempt, listener)
    expect_usage(
        attempt,
        "http_get",
        [],
        ["http://127.0.0.1/", "http://127.0.0.1/"],
        ["127.0.0.1"],
        ["ftp://127.0.0.1/"],
        ["http:///path"],
        ["http://127.0.0.1:70000/"],
        ["http://127.0.0.1:1/a\r\nX-Header: x"],
        ["--timeout", "soon", "http://127.0.0.1:1/"],
    )


def right(
    attempt: Attempt, listener: Listener, what: str, reply: bytes, closes: bool, **more: Any
) -> None:
    """A reply, after which the server closes or waits for the client to."""
    fetch = Fetch(attempt, listener, **more)
    fetch.server.send(reply)
    if closes:
        fetch.server.finish_sending()
    fetch.expect_body(_PAGE, what)


def in_pieces(attempt: Attempt, listener: Listener) -> None:
    """Cut anywhere: each read gives one byte, or a piece that ends where it hurts."""
    for faults, what in (
        ("read=7,write=5,eintr=3", "Content-Length in odd letters"),
        ("read=1", "chunks with extensions and trailers"),
    ):
        reply, closes = _RIGHT[what]
        more = {"build": "faults", "environment": {"FAULTS": faults}}
        right(attempt, listener, f"{what}, in pieces", reply, closes, **more)
    reply, _ = _RIGHT["chunks"]
    fetch = Fetch(attempt, listener)
    at = len(_OK + _CHUNKED)
    for start, end in ((0, 9), (9, at - 3), (at - 3, at), (at, at + 2), (at + 2, at + 5)):
        fetch.server.send(reply[start:end])
        fetch.server.world.wait(
            lambda: fetch.server.unread() == 0 or fetch.terminal.program.ended(),
            "http_get to read a piece of the reply",
            every=0.001,
        )
    fetch.server.send(reply[at + 5 :])
    fetch.expect_body(_PAGE, "chunks, in pieces")


def large(attempt: Attempt, listener: Listener) -> None:
    """More than any buffer holds."""
    data = attempt.random().bytes(3 * MIB)
    fetch = Fetch(attempt, listener, options=("--timeout", "5000"))
    fetch.server.send(_OK + f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
    fetch.expect_body(data, "3 MiB")
    fetch = Fetch(attempt, listener)
    sizes = (1, MIB, 65536, 65535, 17, 3 * MIB)
    fetch.server.send(_OK + _CHUNKED + chunks(data, *sizes))
    fetch.expect_body(data, "3 MiB in chunks")


def hosts(attempt: Attempt) -> None:
    """Names and numbers of hosts."""
    reply, closes = _RIGHT["Content-Length"]
    for family, names in loopback_hosts(attempt.sandbox.in_namespaces):
        listener = Listener(attempt, family)
        for host in ["[::1]"] if family == socket.AF_INET6 else names[1:]:
            right(attempt, listener, f"the host is {host}", reply, closes, host=host)
        listener.close()


def leaves(attempt: Attempt, listener: Listener) -> None:
    """A server that resets, says nothing, or is not there."""
    for reply, _ in (_RIGHT["a body up to the end of the connection"], _RIGHT["chunks"]):
        fetch = Fetch(attempt, listener)
        fetch.server.send(reply[:-3])
        fetch.terminal.keyboard.expect(_PAGE[:3], "the begin of the body")
        Client.reset(fetch.server)
        fetch.expect_failure("cut off by a reset")
    fetch = Fetch(attempt, listener, options=("--timeout", "100"))
    fetch.server.send(_OK)
    fetch.expect_failure("half a head, and silence for longer than --timeout")
    listener.close()
    nobody = Terminal(attempt, "http_get", f"http://127.0.0.1:{listener.port}/", name="http_get")
    nobody.expect_status(1, "nobody listens on that port", words=True)
