"""Autograders for learning platforms: what is in them, and what they do where the platform would
run them. Containers without namespaces are played by a root without CAP_SYS_ADMIN.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml  # type: ignore[import-untyped]

from grader import starters
from grader.classroom.exports.student import NOT_JUDGED
from grader.classroom.model import Student
from grader.classroom.platforms import autolab, github, gradescope, in_gradescope, one
from grader.classroom.platforms.one import Assignment
from grader.errors import UsageError
from grader.labs import LABS
from grader.run import isolation
from grader.selftest import platform_cases as cases
from grader.selftest.bare_debian import METADATA, unpack
from grader.tree import ROOT

if (ROOT / starters.FOLDER).exists():
    pytest.skip("this is a kit, not the project's repository", allow_module_level=True)

LAB3, LAB4 = LABS[2], LABS[3]
ORDER = Assignment(lab=4, seed=7, minutes=40)
SCHEMAS = ROOT / "grader" / "classroom" / "exports" / "schemas"
AS_IN_A_CONTAINER = ["setpriv", "--bounding-set", "-sys_admin"]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="platforms start the grader as root")


def fits(data: object, platform: str) -> None:
    """The platform's published format, as a schema."""
    jsonschema.validate(data, json.loads((SCHEMAS / f"{platform}.json").read_text()))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gradescope.make(LAB4, ORDER, None, tmp_path_factory.mktemp("zip"))


def call(platform: Any, out: Path, *words: str) -> None:
    """The command on lab 4, with these words."""
    parser = argparse.ArgumentParser()
    platform.add_arguments(parser)
    platform.main(parser.parse_args(["--lab", "4", "--out", str(out), *words]))


@pytest.fixture
def top(archive: Path, passable: Path) -> Path:
    """What Gradescope's /autograder holds, with this Python for what setup.sh sets up."""
    top = passable / "autograder"
    unpack(archive, top / "source")
    (top / "submission").mkdir()
    (top / "submission_metadata.json").write_text(json.dumps(METADATA))
    python_at(top / "source" / ".venv" / "bin" / "python")
    return top


def python_at(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    path.chmod(0o755)
    return path


def graded(top: Path) -> tuple[dict[str, Any], str]:
    """results.json after a run of run_autograder, and what it printed."""
    done = subprocess.run(
        [*AS_IN_A_CONTAINER, str(top / "source" / "run_autograder")],
        env={"PATH": os.environ["PATH"], "AUTOGRADER": str(top), "PYTHONPATH": "/nowhere"},
        cwd=top, capture_output=True, text=True,
    )  # fmt: skip
    return json.loads((top / "results" / "results.json").read_text()), done.stdout + done.stderr


def test_two_runs_give_the_same_zip(archive: Path, tmp_path: Path) -> None:
    assert gradescope.make(LAB4, ORDER, None, tmp_path).read_bytes() == archive.read_bytes()


def test_the_zip_holds_what_the_grader_needs_and_no_more(archive: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        names = set(packed.namelist())
        data = b"".join(packed.read(name) for name in names)
    needed = {
        "setup.sh", "run_autograder", "README.md", "assignment.json", "grader-error.json",
        "grader/__main__.py", "grader/requirements/platform.txt", "labs/lab.mk",
        "labs/include/message.h", "labs/host/message_driver.c", "labs/lab4-message/message.c",
        "solutions/lab1-echo/net.c", "solutions/lab2-loop/loop.c",
    }  # fmt: skip
    assert needed - names == set()
    assert [name for name in names if name.startswith(("grader/selftest", "handouts", "."))] == []
    solved = {name.split("/")[1] for name in names if name.startswith("solutions/")}
    assert solved == {"lab1-echo", "lab2-loop"}, "nothing of the lab itself, nor of later ones"
    assert str(ROOT).encode() not in data


@pytest.mark.parametrize("name", ["setup.sh", "run_autograder"])
def test_the_scripts_are_programs_in_bash(archive: Path, tmp_path: Path, name: str) -> None:
    unpack(archive, tmp_path)
    script = tmp_path / name
    assert script.stat().st_mode & 0o111 == 0o111
    assert script.read_text().startswith("#!/usr/bin/env bash\n")
    assert subprocess.run(["bash", "-n", str(script)]).returncode == 0


def test_a_container_has_the_packages_of_class_mode() -> None:
    """What is in one list and in another is the same version, with the same hashes."""
    lists = [
        (ROOT / "grader" / "requirements" / f"{name}.txt").read_text()
        for name in ("platform", "student", "class")
    ]
    pins = [set(re.split(r"\n(?=\w)", text.strip())) for text in lists]
    assert pins[1] < pins[0] < pins[2]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("--lab 9", "there is no lab '9'"),
        ("--lab 3 --seed -1", "a seed is a whole number"),
        ("--lab 3 --minutes 2", "at least 5"),
        ("--lab 3 --policy /nowhere.toml", "policy /nowhere.toml"),
    ],
)
def test_a_wrong_call_is_told_before_anything_is_written(
    tmp_path: Path, words: str, why: str
) -> None:
    parser = argparse.ArgumentParser()
    gradescope.add_arguments(parser)
    arguments = parser.parse_args([*words.split(), "--out", str(tmp_path / "out")])
    with pytest.raises(UsageError, match=re.escape(why)):
        gradescope.main(arguments)
    assert not (tmp_path / "out").exists()


def test_a_python_without_the_packages_is_told_where_they_are() -> None:
    """-S: none but Python's own."""
    words = [sys.executable, "-S", "-m", "grader.classroom", "grade", "--help"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"error: {sys.executable} has no package ")
    assert "'make .venv/class' sets up a Python that has it, .venv/bin/python" in done.stderr


@pytest.mark.parametrize(
    ("platform", "words"),
    [(gradescope, []), (autolab, []), (github, ["--repository", "a/b", "--commit", "ab" * 20])],
)
def test_a_seed_is_drawn_and_gives_the_same_package_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], platform: Any, words: list[str]
) -> None:
    seeds = []
    for out in ("first", "second"):
        call(platform, tmp_path / out, *words)
        seeds += re.findall(r"^seed (\d+): with SEED=\1 ", capsys.readouterr().out, re.MULTILINE)
    assert len(set(seeds)) == 2, "another one each time"
    call(platform, tmp_path / "again", *words, "--seed", seeds[0])
    assert files(tmp_path / "again") == files(tmp_path / "first")
    assert files(tmp_path / "again") != files(tmp_path / "second")


def files(folder: Path) -> dict[Path, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in found}


APT = """#!/bin/sh
case "$*" in *python@NEWEST@*) ;; *python3.*) exit 100 ;; *) exit 0 ;; esac
ln -s python3.9 "$(dirname "$0")/python@NEWEST@"
"""
PYTHON = """#!/bin/sh
case "$*" in
-c*) case "$0" in *3.9 | *python3) exit 1 ;; esac ;;
*"-m venv"*) mkdir -p "$3/bin"; ln -s "$0" "$3/bin/python" ;;
*) echo "$0 $*" ;;
esac
"""


@pytest.mark.parametrize("newest", ["3.12", "nothing"])
def test_setup_takes_the_python_that_an_image_has_beside_its_own(
    archive: Path, tmp_path: Path, newest: str
) -> None:
    """An image of Python 3.9, whose packages hold a newer one, or hold none."""
    unpack(archive, tmp_path / "source")
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    for name, text in (("apt-get", APT), ("python3.9", PYTHON)):
        (stubs / name).write_text(text.replace("@NEWEST@", newest))
        (stubs / name).chmod(0o755)
    (stubs / "python3").symlink_to("python3.9")
    environment = {"PATH": f"{stubs}:{os.environ['PATH']}", "AUTOGRADER": str(tmp_path)}
    script = str(tmp_path / "source" / "setup.sh")
    done = subprocess.run(["bash", script], env=environment, capture_output=True, text=True)
    if newest == "nothing":
        assert (done.returncode, "choose a newer base image" in done.stderr) == (1, True)
    else:
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "source" / ".venv" / "bin" / "python").readlink().name == "python3.12"
        assert "--require-hashes" in done.stdout
        assert (tmp_path / "source").stat().st_mode & 0o777 == 0o700


@as_root
def test_the_reference_has_all_points_though_a_thief_sits_in_it(top: Path) -> None:
    """Every program of it looks for the grader's files first, and ends if it gets at one."""
    cases.thief(LAB4, top / "submission", top)
    results, printed = graded(top)
    assert results["score"] == 100, printed
    assert {test["status"] for test in results["tests"]} == {"passed"}
    assert results["extra_data"]["isolation"] == isolation.LIMITS
    assert results["extra_data"]["seed"] == 7
    fits(results, "gradescope")


@as_root
def test_the_thief_would_have_told(passable: Path) -> None:
    """Where all is open, it ends with SIGABRT, and says what it got at."""
    (passable / "source").mkdir(mode=0o755)
    cases.thief(LAB4, passable, passable)
    program, main = passable / "thief", passable / "main.c"
    main.write_text("int main(void) { return 0; }\n")
    thief = passable / LAB4.folder / "thief.c"
    subprocess.run(["cc", "-o", str(program), str(thief), str(main)], check=True)
    done = subprocess.run([str(program)], capture_output=True, text=True, user=65_534)
    assert done.returncode < 0
    assert f"got at {passable}/source" in done.stderr


@as_root
def test_the_compiler_is_not_root_either(top: Path) -> None:
    cases.includer(LAB4, top / "submission", top)
    results, printed = graded(top)
    assert results["score"] == 0, printed
    output = re.sub(r"[\s│]", "", results["tests"][0]["output"])
    assert "filenotfound:…/assignment.json" in output
    assert "minutes" not in json.dumps(results["tests"]), "which stands in assignment.json"
    fits(results, "gradescope")


@as_root
def test_what_holds_nothing_of_the_lab_has_no_points(top: Path) -> None:
    (top / "submission" / "letter.txt").write_text("I was ill.\n")
    results, _ = graded(top)
    assert (results["score"], "no C file of lab4-message" in results["output"]) == (0, True)
    fits(results, "gradescope")


@as_root
@pytest.mark.parametrize("gone", [".venv/bin/python", "grader/verdicts.py", "labs/lab.mk"])
def test_a_grader_that_breaks_scores_nothing(top: Path, gone: str) -> None:
    """With neither a score nor tests, Gradescope says that the autograder failed."""
    cases.reference(LAB4, top / "submission")
    (top / "source" / gone).unlink()
    results, _ = graded(top)
    assert results["output"] == NOT_JUDGED
    assert {"score", "tests"} & results.keys() == set()
    fits({**results, "score": 0}, "gradescope")


@as_root
def test_nothing_is_graded_where_others_can_read_what_is_the_graders(top: Path) -> None:
    script = top / "source" / "run_autograder"
    script.write_text(script.read_text().replace("chmod 700", "chmod 755"))
    cases.reference(LAB4, top / "submission")
    results, printed = graded(top)
    assert results["output"] == NOT_JUDGED
    assert f"other users can get at {top}/results" in printed


@as_root
def test_private_is_what_no_other_user_may_read_or_write(passable: Path) -> None:
    for name, mode in (("read", 0o704), ("written", 0o702), ("entered", 0o701), ("closed", 0o700)):
        (passable / name).mkdir()
        (passable / name).chmod(mode)
    for name in ("read", "written", "entered"):
        assert str(passable / name) in one.why_unsafe([passable / "closed", passable / name])
    assert one.why_unsafe([passable / "closed"]) == ""


def test_who_is_not_root_needs_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(isolation, "why_not_namespaces", lambda: "forbidden")
    assert one.why_unsafe([]) == "the grader is not root, and there are no namespaces: forbidden"
    monkeypatch.setattr(isolation, "why_not_namespaces", lambda: "")
    assert one.why_unsafe([]) == ""


def test_all_of_a_group_are_named() -> None:
    users = [{"id": 1, "name": "Ada\n", "email": "a@example.org"}, {"id": 2, "name": "Bob"}]
    student = in_gradescope.student_of({"users": users})
    assert student == Student("submission", "Ada\\n, Bob", id="1", email="a@example.org")


@pytest.mark.parametrize("text", ["", "[]", "null", '{"users": 3}', '{"users": [null]}', "\xff"])
def test_metadata_that_make_no_sense_name_nobody(tmp_path: Path, text: str) -> None:
    path = tmp_path / "submission_metadata.json"
    path.write_bytes(text.encode("latin-1"))
    assert in_gradescope.student_of(in_gradescope.metadata(path)) == Student("submission", "")


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    """Autolab's folder for one submission: the reference, handed in as an archive."""
    made = tmp_path / "made"
    made.mkdir()
    autolab.make(LAB4, ORDER, None, made)
    folder = tmp_path / "instance"
    folder.mkdir()
    (made / "autograde-Makefile").rename(folder / "Makefile")
    (made / "autograde.tar").rename(folder / "autograde.tar")
    with tarfile.open(folder / "handin.tar", "w") as handin:
        handin.add(ROOT / "solutions" / LAB4.folder, LAB4.folder)
    return folder


def autoresult(folder: Path, python: Path) -> tuple[dict[str, Any], str]:
    """The last line that make prints, and all of it."""
    environment = {"PATH": os.environ["PATH"], "PYTHON": str(python)}
    done = subprocess.run(["make"], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stdout


def test_autolab_has_the_autoresult_in_the_last_line(instance: Path, tmp_path: Path) -> None:
    result, printed = autoresult(instance, python_at(tmp_path / "bin" / "python"))
    fits(result, "autolab")
    assert sum(result["scores"].values()) == 100, printed
    assert "4.1 The header: 8 of 8\n" in printed


def test_autolab_keeps_its_scores_where_the_grader_breaks(instance: Path, tmp_path: Path) -> None:
    result, printed = autoresult(instance, tmp_path / "no-python")
    assert result == {"scores": {}}
    assert "GRADER-ERROR" in printed


POLICY = '[points]\n"4.1" = 108  # "\\\t\u2603\n'  # 100 points more than it has


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    text = github.render(Assignment(3, 7, 40), "a-teacher/labs", "ab" * 20, POLICY)
    data: dict[str, Any] = yaml.safe_load(text)
    return data


def test_the_workflow_has_the_form_that_github_documents(workflow: dict[str, Any]) -> None:
    schema = json.loads((ROOT / "grader" / "selftest" / "workflow.json").read_text())
    jsonschema.validate({str(name): value for name, value in workflow.items()}, schema)


def test_the_workflow_takes_the_grader_from_the_instructor(workflow: dict[str, Any]) -> None:
    steps = workflow["jobs"]["run-autograding-tests"]["steps"]
    checkouts = [step["with"] for step in steps if "checkout" in step.get("uses", "")]
    assert [place["path"] for place in checkouts] == ["submission", "toolkit"]
    assert checkouts[1]["repository"] == "a-teacher/labs"
    assert checkouts[1]["ref"] == "ab" * 20
    assert not any(place["persist-credentials"] for place in checkouts)


def test_actions_are_named_by_commit_but_for_the_reporter(workflow: dict[str, Any]) -> None:
    steps = workflow["jobs"]["run-autograding-tests"]["steps"]
    used = {step["uses"].partition("@")[::2] for step in steps if "uses" in step}
    by_tag = {(name, at) for name, at in used if not re.fullmatch("[0-9a-f]{40}", at)}
    assert by_tag == {("classroom-resources/autograding-grading-reporter", "v1")}


def test_the_reporter_is_handed_the_step_that_grades(workflow: dict[str, Any]) -> None:
    *_, grading, reporter = workflow["jobs"]["run-autograding-tests"]["steps"]
    name = reporter["with"]["runners"]
    assert name == grading["id"]
    assert reporter["env"] == {f"{name.upper()}_RESULTS": f"${{{{ steps.{name}.outputs.result }}}}"}


def test_the_policy_stands_in_the_workflow(workflow: dict[str, Any]) -> None:
    *_, grading, _ = workflow["jobs"]["run-autograding-tests"]["steps"]
    assert grading["env"] == {"LAB": "3", "SEED": "7", "MINUTES": "40", "POLICY": POLICY}


def test_a_policy_that_github_would_change_is_refused(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("# ${{ github.actor }}\n")
    with pytest.raises(UsageError, match="GitHub would take"):
        call(github, tmp_path / "out", "--repository", "a/b", "--policy", str(policy))
    assert not (tmp_path / "out" / github.WORKFLOW).exists()


def test_github_gets_the_result_in_base64(tmp_path: Path) -> None:
    """And no policy of the student's has a say in it."""
    cases.not_c(LAB4, tmp_path / "submission")
    theirs = tmp_path / "submission" / ".github" / "classroom" / "policy.toml"
    theirs.parent.mkdir(parents=True)
    theirs.write_text('[points]\n"4.1" = 1000\n')
    outputs = tmp_path / "outputs"
    done = subprocess.run(
        [sys.executable, "-m", "grader.classroom.platforms.in_github", tmp_path / "submission"],
        env={
            **os.environ, "LAB": "4", "SEED": "7", "MINUTES": "40", "POLICY": POLICY,
            "GITHUB_OUTPUT": str(outputs),
        },
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    name, _, text = outputs.read_text().strip().partition("=")
    result = json.loads(base64.b64decode(text))
    fits(result, "github-classroom")
    assert (name, result["status"], result["max_score"]) == ("result", "fail", 200)
    first, *_, last = done.stdout.splitlines()
    assert first == f"::stop-commands::{last.strip(':')}", "no line between them is a command"
