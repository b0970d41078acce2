"""The grader's own codecs, and all that is made from their table: what they accept and refuse, and
that both are what docs/protocol.md says.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from grader import figures_bytes, golden
from grader.selftest.harness import ROOT
from grader.wire import messages, resp
from grader.wire.table import LAYOUTS, Message
from grader.wire.walk import Malformed, walk

PROTOCOL = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
number = some.integers(0, messages.INT32_MAX)
flag = some.integers(0, 1)
any32 = some.integers(0, 2**32 - 1)
entry = some.builds(messages.LogEntry, number, some.binary(max_size=40))
message = some.one_of(
    some.builds(messages.RequestVote, number, number, number, number),
    some.builds(messages.RequestVoteReply, number, flag),
    some.builds(
        messages.AppendEntries, number, number, number, number, number, any32,
        some.lists(entry, max_size=4).map(tuple),
    ),
    some.builds(messages.AppendEntriesReply, number, number, number, flag, number, any32),
)  # fmt: skip
words = some.lists(some.binary(max_size=20), max_size=5)
reply = some.one_of(
    some.integers(-(2**63), 2**63 - 1),
    words,
    some.sampled_from([resp.Simple(b"OK"), resp.Simple(b"MOVED 3"), resp.Failure(b"ERROR")]),
)
steady = settings(derandomize=True, deadline=None, max_examples=150)


def worked_bytes() -> list[bytes]:
    """The messages of docs/protocol.md that are written out: lines of pairs of digits, each after a
    line of words.
    """
    blocks, joined = [], ""
    for line in PROTOCOL.splitlines():
        if re.fullmatch(r"\s*([0-9a-f]{2}\s*)+", line):
            joined += line
        elif joined:
            blocks.append(bytes.fromhex(joined))
            joined = ""
    return blocks


def test_the_worked_bytes_of_the_protocol_are_those_of_the_codec() -> None:
    assert worked_bytes() == [messages.encode(one) for one in list(golden.MESSAGES.values())[:5]]


def test_the_worked_replies_of_the_protocol_are_those_of_the_codec() -> None:
    examples = re.findall(r"\| `([*+:-][^`<]*)` \|", PROTOCOL)
    assert len(examples) == 7
    for text in examples:
        data = text.replace("\\r\\n", "\r\n").encode()
        (value,) = resp.ReplyDecoder().feed(data)
        assert resp.encode_reply(value) == data


def test_the_table_is_that_of_the_protocol() -> None:
    """Names, widths and order; seq and ack may be signed or not: they only ever are compared."""
    for layout in LAYOUTS.values():
        row = next(line for line in PROTOCOL.splitlines() if f"| {layout.title} |" in line)
        fields = re.findall(r"([iu]\d+) (\w+)", row)
        assert [(kind[1:], name) for kind, name in fields] == [
            (one.type[1:], one.name) for one in layout.fields
        ]


def test_what_is_made_from_the_table_is_current() -> None:
    for name, text in golden.files().items():
        assert (golden.FOLDER / name).read_text(encoding="utf-8") == text, "python -m grader.golden"
    for name, text in figures_bytes.files().items():
        path = figures_bytes.FOLDER / name
        assert path.read_text(encoding="utf-8") == text, "python -m grader.figures_bytes --write"


def test_golden_vectors_hold_by_themselves() -> None:
    """Read as another implementation would, from the JSON alone."""
    data = json.loads((golden.FOLDER / "messages.json").read_text(encoding="utf-8"))
    for one in data["valid"]:
        entries = [
            {"term": its["term"], "data": bytes.fromhex(its["data"])}
            for its in one["fields"].get("entries", [])
        ]
        fields = {**one["fields"], **({"entries": entries} if one["type"] == 3 else {})}
        assert messages.encode(one["type"], fields).hex() == one["hex"]
    for one in data["malformed"]:
        with pytest.raises(Malformed) as fault:
            messages.decode(bytes.fromhex(one["hex"]))
        assert (fault.value.offset, fault.value.field) == (one["offset"], one["field"])


@steady
@given(message)
def test_a_message_decodes_to_itself(one: Message) -> None:
    assert messages.decode(messages.encode(one)) == one


@steady
@given(some.lists(message, max_size=4), some.lists(some.integers(0, 400), max_size=6))
def test_a_stream_of_messages_may_be_cut_anywhere(sent: list[Message], places: list[int]) -> None:
    data, decoder, found = b"".join(map(messages.encode, sent)), messages.Decoder(), []
    cuts = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    for start, end in itertools.pairwise(cuts):
        found += decoder.feed(data[start:end])
    assert found == sent
    assert (decoder.pending, decoder.offset) == (0, len(data))


@steady
@given(message, some.data())
def test_what_decodes_is_canonical(one: Message, data: some.DataObject) -> None:
    """With any byte changed, a message is refused, or is another one in its only form; and the
    quick decoder and the one with words for each fault agree.
    """
    raw = bytearray(messages.encode(one))
    place = data.draw(some.integers(0, len(raw) - 1))
    raw[place] = data.draw(some.integers(0, 255))
    found = outcome(messages.decode, bytes(raw))
    try:
        cut = all_of(walk(bytes(raw)))
        assert cut or messages.encode(found) == raw
    except Malformed as fault:
        assert (found.offset, found.field) == (fault.offset, fault.field)
        assert str(outcome(messages.Decoder().feed, bytes(raw))) == str(fault)


def outcome(decode: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return decode(data)
    except (Malformed, resp.ProtocolError) as fault:
        return fault


def all_of(steps: Any) -> str:
    """What a walk returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return str(end.value)


@steady
@given(message)
def test_a_beginning_is_no_fault_and_no_message(one: Message) -> None:
    data = messages.encode(one)
    for size in range(len(data)):
        assert messages.Decoder().feed(data[:size]) == []
        with pytest.raises(Malformed, match="the bytes end here"):
            messages.decode(data[:size])


def test_faults_of_a_stream_stick_and_keep_what_came_before() -> None:
    good, bad = messages.encode(messages.RequestVote(1, 2, 3, 4)), bytes(8)
    decoder = messages.Decoder()
    with pytest.raises(Malformed) as fault:
        decoder.feed(good + bad)
    assert fault.value.before == [messages.RequestVote(1, 2, 3, 4)]
    assert (fault.value.offset, fault.value.field) == (len(good), "type")
    with pytest.raises(Malformed):
        decoder.feed(good)


def test_bad_announcements_are_refused_from_the_header_alone() -> None:
    for number, layout in LAYOUTS.items():
        for size in (layout.size - 1, messages.LARGEST_PAYLOAD + 1, 2**32 - 1):
            header = number.to_bytes(4, "little") + size.to_bytes(4, "little")
            with pytest.raises(Malformed):
                messages.Decoder().feed(header)


def test_values_that_do_not_fit_wrap_and_unknown_ones_are_refused() -> None:
    vote = {"term": -1, "vote_granted": 257}
    assert messages.encode("RequestVoteReply", vote)[8:] == b"\xff\xff\xff\xff\x01"
    with pytest.raises(TypeError):
        messages.encode(2, {"term": 1})
    with pytest.raises(TypeError):
        messages.encode(2, {**vote, "entries": ()})


def test_a_hundred_thousand_messages_decode_in_a_second() -> None:
    """CPU time, with room for a slow machine: the simulator decodes every message of a cluster."""
    data = [messages.encode(one) for one in list(golden.MESSAGES.values())[:5]] * 20_000
    start = time.process_time()
    for one in data:
        messages.decode(one)
    assert time.process_time() - start < 3


@steady
@given(some.lists(words, max_size=3), some.lists(reply, max_size=3), some.integers(1, 9))
def test_requests_and_replies_decode_to_themselves(
    requests: list[resp.Request], replies: list[resp.Reply], step: int
) -> None:
    assert fed(resp.Decoder(), b"".join(map(resp.encode_request, requests)), step) == requests
    assert fed(resp.ReplyDecoder(), b"".join(map(resp.encode_reply, replies)), step) == replies


def fed(decoder: resp.Decoder | resp.ReplyDecoder, data: bytes, step: int) -> list[Any]:
    found: list[Any] = []
    for at in range(0, len(data), step):
        found += decoder.feed(data[at : at + step])
    assert (decoder.pending, decoder.offset) == (0, len(data))
    return found


@steady
@given(words, some.data())
def test_a_changed_request_is_refused_or_another_one(
    sent: resp.Request, data: some.DataObject
) -> None:
    raw = bytearray(resp.encode_request(sent))
    place = data.draw(some.integers(0, len(raw) - 1))
    raw[place] = data.draw(some.sampled_from(b"\0\r\n 019:$*+-x"))
    decoder = resp.Decoder()
    found = outcome(decoder.feed, bytes(raw))
    if isinstance(found, resp.ProtocolError):
        assert found.offset >= place
        resp.Decoder().feed(bytes(raw[: found.offset]))  # not one byte too early
        assert str(outcome(lambda one: fed(resp.Decoder(), one, 1), bytes(raw))) == str(found)
    else:
        assert b"".join(map(resp.encode_request, found)) == raw[: decoder.offset]


@pytest.mark.parametrize("value", [None, b"", b"x\r\n", [[1, None], [], resp.Simple(b"OK")]])
def test_redis_replies_decode_with_the_extension(value: resp.Reply) -> None:
    assert fed(resp.ReplyDecoder(resp2=True), resp.encode_reply(value), 1) == [value]
    with pytest.raises(resp.ProtocolError):
        resp.ReplyDecoder().feed(resp.encode_reply(value))


def test_arrays_in_arrays_end_somewhere() -> None:
    with pytest.raises(resp.ProtocolError, match="deep"):
        resp.ReplyDecoder(resp2=True).feed(b"*1\r\n" * 100_000)


def test_a_request_is_limited_as_a_whole() -> None:
    decoder = resp.Decoder(largest=40)
    assert decoder.feed(resp.encode_request([b"x" * 26])) == [[b"x" * 26]]
    with pytest.raises(resp.ProtocolError) as fault:
        decoder.feed(resp.encode_request([b"", b"x" * 26]))
    assert (fault.value.offset, fault.value.field) == (37 + 11, "word 2: length")


def test_large_requests_take_linear_time() -> None:
    """CPU time: eight times the data in small pieces takes about eight times as long."""
    times = []
    for size in (1 << 20, 8 << 20):
        data, decoder = resp.encode_request([bytes(size)]), resp.Decoder()
        start = time.process_time()
        for at in range(0, len(data), 512):
            decoder.feed(data[at : at + 512])
        times.append(time.process_time() - start)
    assert times[1] < 1 or times[1] < 24 * times[0]


def test_entries_make_replaceable_messages() -> None:
    one = list(golden.MESSAGES.values())[3]
    assert isinstance(one, messages.AppendEntries)
    assert messages.decode(messages.encode(replace(one, entries=()))) == replace(one, entries=())
