"""The programs of one grader, as one among others: bounded in memory, and with no more of the CPUs
than the programs of another grader have: cgroups(7), both versions, where this user may make a
group.

Memory counts here that counts for no process, such as full pipes and sockets, and files in /tmp.
And a thousand threads of one submission get together what one process beside them gets, such as
their grader, which stays where it is. (With both in one group, in halves of it or the grader at
nice -20, Linux 6.18 was seen to let all else on the machine wait for 4 s, again and again.)
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

_made: list[Cgroup] = []


@dataclass(frozen=True)
class Cgroup:
    """The group ``path``, there once it is made; ``limit`` names the file for the bound of memory,
    if the group has one.
    """

    path: Path
    limit: str = ""

    @staticmethod
    def planned() -> list[Cgroup]:
        """Those that would be made."""
        return list(_places())

    def make(self) -> None:
        """What is started in a sandbox from now on joins it. Where it can't be made, nothing
        does.
        """
        with contextlib.suppress(OSError):
            self.path.mkdir()
            try:
                if self.limit:
                    (self.path / self.limit).write_text(
                        str(min(_MOST_BYTES, _installed() * 3 // 4))
                    )
            except OSError:
                self.path.rmdir()
                return
            _made.append(self)

    def close(self) -> None:
        """What is started from now on does not join it."""
        with contextlib.suppress(ValueError):
            _made.remove(self)

    def remove(self) -> None:
        """Once nothing runs there any more."""
        end = time.monotonic() + _PATIENCE_S
        while self.path.is_dir() and time.monotonic() < end:
            with contextlib.suppress(OSError):
                self.path.rmdir()
                return
            time.sleep(0.02)


def open_groups() -> list[int]:
    """A descriptor for each group that was made: who writes 0 there joins it. The caller closes
    them.
    """
    return [os.open(group.path / "cgroup.procs", os.O_WRONLY) for group in _made]


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
                if "memory" in _words(home.parent / "cgroup.subtree_control"):
                    yield Cgroup(home.parent / name, "memory.max")
            elif kind == "cgroup" and {*controllers} <= {*options}:
                if "memory" in controllers:
                    yield Cgroup(home / name, "memory.limit_in_bytes")
                elif "cpu" in controllers:
                    yield Cgroup(home / name)


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
