"""A server says what was wrong and ends the connection. Does the client get to read it?

python3 close_early.py
"""

import socket
import threading
from collections.abc import Callable

REPLIES = b"+OK\r\n" * 20_000 + b"-ERROR\r\n"  # 100,008 bytes


# [ways]
def close_at_once(connection: socket.socket) -> None:
    connection.recv(16)  # a part of what the client sent; the rest stays unread
    connection.sendall(REPLIES)
    connection.close()


def finish(connection: socket.socket) -> None:
    connection.recv(16)
    connection.sendall(REPLIES)
    connection.shutdown(socket.SHUT_WR)  # FIN: no more from here
    connection.settimeout(1)
    try:
        while connection.recv(65536):  # read and drop, until the client ends too
            pass
    except TimeoutError:
        pass
    connection.close()


# [ways-end]


def run(name: str, end: Callable[[socket.socket], None]) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # few replies fit in there
    client.connect(listener.getsockname())
    connection, _ = listener.accept()
    client.sendall(b"x" * 100)
    server = threading.Thread(target=end, args=(connection,))
    server.start()
    server.join(0.5)  # the client is a little slow
    received, ending = 0, "the end"
    try:
        while data := client.recv(65536):
            received += len(data)
    except ConnectionResetError:
        ending = "ECONNRESET"
    print(f"{name}: {received} of {len(REPLIES)} bytes, then {ending}")
    client.close()
    server.join()
    listener.close()


run("close at once", close_at_once)
run("finish", finish)
