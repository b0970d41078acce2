"""Objects that are kept: what is the same is not compiled again, and all else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.run.objects import Objects
from grader.selftest.harness import ROOT

FILES = {
    "lab.mk": b"rules",
    "lab1-echo/a.c": b'#include "a.h"\n',
    "lab1-echo/a.h": b"int a;\n",
    "lab1-echo/b.h": b"int b;\n",
}


def own(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def compiled(folder: Path, reads: str = "lab1-echo/a.c \\\n  lab1-echo/a.h") -> Path:
    """A tree in which a.c was compiled, after it read these files."""
    made = folder / "judge" / "obj" / "lab1-echo"
    made.mkdir(parents=True)
    (made / "a.o").write_bytes(b"object")
    (made / "a.d").write_text(f"judge/obj/lab1-echo/a.o: {reads}\n")
    (made / "a.txt").write_text("a warning")
    return folder


def found(tmp_path: Path, files: dict[str, bytes], compiler: str = "cc 1") -> str | None:
    """What another tree has of a.c."""
    tree = tmp_path / "other"
    tree.mkdir()
    Objects(tmp_path / "cache", compiler, files).put("judge", tree, own)
    made = tree / "judge" / "obj" / "lab1-echo"
    if not (made / "a.o").exists():
        return None
    return (made / "a.o").read_text() + ", " + (made / "a.txt").read_text()


def keep(tmp_path: Path, files: dict[str, bytes], **more: str) -> None:
    tree = compiled(tmp_path / "tree", **more)
    Objects(tmp_path / "cache", "cc 1", files).keep("judge", tree)


def test_the_same_is_not_compiled_again(tmp_path: Path) -> None:
    keep(tmp_path, FILES)
    assert found(tmp_path, FILES | {"lab1-echo/b.h": b"another"}) == "object, a warning"


@pytest.mark.parametrize("name", ["lab.mk", "lab1-echo/a.c", "lab1-echo/a.h"])
def test_whatever_it_read_is_to_be_the_same(tmp_path: Path, name: str) -> None:
    keep(tmp_path, FILES)
    assert found(tmp_path, FILES | {name: FILES[name] + b"\n"}) is None


def test_another_compiler_compiles_again(tmp_path: Path) -> None:
    keep(tmp_path, FILES)
    assert found(tmp_path, FILES, compiler="cc 2") is None


@pytest.mark.parametrize("look", [b"#if __has_include(<x>)", b'asm(".incbin \\"x\\"");'])
def test_what_depends_on_more_than_it_says_is_not_kept(tmp_path: Path, look: bytes) -> None:
    files = FILES | {"lab1-echo/a.h": look}
    keep(tmp_path, files)
    assert found(tmp_path, files) is None


def test_what_read_files_of_no_tree_is_not_kept(tmp_path: Path) -> None:
    keep(tmp_path, FILES, reads="lab1-echo/a.c ../../etc/passwd")
    assert found(tmp_path, FILES) is None


def test_links_are_not_followed(tmp_path: Path) -> None:
    tree = compiled(tmp_path / "tree")
    made = tree / "judge" / "obj" / "lab1-echo" / "a.o"
    made.unlink()
    made.symlink_to("/etc/passwd")
    Objects(tmp_path / "cache", "cc 1", FILES).keep("judge", tree)
    assert found(tmp_path, FILES) is None


def test_a_file_that_would_be_found_first_is_not_passed_over(tmp_path: Path) -> None:
    files = FILES | {"include/net.h": b"int n;\n"}
    keep(tmp_path, files, reads="lab1-echo/a.c include/net.h")
    assert found(tmp_path, files | {"lab1-echo/net.h": b"int other;\n"}) is None


def test_the_fault_build_takes_the_objects_of_the_judge_build(tmp_path: Path) -> None:
    assert "\nflags_faults := $(flags_judge)\n" in (ROOT / "labs" / "lab.mk").read_text()
    keep(tmp_path, FILES)
    Objects(tmp_path / "cache", "cc 1", FILES).put("faults", own(tmp_path / "other"), own)
    assert (tmp_path / "other" / "faults" / "obj" / "lab1-echo" / "a.o").read_text() == "object"
