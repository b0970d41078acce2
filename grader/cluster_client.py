"""``make client``: one command for a cluster, at whichever node leads.

CONFIG= is the file of any of its nodes (default: OUT/cluster/1.config), ARGS= the command. Exit
status 0 with the reply printed, 1 for an error, for a write whose outcome nobody knows, and where
no node leads for ten seconds; 2 where it is called wrong.

PROTOCOL, section 5: a node that is no leader answers ``+MOVED <id>``, and one that knows of none
``+TRYAGAIN``: then nothing was done, and the client may ask elsewhere or again. A connection that
ends without a reply tells nothing: a read is repeated, a write is not.
"""

from __future__ import annotations

import os
import shlex
import socket
import sys
import time
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path

from grader.errors import UsageError
from grader.wire.resp import Failure, ProtocolError, Reply, ReplyDecoder, Simple, encode_request

PATIENCE_S = 10.0
_PAUSE_S = 0.02  # before a node that knows no leader is asked again
_ANSWER_S = 5.0  # a node has closed the connection by then, unless it hangs
_READS = (b"GET", b"EXISTS", b"PING")
_TRY_AGAIN = Simple(b"TRYAGAIN")
_UNKNOWN = "the connection ended without a reply: it was done, or will be, or never is"
DEFAULT = ("cluster", "1.config")  # in OUT

Address = tuple[str, int]


class NoLeader(Exception):
    """All nodes were asked, for as long as the client has patience."""


class OutcomeUnknown(Exception):
    """The connection ended without a reply: the write was done, or will be, or never is."""


def read_nodes(config: Path) -> list[Address]:
    """Where clients come: the node with the id i is at i - 1. Raises UsageError."""
    try:
        lines = config.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"CONFIG={config}: {error}") from error
    nodes = []
    for line in lines:
        words = line.split()
        if not words or words[0][0] in "!#":
            continue
        address, _, port = words[-1].partition(":")
        try:
            nodes.append((IPv4Address(address), int(port)))
        except ValueError as error:
            raise UsageError(f"CONFIG={config}: no 'follower_info ADDRESS:PORT': {line}") from error
    if not nodes:
        raise UsageError(f"CONFIG={config}: it names no node")
    return [(str(address), port) for address, port in sorted(nodes)]


class ClusterClient:
    """Asks one node, and goes where it is sent."""

    def __init__(self, nodes: Sequence[Address], patience_s: float = PATIENCE_S) -> None:
        self._nodes, self._patience_s = list(nodes), patience_s
        self._at = 0  # the node that is asked
        self._socket: socket.socket | None = None
        self._decoder = ReplyDecoder(resp2=True)

    def close(self) -> None:
        """Another command connects again."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def execute(self, *words: bytes) -> Reply:
        """The leader's reply. Raises NoLeader, OutcomeUnknown for a write, ProtocolError."""
        deadline = time.monotonic() + self._patience_s
        while time.monotonic() < deadline:
            try:
                reply = self.ask(words)
            except ConnectionRefusedError:
                reply = _TRY_AGAIN
            except OSError as error:
                self.close()
                if words[:1] and words[0].upper() not in _READS:
                    raise OutcomeUnknown(_UNKNOWN) from error
                reply = _TRY_AGAIN
            if isinstance(reply, Simple) and reply.text.startswith(b"MOVED "):
                self._go(self._node_of(reply.text))
            elif reply == _TRY_AGAIN:
                self._go(self._at + 1)
                time.sleep(_PAUSE_S)
            else:
                return reply
        raise NoLeader(f"none of {len(self._nodes)} nodes leads, as far as they answer")

    def _node_of(self, moved: bytes) -> int:
        """Where a reply sends a client. Raises ProtocolError."""
        for node in range(len(self._nodes)):
            if moved == b"MOVED %d" % (node + 1):
                return node
        raise ProtocolError(6, f"no id of these {len(self._nodes)} nodes: {moved[:40]!r}", "MOVED")

    def _go(self, node: int) -> None:
        self.close()
        self._at = node % len(self._nodes)

    def ask(self, words: Sequence[bytes]) -> Reply:
        """What one node answers, whatever that is. Raises OSError: ConnectionRefusedError where
        nothing was sent.
        """
        there = self._socket or self._connect()
        there.sendall(encode_request(words))
        while data := there.recv(1 << 16):
            for reply in self._decoder.feed(data):
                return reply
        raise ConnectionResetError("the end came before the reply")

    def _connect(self) -> socket.socket:
        try:
            self._socket = socket.create_connection(self._nodes[self._at], timeout=_ANSWER_S)
        except OSError as error:
            raise ConnectionRefusedError(*error.args) from error
        self._decoder = ReplyDecoder(resp2=True)
        return self._socket


def show(reply: Reply, indent: str = "") -> str:
    """A reply as redis-cli shows it."""
    match reply:
        case None:
            return "(nil)"
        case Simple(text):
            return text.decode(errors="replace")
        case Failure(text):
            return f"(error) {text.decode(errors='replace')}"
        case int():
            return f"(integer) {reply}"
        case bytes():
            escaped = reply.decode("latin-1").encode("unicode_escape").decode()
            return '"' + escaped.replace('"', '\\"') + '"'
        case []:
            return "(empty array)"
    numbered = (f"{number}) " for number in range(1, len(reply) + 1))
    lines = (
        number + show(element, indent + " " * len(number))
        for number, element in zip(numbered, reply, strict=True)
    )
    return f"\n{indent}".join(lines)


def _config() -> Path:
    name = os.environ.get("CONFIG") or str(Path(os.environ.get("OUT") or "out", *DEFAULT))
    return Path(name)


def main() -> int:
    """As the module's docstring says."""
    try:
        words = [os.fsencode(word) for word in shlex.split(os.environ.get("ARGS", ""))]
        if not words:
            raise UsageError("""usage: make client CONFIG=FILE ARGS='SET key "a value"'""")
        client = ClusterClient(read_nodes(_config()))
    except (UsageError, ValueError) as error:
        print(f"client: {error}", file=sys.stderr)
        return 2
    try:
        reply = client.execute(*words)
    except (NoLeader, OutcomeUnknown, ProtocolError) as error:
        print(f"client: {error}", file=sys.stderr)
        return 1
    finally:
        client.close()
    print(show(reply))
    return 1 if isinstance(reply, Failure) else 0


if __name__ == "__main__":
    sys.exit(main())
