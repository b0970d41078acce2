"""The Wireshark dissector docs/raft.lua on captures that the grader writes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from grader import golden
from grader.selftest.harness import require
from grader.wire import dissector, messages
from grader.wire.pcap import Endpoint, Sent, node, write
from grader.wire.table import LAYOUTS

ONE, OTHER = node(1), node(2)
VOTE, GRANTED, HEARTBEAT, ENTRIES, MATCHED = map(
    messages.encode, list(golden.MESSAGES.values())[:5]
)


def capture(path: Path, *pieces: bytes, ends: tuple[Endpoint, Endpoint] = (ONE, OTHER)) -> Path:
    """One segment for each piece."""
    write(path, [Sent(0.01 * at, *ends, data) for at, data in enumerate(pieces)])
    return path


def tshark(path: Path, *arguments: str) -> list[list[str]]:
    """What it prints of each packet. Segments with a wrong checksum would not be put together."""
    require("tshark", shutil.which("tshark") is not None)
    check = ("ip.check_checksum:TRUE", "tcp.check_checksum:TRUE")
    options = [word for one in check for word in ("-o", one)]
    done = subprocess.run(
        ["tshark", "-X", f"lua_script:{dissector.PATH}", "-r", str(path), *options, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "lua" not in done.stderr.lower(), done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


def fields(*names: str) -> list[str]:
    """Options that print these fields, and the dissector's complaints."""
    return ["-T", "fields", *(f"-e{name}" for name in (*names, "_ws.expert.message"))]


def test_the_file_is_current() -> None:
    assert dissector.PATH.read_text(encoding="utf-8") == dissector.text(), (
        "python -m grader.wire.dissector --write"
    )
    assert all(len(line) <= 100 for line in dissector.text().splitlines())


def test_all_messages_are_found_by_their_looks(tmp_path: Path) -> None:
    path = capture(tmp_path / "all.pcap", VOTE, GRANTED, HEARTBEAT, ENTRIES, MATCHED)
    names = ("raft.type", "raft.payload_size", "raft.term", "raft.seq", "raft.ack", "raft.success")
    assert tshark(path, *fields(*names)) == [
        ["1", "16", "7", "", "", "", ""],
        ["2", "5", "7", "", "", "", ""],
        ["3", "28", "7", "42", "", "", ""],
        ["3", "71", "7", "41", "", "", ""],
        ["4", "21", "7", "", "41", "1", ""],
    ]


def test_every_field_has_its_value(tmp_path: Path) -> None:
    """Of the messages whose bytes are all different."""
    for name, message in golden.MESSAGES.items():
        if "distinct" not in name:
            continue
        path = capture(tmp_path / "one.pcap", messages.encode(message))
        layout = next(one for one in LAYOUTS.values() if isinstance(message, one.make))  # type: ignore[arg-type]
        known = [one.name for one in layout.fields if one.unit != "count"]
        (row,) = tshark(path, *fields(*(f"raft.{one}" for one in known)))
        assert row == [*(str(getattr(message, one)) for one in known), ""]


def test_a_message_in_two_segments_is_put_together(tmp_path: Path) -> None:
    """Cut in its data, and in its header, and with another one behind it."""
    pieces = (VOTE, ENTRIES[:60], ENTRIES[60:] + VOTE[:5], VOTE[5:] + MATCHED)
    rows = tshark(capture(tmp_path / "cut.pcap", *pieces), *fields("raft.type", "raft.entry.term"))
    assert rows == [["1", "", ""], ["", "", ""], ["3", "6,7", ""], ["1,4", "", ""]]


def test_a_message_larger_than_a_packet_is_put_together(tmp_path: Path) -> None:
    data = messages.encode(
        messages.AppendEntries(7, 2, 9, 6, 8, 1, (messages.LogEntry(7, bytes(150_000)),))
    )
    rows = tshark(capture(tmp_path / "large.pcap", data), *fields("raft.entry.length"))
    assert rows == [["", ""], ["", ""], ["150000", ""]]


def test_the_data_of_an_entry_is_shown_as_resp(tmp_path: Path) -> None:
    path = capture(tmp_path / "resp.pcap", ENTRIES)
    names = fields("_ws.col.Protocol", "resp.bulk_string.value")
    assert tshark(path, *names) == [["Raft", "534554,6b,76", ""]]


def test_faults_are_named(tmp_path: Path) -> None:
    values = {"term": 7, "vote_granted": 2}
    flag = messages.encode("RequestVoteReply", values)
    negative = messages.encode("RequestVoteReply", {"term": -1, "vote_granted": 1})
    path = capture(tmp_path / "bad.pcap", flag, negative, ENTRIES[:48] + b"\xff" + ENTRIES[49:])
    assert [row[-1] for row in tshark(path, *fields("raft.type"))] == [
        "vote_granted is neither 0 nor 1",
        "term is negative",
        "the entry runs past the payload",
    ]


@pytest.mark.parametrize("how", ["-o raft.ports:4002", "-d tcp.port==4002,raft"])
def test_ports_can_be_named(tmp_path: Path, how: str) -> None:
    """Where the first segment begins within a message, nothing can be found by its looks."""
    ends = (("127.0.0.1", 4001), ("127.0.0.1", 4002))
    path = capture(tmp_path / "ports.pcap", VOTE[:3], VOTE[3:], GRANTED, ends=ends)
    rows = tshark(path, *how.split(), *fields("raft.type"))
    assert [row[0] for row in rows] == ["", "1", "2"]


def test_other_traffic_is_left_alone(tmp_path: Path) -> None:
    path = capture(tmp_path / "other.pcap", b"*1\r\n$4\r\nPING\r\n", bytes(20), b"\1\0\0\0" * 4)
    assert [row[0] for row in tshark(path, *fields("raft.type"))] == ["", "", ""]


def test_both_directions_have_their_own_numbers(tmp_path: Path) -> None:
    path = tmp_path / "both.pcap"
    write(path, [Sent(1.5, ONE, OTHER, VOTE), Sent(1.75, OTHER, ONE, GRANTED)])
    names = fields("frame.time_epoch", "ip.src", "tcp.seq", "tcp.ack")
    assert tshark(path, *names) == [
        ["1.500000000", "10.0.0.1", "1", "1", ""],
        ["1.750000000", "10.0.0.2", "1", "25", ""],
    ]
