"""``make explain``: bytes field by field, expected beside received, and the likely causes."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from grader import explain as command
from grader import golden
from grader.errors import UsageError
from grader.tree import ROOT
from grader.wire import annotate, guess, messages, resp
from grader.wire.explain import explain, side_by_side, spot

VOTE, GRANTED, HEARTBEAT, ENTRIES, MATCHED = list(golden.MESSAGES.values())[:5]
SET = resp.encode_request([b"SET", b"k", b"v"])
GET = resp.encode_request([b"Cloud", b"Computing"])
NIL = resp.encode_request([b"nil"])
steady = settings(derandomize=True, deadline=None, max_examples=150)


def packed(form: str, *values: int) -> bytes:
    return struct.pack(form, *values)


def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **to: str) -> str:
    for name in ("HEX", "FILE", "FORMAT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in to.items():
        monkeypatch.setenv(name, value)
    assert command.command_explain() == 0
    return capsys.readouterr().out


def test_a_message_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = shown(monkeypatch, capsys, HEX="02 00 00 00 05 00 00 00  07 00 00 00 01")
    assert out == (
        "1. RequestVote response, 13 bytes\n"
        "  offset  bytes        field         value\n"
        "       0  02 00 00 00  type          2: RequestVote response\n"
        "       4  05 00 00 00  payload_size  5 bytes  that follow this header\n"
        "       8  07 00 00 00  term          7        term: the voter's\n"
        "      12  01           vote_granted  1        flag: 1 if the candidate has this vote\n"
        "\n"
        "All is well: 13 bytes, 1 RequestVote response.\n"
    )


def test_resp_is_explained_up_to_the_first_wrong_byte(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = shown(monkeypatch, capsys, HEX=b"*1\r\n$3\r\nfoo\nxy".hex())
    assert out == (
        "1. request\n"
        "  offset  bytes        field           value\n"
        "       0  2a           type            '*': an array\n"
        "       1  31           count           1 word\n"
        "       2  0d 0a        CR LF\n"
        "       4  24           word 1: type    '$': a bulk string\n"
        "       5  33           word 1: length  3 bytes\n"
        "       6  0d 0a        word 1: CR LF\n"
        '       8  66 6f 6f     word 1: data    "foo"\n'
        "      11  0a           word 1: CR after the data\n"
        "          ^^ wrong: 0d (CR) is due here, 0a (LF) came\n"
        "          2 more bytes: no boundary there can be trusted\n"
        "Likely cause: the data ends in LF alone: CR LF is due [bare-lf]\n"
    )


def test_minus_zero_is_told_as_such(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "wrong: -0 is not canonical" in shown(monkeypatch, capsys, HEX=b":-0\r\n".hex())
    assert "wrong: a digit after a leading" in shown(monkeypatch, capsys, HEX=b":01\r\n".hex())


FRAMES = [
    bytes.fromhex(line)
    for line in re.findall(
        r"^ \*     ((?:[0-9a-f]{2} +)+[0-9a-f]{2})$",
        (ROOT / "labs/include/rpc.h").read_text(),
        re.MULTILINE,
    )
]


def test_frames_of_rpc_are_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that the contract shows."""
    out = shown(monkeypatch, capsys, HEX=FRAMES[0].hex())
    assert out == (
        "1. call of Multiply, 20 bytes\n"
        "  offset  bytes        field         value\n"
        "       0  40 00 00 00  call_id       64: Multiply\n"
        "       4  0c 00 00 00  payload_size  12 bytes  that follow this header\n"
        "       8  07 00 00 00  request_id    7         id: of the call, which its reply returns\n"
        "      12  03 00 00 00  a             3         number: a factor\n"
        "      16  04 00 00 00  b             4         number: a factor\n"
        "\n"
        "All is well: 20 bytes, 1 call of Multiply.\n"
    )
    out = shown(monkeypatch, capsys, HEX=b"".join(FRAMES).hex())
    assert "product       12 " in out and '"divide by zero"' in out
    assert "All is well: 68 bytes, 3 RPC frames." in out


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (packed("<3I", 67, 12, 1) + b"\1" * 8, "arguments, or status and results"),
        (packed("<3IB", 66, 5, 1, 0), "All is well: 13 bytes, 1 reply of Delay"),
        (packed("<3IB", 65, 5, 1, 2), "All is well: 13 bytes, 1 reply of Arith.QuoRem"),
        (packed("<3IB", 65, 6, 1, 2) + b"x", "nothing follows status 2"),
        (packed("<3IB", 64, 12, 1, 3)[:12] + b"\3", "the bytes end within a at offset 12"),
        (packed("<3IB", 64, 14, 1, 3), "3 is no status"),
        (packed("<3IB", 64, 11, 1, 0), "the results of Multiply have 8 bytes"),
        (packed("<3I", 64, 4, 1), "a call of Multiply has 12 bytes, a reply 5 or more"),
        (packed("<2I", 64, 3), "3 bytes are too few for a request id"),
        (packed("<2I", 66, (16 << 20) + 1), "more than the limit"),
        (packed("<I", 64), "the bytes end within payload_size"),
    ],
)
def test_any_frame_of_rpc_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: bytes, words: str
) -> None:
    assert words in shown(monkeypatch, capsys, HEX=data.hex())


def test_the_format_may_be_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    vote = messages.encode(VOTE)
    assert "1 is no call id" in shown(monkeypatch, capsys, HEX=vote.hex(), FORMAT="rpc")
    frame = FRAMES[0].hex()
    assert "there is no type 64" in shown(monkeypatch, capsys, HEX=frame, FORMAT="message")


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("01 00", b"\1\0"),
        ("0x01,0x00", b"\1\0"),
        ("0100", b"\1\0"),
        (r"\x2a\x31", b"*1"),
        ("01:00\n2A-2b", b"\1\0*+"),
    ],
)
def test_hexadecimal_comes_in_many_forms(text: str, data: bytes) -> None:
    assert command.of_hex(text) == data


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "which bytes"),
        ({"HEX": "0g"}, "'g' in '0g' is no digit"),
        ({"HEX": "01 002"}, "'002' is cut short"),
        ({"HEX": "  "}, "not one byte"),
        ({"HEX": "01", "FILE": "x"}, "which one"),
        ({"FILE": "/nowhere/at/all"}, "No such file"),
        ({"FILE": "/"}, "Is a directory"),
        ({"FILE": "/dev/null"}, "not one byte"),
        ({"FILE": "/dev/zero"}, "more than 1 MiB"),
        ({"HEX": "01", "FORMAT": "json"}, "resp, message or rpc"),
    ],
)
def test_wrong_use_is_told(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variables: dict[str, str],
    words: str,
) -> None:
    with pytest.raises(UsageError, match=words):
        shown(monkeypatch, capsys, **variables)


def test_a_file_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(b"+OK\r\n:1\r\n")
    assert "2 replies" in shown(monkeypatch, capsys, FILE=str(path))
    path.write_bytes(messages.encode(VOTE) + messages.encode(ENTRIES))
    out = shown(monkeypatch, capsys, FILE=str(path))
    assert 'RESP: "SET" "k" "v"' in out and "103 bytes, 2 messages" in out


def test_the_format_is_recognised() -> None:
    for one in golden.MESSAGES.values():
        assert annotate.format_of(messages.encode(one)) == annotate.MESSAGE
    for data in (SET, b"+OK\r\n", b"GET k\r\n", b"*1"):
        assert annotate.format_of(data) == annotate.RESP
    assert annotate.format_of(bytes([0x2A, 0, 0, 0])) == annotate.MESSAGE


@steady
@given(some.binary(max_size=60), some.sampled_from([annotate.RESP, annotate.MESSAGE, annotate.RPC]))
def test_any_bytes_can_be_explained(data: bytes, kind: str) -> None:
    """In printable ASCII, and up to the first fault without a gap."""
    for start in (b"", SET, messages.encode(ENTRIES), FRAMES[2], FRAMES[0][:12]):
        text = "\n".join(explain(start + data, kind)).replace("…", "")
        assert text.replace("\n", "").isprintable() and text.isascii()
        reading = annotate.read(start + data, kind)
        assert b"".join(one.data for _, one in reading.pieces()) == (start + data)[: reading.read]
        if start + data:
            command.lines(start + data, kind)


@steady
@given(some.sampled_from([SET, GET, NIL, b":-1\r\n", b"+OK\r\n" * 3]), some.binary(max_size=30))
def test_any_difference_of_resp_can_be_shown(expected: bytes, came: bytes) -> None:
    for received in (came, expected[:4] + came, expected + came):
        check_difference(expected, received, annotate.RESP)


@steady
@given(some.sampled_from(list(golden.MESSAGES.values())), some.binary(max_size=60))
def test_any_difference_of_messages_can_be_shown(one: messages.Message, came: bytes) -> None:
    expected = messages.encode(one)
    for received in (came, expected[:8] + came, expected + came):
        check_difference(expected, received, annotate.MESSAGE)


def check_difference(expected: bytes, received: bytes, kind: str) -> None:
    lines = side_by_side(expected, received, kind)
    assert bool(lines) == (expected != received) == (spot(expected, received, kind) is not None)
    assert sum(line.startswith(">") for line in lines) == (expected != received)
    guess.cause(expected, received, kind)


def test_expected_and_received_stand_side_by_side() -> None:
    right = messages.encode(MATCHED)
    wrong = right[:16] + right[16:20][::-1] + right[20:]
    assert side_by_side(right, wrong, annotate.MESSAGE) == [
        "    offset  field            expected         received",
        "         8  term             07 00 00 00  7   07 00 00 00  7",
        "        12  follower_id      03 00 00 00  3   03 00 00 00  3",
        ">       16  log_index        0b 00 00 00  11  00 00 00 0b  184549376",
        "        20  success          01  1            01  1",
        "        21  follower_commit  08 00 00 00  8   08 00 00 00  8",
    ]
    found = spot(right, wrong, annotate.MESSAGE)
    assert found is not None and (found.path, found.offset) == ("log_index", 16)


def test_bytes_are_a_tree() -> None:
    (request,) = annotate.tree(annotate.read(SET, annotate.REQUESTS))
    assert [node.name for node in request.children][-3:] == ["word 1", "word 2", "word 3"]
    assert request.children[-1].data == b"$1\r\nv\r\n"
    (one,) = annotate.tree(annotate.read(messages.encode(ENTRIES), annotate.MESSAGES))
    assert [node.name for node in one.children[-1].children] == ["term", "length", "data"]


# --- likely causes ---


def swapped(data: bytes, one: int, other: int) -> bytes:
    """Two fields of four bytes change places."""
    raw = bytearray(data)
    raw[one : one + 4], raw[other : other + 4] = data[other : other + 4], data[one : one + 4]
    return bytes(raw)


def patched(at: int, new: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + new + data[at + len(new) :]


@pytest.mark.parametrize(
    ("message", "change", "cause"),
    [
        (VOTE, lambda _: packed(">6I", 1, 16, 7, 2, 9, 6), "big-endian"),
        (VOTE, patched(16, packed(">I", 9)), "big-endian"),
        (VOTE, lambda d: swapped(d, 16, 20), "fields-swapped"),
        (VOTE, lambda d: d[:8] + d[12:24] + d[8:12], "fields-reordered"),
        (VOTE, lambda d: d[8:], "no-header"),
        (VOTE, patched(4, b"\x18"), "size-counts-header"),
        (VOTE, patched(4, b"\x08"), "size-without-header"),
        (VOTE, lambda d: d + b"\0", "nul-appended"),
        (VOTE, lambda d: d[:20], "message-cut"),
        (VOTE, lambda d: b"\xa5" * len(d), "nothing-written"),
        (VOTE, lambda d: packed("<II4q", 1, 32, 7, 2, 9, 6), "wide-integers"),
        (VOTE, patched(12, b"\xa5" * 4), "field-not-written"),
        (VOTE, patched(16, bytes(4)), "field-zero"),
        (VOTE, patched(16, b"\6"), "other-field"),
        (GRANTED, lambda _: packed("<4I", 2, 8, 7, 1), "struct-padding"),
        (GRANTED, lambda _: packed("<3I", 2, 8, 7) + b"\1\xa5\xa5\xa5", "struct-padding"),
        (GRANTED, patched(12, b"\0"), "flag-inverted"),
        (GRANTED, patched(12, b"\xff"), "flag-not-normal"),
        (GRANTED, lambda d: d + b"x", "extra-bytes"),
        (HEARTBEAT, lambda d: swapped(d, 28, 32), "seq-count-swapped"),
        (HEARTBEAT, lambda d: swapped(d, 24, 28), "fields-swapped"),
        (MATCHED, lambda _: packed("<8I", 4, 24, 7, 3, 11, 1, 8, 41), "struct-padding"),
        (MATCHED, lambda d: swapped(d, 21, 25), "fields-swapped"),
        (ENTRIES, patched(4, b"\x1c"), "size-without-entries"),
        (ENTRIES, patched(4, bytes([0x47 - 16])), "size-without-entry-heads"),
        (ENTRIES, lambda d: d[:28] + d[32:79] + d[28:32], "entries-too-early"),
        (ENTRIES, lambda d: d[:28] + d[36:] + d[28:36], "entries-too-early"),
        (ENTRIES, patched(48, b"\x23"), "length-counts-head"),
        (ENTRIES, patched(48, b"\x1c"), "length-counts-nul"),
        (ENTRIES, lambda d: d[:44] + b"\0" + d[44:], "nul-appended"),
        (ENTRIES, lambda d: d + b"\0", "nul-appended"),
    ],
)
def test_wrong_messages_have_a_cause(
    message: messages.Message, change: Callable[[bytes], bytes], cause: str
) -> None:
    expected = messages.encode(message)
    for fill in (b"", b"\xa5" * 5):  # a buffer may be larger than what was written
        found = guess.cause(expected, change(expected) + fill, annotate.MESSAGE)
        assert found is not None and found.id == cause


def test_the_words_name_the_field_and_the_number() -> None:
    expected = messages.encode(VOTE)
    found = guess.cause(expected, patched(8, packed(">I", 7))(expected), annotate.MESSAGE)
    assert found is not None
    assert found.text == "term: 00 00 00 07 are the bytes of 7 in big-endian"


@pytest.mark.parametrize(
    ("expected", "received", "cause"),
    [
        ({"term": 7, "seq": 1}, {"term": 7 << 24, "seq": 1}, "big-endian"),
        ({"seq": 42, "entry_count": 3}, {"seq": 3, "entry_count": 42}, "seq-count-swapped"),
        ({"seq": 2**32 - 1}, {"seq": -1}, "sign-lost"),
        ({"entry_count": 70_000}, {"entry_count": 70_000 % 65_536}, "narrow-field"),
        ({"entry 1: length": 256}, {"entry 1: length": 0}, "narrow-field"),
        ({"term": 200}, {"term": -56}, "narrow-field"),
        ({"log_index": 9}, {"log_index": struct.unpack("<i", b"\xee" * 4)[0]}, "field-not-written"),
        ({"success": 1}, {"success": 0}, "flag-inverted"),
        ({"term": 7}, {"term": 7}, None),
        ({"term": 7}, {"term": 1234}, None),
    ],
)
def test_wrong_numbers_have_a_cause(
    expected: dict[str, int], received: dict[str, int], cause: str | None
) -> None:
    found = guess.values(expected, received)
    assert (found.id if found else None) == cause


OK, ONE, ERROR = b"+OK\r\n", b":1\r\n", b"-ERROR\r\n"


@pytest.mark.parametrize(
    ("expected", "received", "cause"),
    [
        (SET, SET.replace(b"\r\n", b"\n"), "bare-lf"),
        (OK, b"+OK\n", "bare-lf"),
        (OK, b"+OK\r", "last-lf-missing"),
        (ONE, b":1\n\r", "lf-cr"),
        (OK, rb"+OK\r\n", "escaped-line-ends"),
        (GET, GET[:-2], "last-crlf-missing"),
        (OK + ONE, b"+OK:1\r\n", "last-crlf-missing"),
        (OK, b"+OK\r\n\0", "nul-appended"),
        (OK, b"+OK\0\r\n", "nul-appended"),
        (OK, b"OK\r\n", "type-byte-missing"),
        (OK, b"+ok\r\n", "wrong-case"),
        (OK, b"$2\r\nOK\r\n", "bulk-for-line"),
        (ONE, b"$1\r\n1\r\n", "bulk-for-line"),
        (OK, b"+OK\r\n\r\n", "line-end-doubled"),
        (OK, OK + OK, "extra-reply"),
        (OK, b"-OK\r\n", "other-kind"),
        (ERROR, b"-ERR unknown command\r\n", "error-text"),
        (b"+TRYAGAIN\r\n", b"+MOVED 0\r\n", "other-text"),
        (GET, GET.replace(b"$5", b"$7").replace(b"$9", b"$11"), "length-counts-crlf"),
        (GET, GET.replace(b"$5", b"$6").replace(b"$9", b"$10"), "length-counts-nul"),
        (GET, GET.replace(b"$9", b"$11"), "length-counts-crlf"),
        (GET, GET.replace(b"*2", b"*3"), "wrong-count"),
        (GET, resp.encode_request([b"Cloud Computing"]), "words-joined"),
        (GET, resp.encode_request([b"Cloud"]), "first-word-only"),
        (GET, resp.encode_request([b"Computing", b"Cloud"]), "words-reversed"),
        (GET, resp.encode_request([b"cloud", b"computing"]), "wrong-case"),
        (GET, NIL, "value-missing"),
        (resp.encode_request([b"a  b"]), resp.encode_request([b"a", b"b"]), "words-split"),
        (resp.encode_request([b" a", b"b"]), resp.encode_request([b"a", b"b"]), "words-trimmed"),
        (resp.encode_request([b"", b"b"]), resp.encode_request([b"b"]), "empty-word-dropped"),
        (resp.encode_request([b"a\0b"]), resp.encode_request([b"a"]), "stops-at-nul"),
        (NIL, b"$3\r\nnil\r\n", "bulk-not-array"),
        (NIL, b"$-1\r\n", "null-bulk"),
        (NIL, b"*-1\r\n", "null-array"),
        (NIL, b"*0\r\n", "empty-array"),
        (ONE, b"*1\r\n:1\r\n", "array-of-one"),
        (b":-1\r\n", b":18446744073709551615\r\n", "printed-unsigned"),
        (b":-1\r\n", b":4294967295\r\n", "printed-unsigned"),
        (b":-1\r\n", b":1\r\n", "sign-lost"),
        (b":2147483648\r\n", b":-2147483648\r\n", "cut-to-32-bits"),
        (b":4294967297\r\n", b":1\r\n", "cut-to-32-bits"),
        (b":-9223372036854775808\r\n", b":--9223372036854775808\r\n", "least-integer"),
        (b":-9223372036854775808\r\n", b":-\r\n", "least-integer"),
        (ONE, b":2\r\n", "other-number"),
        (OK + ONE + OK, OK, "replies-missing"),
        (OK + ONE + b":2\r\n", OK + b":2\r\n:1\r\n", "replies-reordered"),
        (OK + ONE + b":2\r\n", OK + b":2\r\n", "reply-skipped"),
    ],
)
def test_wrong_resp_has_a_cause(expected: bytes, received: bytes, cause: str) -> None:
    found = guess.cause(expected, received, annotate.REPLIES)
    assert found is not None and found.id == cause


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"*1\n", "bare-lf"),
        (b"*1\r$", "bare-cr"),
        (b"*1\r\n$5\r\nfoo\r\n", "length-counts-crlf"),
        (b"*2\r\n$5\r\nfoo\r\n$1\r\nx\r\n", "length-counts-crlf"),
        (b"*1\r\n$4\r\nfoo\r\n", "length-counts-nul"),
        (b"*1\r\n$2\r\nfoo\r\n", "length-too-short"),
        (b"*2\r\n$3\r\nfoo$1\r\nx\r\n", "last-crlf-missing"),
        (b"*1\r\n$-1\r\n", "null-bulk"),
        (b"*-2\r\n", "negative-length"),
        (b"* 1\r\n", "lenient-number"),
        (b"*1\r\n:5\r\n", "element-kind"),
        (b"GET k\r\n", "inline-command"),
        (b"$3\r\nnil\r\n", "bulk-not-array"),
        (SET + b"\0", "nul-appended"),
        (SET + b"\r\n", "line-end-doubled"),
        (packed(">4I", 1, 16, 7, 2), "big-endian"),
        (packed("<I", 1) + packed(">I", 16), "big-endian"),
        (packed("<4I", 2, 8, 7, 1), "struct-padding"),
        (packed("<8I", 4, 24, 7, 3, 11, 1, 8, 41), "struct-padding"),
        (packed("<II", 1, 24), "size-counts-header"),
        (packed("<II", 1, 32), "wide-integers"),
        (patched(32, packed(">I", 2))(messages.encode(ENTRIES)), "big-endian"),
    ],
)
def test_bytes_alone_have_a_cause(data: bytes, cause: str) -> None:
    found = guess.alone(data, annotate.format_of(data))
    assert found is not None and found.id == cause


def test_what_is_right_has_no_cause() -> None:
    for one in golden.MESSAGES.values():
        data = messages.encode(one)
        assert guess.alone(data, annotate.MESSAGE) is None
        assert guess.cause(data, data, annotate.MESSAGE) is None
    assert guess.alone(SET + GET, annotate.RESP) is None
    assert guess.cause(SET, SET, annotate.RESP) is None
