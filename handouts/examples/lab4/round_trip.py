"""A codec with two faults that every round trip passes, and one golden vector that finds both.

python3 round_trip.py
"""

import struct

# The worked example of the protocol: RequestVote, term 7, candidate 2, last log 9/6.
GOLDEN = bytes.fromhex("01000000 10000000 07000000 02000000 09000000 06000000")


# [codec]
def encode(term: int, candidate_id: int, last_log_index: int, last_log_term: int) -> bytes:
    """In network byte order, and with the last two fields swapped."""
    payload = struct.pack(">iiii", term, candidate_id, last_log_term, last_log_index)
    return struct.pack(">II", 1, len(payload)) + payload


def decode(data: bytes) -> tuple[int, int, int, int]:
    """Exactly the opposite."""
    term, candidate_id, last_log_term, last_log_index = struct.unpack_from(">iiii", data, 8)
    return term, candidate_id, last_log_index, last_log_term


# [codec-end]


def main() -> None:
    for fields in ((7, 2, 9, 6), (0, 1, 0, 0), (2**31 - 1, 3, 123456, 77)):
        print("round trip", "passes" if decode(encode(*fields)) == fields else "fails", fields)
    print("golden  ", GOLDEN.hex(" "))
    print("encoded ", encode(7, 2, 9, 6).hex(" "))


if __name__ == "__main__":
    main()
