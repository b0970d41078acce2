"""What a run may not leave on the machine: processes, files, mounts, cgroups, network.

``seen`` lists it; what is there after and was not before is a trace. That needs a machine where
nobody else works: ``alone`` makes one, with mounts, network and IPC of its own. Processes are known
for ours wherever we are.
"""

from __future__ import annotations

import ctypes
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from grader.run import isolation, procinfo
from grader.selftest.class_of.archives import MARK
from grader.selftest.harness import ROOT

_PR_SET_CHILD_SUBREAPER = 36
_ALONE = "CLASS_ALONE"  # the environment's name of: this process is alone already
_ENDING_SECONDS = 20.0  # for what has been killed, or sees that its parent is gone

_UNSHARE = ("unshare", "--mount", "--net", "--ipc", "--fork", "--kill-child")

# Folders that any process may write to, and how deep to look.
_SHARED = {"/tmp": 2, "/dev/shm": 2, "/var/tmp": 2, "/run": 2, "/dev": 1, "/": 1, "/etc": 1}
_QUIET = ("__pycache__", ".mypy_cache", ".ruff_cache")


def adopt() -> None:
    """From now on every process that the run leaves behind becomes a child of this one, however it
    forked: prctl(2), PR_SET_CHILD_SUBREAPER.
    """
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _children() -> list[int]:
    """Those that live; those that ended are waited for."""
    alive = []
    for pid in procinfo.children(os.getpid()):
        try:
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                alive.append(pid)
        except ChildProcessError:
            continue
    return alive


def processes() -> list[str]:
    """What is left of a run after ``adopt``. What is about to end gets the time to."""
    end = time.monotonic() + _ENDING_SECONDS
    while _children() and time.monotonic() < end:
        select.select([], [], [], 0.05)
    return [f"process {pid} {procinfo.name(pid)!r}" for pid in _children()]


def _files(folder: Path, depth: int) -> set[str]:
    found: set[str] = set()
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return found
    for entry in entries:
        if entry.name in _QUIET:
            continue
        found.add(f"file {entry.path!r}")
        if depth > 1 and entry.is_dir(follow_symlinks=False):
            found |= _files(Path(entry.path), depth - 1)
    return found


def _home() -> set[str]:
    return _files(Path.home(), 3)


def _repository() -> set[str]:
    """Every file that git does not ignore, with its state; and those that it ignores, by name."""
    command = ["git", "-C", str(ROOT), "status", "--porcelain", "--ignored", "--no-renames"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    lines = done.stdout.splitlines()
    return {f"repository {line}" for line in lines if not any(word in line for word in _QUIET)}


def _mounts() -> set[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return {f"mount {line.split()[4]}" for line in lines}


def cgroups(root: Path = Path("/sys/fs/cgroup")) -> set[str]:
    """Those below this process's own, in each hierarchy, and those of graders that are gone. The
    machine makes others, and so do the graders of others.
    """
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    own = tuple(f"{line.split(':', 2)[2]}/" for line in lines if not line.endswith(":/"))
    found = [path for path, _, _ in os.walk(root)]
    return {
        f"cgroup {path}"
        for path in found
        if _is_of_the_dead(path) or any(name in path for name in own)
    }


def _is_of_the_dead(cgroup: str) -> bool:
    match = re.search(r"/echo-to-raft-(\d+)", cgroup)
    return match is not None and not Path("/proc", match[1]).exists()


def _sockets() -> set[str]:
    """Who listens; addresses of Unix sockets; interfaces; network namespaces with a name."""
    found = set(_files(Path("/run/netns"), 1))
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]:
            fields = line.split()
            if kind.startswith("udp") or fields[3] == "0A":  # TCP_LISTEN
                found.add(f"{kind} {fields[1]}")
    lines = Path("/proc/net/unix").read_text().splitlines()[1:]
    found |= {f"unix {line.split()[7]}" for line in lines if len(line.split()) > 7}
    interfaces = Path("/proc/net/dev").read_text().splitlines()[2:]
    return found | {f"interface {line.partition(':')[0].strip()}" for line in interfaces}


def _shared_memory() -> set[str]:
    return {
        f"{kind} {line.split()[1]}"
        for kind in ("shm", "sem", "msg")
        for line in Path(f"/proc/sysvipc/{kind}").read_text().splitlines()[1:]
    }


def seen(busy: bool = False) -> set[str]:
    """All that can be a trace, but for processes. Where the checkout is ``busy``, other tests work
    in it, and with the same home folder.
    """
    looks: list[Callable[[], set[str]]] = [_mounts, cgroups, _sockets, _shared_memory]
    looks += [] if busy else [_home, _repository]
    found = {line for look in looks for line in look()}
    for folder, depth in _SHARED.items():
        found |= _files(Path(folder), depth)
    return found


def left(before: set[str], ours: Path, busy: bool = False) -> list[str]:
    """What is there now and was not before, and processes; not what lies in the folder ``ours``."""
    found = processes()
    groups = cgroups() - before
    new = [line for line in seen(busy) - before if not line.startswith(("cgroup", f"file '{ours}"))]
    end = time.monotonic() + _ENDING_SECONDS
    while groups and time.monotonic() < end:  # a grader's janitor ends after it; others', too
        select.select([], [], [], 0.05)
        groups &= cgroups()
    return found + sorted(new) + sorted(groups)


def marked(folder: Path) -> list[str]:
    """Files of harmful archives that came out anywhere in ``folder``."""
    return sorted(str(path) for path in folder.rglob("*") if MARK in path.name)


def is_alone() -> bool:
    """Whether this process sees nobody's traces but ours."""
    return _ALONE in os.environ


def can_be_alone() -> bool:
    """Root may have namespaces of its own; so may some others, who then lose other rights."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    return subprocess.run([*_UNSHARE, "true"], capture_output=True).returncode == 0


# Empty folders of this disk in the place of those that all write to; loopback is up.
_ENTER = """
set -e
for folder in /tmp /var/tmp /dev/shm; do
    mkdir -p "$1$folder"
    chmod 1777 "$1$folder"
done
mount --bind "$1/tmp" /tmp
mount --bind "$1/dev/shm" /dev/shm
mount --bind "$1/var/tmp" /var/tmp  # hides $1
shift
exec "$@"
"""


def alone() -> None:
    """Runs this program again with mounts, network and IPC that it shares with nobody, and ends
    with its status. Returns where that is done already, or not possible.
    """
    if is_alone():
        isolation.bring_loopback_up()
        return
    if not can_be_alone():
        return
    sys.exit(run_alone([sys.executable, "-m", "grader.selftest.class_of.shows", *sys.argv[1:]]))


def run_alone(command: list[str]) -> int:
    """The command's status, in namespaces of its own."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    place = tempfile.mkdtemp(prefix="class-alone-", dir="/var/tmp")
    enter = [*_UNSHARE, "sh", "-c", _ENTER, "sh", place, *command]
    try:
        return subprocess.run(enter, env={**os.environ, _ALONE: "1"}).returncode
    finally:  # subprocess.run has killed unshare, and that its child
        shutil.rmtree(place, ignore_errors=True)
