"""Where does a message end? Five protocols, five answers, each with bytes of its own.

python3 framings.py
"""

import struct
from datetime import UTC, datetime, timedelta


# [lines]
def smtp_mail(stream: bytes) -> tuple[list[bytes], bytes]:
    """Lines up to one that is a dot alone; a dot that a line begins with is doubled (RFC 5321,
    section 4.5.2). Returns the lines, and what follows.
    """
    body, rest = stream.split(b"\r\n.\r\n", 1)
    return [line.removeprefix(b".") for line in body.split(b"\r\n")], rest


# [lines-end]


# [prefix]
def prefixed(stream: bytes) -> tuple[bytes, bytes]:
    """Four bytes of length, and as many bytes (DNS over TCP has two, RFC 1035, section 4.2.2)."""
    (size,) = struct.unpack_from(">I", stream)
    return stream[4 : 4 + size], stream[4 + size :]


# [prefix-end]


# [fixed]
def ntp(datagram: bytes) -> tuple[int, int, datetime]:
    """48 bytes, always (RFC 5905, section 7.3): version, mode, and when it was sent."""
    seconds, fraction = struct.unpack_from(">II", datagram, 40)
    sent = datetime(1900, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds + fraction / 2**32)
    return datagram[0] >> 3 & 7, datagram[0] & 7, sent


# [fixed-end]


# [websocket]
def websocket(frame: bytes) -> bytes:
    """A short frame (RFC 6455, section 5.2): 7 bits of length, and a mask from clients only."""
    size, is_masked = frame[1] & 0x7F, frame[1] >> 7
    if not is_masked:
        return frame[2 : 2 + size]
    mask = frame[2:6]
    return bytes(byte ^ mask[at % 4] for at, byte in enumerate(frame[6 : 6 + size]))


# [websocket-end]

print("SMTP     ", smtp_mail(b"Hello,\r\n..and a dot\r\n.\r\nQUIT\r\n"))
print("prefixed ", prefixed(b"\x00\x00\x00\x05hello\x00\x00\x00\x02hi"))
print("NTP      ", *ntp(bytes.fromhex("24" + 39 * "00" + "ec4a7f40 80000000")))
print("WebSocket", websocket(bytes.fromhex("8105 48656c6c6f")))
print("WebSocket", websocket(bytes.fromhex("8185 37fa213d 7f9f4d5158")))
words = b":irc.example.org 001 kay :Welcome to the chat".split(b" :", 1)
print("IRC      ", [*words[0].split(b" "), words[1]])
