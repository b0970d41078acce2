"""A UDP client that can lose a datagram and say so: it waits with a timeout, and tries again.

python3 udp_client.py            with udp_server.py running, or without, to see it give up
"""

import contextlib
import socket
import time

ADDRESS = ("127.0.0.1", 12346)
TIMEOUT_S = 1.0
TRIES = 3
LARGEST = 65535


def wait_for(connection: socket.socket, datagram: bytes) -> bool:
    """True if the echo came in time.  Anything else does not restart the wait."""
    deadline = time.monotonic() + TIMEOUT_S
    while (left := deadline - time.monotonic()) > 0:
        connection.settimeout(left)
        try:
            if connection.recv(LARGEST) == datagram:
                return True
        except TimeoutError:
            return False
        except ConnectionRefusedError:  # ICMP said so; it may be wrong by the next try
            continue
    return False


def main() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.connect(ADDRESS)  # sends nothing: notes the peer, filters what comes
        for number in range(1, TRIES + 1):
            with contextlib.suppress(ConnectionRefusedError):  # a report about an earlier one
                connection.send(b"hello")
            if wait_for(connection, b"hello"):
                print(f"answered at try {number}")
                return
        print(f"no answer after {TRIES} tries")


if __name__ == "__main__":
    main()
