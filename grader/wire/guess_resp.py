"""What wrong bytes of RESP say about their cause. A guess from evidence, and it says its
evidence.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from grader.verdicts import Diagnosis
from grader.wire import resp
from grader.wire.annotate import REPLIES, REQUESTS, RESP, Fault, Reading, quoted, read
from grader.wire.diff import first_difference
from grader.wire.walk import counted

_LENGTH = re.compile(rb"\$([0-9]+)\r\n")
_NIL = b"*1\r\n$3\r\nnil\r\n"
_Words: TypeAlias = list[bytes]


def stream(expected: bytes, received: bytes, kind: str = RESP) -> Diagnosis | None:
    """Why ``received`` came instead of ``expected``: right requests, or right replies, one after
    the other.
    """
    at = first_difference(expected, received)
    if at is None:
        return None
    reading = read(expected, kind)
    ends = [item.offset + item.size for item in reading.items]
    wrong = next((number for number, end in enumerate(ends) if at < end), None)
    if wrong is None:
        return _extra(received[len(expected) :], REQUESTS if kind == REQUESTS else REPLIES)
    start = reading.items[wrong].offset
    item, came = expected[start : ends[wrong]], received[start:]
    return (
        _of_the_stream(reading, wrong, came)
        or _transformed(item, came)
        or _integer(item, came)
        or _kinds(item, came)
        or _words(item, came)
    )


def _extra(extra: bytes, kind: str) -> Diagnosis:
    if extra[:1] == b"\0":
        return Diagnosis(
            "nul-appended", "a NUL was sent after the last CR LF: it is no string of C"
        )
    if extra[:1] in (b"\r", b"\n"):
        return Diagnosis("line-end-doubled", "one more line end came than there should be")
    found = read(extra, kind)
    if found.items and not found.fault:
        one, many = ("reply", "replies") if kind == REPLIES else ("request", "requests")
        title = one if len(found.items) == 1 else many
        return Diagnosis(f"extra-{one}", f"{len(found.items)} {title} more than there should be")
    return Diagnosis("extra-bytes", f"{counted(len(extra), 'byte')} more than there should be")


def _of_the_stream(reading: Reading, wrong: int, came: bytes) -> Diagnosis | None:
    items = [reading.data[item.offset : item.offset + item.size] for item in reading.items]
    left = items[wrong:]
    if not came:
        if wrong == 0:
            return None
        return Diagnosis(
            f"{reading.kind}-missing",
            f"{wrong} of {len(items)} {reading.kind} came: what was pipelined behind is left",
        )
    theirs = read(came, reading.kind)
    found = [came[one.offset : one.offset + one.size] for one in theirs.items]
    if len(left) > 1 and sorted(found) == sorted(left):
        return Diagnosis(f"{reading.kind}-reordered", "all came, but in another order")
    if len(left) > 1 and found == left[1:] and not theirs.fault:
        return Diagnosis(
            "reply-skipped", f"number {wrong + 1} is missing, and those behind it came"
        )
    return None


# --- the whole item, written in another way ---


def _longer(data: bytes, more: int) -> bytes:
    return _LENGTH.sub(lambda found: b"$%d\r\n" % (int(found[1]) + more), data)


def _typed(data: bytes) -> bytes:
    """A simple string or an integer as a bulk string."""
    return b"$%d\r\n%b\r\n" % (len(data) - 3, data[1:-2])


_TRANSFORMS: tuple[tuple[str, str, Callable[[bytes], bytes]], ...] = (
    ("lf-cr", "lines end in LF CR: the order is CR LF", lambda e: e.replace(b"\r\n", b"\n\r")),
    ("bare-lf", "lines end in LF alone: CR LF is due", lambda e: e.replace(b"\r\n", b"\n")),
    ("bare-cr", "lines end in CR alone: CR LF is due", lambda e: e.replace(b"\r\n", b"\r")),
    (
        "escaped-line-ends",
        "a backslash and letters came instead of CR LF",
        lambda e: e.replace(b"\r\n", rb"\r\n"),
    ),
    (
        "no-line-ends",
        "CR LF is missing everywhere",
        lambda e: e.replace(b"\r\n", b"") if e.count(b"\r\n") > 1 else b"",
    ),
    (
        "length-counts-crlf",
        "each length is 2 too many: it counts the CR LF, which is not part of the data",
        lambda e: _longer(e, 2),
    ),
    ("length-counts-nul", "each length is 1 too many: for a NUL?", lambda e: _longer(e, 1)),
    ("length-too-short", "each length is 1 too few", lambda e: _longer(e, -1)),
    ("array-of-one", "an array with one element came: it is due bare", lambda e: b"*1\r\n" + e),
    (
        "bulk-not-array",
        "a bulk string came by itself: here a word is an array of one, too",
        lambda e: e[4:] if e.startswith(b"*1\r\n") else b"",
    ),
    (
        "null-bulk",
        "$-1 is Redis' null: here a missing value is an array with the word nil",
        lambda e: b"$-1\r\n" if e == _NIL else b"",
    ),
    (
        "null-array",
        "*-1 is Redis' null array: here a missing value is an array with the word nil",
        lambda e: b"*-1\r\n" if e == _NIL else b"",
    ),
    (
        "empty-array",
        "an empty array came: a missing value is an array with the word nil",
        lambda e: b"*0\r\n" if e == _NIL else b"",
    ),
    (
        "bulk-for-line",
        "a bulk string came where one line is due",
        lambda e: _typed(e) if e[:1] in (b"+", b"-", b":") else b"",
    ),
    ("type-byte-missing", "the type byte is missing", lambda e: e[1:]),
    ("wrong-case", "the letters came in lower case", lambda e: e.lower()),
    ("wrong-case", "the letters came in upper case", lambda e: e.upper()),
)


def _transformed(item: bytes, came: bytes) -> Diagnosis | None:
    if came == item[:-1]:
        return Diagnosis("last-lf-missing", "the last CR is there, and its LF is missing")
    for name, text, transform in _TRANSFORMS:
        other = transform(item)
        if other and other != item and came.startswith(other):
            return Diagnosis(name, text)
    if came.startswith(item[:-2]):
        rest = came[len(item) - 2 :]
        if rest[:1] == b"\0":
            return Diagnosis("nul-appended", "a NUL was sent before the last CR LF")
        if rest[:1] in _NEXT:
            return Diagnosis(
                "last-crlf-missing", "the last CR LF is missing: data has one after it too"
            )
    if item[:1] == came[:1] == b"*" and _elements(came, item):
        return Diagnosis(
            "wrong-count",
            f"{_line(came)} came, and the elements are right: the number is that of the elements",
        )
    return None


_NEXT = (b"", b"+", b"-", b":", b"*")  # what may begin behind an item


def _elements(came: bytes, item: bytes) -> bool:
    """Whether the item's elements came, behind whatever number."""
    wanted, there = item.partition(b"\r\n")[2], came.partition(b"\r\n")[2]
    return there.startswith(wanted) if wanted else not there


def _line(data: bytes) -> str:
    return quoted(data.split(b"\r\n")[0])


# --- one kind for another, and numbers ---


def _integer(item: bytes, came: bytes) -> Diagnosis | None:
    found = re.match(rb":(-*[0-9]*)\r\n", came)
    if item[:1] != b":" or found is None:
        return None
    right, text = int(item[1:-2]), found[1].decode()
    shown = f"{text or 'nothing'} came instead of {right}"
    if text in (str(right % 2**32), str(right % 2**64)) and right < 0:
        return Diagnosis("printed-unsigned", f"{shown}: a negative number printed as unsigned")
    low = right % 2**32
    if text == str(low - (low >> 31 << 32)) or text == str(low):
        return Diagnosis("cut-to-32-bits", f"{shown}: it is cut to 32 bits")
    if right < 0 and text == str(-right):
        return Diagnosis("sign-lost", f"{shown}: the sign is missing")
    if right == -(2**63):
        return Diagnosis(
            "least-integer", f"{shown}: the least number has no positive counterpart to print"
        )
    return Diagnosis("other-number", shown)


_KINDS = {"+": "a simple string", "-": "an error", ":": "an integer", "*": "an array"}


def _kinds(item: bytes, came: bytes) -> Diagnosis | None:
    due, got = chr(item[0]), chr(came[0]) if came else ""
    if due == got == "-":
        return Diagnosis("error-text", f"{_line(came)} came as an error")
    if due == got == "+":
        return Diagnosis("other-text", f"{_line(came)} came")
    if due != got and got in _KINDS:
        return Diagnosis("other-kind", f"{_KINDS[got]} came where {_KINDS[due]} is due")
    return None


def _words(item: bytes, came: bytes) -> Diagnosis | None:
    """Two arrays whose words differ."""
    wanted = _array(item)
    if wanted is None:
        return None
    words = _array(came)
    if words is None:
        return _inside(item, came)
    return _other_words(wanted, words)


def _array(data: bytes) -> _Words | None:
    try:
        found = resp.ReplyDecoder().feed(data)
    except resp.ProtocolError as fault:
        found = fault.before
    if found and isinstance(found[0], list):
        return [word for word in found[0] if isinstance(word, bytes)]
    return None


def _other_words(wanted: _Words, words: _Words) -> Diagnosis | None:
    joined = b" ".join(wanted)
    causes: tuple[tuple[str, str, _Words], ...] = (
        (
            "words-joined",
            "the words came as one, with blanks between them",
            [joined] if len(wanted) > 1 else wanted,
        ),
        ("words-trimmed", "blanks at an end of a word are missing", [w.strip() for w in wanted]),
        ("empty-word-dropped", "empty words are missing: they count too", [w for w in wanted if w]),
        ("words-split", "the words were split at blanks", joined.split()),
        ("stops-at-nul", "words end at their first NUL", [w.split(b"\0")[0] for w in wanted]),
        ("wrong-case", "words came in other case: they keep their bytes", _lower(words, wanted)),
        ("first-word-only", "only the first word came: a value may have more", wanted[:1]),
        ("words-reversed", "the words came in reverse order", wanted[::-1]),
    )
    for name, text, other in causes:
        if other == words != wanted:
            return Diagnosis(name, text)
    if wanted == [b"nil"]:
        return Diagnosis("other-value", "a value came for a key that is absent")
    if words == [b"nil"]:
        return Diagnosis("value-missing", "the key is said to be absent")
    return None


def _lower(words: _Words, wanted: _Words) -> _Words:
    """The words, if only the case differs."""
    same = [word.lower() for word in words] == [word.lower() for word in wanted]
    return words if same else wanted


def _inside(item: bytes, came: bytes) -> Diagnosis | None:
    """What came is no array of bulk strings: one length, or one line end, is wrong."""
    found = read(came, REPLIES)
    return _of_fault(found) if first_difference(item, came) is not None else None


# --- bytes alone, where nobody knows what was meant ---


def alone(data: bytes) -> Diagnosis | None:
    """Why these bytes, which break the framing or end within an item, are so."""
    reading = read(data, RESP)
    return _of_fault(reading) if reading.fault or reading.cut else None


def _of_fault(reading: Reading) -> Diagnosis | None:
    fault = reading.fault or Fault(reading.cut, len(reading.data), "")
    here, name = reading.data[fault.offset : fault.offset + 1], fault.path.rpartition(": ")[2]
    pieces = [piece for _, piece in reading.pieces()]
    last = pieces[-1].data if pieces else b""
    if name == "CR after the data":
        return _after_data(reading, fault, last)
    if here == b"\n" and (name.startswith("CR") or name in ("count", "length", "integer")):
        return Diagnosis("bare-lf", "a line ends in LF alone: CR LF is due")
    if name.startswith("LF") and here:
        return Diagnosis("bare-cr", "a line ends in CR alone: CR LF is due")
    if here == b"\0":
        return Diagnosis("nul-appended", "a NUL stands behind what was sent: is it counted in?")
    if name in ("count", "length"):
        return _of_length(name, fault, reading.data)
    if name == "type":
        return _of_type(fault, here, reading.data)
    return None


def _after_data(reading: Reading, fault: Fault, last: bytes) -> Diagnosis | None:
    if last.endswith(b"\r\n"):
        return Diagnosis(
            "length-counts-crlf", f"the data is {quoted(last)}: the length counts the CR LF"
        )
    if last.endswith(b"\r"):
        return Diagnosis("length-counts-nul", "the length is 1 too many: for a NUL?")
    rest = reading.data[fault.offset :]
    if rest[:1] == b"\n":
        return Diagnosis("bare-lf", "the data ends in LF alone: CR LF is due")
    if rest[:1] in (b"$", b"*"):
        return Diagnosis("last-crlf-missing", "the data is right, and has no CR LF after it")
    due = rest.find(b"\r\n")
    if 0 < due < 64:
        return Diagnosis(
            "length-too-short",
            f"{counted(due, 'byte')} more of data come before the next CR LF: the length counts "
            "too few",
        )
    return None


def _of_length(name: str, fault: Fault, data: bytes) -> Diagnosis | None:
    here = data[fault.offset : fault.offset + 2]
    if here == b"-1":
        return Diagnosis(
            "null-bulk", f"a {name} of -1 is Redis' null: here there is the array with the word nil"
        )
    if here[:1] == b"-":
        return Diagnosis("negative-length", f"a {name} is never negative")
    if here[:1] in (b" ", b"+"):
        return Diagnosis("lenient-number", f"a {name} is digits alone")
    return None


def _of_type(fault: Fault, here: bytes, data: bytes) -> Diagnosis | None:
    if fault.offset == 0 and here == b"$":
        return Diagnosis(
            "bulk-not-array", "a bulk string by itself: here a word is an array of one, too"
        )
    if here in (b"\r", b"\n"):
        return Diagnosis("line-end-doubled", "one more line end than there should be")
    if here.isalpha() and fault.offset == 0:
        return Diagnosis(
            "inline-command", "a line of text: a request is an array of bulk strings here"
        )
    if here in (b":", b"+", b"*") and fault.path.startswith("word"):
        return Diagnosis("element-kind", "the words of a request are bulk strings, nothing else")
    if here and fault.offset > 0:
        return Diagnosis(
            "length-too-short", "more data where the next item is due: was a length too short, or "
            "a count?",
        )  # fmt: skip
    return None
