"""Simulated failures as a student meets them: on the card, in labN.json, replayed on another
checkout, under gdb; and a core that is not deterministic.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from grader.selftest.harness import ROOT, Broken, grade, grader_environment, require
from grader.sim import trace
from grader.verdicts import Verdict

VENV = ROOT / ".venv"


def made(tmp_path: Path, find: str, replace: str, file: str = "election.c") -> Path:
    edit = {"file": f"lab5-election/{file}", "find": find, "replace": replace}
    broken = Broken("one", "", "solutions", "5.14", (), (), (edit,))
    return broken.make(tmp_path / "work")


@pytest.fixture
def votes_twice(tmp_path: Path) -> Path:
    find = "raft->voted_for == RAFT_NOBODY || raft->voted_for == m->candidate_id"
    return made(tmp_path, find, "true")


def failed(out: Path, work: Path, stage: str = "5.14", seed: int = 1) -> Path:
    """The trace of the failure."""
    run = grade(out, "lab", "5", WORK=work, STAGE=stage, REPEAT=0, SEED=seed)
    assert run.status == 1, run.stdout + run.stderr
    return out / "traces" / f"lab5-{stage}.jsonl"


def make(*words: str, folder: Path, input: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-s", f"VENV={VENV}", *words],
        cwd=folder,
        env=grader_environment(folder / "out"),
        capture_output=True,
        text=True,
        timeout=200,
        input=input,
    )


def test_a_failure_is_drawn_and_counted(tmp_path: Path, votes_twice: Path) -> None:
    path = failed(tmp_path / "out", votes_twice)
    assert len(trace.read(path).inputs) <= 40
    result = json.loads((tmp_path / "out" / "lab5.json").read_text())
    stage = next(stage for stage in result["stages"] if stage["id"] == "5.14")
    assert stage["failure"]["diagnosis_id"] == "one-vote-a-term"
    assert "vote? t1" in stage["failure"]["drawing"]
    assert f"TRACE={path}" in stage["failure"]["trace"] or stage["failure"]["trace"] == str(path)


def test_the_same_seed_shows_the_same_failure(tmp_path: Path, votes_twice: Path) -> None:
    paths = [failed(tmp_path / name, votes_twice, seed=77) for name in ("one", "two")]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_replay_on_another_checkout(tmp_path: Path, votes_twice: Path) -> None:
    """The trace is all that it needs."""
    path = failed(tmp_path / "out", votes_twice)
    other = tmp_path / "other"
    for name in ("grader", "labs", "solutions"):
        ignored = shutil.ignore_patterns("__pycache__", "selftest")
        shutil.copytree(ROOT / name, other / name, ignore=ignored)
    shutil.copyfile(ROOT / "Makefile", other / "Makefile")
    shutil.copytree(votes_twice, other / "theirs")
    shutil.rmtree(votes_twice)
    same = make("replay", f"TRACE={path}", "WORK=theirs", folder=other)
    assert same.returncode == 0, same.stdout + same.stderr
    assert "the same failure, at the same event" in same.stdout
    mended = make("replay", f"TRACE={path}", "WORK=solutions", folder=other)
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert "not the same from event" in mended.stdout, mended.stdout


def test_a_played_scene_is_replayed_as_well(tmp_path: Path, votes_twice: Path) -> None:
    path = failed(tmp_path / "out", votes_twice, "5.3")
    same = make("replay", f"TRACE={path}", folder=ROOT)
    assert "the same failure, at the same event" in same.stdout, same.stdout + same.stderr


def test_a_scene_keeps_what_its_failure_is_about(tmp_path: Path) -> None:
    """That a vote restarts no timer shows long after the vote: a mended core does otherwise."""
    find = "    if (granted)\n        raft_restart_election_timer(raft);\n"
    path = failed(tmp_path / "out", made(tmp_path, find, ""), "5.10")
    known = trace.read(path)
    assert len(known.inputs) <= 40
    assert "tell" in [one[1] for one in known.inputs]
    mended = make("replay", f"TRACE={path}", "WORK=solutions", folder=ROOT)
    assert "not the same from event" in mended.stdout, mended.stdout


def test_the_server_at_fault_under_gdb(tmp_path: Path, votes_twice: Path) -> None:
    require("gdb", shutil.which("gdb") is not None)
    out = tmp_path / "out"
    failed(out, votes_twice)
    done = make(
        "debug",
        "STAGE=5.14",
        f"WORK={votes_twice}",
        f"OUT={out}",
        folder=ROOT,
        input="break may_grant\ncontinue\nkill\nquit\n",
    )
    assert "Breakpoint 2, may_grant" in done.stdout, done.stdout + done.stderr


def test_a_driver_under_gdb(tmp_path: Path) -> None:
    require("gdb", shutil.which("gdb") is not None)
    done = make(
        "debug",
        "STAGE=4.2",
        "WORK=solutions",
        f"OUT={tmp_path}",
        folder=ROOT,
        input="break message_encode\ncontinue\nkill\nquit\n",
    )
    assert "Breakpoint 2, message_encode" in done.stdout, done.stdout + done.stderr


def test_a_core_that_is_not_deterministic_is_told_so(tmp_path: Path) -> None:
    find = "(int64_t)(draw(raft) % choices)"
    work = made(tmp_path, find, "(int64_t)(getpid() % (int)choices)", "raft.c")
    source = work / "lab5-election" / "raft.c"
    source.write_text(source.read_text().replace("<stdlib.h>", "<stdlib.h>\n#include <unistd.h>"))
    run = grade(tmp_path / "out", "lab", "5", WORK=work, STAGE="5.14", REPEAT=0)
    assert run.result is not None
    stage = next(stage for stage in run.result.stages if stage.id == "5.14")
    assert stage.failure is not None and stage.verdict is Verdict.WRONG, run.stdout
    assert stage.failure.diagnosis_id == "not-deterministic"
    assert "core is not deterministic" in stage.failure.diagnosis
    assert stage.failure.drawing


def test_a_core_that_hangs_and_one_that_crashes(tmp_path: Path) -> None:
    find = "    raft->leader = raft->config.id;\n"
    hangs = made(tmp_path / "a", find, find + "    for (volatile int i = 0; i == 0;) {}\n")
    run = grade(tmp_path / "out", "lab", "5", WORK=hangs, STAGE="5.13", REPEAT=0)
    assert run.verdicts()["5.13"] == "HANG", run.stdout
    crashes = made(tmp_path / "b", find, find + "    *(volatile char *)&raft[1] = 1;\n")
    run = grade(tmp_path / "out", "lab", "5", WORK=crashes, STAGE="5.5", REPEAT=0)
    assert run.verdicts()["5.5"] == "SANITIZER", run.stdout
    assert "heap-buffer-overflow" in run.stdout
    find = "    raft_restart_election_timer(raft);\n    return raft;\n"
    ends = made(tmp_path / "c", find, find.replace("raft);", "&raft[1]);"), "raft.c")
    run = grade(tmp_path / "out", "lab", "5", WORK=ends, STAGE="5.1", REPEAT=0)
    assert run.verdicts()["5.1"] == "SANITIZER", run.stdout
    assert "heap-buffer-overflow" in run.stdout


def test_a_program_that_ends_before_it_forks_a_server(tmp_path: Path) -> None:
    end = "__attribute__((constructor)) static void end(void) { *(volatile int *)8 = 0; }\n"
    include = '#include "raft_state.h"\n'
    work = made(tmp_path, include, include + end)
    run = grade(tmp_path / "out", "lab", "5", WORK=work, STAGE="5.1", REPEAT=0)
    assert run.verdicts()["5.1"] == "SANITIZER", run.stdout
    assert "raft_sim, which forks the servers, ended: exited with" in run.stdout


def test_a_core_that_kills_what_forks_it(tmp_path: Path) -> None:
    find = "    raft->leader = raft->config.id;\n"
    work = made(
        tmp_path,
        find,
        find + "    if (raft->config.servers == 5)\n        kill(getppid(), SIGKILL);\n",
    )
    source = work / "lab5-election" / "election.c"
    source.write_text("#include <signal.h>\n#include <unistd.h>\n" + source.read_text())
    run = grade(tmp_path / "out", "lab", "5", WORK=work, STAGE="5.14", REPEAT=0)
    assert run.verdicts()["5.14"] == "WRONG", run.stdout
    assert "raft_sim, which forks the servers, ended: killed by SIGKILL" in run.stdout


def test_a_core_that_crashes_in_the_second_of_two_runs_is_not_deterministic(tmp_path: Path) -> None:
    find = "    raft->leader = raft->config.id;\n"
    odd = find + "    if ((getpid() & 1) != 0)\n        __builtin_trap();\n"
    work = made(tmp_path, find, odd)
    source = work / "lab5-election" / "election.c"
    source.write_text("#include <unistd.h>\n" + source.read_text())
    run = grade(tmp_path / "out", "lab", "5", WORK=work, STAGE="5.14", REPEAT=0)
    assert run.verdicts()["5.14"] in ("WRONG", "CRASH", "SANITIZER"), run.stdout
