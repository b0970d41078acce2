"""One submission: its grading is private, leaves nothing behind, and what breaks it is told."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import tarfile
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from grader.classroom import grading, keeping, stamps
from grader.classroom.grading import Order, grade
from grader.classroom.model import Entry, Handed, Status, Student, Submission
from grader.classroom.stamps import grader_sha256, level_of, outcome_sha256, stamp_of
from grader.classroom.warm import Warm
from grader.errors import UsageError
from grader.report.model import LabResult, StageResult
from grader.run import procinfo
from grader.selftest.harness import ROOT, require
from grader.selftest.samples import every_kind
from grader.selftest.test_isolation import wait_until
from grader.verdicts import Verdict


def submission(key: str = "ada", **changes: str) -> Submission:
    """Lab 1 as the reference has it; a change is a file's new text, by its name without .c."""
    names = sorted((ROOT / "solutions" / "lab1-echo").glob("*.[ch]"))
    files = {f"lab1-echo/{path.name}": path.read_bytes() for path in names}
    files |= {f"lab1-echo/{name}.c": text.encode() for name, text in changes.items()}
    digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()
    return Submission(Student(key, "Ada"), Handed("ada.zip", "plain", digest), files)


@pytest.fixture
def namespaces() -> None:
    require("bwrap", stamps._why_not_namespaces() == "")


@pytest.fixture
def private(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of temporary files, which other users may pass; it is empty after the test."""
    folder = Path(tempfile.mkdtemp(prefix="private-"))
    folder.chmod(0o711)
    monkeypatch.setenv("TMPDIR", str(folder))
    warm = Warm()
    monkeypatch.setattr(grading, "_WARM", warm)
    yield folder
    warm.close()
    assert list(folder.iterdir()) == []
    folder.rmdir()


@pytest.fixture
def out(tmp_path: Path, private: Path) -> Path:
    """A student's folder."""
    return tmp_path / "class" / "students" / "ada"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts another program in the grader's place. It has ``out`` and ``tmp``, its folders."""

    def put(text: str) -> None:
        path = tmp_path / "fake" / "grader" / "__main__.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        head = """
            import ctypes, json, os, signal, subprocess, sys, time
            from pathlib import Path
            out, tmp = Path(os.environ["OUT"]), Path(os.environ["TMPDIR"])
        """
        path.write_text(textwrap.dedent(head) + textwrap.dedent(text))
        monkeypatch.setattr(grading, "ROOT", tmp_path / "fake")
        monkeypatch.setattr(Warm, "lend", lambda *_: None)

    return put


def told(out: Path, name: str) -> str:
    return (out.parents[1] / "quarantine" / "ada" / name).read_text()


def read(out: Path) -> Entry:
    return Entry.from_json(json.loads((out / "entry.json").read_text()))


# --- with the grader ---

WRONG = """
    #include <stdio.h>
    #include <string.h>
    int main(void)
    {
        char found[200] = "nothing";
        const char *tried[] = {"PLACE/objects", "PLACE", "/etc/shadow"};
        for (int n = 0; n < 3; n++) {
            FILE *file = fopen(tried[n], "a");
            if (file != NULL)
                strcpy(found, tried[n]);
        }
        fprintf(stderr, "could write %s\\n", found);
        return 3;
    }
"""


@pytest.mark.usefixtures("namespaces")
def test_the_same_submission_has_the_same_outcome_and_stamp(out: Path) -> None:
    order = Order(1, seed=7, go_on=False)
    wrong = submission(echo_server=WRONG)
    first, again = (grade(wrong, order, out) for _ in range(2))
    assert first.stamp == again.stamp == stamp_of(wrong, order)
    assert outcome_sha256(first) == outcome_sha256(again)
    assert first.status is Status.GRADED and first.result is not None
    assert [str(stage.verdict) for stage in first.result.stages[:2]] == ["WRONG", "SKIPPED"]
    assert read(out).to_json() == again.to_json()
    page = (out / "report.html").read_text()
    assert "make lab1 STAGE=1.1 SEED=7" in page and "echo-to-raft-class-" not in page
    failure = first.result.stages[0].failure
    assert failure is not None and failure.trace == "traces/lab1-1.1.jsonl"
    assert json.loads((out / failure.trace).read_text().splitlines()[0])["work"] == "labs"


@pytest.mark.usefixtures("namespaces")
def test_another_outcome_has_another_hash(out: Path) -> None:
    order = Order(1, go_on=False)
    broken = grade(submission(echo_server="no C"), order, out)
    assert broken.result is not None and broken.result.stages[0].verdict == "BUILD"
    assert outcome_sha256(broken) != outcome_sha256(
        grade(submission(echo_server=WRONG), order, out)
    )


@pytest.mark.usefixtures("namespaces")
def test_no_submission_changes_what_the_next_one_gets(out: Path) -> None:
    order = Order(1, go_on=False)
    for _ in range(2):  # the second is lent what was built
        grade(submission(echo_server="no C"), order, out)
    (shared,) = grading._WARM._made.values()
    before = contents(shared)
    assert before
    entry = grade(submission(echo_server=WRONG.replace("PLACE", str(shared))), order, out)
    assert entry.result is not None and entry.result.stages[0].failure is not None
    assert "could write nothing" in entry.result.stages[0].failure.stderr
    assert contents(shared) == before


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


HANGS = """
    #include <sys/prctl.h>
    #include <unistd.h>
    int main(void)
    {
        prctl(PR_SET_NAME, "TOKEN");
        for (;;)
            pause();
    }
"""
WORKER = """
import pickle, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from grader.classroom.grading import grade
grade(*pickle.load(sys.stdin.buffer), Path(sys.argv[2]))
"""


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("victim", ["worker", "supervisor"])
def test_nothing_outlives_a_worker_or_a_supervisor_that_is_killed(
    out: Path, private: Path, victim: str
) -> None:
    token = f"t{os.urandom(6).hex()}"
    command = [sys.executable, "-c", WORKER, str(ROOT), str(out)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as worker:
        assert worker.stdin
        for_ever = submission(echo_server=HANGS.replace("TOKEN", token))
        pickle.dump((for_ever, Order(1, shared_deadline_s=0)), worker.stdin)
        worker.stdin.close()
        assert wait_until(lambda: token in names(worker.pid), 60)
        family = procinfo.tree(worker.pid)
        (supervisor,) = procinfo.children(worker.pid)
        os.kill(worker.pid if victim == "worker" else supervisor, signal.SIGKILL)
    assert wait_until(lambda: not any(map(procinfo.state, family)), 60)
    assert wait_until(lambda: list(private.iterdir()) == [], 60)
    if victim == "supervisor":
        assert "the supervisor ended" in read(out).story


def names(pid: int) -> list[str]:
    return [procinfo.name(one) for one in procinfo.tree(pid)]


# --- with another program in its place ---


def test_the_grader_is_told_what_is_meant_and_nothing_else(
    out: Path, fake: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake("sys.exit(json.dumps(dict(os.environ)))")
    for name in ("STAGE", "PYTEST_ADDOPTS", "LD_PRELOAD", "CACHE", "VALGRIND", "PYTHONPATH"):
        monkeypatch.setenv(name, "")
    entry = grade(submission(), Order(2, seed=3, unsafe=True, shared_deadline_s=9), out)
    seen = json.loads(told(out, "stderr.txt"))
    folder = Path(seen["HOME"]).parent
    assert {name: seen.pop(name) for name in ("PATH", "LC_CTYPE", "CC") if name in seen}
    assert seen == {
        "WORK": f"{folder}/labs",
        "OUT": f"{folder}/out",
        "HOME": f"{folder}/tmp",
        "TMPDIR": f"{folder}/tmp",
        "LANG": "C.UTF-8",
        "SEED": "3",
        "ALL": "1",
        "BORROW": "",
        "SHARED_DEADLINE": "9",
        "ISOLATION": level_of(Order(2, unsafe=True)).replace("limits", ""),
    }
    assert entry.status is Status.QUARANTINED


def test_what_the_submission_lacks_of_earlier_labs_is_the_references(
    out: Path, fake: Callable[[str], None]
) -> None:
    fake("sys.exit(os.environ['BORROW'] + str(sorted(os.listdir(os.environ['WORK']))))")
    entry = grade(submission(), Order(3, unsafe=True), out)
    assert told(out, "stderr.txt") == "2['lab1-echo', 'lab3-resp']\n"
    assert entry.handed.notes == ("nothing of lab 2: the reference's was used",)


@pytest.mark.parametrize(
    ("does", "story"),
    [
        ("sys.exit(2)", "ended with 2, and left no result that can be read: on stderr"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "ended with -9, and left no result"),
        ("(out / 'lab1.json').write_text('[' * 100_000)", "left no result"),
        ("os.mkfifo(out / 'lab1.json')", "left no result"),
        ("(out / 'lab1.json').symlink_to('/dev/zero')", "left no result"),
        ("(out / 'lab1.json').write_text('{\"lab\": 1}')", "left no result"),
    ],
)
def test_a_grader_without_a_result_is_quarantined_with_its_story(
    out: Path, fake: Callable[[str], None], does: str, story: str
) -> None:
    fake(f"""
        (tmp / "grader-error-1.txt").write_text("Traceback")
        print("on stderr", file=sys.stderr, flush=True)
        {does}
    """)
    entry = grade(submission(), Order(1, unsafe=True), out)
    assert entry.status is Status.QUARANTINED and story in entry.story
    assert read(out).to_json() == entry.to_json()
    assert told(out, "stderr.txt").startswith("on stderr\n")
    assert told(out, "grader-error-1.txt") == "Traceback"
    packed = (out.parents[1] / "quarantine" / "ada" / "submission.tar.gz").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert tar.getnames() == sorted(submission().files)


def test_an_error_of_the_grader_in_a_stage_is_quarantined(
    out: Path, fake: Callable[[str], None]
) -> None:
    fake(result_of("GRADER-ERROR"))
    entry = grade(submission(), Order(1, unsafe=True), out)
    assert (entry.status, entry.story) == (Status.QUARANTINED, "stage 1.1: no disk")
    assert not (out / "report.html").exists()
    fake(result_of("PASS"))
    assert grade(submission(), Order(1, unsafe=True), out).status is Status.GRADED
    assert not (out.parents[1] / "quarantine" / "ada").exists()


def result_of(verdict: str) -> str:
    """Leaves a result with one stage."""
    stage = StageResult("1.1", "A title", Verdict(verdict), 0, 100, False, note="no disk")
    result = LabResult(1, "A lab", 1, "namespaces", "", "cc", [stage])
    return f"(out / 'lab1.json').write_text({json.dumps(result.to_json())!r})"


def test_a_grading_without_end_is_ended_with_all_that_it_started(
    out: Path, fake: Callable[[str], None], tmp_path: Path
) -> None:
    fake(
        """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0:
            os.setsid()
            if os.fork() > 0:
                os._exit(0)
        pids = Path("PIDS")
        pids.write_text(f"{pids.read_text() if pids.exists() else ''} {os.getpid()}")
        while True:
            signal.pause()
    """.replace("PIDS", str(tmp_path / "pids"))
    )
    entry = grade(submission(), Order(1, unsafe=True, most_s=1.5), out)
    assert entry.status is Status.QUARANTINED and "longer than 1.5 s" in entry.story
    pids = list(map(int, (tmp_path / "pids").read_text().split()))
    assert pids and not any(map(procinfo.state, pids))


def test_seconds_of_cpu_count_whatever_the_grader_started(
    out: Path, fake: Callable[[str], None]
) -> None:
    fake("""
        if os.fork() == 0:
            os.setsid()  # nobody but the supervisor waits for it
            while time.process_time() < 0.5:
                pass
            os._exit(0)
    """)
    assert grade(submission(), Order(1, unsafe=True), out).cpu_seconds >= 0.5


# --- stamps ---


def test_what_can_not_be_taken_is_refused_and_not_graded(out: Path) -> None:
    nothing = Submission(Student("ada", "Ada"), Handed("x", "plain", "", refused="a bomb"), {})
    before = datetime.now(UTC)
    entry = grade(nothing, Order(1, unsafe=True), out)
    assert entry.status is Status.REFUSED
    assert os.listdir(out) == ["entry.json"]
    assert entry.graded_at is not None and before <= entry.graded_at <= datetime.now(UTC)


def test_without_isolation_nothing_is_graded_unless_that_is_meant(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stamps, "_why_not_namespaces", lambda: "no bubblewrap")
    with pytest.raises(UsageError, match="no bubblewrap"):
        grade(submission(), Order(1), out)
    assert not out.exists()
    assert stamp_of(submission(), Order(1, unsafe=True)).isolation == "limits"


def test_a_seed_of_ones_own_comes_from_the_class_seed_and_the_key() -> None:
    own = [Order(1, seed, seed_per_student=True).seed_of(key) for seed in (1, 2) for key in "ab"]
    assert len({*own, 1, 2}) == 6 and max(own) < 10**18
    assert own[0] == Order(3, 1, seed_per_student=True).seed_of("a")
    assert Order(1, 5).seed_of("a") == 5


def test_the_graders_hash_is_of_what_decides_a_verdict(tmp_path: Path) -> None:
    def write(name: str, text: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return grader_sha256(tmp_path)

    grader_sha256.cache_clear()
    known: set[str] = set()
    for name in ("grader/engine.py", "labs/lab.mk", "labs/host/x.c", "solutions/lab1-echo/net.c"):
        for text in ("1", "2"):
            grader_sha256.cache_clear()
            known.add(write(name, text))
    assert len(known) == 8
    for name in ("grader/selftest/x.py", "grader/__pycache__/x.pyc", "labs/lab1-echo/net.c"):
        grader_sha256.cache_clear()
        assert write(name, "1") in known


@pytest.mark.parametrize(("tier", "lines", "more"), [(0, 0, False), (1, 1, True), (3, 3, False)])
def test_a_report_shows_hints_up_to_a_tier(tier: int, lines: int, more: bool) -> None:
    result = every_kind()
    keeping.show_hints(result, tier)
    for failure in (stage.failure for stage in result.stages if stage.failure):
        assert len(failure.hint.splitlines()) == lines
        assert bool(failure.more_hints) == more
