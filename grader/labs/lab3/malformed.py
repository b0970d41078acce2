"""Bytes that break the framing: the byte, counted from 1, at which the error is told at the latest,
and what is wrong.
"""

from __future__ import annotations

from grader.wire.annotate import quoted

Bad = tuple[bytes, int, str]


def _line(text: bytes, why: str) -> list[Bad]:
    """A bad length, of the array and of a word."""
    line = text + b"\r\n"
    return [
        (
            b"*" + line + b"$3\r\nGET\r\n",
            1 + len(line),
            f"the array's length is {quoted(text)}, {why}",
        ),
        (
            b"*1\r\n$" + line + b"GET\r\n",
            5 + len(line),
            f"a word's length is {quoted(text)}, {why}",
        ),
    ]


NO_REQUESTS: list[Bad] = [
    *_line(b"", "no digit"),
    *_line(b"+1", "which has a sign"),
    *_line(b"-1", "which has a sign"),
    *_line(b"-0", "which has a sign"),
    *_line(b" 1", "which has a space"),
    *_line(b"1 ", "which has a space"),
    *_line(b"01", "which has a leading zero"),
    *_line(b"00", "which has a leading zero"),
    *_line(b"1x", "which is no number"),
    *_line(b"x", "which is no number"),
    *_line(b"0x1", "which is no decimal number"),
    *_line(b"1.0", "which is no whole number"),
    *_line(b"1\0", "which has a NUL"),
    *_line(b"\t1", "which has a tab"),
    *_line(b"1\n", "which has a LF"),
    *_line(b"1\r", "which has a CR too many"),
    *_line(b"9223372036854775808", "beyond 64 bits"),
    *_line(b"18446744073709551617", "beyond 64 bits: taken modulo 2^64 it is 1"),
    *_line(b"4294967297", "beyond its limit: taken modulo 2^32 it is 1"),
    (b"*1\n$3\nGET\n" * 4, 33, "lines end in LF alone"),
    (b"*1\rX\r\n$1\r\nx\r\n", 6, "a line's CR is not followed by LF"),
    (b"PING\r\n", 6, "a request starts with another byte than '*'"),
    (b"$3\r\nGET\r\n", 4, "a request starts with '$'"),
    (b"\r\n*1\r\n", 2, "a request starts with an empty line"),
    (b"\0" * 40, 33, "a request starts with NUL"),
    (b"*1\r\n:5\r\n", 8, "a word starts with ':'"),
    (b"*1\r\n+x\r\n", 8, "a word starts with '+'"),
    (b"*1\r\n*1\r\n$1\r\nx\r\n", 8, "an array within an array"),
    (b"*2\r\n$3\r\nGET\r\nk\r\n", 16, "the second word has no length"),
    (b"*1\r\n$3\r\nfooXY", 12, "a word is not followed by CR LF"),
    (b"*1\r\n$3\r\nfoo\rX", 13, "a word is followed by CR and another byte"),
    (b"*1\r\n$3\r\nfooX\n", 12, "a word is followed by another byte and LF"),
    (b"*1\r\n$3\r\nfoo\n\n", 12, "a word is followed by LF alone"),
    (b"*1\r\n$3\r\nfoobar\r\n", 12, "a word is longer than its length"),
    (b"*1\r\n$3\r\nfo\r\n$1\r\nx\r\n", 12, "a word is shorter than its length"),
    (b"*1\r\n$0\r\nx\r\n", 9, "a word is longer than its length, 0"),
    (b"*1\r\n$1\r\nx\r\r\n", 11, "a word is followed by two CR"),
    (b"*" + b"1" * 100, 33, "a length line does not end"),
    (b"*1\r\n$" + b"1" * 100, 4 + 33, "a length line does not end"),
]  # fmt: skip


def _integer(text: bytes, why: str) -> Bad:
    """A bad integer, and what would be a reply behind it."""
    return b":" + text + b"\r\n:1\r\n", len(text) + 3, f"the integer is {quoted(text)}, {why}"


NO_REPLIES: list[Bad] = [
    _integer(b"", "no digit"),
    _integer(b"-", "no digit"),
    _integer(b"+1", "which has a plus"),
    _integer(b"--1", "which has two signs"),
    _integer(b"1-", "which has its sign behind it"),
    _integer(b"01", "which has a leading zero"),
    _integer(b"-01", "which has a leading zero"),
    _integer(b"-0", "which is written 0"),
    _integer(b" 1", "which has a space"),
    _integer(b"1 ", "which has a space"),
    _integer(b"1x", "which is no number"),
    _integer(b"1\0", "which has a NUL"),
    _integer(b"9223372036854775808", "beyond 64 bits with a sign"),
    _integer(b"-9223372036854775809", "beyond 64 bits with a sign"),
    _integer(b"18446744073709551617", "beyond 64 bits: taken modulo 2^64 it is 1"),
    _integer(b"-18446744073709551615", "beyond 64 bits: taken modulo 2^64 it is 1"),
    _integer(b"1\r", "which has a CR too many"),
    (b":" + b"1" * 100, 33, "an integer's line does not end"),
    (b":1\n" * 12, 33, "lines end in LF alone"),
    (b"*1\n$1\nx\n" * 5, 33, "lines end in LF alone"),
    (b":1\rX\r\n", 6, "a line's CR is not followed by LF"),
    (b"OK\r\n", 4, "a reply starts with another byte than + - : *"),
    (b"\r\n+OK\r\n", 2, "a reply starts with an empty line"),
    (b"$3\r\nfoo\r\n", 4, "a reply starts with '$': here a word comes in an array"),
    (b"$-1\r\n", 5, "a reply starts with '$': here nothing is null"),
    (b"*-1\r\n", 5, "the array's length has a sign: here nothing is null"),
    (b"*01\r\n$1\r\nx\r\n", 5, "the array's length has a leading zero"),
    (b"*1\r\n+x\r\n", 8, "a word starts with '+'"),
    (b"*1\r\n:5\r\n", 8, "a word starts with ':'"),
    (b"*1\r\n*0\r\n", 8, "an array within an array"),
    (b"*1\r\n$-1\r\n", 9, "a word's length has a sign: here nothing is null"),
    (b"*1\r\n$3\r\nfooXY", 12, "a word is not followed by CR LF"),
]  # fmt: skip
