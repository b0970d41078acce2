"""One meaning, several encodings: what lenient decoders take, and a strict one refuses.

python3 two_encodings.py
"""

import base64


def varint(data: bytes) -> int:
    """Seven bits a byte, the lowest first; the highest bit says that more follow (protobuf)."""
    return sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(data))


def main() -> None:
    for data in (b"\x05", b"\x85\x00", b"\x85\x80\x00"):
        print(f"varint {data.hex(' '):9} is {varint(data)}")
    for text in (b"QQ==", b"QR=="):
        print(f"base64 {text.decode()}      is {base64.b64decode(text)!r}")
    try:
        b"\xc0\xaf".decode()
    except UnicodeDecodeError as error:
        print(f"UTF-8 c0 af: {error.reason}")


if __name__ == "__main__":
    main()
