"""Packs the packet that carries "hello" to port 8888 over loopback, and prints its 71 bytes.

python3 packet.py            the fields of a packet that was sent; the checksums are computed
"""

import struct

LOOPBACK = bytes([127, 0, 0, 1])
CLIENT_PORT, SERVER_PORT = 37138, 8888
DATA = b"hello"


def checksum(data: bytes) -> int:
    """RFC 1071: the inverted ones' complement sum of all 16-bit words."""
    total = 0
    for (word,) in struct.iter_unpack("!H", data + b"\0" * (len(data) % 2)):
        total += word
        total = (total & 0xFFFF) + (total >> 16)  # the carry comes back at the right
    return total ^ 0xFFFF


def ethernet_header() -> bytes:
    """Destination, source, and the number that says: IPv4 follows.  Loopback has no addresses."""
    return bytes(6) + bytes(6) + struct.pack("!H", 0x0800)


def ip_header(payload_size: int, protocol: int, check: int = 0) -> bytes:
    version_and_words = 4 << 4 | 5  # IPv4, and a header of five 32-bit words
    dont_fragment = 0x4000
    fields = struct.pack("!BBHHH", version_and_words, 0, 20 + payload_size, 0xDE25, dont_fragment)
    fields += struct.pack("!BBH", 64, protocol, check)  # at most 64 hops from here
    return fields + LOOPBACK + LOOPBACK


def tcp_header(check: int = 0) -> bytes:
    words, psh_ack = 8, 0x18
    ports = struct.pack("!HH", CLIENT_PORT, SERVER_PORT)
    numbers = struct.pack("!II", 0x6B316259, 0x8B3C2845)
    rest = struct.pack("!BBHHH", words << 4, psh_ack, 64, check, 0)
    # Two NOPs, then the timestamps: kind 8, 10 bytes.
    timestamps = struct.pack("!BBBBII", 1, 1, 8, 10, 2058576145, 2322590838)
    return ports + numbers + rest + timestamps


def pseudo_header(protocol: int, size: int) -> bytes:
    """What the checksums of TCP and UDP cover of the IP header: RFC 9293, section 3.1."""
    return LOOPBACK + LOOPBACK + struct.pack("!BBH", 0, protocol, size)


def packet() -> bytes:
    size = len(tcp_header()) + len(DATA)
    tcp = tcp_header(checksum(pseudo_header(6, size) + tcp_header() + DATA))
    ip = ip_header(size, 6, checksum(ip_header(size, 6)))
    return ethernet_header() + ip + tcp + DATA


def datagram() -> bytes:
    """The same five bytes by UDP: a header of 8 bytes in place of 32."""
    size = 8 + len(DATA)
    ports = struct.pack("!HH", 40000, 8888)
    bare = ports + struct.pack("!HH", size, 0) + DATA
    check = checksum(pseudo_header(17, size) + bare) or 0xFFFF  # 0 says: not computed (RFC 768)
    return ports + struct.pack("!HH", size, check) + DATA


def main() -> None:
    both = (("TCP over IPv4 over Ethernet", packet()), ("the UDP datagram alone", datagram()))
    for title, data in both:
        print(f"{title}, {len(data)} bytes")
        for at in range(0, len(data), 16):
            print(f"  {at:04x}  {data[at : at + 16].hex(' ')}")


if __name__ == "__main__":
    main()
