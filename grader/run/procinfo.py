"""What the kernel says of a process: proc(5). All of it is empty or zero for a process that is
gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import select
from collections.abc import Callable
from pathlib import Path

from grader.run import tcp

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")

_SYSCALLS = {
    "x86_64": {
        0: "read", 1: "write", 7: "poll", 20: "writev", 23: "select", 34: "pause",
        35: "nanosleep", 42: "connect", 43: "accept", 44: "sendto", 45: "recvfrom",
        47: "recvmsg", 61: "wait4", 202: "futex", 230: "clock_nanosleep", 232: "epoll_wait",
        247: "waitid", 270: "pselect6", 271: "ppoll", 281: "epoll_pwait", 288: "accept4",
        441: "epoll_pwait2",
    },
    "aarch64": {
        22: "epoll_pwait", 63: "read", 64: "write", 66: "writev", 72: "pselect6", 73: "ppoll",
        95: "waitid", 98: "futex", 101: "nanosleep", 115: "clock_nanosleep", 202: "accept",
        203: "connect", 206: "sendto", 207: "recvfrom", 212: "recvmsg", 242: "accept4",
        260: "wait4", 441: "epoll_pwait2",
    },
}  # fmt: skip


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third (state) on; [] if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def state(pid: int) -> str:
    """One letter: R running, S sleeping, D in the disk, T stopped, Z zombie; "" if it is gone."""
    return (_stat(pid) or [""])[0]


def name(pid: int) -> str:
    """The program's name, cut to 15 characters."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return ""


def ends_within(pid: int, seconds: float) -> bool:
    """Whether a child of the grader's ends in that time: pidfd_open(2)."""
    pidfd = os.pidfd_open(pid)
    try:
        end = select.poll()
        end.register(pidfd, select.POLLIN)
        return bool(end.poll(seconds * 1000))
    finally:
        os.close(pidfd)


def cpu_seconds(pid: int) -> float:
    """User and system time of the process and of the children that it waited for."""
    fields = _stat(pid)
    return sum(int(field) for field in fields[11:15]) * _TICK_S if fields else 0.0


def schedule(pid: int) -> tuple[float, float]:
    """Seconds for which its main thread ran, and for which it was ready to run and had no
    processor: Documentation/scheduler/sched-stats.rst of Linux.
    """
    try:
        ran, waited, _ = map(int, Path(f"/proc/{pid}/schedstat").read_text().split())
    except (OSError, ValueError):
        return 0.0, 0.0
    return ran / 1e9, waited / 1e9


def is_starved(pid: int, seconds: float, since: tuple[float, float] = (0.0, 0.0)) -> bool:
    """Whether its main thread was ready to run for that long without a processor, and for four
    times as long as it ran, since its ``schedule`` was that.
    """
    ran, waited = (now - before for now, before in zip(schedule(pid), since, strict=True))
    return waited > seconds and waited > 4 * ran


def pressure_seconds() -> float:
    """How long anything on this machine was ready to run and had no processor, since it was booted;
    0 where the kernel does not say: Documentation/accounting/psi.rst of Linux.
    """
    try:
        return int(Path("/proc/pressure/cpu").read_text().partition("total=")[2].split()[0]) / 1e6
    except (OSError, ValueError, IndexError):
        return 0.0


def wake_ups(pid: int) -> int:
    """How often its main thread went to sleep by itself so far."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(errors="replace")
        return int(text.partition("\nvoluntary_ctxt_switches:")[2].split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    except OSError:
        pass
    return found


def tree(pid: int) -> list[int]:
    """The process and all its descendants that still have their parents."""
    found = [pid]
    for parent in found:  # grows while it is walked
        found += [child for child in children(parent) if child not in found]
    return found


def ancestors(pid: int, last: int) -> set[int]:
    """The parents of a process, up to ``last``."""
    found: set[int] = set()
    while pid != last and pid > 1 and (fields := _stat(pid)):
        pid = int(fields[1])
        found.add(pid)
    return found


def resident_bytes(pid: int) -> int:
    """Resident memory in bytes, shared pages included."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0


def proportional_bytes(pid: int) -> int:
    """Its share of resident memory, in bytes: a page that n processes have counts 1/n for each."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return (
            int(next(line.split()[1] for line in text.splitlines() if line.startswith("Pss:")))
            << 10
        )
    except (OSError, ValueError, IndexError, StopIteration):
        return resident_bytes(pid)


def descriptors(pid: int) -> dict[int, str]:
    """Open descriptors and what they are, such as ``socket:[1234]``."""
    text = _seen(pid, lambda: json.dumps(_links(pid)))
    return {int(number): what for number, what in json.loads(text or "{}").items()}


def _links(pid: int) -> dict[int, str]:
    """Raises OSError."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
    return found


def _seen(pid: int, look: Callable[[], str]) -> str:
    """What ``look`` finds in /proc/PID, "" if the process is gone.

    A root without CAP_SYS_PTRACE, as in a container, may see less of another user's process than
    that user: ptrace(2). So where root may not, a child looks as the process's own user.
    """
    try:
        return look()
    except PermissionError:
        return _seen_as_owner(pid, look) if os.geteuid() == 0 else ""
    except OSError:
        return ""


def become(uid: int) -> None:
    """This process is that user's from now on, and cannot go back: setresuid(2)."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _seen_as_owner(pid: int, look: Callable[[], str]) -> str:
    """The change of user also keeps that user's other processes from tracing the child."""
    try:
        owner = Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return ""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            become(owner)
            with os.fdopen(writing, "w") as pipe:
                pipe.write(look())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, errors="replace") as pipe:
        text = pipe.read()
    return text if os.waitpid(child, 0)[1] == 0 else ""


def doing(pid: int) -> str:
    """What the process is at: the system call that it sleeps in, or that it runs."""
    letter = state(pid)
    if letter != "S":
        words = {"R": "running", "D": "in the kernel", "T": "stopped", "Z": "a zombie", "": "gone"}
        return words.get(letter, f"in state {letter}")
    text = _seen(pid, Path(f"/proc/{pid}/syscall").read_text)
    try:
        number = text.split()[0]
        name = _SYSCALLS.get(platform.machine(), {}).get(int(number), f"system call {number}")
    except (ValueError, IndexError):
        return "asleep"
    return f"asleep in {name}()"


def threads(pid: int) -> list[int]:
    try:
        return sorted(map(int, os.listdir(f"/proc/{pid}/task")))
    except OSError:
        return []


def listening_ports(pid: int) -> list[int]:
    """Ports that the process itself listens on."""
    held = set(descriptors(pid).values())
    listening = (s for s in tcp.sockets(pid) if s.state == tcp.LISTENING)
    return sorted({s.port for s in listening if f"socket:[{s.inode}]" in held})


def listener_blocks(pid: int) -> bool:
    """Whether a listening socket of the process has no O_NONBLOCK: proc(5), fdinfo."""
    listening = {f"socket:[{s.inode}]" for s in tcp.sockets(pid) if s.state == tcp.LISTENING}
    for number, what in descriptors(pid).items():
        if what in listening:
            text = _seen(pid, Path(f"/proc/{pid}/fdinfo/{number}").read_text)
            flags = text.partition("flags:")[2].split()
            if flags and not int(flags[0], 8) & os.O_NONBLOCK:
                return True
    return False


def connections(pid: int, port: int) -> int:
    """How many sockets on local ``port``, other than listening ones, some process still holds."""
    sockets = [s for s in tcp.sockets(pid) if s.port == port and s.on_loopback]
    return sum(1 for s in sockets if s.state != tcp.LISTENING and s.inode)
