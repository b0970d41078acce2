"""Requests one by one, and many before the first reply is read. Against any server of RESP:

python3 pipeline.py 8888
"""

import socket
import sys
import time

COUNT = 20_000
GET = b"*2\r\n$3\r\nGET\r\n$4\r\nnone\r\n"


def read_exactly(connection: socket.socket, size: int) -> None:
    while size > 0:
        data = connection.recv(min(size, 65536))
        if not data:
            raise SystemExit("the server has left")
        size -= len(data)


# [batches]
def measure(connection: socket.socket, batch: int, reply_size: int) -> float:
    """Requests a second, with so many on their way at once. Each reply is as long as the others."""
    begin = time.perf_counter()
    for _ in range(COUNT // batch):
        connection.sendall(GET * batch)
        read_exactly(connection, reply_size * batch)
    return COUNT / (time.perf_counter() - begin)


# [batches-end]


def main() -> None:
    connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    connection.sendall(GET)
    reply_size = len(connection.recv(100))
    for batch in (1, 10, 100, 1000):
        print(
            f"{batch:5} at once: {measure(connection, batch, reply_size):9,.0f} requests a second"
        )


main()
