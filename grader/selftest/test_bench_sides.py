"""The benchmarks of labs 3 to 6: result files of the promised form, parsers and codecs that are
caught when they are wrong, and one line for a peer that is missing.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from grader import load
from grader.bench import Bench
from grader.labs.lab3 import bench_server
from grader.labs.lab6 import bench_core, bench_storage, bench_stores
from grader.run import build
from grader.selftest.harness import ROOT, grader_environment, require

PEERS = {
    "hiredis": (load.HIREDIS, ("32", "100", "5000", "0.001")),
    "hiredis, bare": (load.HIREDIS, ("32", "100", "5000", "0.001", "bare")),
    "protobuf-c": (load.PROTOBUF, ("3", "0.001")),
    "msgpack": (load.MSGPACK, ("3", "0.001")),
    "memcpy": (load.MEMCPY, ("3", "0.001")),
    "libraft": (load.LIBRAFT, ("3", "0.001")),
    "libraft, replication": (load.REPLICATION, ("1000", "16", "32")),
    "a plain log": (load.PLAIN_LOG, ("kept", "1000", "16", "32")),
}

# A bug in a solution: its file, what is there, what comes instead, and what the benchmark says.
WRONG = {
    "3": (
        "lab3-resp/resp.c",
        "(struct place){start, word_len};\n        p->awaited.start = 0;",
        "(struct place){start, word_len - (word_len == 16)};\n        p->awaited.start = 0;",
        "the parser found other commands than were sent",
    ),
    "4": (
        "lab4-message/message.c",
        "entry.data = in;",
        "entry.data = in - 4;",
        "what was decoded is not what was sent",
    ),
    "5": (
        "lab5-election/election.c",
        "bool is_free = raft->voted_for == RAFT_NOBODY || raft->voted_for == m->candidate_id;",
        "bool is_free = true;",
        "after a vote for server",
    ),
    "6": (
        "lab6-replication/log.c",
        "memcpy(place, entry->data, entry->size);",
        "memset(place, 0, entry->size);",
        "what was applied is not what was proposed",
    ),
}


def bench(lab: str, out: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    known = {"WORK": "solutions", "ARGS": "--quick", **variables}
    return subprocess.run(
        [sys.executable, "-I", str(ROOT / "grader" / "__main__.py"), "bench", lab],
        env=grader_environment(out, **known),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )


def rows_of(lab: str, out: Path) -> list[dict[str, Any]]:
    """What was written, after a look at its form."""
    rows: list[dict[str, Any]] = json.loads((out / f"bench-lab{lab}.json").read_text())
    promised = {"name", "unit", "ours", "peer", "peer_name", "ratio", "goal", "met"}
    assert rows and all(set(row) == promised for row in rows)
    assert all(row["ours"] > 0 and row["peer"] > 0 for row in rows)
    assert all(row["met"] is (row["ratio"] >= row["goal"]) for row in rows if row["goal"])
    assert all(row["met"] is None for row in rows if row["goal"] is None)
    return rows


def goals(rows: list[dict[str, Any]]) -> dict[tuple[str, str], float]:
    return {(row["name"], row["peer_name"]): row["goal"] for row in rows if row["goal"]}


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_is_right_and_prints_times(tmp_path: Path, name: str) -> None:
    source, words = PEERS[name]
    program = load.compiled(source, tmp_path, build.compiler())
    require(name.partition(",")[0], program is not None)
    command = [str(program), *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert all(float(word) > 0 for word in done.stdout.split()) and done.stdout
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stderr.startswith("usage: ")


def test_a_short_run_of_lab_3(tmp_path: Path) -> None:
    require("hiredis", load.compiled(load.HIREDIS, tmp_path, build.compiler()) is not None)
    require("redis", bench_server.redis_server() is not None)
    done = bench("3", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert goals(rows_of("3", tmp_path)) == {
        ("SET of 32 bytes, by 16 KiB", "hiredis"): 5.0,
        ("SET of 32 bytes, by 16 KiB", "hiredis, no objects"): 1.5,
        ("SET of 32 bytes, by byte", "ours, at once"): 0.1,
        ("SET of 32 bytes, 2 MiB", "ours, 1 MiB"): 0.833,
        ("SET, depth 1", "redis-server"): 1.0,
        ("GET, depth 1", "redis-server"): 1.0,
        ("SET, depth 16", "redis-server"): 1.3,
        ("GET, depth 16", "redis-server"): 1.3,
    }


def test_a_short_run_of_lab_4(tmp_path: Path) -> None:
    for name in ("protobuf-c", "msgpack"):
        there = load.compiled(PEERS[name][0], tmp_path, build.compiler()) is not None
        require(name, there)
    done = bench("4", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = rows_of("4", tmp_path)
    assert len(rows) == 27
    assert goals(rows) == {
        (f"encode + decode, {entries}", peer): goal
        for entries in ("0 entries", "1 entry", "100 entries")
        for peer, goal in (("protobuf-c", 10.0), ("plain memcpy", 0.5))
    }


def test_a_short_run_of_lab_5(tmp_path: Path) -> None:
    """A quick run leaves out how long `make lab5` takes."""
    require("libraft", load.compiled(load.LIBRAFT, tmp_path, build.compiler()) is not None)
    done = bench("5", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = rows_of("5", tmp_path)
    found = {(name, peer): goal for (name, peer), goal in goals(rows).items() if "servers" in name}
    assert found == {
        **{(f"events, {n} servers, {build}", "the goal"): 1.0
           for n in (3, 5) for build in ("sanitized", "plain")},
        **{(f"elections, {n} servers", "canonical/raft"): 1.0 for n in (3, 5)},
    }  # fmt: skip
    assert {row["name"] for row in rows} >= {f"schedules, {n} servers, sanitized" for n in (3, 5)}


def test_a_short_run_of_lab_6(tmp_path: Path) -> None:
    """With the rows whose peers are here: continuous integration has no etcd."""
    require("libraft", load.compiled(load.REPLICATION, tmp_path, build.compiler()) is not None)
    done = bench("6", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = rows_of("6", tmp_path)
    found = {name.partition(":")[0] for name, _ in goals(rows)}
    assert found >= {"core", "storage"}
    assert goals(rows)[f"core: entries committed, {bench_core.BATCH} at a time", "the goal"] == 1.0
    peers = {row["peer_name"] for row in rows}
    assert {bench_core.LIBRAFT, "one entry a message", bench_storage.PLAIN} <= peers
    has_etcd = bench_stores.etcd_program() is not None
    assert (bench_stores.ETCD in peers) is has_etcd
    said = " ".join(done.stdout.split())
    assert ("the Debian package etcd-server is missing" in said) is not has_etcd
    if has_etcd:
        found_goals = {name: goal for (name, peer), goal in goals(rows).items() if peer == "etcd"}
        assert found_goals == {
            "cluster: SET, 256 clients, flushed": 5.0,
            "cluster: p50, 1 client, flushed": 2.0,
        }


def test_a_missing_library_costs_its_rows_and_a_line(tmp_path: Path) -> None:
    """On this PATH is all but protoc-c."""
    path = tmp_path / "bin"
    path.mkdir()
    for folder in ("/usr/bin", "/usr/sbin"):
        for tool in Path(folder).iterdir():
            if not tool.name.startswith("proto") and not (path / tool.name).exists():
                (path / tool.name).symlink_to(tool)
    done = bench("4", tmp_path, PATH=str(path), CACHE="")
    assert done.returncode == 0, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    packages = "the Debian packages libprotobuf-c-dev protobuf-c-compiler are missing"
    assert f"no rows for protobuf-c: {packages}" in said
    assert "protobuf-c" not in {row["peer_name"] for row in rows_of("4", tmp_path)}


def test_a_missing_redis_costs_its_rows_and_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    console = Console(file=io.StringIO(), width=200)
    attempt: Any = None  # nothing is started
    assert bench_server.rows(Bench(attempt, console, tmp_path)) == []
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert said == (
        "no rows of the server: redis-benchmark is missing, of the Debian package redis-tools\n"
    )


@pytest.mark.parametrize("lab", WRONG)
def test_a_wrong_program_has_no_figures(tmp_path: Path, lab: str) -> None:
    file, find, replacement, says = WRONG[lab]
    work = shutil.copytree(ROOT / "solutions", tmp_path / "work")
    text = (work / file).read_text()
    assert text.count(find) == 1
    (work / file).write_text(text.replace(find, replacement))
    done = bench(lab, tmp_path, WORK=str(work))
    assert done.returncode == 1, done.stdout + done.stderr
    assert says in " ".join(done.stdout.split())
    assert not (tmp_path / f"bench-lab{lab}.json").exists()
