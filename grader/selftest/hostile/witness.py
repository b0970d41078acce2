"""Looks at the machine from outside after a hostile submission was graded: is anything of it left?

Other graders run at the same time. So each finding bears a mark of the run: its user id, the token
that its programs use wherever they name something, or the run's folder. Each kind is a function
from the marks to what it found, in words.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_LISTENING = "0A"  # proc(5), /proc/net/tcp
_WRITABLE = ("/", "/etc", "/home", "/tmp", "/var/tmp", "/dev/shm", "/run", "/root")
_SOURCES = (".py", ".c", ".h", ".mk", ".toml", ".json", ".ini", ".md")


@dataclass(frozen=True)
class Marks:
    """What tells a run's traces from those of others. ``folder`` is its own, and looked at by
    ``strangers``.
    """

    uids: frozenset[int]
    token: str
    folder: Path
    grader: int  # its pid

    def match(self, text: str) -> bool:
        return self.token in text or str(self.folder) in text


def processes(marks: Marks) -> set[str]:
    """By their user, or by their name."""
    found = set()
    for process in _entries(Path("/proc")):
        if not process.name.isdecimal():
            continue
        try:
            lines = (process / "status").read_text().splitlines()
            fields = dict(line.split(":", 1) for line in lines)
        except (OSError, ValueError):  # it ended meanwhile
            continue
        is_of_user = not marks.uids.isdisjoint(map(int, fields["Uid"].split()))
        if is_of_user or marks.token in fields["Name"]:
            found.add(f"process {process.name}, {fields['Name'].strip()}")
    return found


def files(marks: Marks) -> set[str]:
    """Right in the folders where strangers might write."""
    found = set()
    for folder in {*_WRITABLE, str(Path.home())}:
        for path in _entries(Path(folder)):
            if path != marks.folder and (marks.match(path.name) or _owner(path) in marks.uids):
                found.add(f"file {path}")
    return found


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _owner(path: Path) -> int:
    try:
        return path.lstat().st_uid
    except OSError:
        return -1


def ipc(marks: Marks) -> set[str]:
    """System V: each line has the ids of owner and maker. POSIX queues by name."""
    found = set()
    for table in ("shm", "sem", "msg"):
        for row in _table(Path("/proc/sysvipc", table)):
            if not marks.uids.isdisjoint((int(row["uid"]), int(row["cuid"]))):
                found.add(f"System V {table} {row['key']}")
    queues = [path for path in _entries(Path("/dev/mqueue")) if marks.match(path.name)]
    return found | {f"message queue {path}" for path in queues}


def sockets(marks: Marks) -> set[str]:
    """Names of UNIX sockets, and all that listens by internet."""
    found = {f"UNIX socket {line.split()[-1]}" for line in _lines("unix") if marks.match(line)}
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        for line in _lines(kind)[1:]:
            _, local, _, state, _, _, _, uid, *_ = line.split()
            if int(uid) in marks.uids and (state == _LISTENING or kind.startswith("udp")):
                found.add(f"{kind} socket {local}")
    return found


def mounts(marks: Marks, process: str = "self") -> set[str]:
    """As that process sees them."""
    lines = Path("/proc", process, "mountinfo").read_text().splitlines()
    return {f"mount {line}" for line in lines if marks.match(line)}


def cgroups(marks: Marks) -> set[str]:
    """Named after the grader."""
    return {f"cgroup {path}" for path in cgroups_of(marks.grader)}


def cgroups_of(grader: int) -> list[str]:
    """Those of a grader with this pid. Others' may vanish meanwhile, which os.walk passes over."""
    walked = os.walk("/sys/fs/cgroup")
    return [path for path, _, _ in walked if path.endswith(f"/echo-to-raft-{grader}")]


def keys(marks: Marks) -> set[str]:
    """How many a user has in the kernel's key store, which names them to that user alone:
    keyrings(7).
    """
    path = Path("/proc/key-users")
    lines = path.read_text().splitlines() if path.exists() else []
    return {f"keys of {line}" for line in lines if int(line.partition(":")[0]) in marks.uids}


KINDS: tuple[Callable[[Marks], set[str]], ...] = (
    processes, files, ipc, sockets, mounts, cgroups, keys,
)  # fmt: skip


def traces(marks: Marks) -> set[str]:
    """Of all kinds."""
    return {found for kind in KINDS for found in kind(marks)}


def _table(path: Path) -> Iterator[dict[str, str]]:
    lines = path.read_text().splitlines() if path.exists() else []
    return (dict(zip(lines[0].split(), line.split(), strict=False)) for line in lines[1:])


def _lines(kind: str) -> list[str]:
    path = Path("/proc/net", kind)
    return path.read_text(errors="replace").splitlines() if path.exists() else []


def strangers(folder: Path, expected: set[str]) -> set[str]:
    """What else is in the folder."""
    return {f"file {path}" for path in folder.iterdir() if path.name not in expected}


def unexpected_results(out: Path, lab: str) -> set[str]:
    """Of what is in OUT, all that no grader writes there."""
    known = {f"lab{lab}.json", "report.html", "junit.xml", "traces"}
    pages = {out / "traces" / f"lab{lab}-"}
    return {
        str(path)
        for path in out.rglob("*")
        if path.is_symlink()
        or (path.parent == out and path.name not in known)
        or (path.parent != out and not str(path).startswith(tuple(map(str, pages))))
    }


def snapshot(*trees: Path) -> dict[str, tuple[int, int, int]]:
    """Size, mode and time of each source file in them."""
    return {
        str(path): (found.st_size, found.st_mode, found.st_mtime_ns)
        for tree in trees
        for folder, _, names in os.walk(tree)
        for path in (Path(folder, name) for name in names if name.endswith(_SOURCES))
        for found in (path.lstat(),)
    }
