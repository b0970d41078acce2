"""What ``make doctor`` says of a machine."""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from rich.console import Console

from grader import doctor, probes, starters
from grader.run import isolation


def say(width: int = 80) -> tuple[int, str]:
    """The exit status, and what is printed on a terminal without colours."""
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    status = doctor.main(console)
    assert isinstance(console.file, io.StringIO)
    return status, console.file.getvalue()


@pytest.fixture
def bare_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH on which there is only what links into this folder say."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    return tmp_path


def link(folder: Path, *names: str) -> None:
    for name in names:
        real = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin")
        assert real is not None, name
        (folder / name).symlink_to(real)


def row(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.strip().startswith(name))


def test_a_machine_that_runs_these_tests_has_all_that_is_required() -> None:
    status, text = say()
    assert status == 0
    assert "All that is required is here" in text
    for name in ("C compiler", "ASan and UBSan", "make", "Python with venv"):
        assert row(text, name).rstrip().endswith("required")
        assert "MISSING" not in row(text, name)


def test_eighty_columns_are_enough(bare_path: Path) -> None:
    """All but the commands, which have to stay on one line each."""
    _, text = say()
    long = [
        line for line in text.splitlines() if len(line) > 80 and not line.startswith("    sudo")
    ]
    assert long == []
    assert "\x1b" not in text


def test_nothing_there(bare_path: Path) -> None:
    status, text = say()
    assert status == 1
    words = " ".join(text.split())
    assert "Missing and required: C compiler, ASan and UBSan, make." in words
    assert re.search(
        "sudo apt-get install gcc libc6-dev make gdb bubblewrap git .*redis-tools", text
    )
    assert re.search("sudo dnf install gcc libasan libubsan make libtsan gdb .*wireshark-cli", text)
    assert re.search("sudo pacman -S --needed gcc make gdb .*valkey", text)


def test_optional_tools_are_not_required(bare_path: Path) -> None:
    link(bare_path, "cc", "as", "ld", "make")
    status, text = say()
    assert status == 0, text
    assert "MISSING" in row(text, "gdb")
    assert "resource limits alone" in " ".join(text.split())


def test_a_compiler_without_sanitizers_is_not_enough(bare_path: Path) -> None:
    link(bare_path, "as", "ld", "make", "sh")
    (bare_path / "cc").write_text(
        '#!/bin/sh\ncase "$*" in *-fsanitize*) echo "cannot find -lasan" >&2; exit 1;; esac\nexec '
        '/usr/bin/cc "$@"\n'
    )
    (bare_path / "cc").chmod(0o755)
    status, text = say()
    assert status == 1
    assert "cannot find -lasan" in text
    assert "required: ASan and UBSan." in " ".join(text.split())


def test_a_compiler_that_prints_escapes_does_no_harm(bare_path: Path) -> None:
    link(bare_path, "make", "sh")
    (bare_path / "cc").write_text("#!/bin/sh\nprintf '\\033[31m[bold]red\\n' >&2\nexit 1\n")
    (bare_path / "cc").chmod(0o755)
    status, text = say()
    assert status == 1
    assert "\x1b" not in text
    assert "\\x1b[31m[bold]red" in text


def test_apparmor_gets_its_explanation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        isolation, "why_not_namespaces", lambda: "no network namespace: Permission denied"
    )
    monkeypatch.setattr(probes, "tool", lambda *names: lambda: probes.Finding("0.9.0", True))
    monkeypatch.setattr(probes, "_setting", lambda name: "1" if "apparmor" in name else "")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    finding = probes.sandbox()
    assert (finding.found, finding.good) == ("0.9.0, forbidden", False)
    assert "Ubuntu, from 24.04 on" in finding.why
    assert "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0" in finding.why


@pytest.mark.parametrize(("system", "name"), [("Darwin", "macOS"), ("Windows", "Windows")])
def test_other_systems_are_told_what_to_use(
    system: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "other")
    monkeypatch.setattr("platform.system", lambda: system)
    status, text = say()
    assert status == 1
    assert f"This is {name}" in text
    assert "dev container" in text
    assert "WSL 2" in text


@pytest.mark.parametrize(
    ("words", "version"),
    [
        ("cc (Debian 12.2.0-14+deb12u1) 12.2.0\nCopyright (C) 2022", "12.2.0"),
        ("GNU gdb (Ubuntu 12.1-0ubuntu1~22.04) 12.1", "12.1"),
        ("Chromium 120.0.6099.224 built on Debian 12.4", "120.0.6099.224"),
        ("LLVM (http://llvm.org/):\n  LLVM version 15.0.7", "15.0.7"),
        ("valgrind-3.19.0", "3.19.0"),
        ("no number", "yes"),
    ],
)
def test_versions_are_read_from_what_tools_say(words: str, version: str) -> None:
    assert probes.version_in(words) == version


def test_a_kit_needs_no_tools_of_the_toolkit(
    bare_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no make test and no make lint."""
    _, here = say()
    monkeypatch.setattr(starters, "is_kit", lambda: True)
    _, in_kit = say()
    for words in ("make test", "make lint", "Chromium", "clang-tidy", "To work on the toolkit"):
        assert words in here
        assert words not in in_kit
    assert "make bench LAB=2" in in_kit
