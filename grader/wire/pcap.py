"""Capture files for Wireshark and tshark, from bytes that never were on a network: TCP segments
over IPv4, as https://www.tcpdump.org/manpages/pcap-savefile.5.html describes the file.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

Endpoint: TypeAlias = tuple[str, int]  # IPv4 address and port

_MAGIC, _LINKTYPE_RAW = 0xA1B2C3D4, 101  # microseconds; packets begin with the IP header
_MOST = 65_495  # bytes that one packet can carry besides its two headers
_PSH_ACK = 0x18


@dataclass(frozen=True)
class Sent:
    """Bytes of a TCP stream that went from one endpoint to another, ``time`` seconds after the
    start.
    """

    time: float
    source: Endpoint
    target: Endpoint
    data: bytes


def node(number: int) -> Endpoint:
    """An address and a Raft port for a node that has none, such as one of the simulator."""
    return f"10.0.{number >> 8}.{number & 255}", 17000 + number


def write(path: Path, sent: Iterable[Sent]) -> None:
    """Writes one packet for each piece (more for one above 64 KiB), in that order."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", _MAGIC, 2, 4, 0, 0, 0xFFFF, _LINKTYPE_RAW))
        so_far: dict[tuple[Endpoint, Endpoint], int] = {}
        for one in sent:
            for at in range(0, len(one.data), _MOST):
                packet = _packet(one, one.data[at : at + _MOST], so_far)
                seconds, micros = divmod(round(one.time * 1_000_000), 1_000_000)
                file.write(struct.pack("<IIII", seconds, micros, len(packet), len(packet)))
                file.write(packet)


def _packet(one: Sent, data: bytes, so_far: dict[tuple[Endpoint, Endpoint], int]) -> bytes:
    there, back = (one.source, one.target), (one.target, one.source)
    number = 1 + so_far.get(there, 0)
    expected = 1 + so_far.get(back, 0)
    so_far[there] = so_far.get(there, 0) + len(data)
    addresses = socket.inet_aton(one.source[0]) + socket.inet_aton(one.target[0])
    ports = struct.pack(">HH", one.source[1], one.target[1])
    numbers = struct.pack(">II", number % (1 << 32), expected % (1 << 32))
    tcp = ports + numbers + struct.pack(">BBHHH", 5 << 4, _PSH_ACK, 0xFFFF, 0, 0) + data
    pseudo = addresses + struct.pack(">BBH", 0, socket.IPPROTO_TCP, len(tcp))
    tcp = tcp[:16] + struct.pack(">H", _checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, socket.IPPROTO_TCP, 0)
    ip += addresses
    return ip[:10] + struct.pack(">H", _checksum(ip)) + ip[12:] + tcp


def _checksum(data: bytes) -> int:
    """RFC 1071: the complement of the sum of all 16-bit words, with the carries added again."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
