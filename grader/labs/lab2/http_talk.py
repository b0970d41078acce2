"""What the stages of HTTP are made of: a folder of files, a server for it, and a conversation."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.labs.server import Server
from grader.labs.stage import Attempt
from grader.report import escape
from grader.run.client import Client, counted
from grader.verdicts import Diagnosis, Hang, StageFailure, fail
from grader.wire.diff import difference
from grader.wire.http import Malformed, Reply, ReplyReader

_PIECE = 1 << 16  # what is given to the reader at once: replies may wait in large numbers
SECRET = b"the secret that lies beside the folder"


class Site:
    """A folder that a server may give out, and a secret beside it. Gone when the attempt is."""

    def __init__(self, attempt: Attempt) -> None:
        self.sandbox = attempt.sandbox
        self.folder = Path(tempfile.mkdtemp(prefix="site-", dir=attempt.sandbox.folder))
        self.folder.chmod(0o755)
        self.root = self.folder / "root"
        self.files: dict[str, bytes] = {}
        self.folder_of(self.root / "file")
        self.secret = self.folder / "secret.txt"
        self._put(self.secret, SECRET)
        attempt.clients.append(self)

    @staticmethod
    def _put(path: Path, data: bytes) -> None:
        path.write_bytes(data)
        path.chmod(0o644)

    def folder_of(self, path: Path) -> None:
        """Makes the folders above ``path``, for all users to enter."""
        for folder in reversed(path.parents):
            if folder.is_relative_to(self.folder) and not folder.exists():
                folder.mkdir()
                folder.chmod(0o755)

    def add(self, name: str, data: bytes) -> bytes:
        """A file under that path below the root."""
        self.folder_of(self.root / name)
        self._put(self.root / name, data)
        self.files[name] = data
        return data

    def add_zeros(self, name: str, size: int) -> Path:
        """A file of ``size`` zero bytes, which takes no room on the disk."""
        path = self.root / name
        self._put(path, b"")
        with path.open("r+b") as file:
            file.truncate(size)
        return path

    def seen(self, path: Path) -> str:
        """A path of the site as the server sees it."""
        return self.sandbox.seen(path)

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def serve(attempt: Attempt, site: Site, *args: str, **more: Any) -> Server:
    """The student's server for the site."""
    root = site.seen(site.root)
    return Server(
        attempt, "http_server", *args, "--root", root, "--port", "0", readable=site.folder, **more
    )


@dataclass(frozen=True)
class Request:
    """What is asked for. ``fields`` holds whole lines; a request of HTTP/1.1 gets its Host too, and
    its reply has to be of HTTP/1.1.
    """

    target: str
    method: str = "GET"
    version: str = "HTTP/1.1"
    fields: tuple[str, ...] = ()
    body: bytes = b""

    def encoded(self) -> bytes:
        """As it goes over the wire."""
        host = ["Host: lab"] if self.version == "HTTP/1.1" else []
        lines = [f"{self.method} {self.target} {self.version}", *host, *self.fields]
        return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + self.body

    def __str__(self) -> str:
        return f"{self.method} {self.target}"


class Talk:
    """A connection to an HTTP server: requests go out, and replies come back in their order."""

    def __init__(self, client: Client) -> None:
        self.client, self.world = client, client.world

    def ask(self, request: Request) -> Reply:
        self.client.send(request.encoded())
        return self.reply(request)

    def reply(self, request: Request) -> Reply:
        """Waits for the next reply, which is the one to ``request``."""
        reader = self.read(request)
        if not reader.done:
            self._fail_early(reader, str(request))
        assert reader.reply is not None
        reply = reader.reply
        self.world.log(self.client.name, f"has the reply to {request}: {reply.status}")
        if request.version == "HTTP/1.1" and reply.version != "HTTP/1.1":
            fail(
                f"the reply to {request} is {reply.version}",
                Diagnosis("reply-version", "a server of HTTP/1.1 says so: HTTP/1.1"),
            )
        return reply

    def reply_or_end(self, request: Request) -> Reply | None:
        """The next reply, or None where the connection ends instead of one."""
        reader = self.read(request)
        if reader.done:
            return reader.reply
        if reader.offset or self.client.came():
            self._fail_early(reader, str(request))
        return None

    def read(self, request: Request) -> ReplyReader:
        """Reads up to the end of the reply or of the connection."""
        reader = ReplyReader(request.method, request.version)

        def ready() -> bool:
            while self.client.came() and not reader.done:
                self.client.take(reader.feed(bytes(self.client.came()[:_PIECE])))
            return reader.done or bool(self.client.ended)

        try:
            self.world.wait(ready, f"the reply to {request}")
        except Malformed as wrong:
            self._fail_malformed(wrong, request, reader)
        except Hang as hang:
            hang.diagnosis = _why_incomplete(reader, "and nothing more comes")
            raise
        if self.client.ended == "closed":
            reader.end()
        return reader

    def _fail_early(self, reader: ReplyReader, what: str) -> None:
        how = f"the connection was {self.client.ended}"
        fail(f"the reply to {what} ends early: {how}", _why_incomplete(reader, f"and {how}"))

    def _fail_malformed(self, wrong: Malformed, request: Request, reader: ReplyReader) -> None:
        near = escape.one_line(reader.near(wrong.offset), 100)
        if wrong.offset < len("HTTP/"):
            cause = Diagnosis(
                "out-of-step",
                f"'{near}' is no reply: is it the rest of one that was longer than it said?",
            )
        else:
            cause = Diagnosis("reply-malformed", f"around it: '{near}'")
        where = f"at byte {wrong.offset}" if wrong.offset else "in its head"
        raise StageFailure(
            f"the reply to {request} is malformed {where}: {wrong.rule}", diagnosis=cause
        )

    def expect_closed(self, why: str) -> None:
        """The server closes, and nothing comes before that."""
        try:
            self.client.expect_end()
        except Hang as hang:
            hang.diagnosis = Diagnosis("stays-open", why)
            raise


def _why_incomplete(reader: ReplyReader, ending: str) -> Diagnosis:
    if reader.reply is None and reader.offset == 0:
        return Diagnosis("no-reply", f"no whole head came, {ending}")
    if reader.left is not None and reader.reply is not None:
        have = counted(len(reader.reply.body))
        return Diagnosis(
            "body-short", f"{have} of the body came, {counted(reader.left)} are missing, {ending}"
        )
    return Diagnosis("reply-short", f"the end of the reply is missing, {ending}")


def expect_status(reply: Reply, request: Request | str, *statuses: int, why: str = "") -> None:
    """The reply has one of the statuses."""
    if reply.status not in statuses:
        wanted = " or ".join(map(str, statuses))
        fail(
            f"{request}: status {wanted} is due, and {reply.status} came",
            Diagnosis(f"status-{statuses[0]}", why or "RFC 9110, section 15, lists what each says"),
        )


def expect_file(reply: Reply, request: Request | str, data: bytes) -> None:
    """200, and the whole file."""
    expect_status(reply, request, 200, why="the file is there, and may be read")
    found = difference(data, bytes(reply.body), "the body ends")
    if found is not None:
        raise StageFailure(
            f"the body of the reply to {request} is not the file "
            f"({counted(len(reply.body))}, the file has {counted(len(data))})",
            difference=found,
            diagnosis=Diagnosis("body", "offsets count from the start of the body"),
        )
