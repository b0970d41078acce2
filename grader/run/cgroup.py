"""One grader, and what it starts, as one among others: bounded in memory, and with no more of the
CPUs than another grader has: cgroups(7), both versions, where this user may make a group.

Memory counts here that counts for no process, such as full pipes and sockets, and files in /tmp.
And a thousand threads of one submission get together what one grader beside it gets. Where no group
can be made, only what processes hold is bounded (``Program``).
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MOST_BYTES = 6 << 30  # above what one program and one build may take
_PATIENCE_S = 20
_FIRST = -20  # sched(7), nice


@dataclass(frozen=True)
class Cgroup:
    """The group ``path``, made for this process by ``enter``; ``home`` is where it comes from.
    ``limit`` names the file for the bound of memory, if the group has one. Within one that has a
    share of the CPUs, this process comes first: a submission shall not starve its own grader.
    """

    path: Path
    home: Path
    limit: str = ""
    has_cpu: bool = False

    @staticmethod
    def planned() -> list[Cgroup]:
        """Those that would be made."""
        return list(_places())

    def enter(self) -> None:
        """Makes the group and moves this process there, or leaves everything as it is."""
        with contextlib.suppress(OSError):
            self.path.mkdir()
            try:
                if self.limit:
                    (self.path / self.limit).write_text(
                        str(min(_MOST_BYTES, _installed() * 3 // 4))
                    )
                (self.path / "cgroup.procs").write_text("0")
            except OSError:
                self.path.rmdir()
                return
            if self.has_cpu:  # the keeper takes it back for programs
                os.setpriority(os.PRIO_PROCESS, 0, _FIRST)

    def leave(self) -> None:
        """Moves this process back."""
        if self.path.is_dir():
            with contextlib.suppress(OSError):
                (self.home / "cgroup.procs").write_text("0")
                if self.has_cpu:
                    os.setpriority(os.PRIO_PROCESS, 0, 0)

    def remove(self) -> None:
        """Once nothing runs there any more."""
        end = time.monotonic() + _PATIENCE_S
        while self.path.is_dir() and time.monotonic() < end:
            with contextlib.suppress(OSError):
                self.path.rmdir()
                return
            time.sleep(0.02)


def _installed() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _places() -> Iterator[Cgroup]:
    """In version 1 groups in our own; in version 2, where none may hold both processes and groups,
    one beside it.
    """
    name = f"echo-to-raft-{os.getpid()}"
    for controllers, path in _own_groups():
        for kind, options, root, point in _mounts():
            if not Path(path).is_relative_to(root):
                continue
            home = point / Path(path).relative_to(root)
            if kind == "cgroup2" and controllers == [""] and home != point:
                shared = _words(home.parent / "cgroup.subtree_control")
                if "memory" in shared:
                    yield Cgroup(home.parent / name, home, "memory.max", "cpu" in shared)
            elif kind == "cgroup" and {*controllers} <= {*options}:
                if "memory" in controllers:
                    yield Cgroup(home / name, home, "memory.limit_in_bytes")
                elif "cpu" in controllers:
                    yield Cgroup(home / name, home, has_cpu=True)


def _own_groups() -> Iterator[tuple[list[str], str]]:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        yield controllers.split(","), path


def _mounts() -> Iterator[tuple[str, list[str], str, Path]]:
    """Kind, options, root within the hierarchy, and place: proc(5), mountinfo."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        _, _, _, root, point, *_ = before.split()
        if kind.startswith("cgroup"):
            yield kind, options.split(","), root, Path(point)


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
