"""Replies of an HTTP server, read as strictly as RFC 9112 asks of whoever writes one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from grader.wire.diff import byte_name

_STATUS_LINE = re.compile(rb"HTTP/(\d)\.(\d) (\d\d\d) ([^\x00-\x08\x0a-\x1f\x7f]*)")
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,32})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?")

# Fields that say one thing: RFC 9110, section 5.3, forbids to send them twice.
_SINGLE = ("content-length", "content-type", "date", "location")
MOST_HEAD = 64 * 1024


class Malformed(Exception):
    """The bytes at ``offset`` of the reply break a rule: ``rule`` says which."""

    def __init__(self, offset: int, rule: str) -> None:
        super().__init__(rule)
        self.offset, self.rule = offset, rule


@dataclass
class Reply:
    """A status line, fields (names in lower case) and a body, with any chunks put together."""

    version: str
    status: int
    fields: list[tuple[str, str]]
    body: bytearray = field(default_factory=bytearray)

    def values(self, name: str) -> list[str]:
        """The elements of all fields of that name, in lower case, as of a list."""
        parts = [part for key, value in self.fields if key == name for part in value.split(",")]
        return [part.strip().lower() for part in parts]

    def field(self, name: str) -> str | None:
        """The value of the first field of that name."""
        return next((value for key, value in self.fields if key == name), None)


class ReplyReader:
    """Takes the bytes of one reply to a request of ``method``, in pieces of any size. Replies like
    100 (Continue) before it are passed over.
    """

    def __init__(self, method: str, version: str = "HTTP/1.1") -> None:
        self.method, self.version = method, version
        self.reply: Reply | None = None  # once its head is there
        self.done = False
        self.until_close = False
        self.left: int | None = None  # of the body or the chunk; None: the line of a chunk is next
        self.offset = 0  # bytes that were taken
        self._recent = b""  # of what was taken
        self._pending = bytearray()
        self._chunked = self._trailer = False

    def feed(self, data: bytes) -> int:
        """Takes what belongs to the reply off the front of ``data``, and returns how much that is.
        Raises Malformed.
        """
        self._pending += data
        while not self.done and self._step():
            pass
        if not self.done:
            return len(data)
        used = len(data) - len(self._pending)
        self._pending.clear()
        return used

    def end(self) -> bool:
        """The connection ended. True where that is the reply's own end."""
        if self.until_close and not self.done:
            self.done = True
        return self.done

    def _take(self, size: int) -> bytes:
        data = bytes(self._pending[:size])
        del self._pending[:size]
        self.offset += size
        self._recent = (self._recent + data[-128:])[-128:]
        return data

    def near(self, offset: int) -> bytes:
        """Some bytes around that offset of the reply, as far as they are still there."""
        known = self._recent + bytes(self._pending[:64])
        at = offset - (self.offset - len(self._recent))
        return known[max(0, at - 16) : max(0, at + 32)]

    def _step(self) -> bool:
        if self.reply is None:
            return self._read_head()
        if self.until_close:
            self.reply.body += self._take(len(self._pending))
            return False
        if self.left is None:
            return self._read_chunk_line()
        return self._read_body(self.reply)

    def _read_body(self, reply: Reply) -> bool:
        assert self.left is not None
        piece = self._take(min(self.left, len(self._pending)))
        reply.body += piece
        self.left -= len(piece)
        if self.left > 0:
            return False
        if not self._chunked:
            self.done = True
            return True
        if len(self._pending) < 2:
            return False
        if self._pending[:2] != b"\r\n":
            raise Malformed(self.offset, "CR LF is due after the data of a chunk")
        self._take(2)
        self.left = None
        return True

    def _line(self) -> bytes | None:
        """The next line, without CR LF, or None while it is not all there."""
        end = self._pending.find(b"\n")
        if end < 0:
            if len(self._pending) > MOST_HEAD:
                raise Malformed(self.offset, f"a line has no end within {MOST_HEAD:,} bytes")
            return None
        if end == 0 or self._pending[end - 1] != 0x0D:
            raise Malformed(self.offset + end, "a line ends with LF alone: CR LF is due")
        return self._take(end + 1)[:-2]

    def _read_chunk_line(self) -> bool:
        start = self.offset
        line = self._line()
        if line is None:
            return False
        if self._trailer:
            if line:
                self._field(line, start)
            self.done = not line
            return True
        match = _CHUNK_LINE.fullmatch(line)
        if match is None:
            raise Malformed(start, "the size of a chunk, in hexadecimal, is due")
        size = int(match[1], 16)
        self._trailer = size == 0
        self.left = None if self._trailer else size
        return True

    def _read_head(self) -> bool:
        self._refuse_early()
        end = self._pending.find(b"\r\n\r\n")
        if end < 0:
            if b"\n\n" in self._pending:
                at = self._pending.index(b"\n\n")
                raise Malformed(self.offset + at, "a line ends with LF alone: CR LF is due")
            if len(self._pending) > MOST_HEAD:
                raise Malformed(0, f"the head has no end within {MOST_HEAD:,} bytes")
            return False
        start, line = self.offset, self._line()
        assert line is not None
        match = _STATUS_LINE.fullmatch(line)
        if match is None:
            raise Malformed(start, "a status line is due: 'HTTP/1.1 200 OK'")
        version = f"HTTP/{int(match[1])}.{int(match[2])}"
        reply = Reply(version, int(match[3]), [])
        while True:
            start, line = self.offset, self._line()
            assert line is not None
            if not line:
                break
            reply.fields.append(self._field(line, start))
        if reply.status >= 200:
            self._frame(reply)
            self.reply = reply
        return True

    def _refuse_early(self) -> None:
        """A reply that begins otherwise than HTTP/ will not get any better."""
        begins = bytes(self._pending[:5])
        if not b"HTTP/".startswith(begins[:5]):
            at = next(i for i in range(len(begins)) if begins[i] != b"HTTP/"[i])
            raise Malformed(
                self.offset + at,
                f"a status line is due, 'HTTP/1.1 200 OK', and {byte_name(begins[at])} came",
            )

    @staticmethod
    def _field(line: bytes, start: int) -> tuple[str, str]:
        name, colon, value = line.partition(b":")
        match = _TOKEN.match(name)
        if not colon or match is None or match.end() != len(name):
            at = match.end() if match else 0
            raise Malformed(start + at, "a field is due: a name, a colon right behind it, a value")
        value_end = _VALUE.match(value)
        assert value_end is not None
        if value_end.end() != len(value):
            at = len(name) + 1 + value_end.end()
            raise Malformed(start + at, f"{byte_name(line[at])} in the value of a field")
        return name.decode().lower(), value.strip(b" \t").decode("latin-1")

    def _frame(self, reply: Reply) -> None:
        """Where the body ends: RFC 9112, section 6.3."""
        for name in _SINGLE:
            if sum(1 for key, _ in reply.fields if key == name) > 1:
                raise Malformed(0, f"the field '{name}' comes more than once")
        length, codings = reply.field("content-length"), reply.values("transfer-encoding")
        if length is not None and not re.fullmatch(r"[0-9]{1,18}", length):
            raise Malformed(0, f"Content-Length is '{length}': decimal digits are due")
        if codings and length is not None:
            raise Malformed(0, "Content-Length and Transfer-Encoding exclude each other")
        if codings and codings != ["chunked"]:
            raise Malformed(0, "the only transfer coding that any client knows is chunked")
        if codings and self.version == "HTTP/1.0":
            raise Malformed(0, "a client of HTTP/1.0 knows no Transfer-Encoding")
        if self.method == "HEAD" or reply.status in (204, 304):
            self.left = 0
        elif codings:
            self._chunked = True
        elif length is not None:
            self.left = int(length)
        else:
            self.until_close = True
