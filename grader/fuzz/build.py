"""Builds fuzz targets and drivers, by the rules of labs/lab.mk, from a tree of trusted code: there
is no sandbox here.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from grader.errors import MachineError, UsageError
from grader.labs import LABS
from grader.run.build import LABS as GIVEN
from grader.run.build import SOLUTIONS

HERE = Path(__file__).resolve().parent

INSTALL = """\
make fuzz needs clang and its libFuzzer, and they are not all here:
  Debian, Ubuntu:  sudo apt-get install clang libclang-rt-dev
  Fedora, Arch:    sudo dnf install clang compiler-rt, sudo pacman -S clang compiler-rt"""

_CHECKS = "-fsanitize=address,undefined"
_FLAGS = ("-O2", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all")
_C = ("-std=c11", "-D_GNU_SOURCE", "-g", "-Wall", "-Wextra", "-Wpedantic")
_EMPTY = "int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }"


def has_libfuzzer() -> bool:
    """True if clang is there and links libFuzzer, which is a package of its own."""
    if shutil.which("clang") is None:
        return False
    command = ["clang", "-fsanitize=fuzzer,address", "-x", "c", "-", "-o", "/dev/null"]
    return subprocess.run(command, input=_EMPTY, capture_output=True, text=True).returncode == 0


class Builds:
    """Built programs of one tree, kept in ``folder``: what did not change is not compiled again."""

    def __init__(self, work: Path, folder: Path) -> None:
        self._tree = folder / "build"
        _mirror(GIVEN / "include", self._tree / "include")
        _mirror(GIVEN / "host", self._tree / "host")
        shutil.copyfile(GIVEN / "lab.mk", self._tree / "lab.mk")
        for lab in LABS:
            own = work / lab.folder
            if own.is_dir() or (SOLUTIONS / lab.folder).is_dir():
                source = own if own.is_dir() else SOLUTIONS / lab.folder
                _mirror(source, self._tree / lab.folder)

    def driver(self, name: str) -> Path:
        """A given program of labs/host, as a verdict would come from it."""
        self._make(f"judge/{name}")
        return self._tree / "judge" / name

    def target(self, name: str, sources: tuple[str, ...], folder: str) -> Path:
        """A fuzz target around the modules of a lab, the only code whose coverage counts."""
        flags = " ".join((*_FLAGS, f"{_CHECKS},fuzzer-no-link"))
        self._make("CC=clang", "BUILD=fuzz", f"flags_fuzz={flags}", f"fuzz/{folder}.a")
        path = self._tree / "fuzz" / name
        objects = []
        for source in sources:
            objects.append(f"{path}-{source}.o")
            include = f"-I{self._tree / 'include'}"
            given = [*_C, *_FLAGS, _CHECKS, include, "-c", str(HERE / f"{source}.c")]
            _run(["clang", *given, "-o", objects[-1]], name)
        archive = str(self._tree / "fuzz" / f"{folder}.a")
        _run(["clang", f"{_CHECKS},fuzzer", "-o", str(path), *objects, archive], name)
        return path

    def _make(self, *words: str) -> None:
        _run(["make", "-s", "-C", str(self._tree), "-f", "lab.mk", *words], words[-1])


def _run(command: list[str], what: str) -> None:
    """Raises UsageError with what the compiler said."""
    if shutil.which(command[0]) is None:
        raise MachineError(f"{command[0]} is not on the PATH")
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        raise UsageError(f"{what} does not build:\n{(done.stdout + done.stderr).strip()}")


def _mirror(source: Path, copy: Path) -> None:
    """Makes ``copy`` hold the C files of ``source``; those that are equal keep their times."""
    copy.mkdir(parents=True, exist_ok=True)
    texts = {path.name: path.read_bytes() for path in source.glob("*.[ch]")}
    for path in copy.glob("*.[ch]"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        path = copy / name
        if not path.is_file() or path.read_bytes() != text:
            path.write_bytes(text)
