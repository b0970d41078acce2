"""Speaks HTTP by hand: writes a request and prints the answer as it is, line ends too.

python3 http_bytes.py            with hello_http.py running
"""

import socket

ADDRESS = ("127.0.0.1", 8000)
REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: by-hand\r\n\r\n"


def receive_until(connection: socket.socket, received: bytes, size: int) -> bytes:
    """At least size bytes: an answer may come in any number of pieces."""
    while len(received) < size:
        data = connection.recv(65536)
        if not data:
            raise ConnectionError("the answer is cut off")
        received += data
    return received


def content_length(head: bytes) -> int:
    """Names of headers are the same in upper and lower case."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError("no Content-Length")


def exchange(connection: socket.socket) -> tuple[bytes, bytes]:
    """One request and its answer: head and body."""
    connection.sendall(REQUEST)
    received = b""
    while b"\r\n\r\n" not in received:
        received = receive_until(connection, received, len(received) + 1)
    head, _, body = received.partition(b"\r\n\r\n")
    return head, receive_until(connection, body, content_length(head))


if __name__ == "__main__":
    with socket.create_connection(ADDRESS, timeout=5) as connection:
        for _ in range(2):  # two requests, one connection
            head, body = exchange(connection)
            for line in (head + b"\r\n\r\n").splitlines(keepends=True):
                print(line)
            print(body)
