"""The TCP client of many tutorials, set right: it sends all of it and receives all of it.

python3 tcp_client.py            with tcp_server.py running
"""

import socket

ADDRESS = ("127.0.0.1", 12345)
TIMEOUT_S = 5.0


def receive(connection: socket.socket, size: int) -> bytes:
    """Exactly size bytes, in as many pieces as they come in."""
    received = bytearray()
    while len(received) < size:
        piece = connection.recv(size - len(received))
        if not piece:
            raise EOFError(f"the server closed after {len(received)} of {size} bytes")
        received += piece
    return bytes(received)


def main() -> None:
    message = "Hello, World! Grüße".encode()
    with socket.create_connection(ADDRESS, timeout=TIMEOUT_S) as connection:
        connection.sendall(message)
        reply = receive(connection, len(message))
    print(reply.decode())  # only now: a piece may end in the middle of a character


if __name__ == "__main__":
    main()
