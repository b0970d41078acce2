"""Folders that programs may write are read and written without following where they lead."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.labs.lab6.contents import Link
from grader.labs.lab6.folders import Folders
from grader.run.files import Quota
from grader.selftest.harness import ROOT
from grader.verdicts import StageFailure


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder that a program may write, beside what it may not."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"swordfish")
    (tmp_path / "shop").mkdir()
    return tmp_path / "shop"


@pytest.fixture
def folders(shop: Path) -> Iterator[Folders]:
    made = Folders(shop, None)
    yield made
    made.close()


def test_content_comes_back(folders: Folders) -> None:
    content = {"log": b"x" * 100, "old": None, "old/log": b""}
    folders.put("raft-1", content)
    folders.put("raft-1", content)
    assert folders.content("raft-1") == content
    folders.put("raft-1", {"log": b"y"})
    assert folders.content("raft-1") == {"log": b"y"}


def test_what_is_no_file_is_passed_over(folders: Folders, shop: Path) -> None:
    folders.put("raft-1", {"log": b"x"})
    (shop / "raft-1" / "link").symlink_to(shop.parent / "outside" / "secret")
    (shop / "raft-1" / "far").symlink_to(shop.parent / "outside")
    os.mkfifo(shop / "raft-1" / "fifo")
    outside = os.fsencode(shop.parent / "outside")
    found = folders.content("raft-1")
    assert found == {"far": Link(outside), "link": Link(outside + b"/secret"), "log": b"x"}
    folders.put("raft-2", found)
    assert os.readlink(shop / "raft-2" / "far") == os.fsdecode(outside)


def test_a_link_in_a_folders_place_is_replaced_and_not_followed(
    folders: Folders, shop: Path
) -> None:
    outside = shop.parent / "outside"
    (shop / "raft-1").symlink_to(outside)
    with pytest.raises(StageFailure):
        folders.content("raft-1")
    folders.put("raft-1", {"log": b"x"})
    folders.put("raft-1", None)
    (shop / "raft-1").symlink_to(outside)
    folders.put("raft-1", None)
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == {"secret": b"swordfish"}
    assert list(shop.iterdir()) == []


@pytest.mark.parametrize(
    "action", [lambda f: f.put_file("file", b"x"), lambda f: f.forbid("raft-1", "log")]
)
def test_a_link_in_a_files_place_is_not_followed(
    folders: Folders, shop: Path, action: Callable[[Folders], None]
) -> None:
    secret = shop.parent / "outside" / "secret"
    folders.put("raft-1", {})
    (shop / "file").symlink_to(secret)
    (shop / "raft-1" / "log").symlink_to(secret)
    before = secret.stat()
    with pytest.raises(StageFailure):
        action(folders)
    assert (secret.read_bytes(), secret.stat().st_mode) == (b"swordfish", before.st_mode)


def test_too_much_is_the_programs_fault(folders: Folders, shop: Path) -> None:
    deep(shop / "raft-1", 40)
    with pytest.raises(StageFailure):
        folders.content("raft-1")


def deep(top: Path, depth: int) -> None:
    """Folders in folders, each made from the one above it: a long path is refused."""
    script = "import os, sys\nos.mkdir(sys.argv[1]); os.chdir(sys.argv[1])\n"
    script += f"for _ in range({depth}): os.mkdir('d'); os.chdir('d')\n"
    subprocess.run([sys.executable, "-c", script, str(top)], check=True)


def test_a_quota_counts_bytes_and_files(tmp_path: Path) -> None:
    assert not Quota(tmp_path, 1 << 16, 2).is_exceeded()
    (tmp_path / "one").write_bytes(bytes(1 << 15))
    (tmp_path / "far").symlink_to("/usr")
    assert not Quota(tmp_path, 1 << 16, 2).is_exceeded()
    deep(tmp_path / "deep", 3)
    assert Quota(tmp_path, 1 << 20, 4).is_exceeded()
    (tmp_path / "deep" / "d" / "two").write_bytes(bytes(1 << 16))
    assert Quota(tmp_path, 1 << 16, 100).is_exceeded()
    assert not Quota(tmp_path, 1 << 20, 100).is_exceeded()


def test_the_janitor_removes_what_python_can_not(tmp_path: Path) -> None:
    """Folders that are deeper than its stack."""
    script = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from grader.run.runtime import runtime_folder\n"
        "with runtime_folder() as folder:\n"
        "    print(folder, flush=True); input()\n"
    )
    grader = subprocess.Popen(
        [sys.executable, "-I", "-c", script, str(ROOT)],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert grader.stdout is not None
    folder = Path(grader.stdout.readline().strip())
    deep(folder / "deep", 3000)
    (folder / "deep" / "d").chmod(0)
    grader.communicate("\n")
    assert list(tmp_path.iterdir()) == []
