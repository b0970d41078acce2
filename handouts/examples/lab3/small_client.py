"""A small client: it sends SET, GET and DEL, one after the other, and prints the replies.

python3 small_client.py 8888
"""

import socket
import sys
from typing import BinaryIO


def encode(words: list[str]) -> bytes:
    data = [word.encode() for word in words]
    return b"*%d\r\n" % len(data) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in data)


# [reply]
def read_line(stream: BinaryIO) -> bytes:
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise EOFError("the server has left in the middle of a reply")
    return line[:-2]


def read_reply(stream: BinaryIO) -> object:
    """Waits for one reply of RESP2; an error is returned as an exception, and not raised."""
    line = read_line(stream)
    kind, rest = line[:1], line[1:]
    if kind == b"+":
        return rest.decode()
    if kind == b"-":
        return RuntimeError(rest.decode())
    if kind == b":":
        return int(rest)
    if kind == b"$" and rest != b"-1":
        return stream.read(int(rest) + 2)[:-2]
    if kind == b"*" and rest != b"-1":
        return [read_reply(stream) for _ in range(int(rest))]
    return None


# [reply-end]


def main() -> None:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
        stream = connection.makefile("rb")
        for command in ("SET CS06142 Cloud Computing", "GET CS06142", "DEL CS06142", "GET CS06142"):
            connection.sendall(encode(command.split()))
            print(f"{command:28} {read_reply(stream)!r}")


main()
