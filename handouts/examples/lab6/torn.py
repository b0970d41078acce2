#!/usr/bin/env python3
"""A file of records, cut at every byte as a loss of power may leave it: who reads what from it?"""

import struct
from binascii import crc32

RECORDS = [b"vote 7 for 2", b"entry 11 of 7", b"", b"entry 12 of 7: SET k v"]
LENGTH = struct.Struct("<I")


# [records]
def without(body: bytes) -> bytes:
    """A length and a body: who would notice that something is missing?"""
    return LENGTH.pack(len(body)) + body


def body_only(body: bytes) -> bytes:
    return LENGTH.pack(len(body)) + LENGTH.pack(crc32(body)) + body


def with_length(body: bytes) -> bytes:
    length = LENGTH.pack(len(body))
    return length + LENGTH.pack(crc32(length + body)) + body


# [records-end]


def read(data: bytes, sums: int) -> tuple[list[bytes], int]:
    """Records up to the first that is not whole and right, and where that begins. sums: 0 for no
    checksum, 1 for one of the body, 2 for one of the length as well.
    """
    found, at = [], 0
    while len(data) - at >= 4 + 4 * bool(sums):
        length = LENGTH.unpack_from(data, at)[0]
        begin = at + 4 + 4 * bool(sums)
        if length > len(data) - begin:
            break
        body = data[begin : begin + length]
        if sums:
            covered = data[at : at + 4] * (sums == 2) + body
            if crc32(covered) != LENGTH.unpack_from(data, at + 4)[0]:
                break
        found.append(body)
        at = begin + length
    return found, at


def wrong(found: list[bytes], wanted: list[bytes]) -> bool:
    return found != wanted[: len(found)] or len(found) > len(wanted)


def main() -> None:
    ways = (("no checksum", without, 0), ("of the body", body_only, 1), ("of both", with_length, 2))
    print("checksum       cut   zeros at the end   a flipped bit")
    for name, make, sums in ways:
        whole = b"".join(map(make, RECORDS))
        ends = [sum(len(make(body)) for body in RECORDS[:n]) for n in range(len(RECORDS) + 1)]
        cut = zeros = 0
        for size in range(len(whole) + 1):
            there = [body for body, end in zip(RECORDS, ends[1:], strict=True) if end <= size]
            cut += wrong(read(whole[:size], sums)[0], there)
            zeros += wrong(read(whole[:size] + bytes(64), sums)[0], RECORDS)
        flips = sum(
            wrong(read(flipped(whole, bit), sums)[0], RECORDS) for bit in range(8 * len(whole))
        )
        print(f"{name:12}{cut:6}{zeros:19}{flips:16}")


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


# [second]
def second_restart(cuts: bool) -> list[bytes]:
    """A crash in the middle of the last record; a restart that appends; and one more restart."""
    disk = b"".join(map(with_length, RECORDS))[:-5]
    _, end = read(disk, 2)
    if cuts:
        disk = disk[:end]
    disk += with_length(b"entry 12 of 8: acknowledged")
    return read(disk, 2)[0]


# [second-end]


if __name__ == "__main__":
    main()
    print("\nafter the second restart, the bad end")
    print("  left there:", second_restart(cuts=False))
    print("  cut off:   ", second_restart(cuts=True))
