"""A UDP echo server: one socket, no connections, a reply to each datagram's sender.

python3 udp_server.py            it receives on 127.0.0.1:12346
"""

import socket

ADDRESS = ("127.0.0.1", 12346)
LARGEST = 65535


def main() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(ADDRESS)
        while True:
            datagram, sender = server.recvfrom(LARGEST)  # b"" is no end here
            server.sendto(datagram, sender)


if __name__ == "__main__":
    main()
