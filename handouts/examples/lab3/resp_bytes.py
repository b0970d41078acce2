"""A request and its reply as bytes: what SET and GET look like on the wire.

python3 resp_bytes.py
"""


# [encode]
def encode(words: list[bytes]) -> bytes:
    """An array of bulk strings: each length is one of bytes, and counts neither line end."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        parts += [b"$%d\r\n" % len(word), word, b"\r\n"]
    return b"".join(parts)


# [encode-end]


def dump(title: str, data: bytes) -> None:
    print(f"{title}: {len(data)} bytes")
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        print(f"{at:08x}  {row.hex(' '):47}  {text}")


dump("SET CS06142 Cloud Computing", encode([b"SET", b"CS06142", b"Cloud", b"Computing"]))
dump("its reply", b"+OK\r\n")
dump("GET CS06142", encode([b"GET", b"CS06142"]))
dump("its reply", encode([b"Cloud", b"Computing"]))
dump("ECHO é", encode([b"ECHO", "é".encode()]))
