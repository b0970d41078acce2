"""Lab 1's benchmark: the echo server beside Python's own threading server, with one client in
Python for both.
"""

from __future__ import annotations

import os
import signal
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from grader.bench import Bench, Row, compare
from grader.run.orphans import die_with_parent

MIB = 1 << 20


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(65536):
            self.request.sendall(data)


class _Peer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def peer() -> Iterator[int]:
    """Its port. A process of its own, so that the client's interpreter does not slow it down."""
    with _Peer(("127.0.0.1", 0), _Echo) as server:
        child = os.fork()
        if child == 0:
            try:
                die_with_parent()
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                server.serve_forever()
            finally:
                os._exit(0)
        try:
            yield server.server_address[1]
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def rows(bench: Bench) -> list[Row]:
    """Requests and connections a second, and bytes a second."""
    ours = bench.start("echo_server", "--port", "0").port
    measures = (
        ("64-byte echoes in turn", "1/s", round_trips),
        ("connect, echo, close", "1/s", connections),
        ("bytes, one connection", "MiB/s", throughput),
    )
    with peer() as theirs:
        return [
            compare(name, unit, partial(measure, ours), partial(measure, theirs), "socketserver")
            for name, unit, measure in measures
        ]


def _read(connection: socket.socket, size: int) -> None:
    while size > 0:
        data = connection.recv(min(size, 1 << 18))
        if not data:
            raise ConnectionError("the server closed early")
        size -= len(data)


def round_trips(port: int, count: int = 5000) -> float:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began = time.perf_counter()
        for _ in range(count):
            connection.sendall(bytes(64))
            _read(connection, 64)
        return count / (time.perf_counter() - began)


def connections(port: int, count: int = 300) -> float:
    began = time.perf_counter()
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"hello")
            _read(connection, 5)
    return count / (time.perf_counter() - began)


def throughput(port: int, size: int = 128 * MIB) -> float:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        began = time.perf_counter()
        sender = threading.Thread(target=connection.sendall, args=(bytes(size),))
        sender.start()
        _read(connection, size)
        sender.join()
        return size / MIB / (time.perf_counter() - began)
