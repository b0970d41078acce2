"""The students' bundle, and the starters in it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from grader import kit, starters
from grader.errors import UsageError
from grader.tree import ROOT, project_files

if (ROOT / starters.FOLDER).exists():
    pytest.skip("this is a kit, not the project's repository", allow_module_level=True)

LAB1 = "lab1-echo"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kit.make_kit(tmp_path_factory.mktemp("kit"), [])


def contents(archive: Path) -> dict[str, bytes]:
    """The files in a kit by their paths below its top folder."""
    with tarfile.open(archive) as tar:
        files = {}
        for member in tar:
            data = tar.extractfile(member)
            assert data is not None, member.name
            files[member.name.removeprefix(f"{kit.TOP}/")] = data.read()
        return files


def unpack(archive: Path, folder: Path) -> Path:
    """As a student does it, with tar(1). Returns the kit's top folder."""
    subprocess.run(["tar", "-xzf", str(archive), "-C", str(folder)], check=True)
    return folder / kit.TOP


def test_two_runs_give_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    assert kit.make_kit(tmp_path, []).read_bytes() == archive.read_bytes()


def test_holds_nothing_of_the_machine_that_made_it(archive: Path) -> None:
    assert archive.read_bytes()[3:8] == bytes(5), "the gzip header names no file and no time"
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == sorted(member.name for member in members)
    assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {
        (0, 0, "", "")
    }
    assert len({member.mtime for member in members}) == 1
    assert {member.mode for member in members} <= {0o644, 0o755}
    assert all(member.isfile() and member.name.startswith(f"{kit.TOP}/") for member in members)
    assert str(ROOT).encode() not in gzip.decompress(archive.read_bytes())


def test_holds_what_a_student_needs(archive: Path) -> None:
    needed = {
        "Makefile",
        "README.md",
        "LICENSE",
        ".clang-format",
        ".devcontainer/devcontainer.json",
        "docs/protocol.md",
        "docs/grader.md",
        "labs/lab.mk",
        "labs/include/net.h",
        "labs/host/faults.c",
        "grader/__main__.py",
        "grader/labs/starters.json",
        "grader/labs/lab1/stages_echo.py",
        "grader/requirements/student.txt",
        f"{starters.FOLDER}/{LAB1}/net.c",
        "handouts/index.md",
        "handouts/lab1.md",
    }
    assert needed - contents(archive).keys() == set()


def test_holds_no_solution_and_no_selftest(archive: Path) -> None:
    files = contents(archive)
    solutions = {
        path.read_bytes()
        for path in (ROOT / "solutions").rglob("*.c")
        if path.is_file() and path.stat().st_size > 0
    } - {path.read_bytes() for path in (ROOT / "labs").rglob("*.c")}  # some parts are given whole
    assert solutions
    assert [name for name, data in files.items() if data in solutions] == []
    odd = [
        name for name in files if "selftest" in name or "solutions" in name or "__pycache__" in name
    ]
    assert odd == []


def test_the_help_lists_no_command_that_needs_what_stays_out(archive: Path) -> None:
    text = contents(archive)["grader/help.txt"].decode()
    assert "make lab1 " in text and "make bench " in text and "make clean " in text
    assert re.findall(r"solution|BORROW|A class|\bmake (?:kit|fuzz)\b|\n\n\n| \n", text) == []


def test_the_help_of_a_kit_with_a_solution_tells_of_it(tmp_path: Path) -> None:
    text = contents(kit.make_kit(tmp_path, [1]))["grader/help.txt"].decode()
    assert "solutions is the reference" in text and "BORROW=" in text


def test_whatever_help_and_readme_tell_to_run_is_a_command_there(
    archive: Path, tmp_path: Path
) -> None:
    """make has what it needs for each; the grader itself is played by a program that does
    nothing.
    """
    top = unpack(archive, tmp_path)
    texts = [(top / name).read_text() for name in ("grader/help.txt", "README.md")]
    told = re.findall(r"(?:^ +|`)(make .+?)(?:  | \(|`|$)", "\n".join(texts), re.MULTILINE)
    assert len(told) > 15
    venv = environment(tmp_path, "#!/bin/sh\n")
    for command in told:
        done = subprocess.run(
            [*shlex.split(command), f"VENV={venv}", f"PYTHON={sys.executable}"],
            cwd=top, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stderr}"


def test_the_readme_leads_to_files_of_the_kit(archive: Path) -> None:
    files = contents(archive)
    links = re.findall(r"\]\(([^)]+)\)", files["README.md"].decode())
    assert links and set(links) <= files.keys()


def test_labs_of_the_student_are_not_in_the_archive(archive: Path) -> None:
    """Else a newer kit, unpacked over an older one, would write over them."""
    assert [
        name for name in contents(archive) if name.startswith("labs/lab") and name != "labs/lab.mk"
    ] == []


def test_released_solutions_are_in(tmp_path: Path) -> None:
    made = kit.make_kit(tmp_path, [1])
    assert made.name == "echo-to-raft-kit-with-solutions-1.tar.gz"
    files = contents(made)
    assert files[f"solutions/{LAB1}/net.c"] == (ROOT / "solutions" / LAB1 / "net.c").read_bytes()


def test_a_release_that_is_no_lab_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="RELEASE=7: there is no lab 7") as refused:
        kit.make_kit(tmp_path, [1, 7])
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_no_kit_is_made_from_a_kit(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a kit already"):
        kit.make_kit(tmp_path, [], root=unpack(archive, tmp_path))


def test_a_newer_kit_keeps_the_students_work(archive: Path, tmp_path: Path) -> None:
    top = unpack(archive, tmp_path)
    first = starters.install(top)
    assert f"labs/{LAB1}/echo_server.c" in first
    edited, own = top / "labs" / LAB1 / "echo_server.c", top / "labs" / LAB1 / "mine.c"
    edited.write_text("/* mine */\n")
    own.write_text("/* mine too */\n")
    (top / "labs" / LAB1 / "net.c").unlink()
    unpack(archive, tmp_path)
    assert starters.install(top) == [f"labs/{LAB1}/net.c"], "only what is missing comes again"
    assert (edited.read_text(), own.read_text()) == ("/* mine */\n", "/* mine too */\n")


def test_a_link_of_the_student_is_not_followed(archive: Path, tmp_path: Path) -> None:
    top, elsewhere = unpack(archive, tmp_path), tmp_path / "elsewhere.c"
    (top / "labs" / LAB1).mkdir()
    (top / "labs" / LAB1 / "net.c").symlink_to(elsewhere)
    assert f"labs/{LAB1}/net.c" not in starters.install(top)
    assert not elsewhere.exists()


def test_a_checkout_has_nothing_to_install() -> None:
    assert starters.install(ROOT) == []


def test_only_tracked_files_go_in(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for name in ("kept.c", "new.c", "kept.c~", "gone.c"):
        (tmp_path / name).touch()
    subprocess.run(["git", "-C", str(tmp_path), "add", "kept.c", "kept.c~", "gone.c"], check=True)
    (tmp_path / "gone.c").unlink()
    assert project_files(tmp_path) == ["kept.c"]


def test_without_git_all_files_go_in_but_caches_backups_and_links(tmp_path: Path) -> None:
    for name in (
        "a/b.c",
        "a/b.c~",
        "a/.#b.c",
        "a/b.c.orig",
        "__pycache__/x.pyc",
        "out/lab1.json",
        "out.c",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link.c").symlink_to("out.c")
    assert project_files(tmp_path) == ["a/b.c", "out.c"]


def test_starters_json_is_up_to_date() -> None:
    """If not: python -m grader.starters --write."""
    assert json.loads(starters.HASHES.read_text()) == starters.known_hashes()


def test_older_hashes_are_kept(tmp_path: Path) -> None:
    (tmp_path / "labs" / LAB1).mkdir(parents=True)
    (tmp_path / "labs" / LAB1 / "echo_client.c").write_bytes(b"new")
    (tmp_path / "labs" / LAB1 / "notes.txt").write_bytes(b"no C")
    file = tmp_path / "starters.json"
    file.write_text(json.dumps({f"{LAB1}/echo_client.c": ["0" * 64]}))
    found = starters.known_hashes(tmp_path, file)
    assert found == {f"{LAB1}/echo_client.c": ["0" * 64, hashlib.sha256(b"new").hexdigest()]}


def test_an_unpacked_kit_grades_lab_1(archive: Path, tmp_path: Path) -> None:
    """In a path with a space and a letter outside ASCII; the starters fail the first stage
    politely.
    """
    folder = tmp_path / "m\u00ee lab"
    folder.mkdir()
    top = unpack(archive, folder)
    plain = {
        name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "CC")
    }
    venv = environment(tmp_path, f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    command = ["make", "lab1", f"VENV={venv}"]
    done = subprocess.run(command, cwd=top, env=plain, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    result = json.loads((top / "out" / "lab1.json").read_text())
    verdicts = {stage["id"]: stage["verdict"] for stage in result["stages"]}
    assert verdicts.pop("1.1") in ("WRONG", "HANG")
    assert set(verdicts.values()) == {"SKIPPED"}
    assert result["points"] == 0
    assert (top / "labs" / LAB1 / "echo_server.c").is_file()


def environment(folder: Path, program: str) -> Path:
    """A folder that the Makefile takes for its set-up environment, with that script for its
    Python.
    """
    python = folder / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(program)
    python.chmod(0o755)
    (folder / "venv" / "student").touch()
    return folder / "venv"
