"""What this machine has and lacks for the labs, in plain words: ``make doctor``."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table

from grader import probes, starters
from grader.report import escape


@dataclass(frozen=True)
class Check:
    """One thing to look for. ``packages`` are those of Debian, Ubuntu, Fedora and Arch, in this
    order; a thing that only work on the toolkit itself needs has ``toolkit``, and a kit has no such
    work.
    """

    what: str
    serves: str
    probe: Callable[[], probes.Finding]
    packages: tuple[str, str, str, str]
    required: bool = False
    toolkit: bool = False


_INSTALL = {
    "Debian": "sudo apt-get install",
    "Ubuntu": "sudo apt-get install",
    "Fedora": "sudo dnf install",
    "Arch": "sudo pacman -S --needed",
}


def main(console: Console) -> int:
    """Prints what is there and what is missing. Returns 0 if all that is required is there,
    else 1.
    """
    if not sys.platform.startswith("linux"):
        _say(console, _not_linux(platform.system()))
        return 1
    in_kit = starters.is_kit()
    checks = [check for check in _CHECKS if not (check.toolkit and in_kit)]
    found = [(check, check.probe()) for check in checks]
    console.print(_table(found))
    for check, finding in found:
        if finding.why:
            _say(console, f"{check.what}: {finding.why}\n")
    missing = [check for check, finding in found if not finding.good]
    for_labs, for_toolkit = [
        [check for check in missing if check.toolkit is toolkit] for toolkit in (False, True)
    ]
    _print_remedies(console, "To install what is missing:", for_labs)
    _print_remedies(
        console, "To work on the toolkit itself (make test, make lint), also:", for_toolkit
    )
    needed = [check.what for check in missing if check.required]
    if needed:
        _say(console, f"The labs do not work here yet. Missing and required: {', '.join(needed)}.")
    else:
        _say(console, "All that is required is here: 'make lab1' works.")
    return 1 if needed else 0


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False)


def _not_linux(system: str) -> str:
    name = {"Darwin": "macOS"}.get(system, system)
    return (
        f"This is {name}, and the labs need Linux: they are about Linux system calls.\n"
        "On macOS, open the folder in the dev container (.devcontainer/, with any tool that knows "
        "dev containers).\n"
        "On Windows, use WSL 2 with Debian or Ubuntu, or the dev container."
    )


def _table(found: list[tuple[Check, probes.Finding]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title, width in (("what", 20), ("found", 18), ("needed for", 25), ("", 8)):
        table.add_column(title, max_width=width, overflow="fold")
    for check, finding in found:
        need = "required" if check.required else "optional"
        table.add_row(check.what, escape.one_line(finding.found), check.serves, need)
    return table


def _print_remedies(console: Console, title: str, missing: list[Check]) -> None:
    """One line a kind of distribution, which installs all of ``missing``; nothing where nothing
    is.
    """
    lines: dict[str, str] = {}
    for index, (name, command) in enumerate(_INSTALL.items()):
        packages = dict.fromkeys(
            word for check in missing for word in check.packages[index].split()
        )
        line = f"{command} {' '.join(packages)}"
        lines[line] = f"{lines[line]}, {name}" if line in lines else name
    if missing:
        console.print(title)
        for line, names in lines.items():
            console.print(f"  {names}:\n    {line}", markup=False, highlight=False, soft_wrap=True)
        console.print()


def _same(package: str) -> tuple[str, str, str, str]:
    return package, package, package, package


_GCC = ("gcc libc6-dev", "gcc libc6-dev", "gcc", "gcc")
_CHECKS = (
    Check("C compiler", "all labs", probes.compiler, _GCC, required=True),
    Check(
        "ASan and UBSan",
        "all labs: memory errors",
        probes.builds_with("-fsanitize=address,undefined"),
        ("gcc", "gcc", "libasan libubsan", "gcc"),
        required=True,
    ),
    Check("make", "all labs", probes.tool("make"), _same("make"), required=True),
    Check(
        "Python with venv",
        "the grader",
        probes.python,
        ("python3-venv", "python3-venv", "python3", "python"),
        required=True,
    ),
    Check(
        "ThreadSanitizer",
        "data races, where there are threads",
        probes.builds_with("-fsanitize=thread"),
        ("gcc", "gcc", "libtsan", "gcc"),
    ),
    Check("descriptors", "stage 2.10", probes.descriptors, _same("")),
    Check("gdb", "make debug", probes.tool("gdb"), _same("gdb")),
    Check("sandbox (bubblewrap)", "keeping programs apart", probes.sandbox, _same("bubblewrap")),
    Check("git", "the history of your work", probes.tool("git"), _same("git")),
    Check("valgrind", "looking by yourself", probes.tool("valgrind"), _same("valgrind")),
    Check(
        "tshark",
        "looking at real packets",
        probes.tool("tshark"),
        ("tshark", "tshark", "wireshark-cli", "wireshark-cli"),
    ),
    Check(
        "redis-tools",
        "clients, from lab 3 on",
        probes.tool("redis-cli", "valkey-cli"),
        ("redis-tools", "redis-tools", "valkey-compat-redis", "valkey"),
    ),
    Check(
        "libevent, libuv",
        "make bench LAB=2",
        probes.builds_with("-levent_core", "-luv"),
        (
            "libevent-dev libuv1-dev",
            "libevent-dev libuv1-dev",
            "libevent-devel libuv-devel",
            "libevent libuv",
        ),
    ),
    Check(
        "hiredis",
        "make bench LAB=3",
        probes.builds_with("-lhiredis"),
        ("libhiredis-dev", "libhiredis-dev", "hiredis-devel", "hiredis"),
    ),
    Check(
        "protobuf-c, msgpack-c",
        "make bench LAB=4",
        probes.with_tool("protoc-c", probes.builds_with("-lprotobuf-c", "-lmsgpackc")),
        (
            "libprotobuf-c-dev protobuf-c-compiler libmsgpack-dev",
            "libprotobuf-c-dev protobuf-c-compiler libmsgpack-dev",
            "protobuf-c-devel protobuf-c-compiler msgpack-devel",
            "protobuf-c msgpack-c",
        ),
    ),
    Check(
        "libraft",
        "make bench LAB=5, LAB=6",
        probes.builds_with("-lraft"),
        ("libraft-dev", "libraft-dev", "raft-devel", "raft"),
    ),
    Check(
        "etcd",
        "make bench LAB=6",
        probes.tool("etcd"),
        ("etcd-server", "etcd-server", "etcd", "etcd"),
    ),
    Check(
        "curl, wrk",
        "make test: HTTP",
        probes.on_path("curl", "wrk"),
        _same("curl wrk"),
        toolkit=True,
    ),
    Check(
        "Chromium",
        "make test: HTML reports",
        probes.tool("chromium", "chromium-browser", "google-chrome"),
        ("chromium", "chromium-browser", "chromium", "chromium"),
        toolkit=True,
    ),
    Check(
        "clang-format, -tidy",
        "make lint",
        probes.all_tools("clang-format", "clang-tidy"),
        ("clang-format clang-tidy", "clang-format clang-tidy", "clang-tools-extra", "clang"),
        toolkit=True,
    ),
)
