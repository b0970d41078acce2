"""Which isolation this machine allows, and entering it.

Two levels exist, and every result is stamped with the one it was reached under:

``namespaces``
    The grader moves into a network namespace of its own in which only loopback is up, and runs each
    student program there in a bubblewrap sandbox: own processes, files, users and IPC, nothing to
    reach outside.
``limits``
    Where the kernel or a container forbids that: resource limits and a keeper that kills all
    descendants. Fit for one's own code, not for a stranger's.

A grader that runs as root drops student programs to a user id that nobody else has (in both
levels).
"""

from __future__ import annotations

import ctypes
import fcntl
import functools
import os
import resource
import shutil
import socket
import struct
import subprocess
import sys
from dataclasses import dataclass

from grader.errors import UsageError

NAMESPACES = "namespaces"
LIMITS = "limits"
MOST_DESCRIPTORS = 65_536  # that the grader takes where it may

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1

# Above all ids that distributions hand out, so unique to a grader while its process lives.
FIRST_UID = 2_000_000_000


@dataclass(frozen=True)
class Isolation:
    """How student programs are kept apart from this machine.

    ``level`` is NAMESPACES or LIMITS, ``reason`` says why it is not the higher one (empty if it
    is), ``uid`` is the user and group id that programs run as, or None for the grader's own.
    """

    level: str
    reason: str
    uid: int | None


def raise_descriptor_limit() -> None:
    """Lets the grader itself have many connections: the soft limit is often 1024, getrlimit(2)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(MOST_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def enter(wanted: str | None = None) -> Isolation:
    """Enters the highest level that works here, or the ``wanted`` one. Call once, before any thread
    is started.

    Raises UsageError where ``wanted`` is NAMESPACES and this machine does not allow it.
    """
    if not sys.platform.startswith("linux"):
        raise UsageError("the labs need Linux: use the dev container or WSL (see 'make doctor')")
    uid = _unprivileged_uid() if os.geteuid() == 0 else None
    if wanted == LIMITS:
        return Isolation(LIMITS, "asked for by ISOLATION=limits", uid)
    reason = _probe(uid)
    if reason and wanted == NAMESPACES:
        raise UsageError(f"no namespaces on this machine: {reason}")
    if reason:
        return Isolation(LIMITS, reason, uid)
    _enter_network_namespace()
    return Isolation(NAMESPACES, "", uid)


def why_not_namespaces() -> str:
    """Why this machine does not allow the level NAMESPACES, or "" if it does. Enters nothing."""
    return _probe(_unprivileged_uid() if os.geteuid() == 0 else None)


def _unprivileged_uid() -> int | None:
    """A user id for student programs that no other grader has at this time; None where a container
    has only one.
    """
    own = FIRST_UID + os.getpid()
    with open("/proc/self/uid_map", encoding="ascii") as map_file:
        ranges = [tuple(map(int, line.split())) for line in map_file]
    if any(first <= own < first + count for first, _, count in ranges):
        return own
    first, _, count = max(ranges, key=lambda entry: entry[2])
    return first + count - 2 - os.getpid() % 1000 if count > 2000 else None


def _probe(uid: int | None) -> str:
    """Tries all of it in a child process. Returns "" or the first thing that did not work."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _enter_network_namespace()
            _try_bubblewrap(uid)
        except BaseException as error:  # the child must end here, whatever happened
            os.write(writing, (str(error) or repr(error)).encode()[:400])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        reason = pipe.read().decode(errors="replace")
    os.waitpid(child, 0)
    return reason


def _try_bubblewrap(uid: int | None) -> None:
    command = [
        "bwrap",
        *base_options(),
        "--ro-bind",
        "/",
        "/",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "true",
    ]
    identity = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
    done = subprocess.run(
        command, capture_output=True, env={"PATH": os.environ.get("PATH", os.defpath)}, **identity
    )  # type: ignore[call-overload]
    if done.returncode != 0:
        raise OSError(
            done.stderr.decode(errors="replace").strip() or f"bwrap exited with {done.returncode}"
        )


def base_options() -> list[str]:
    """bubblewrap's options for namespaces and privileges. The network is shared with the grader's
    own namespace.
    """
    options = ["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts"]
    options += [
        "--unshare-cgroup-try",
        "--as-pid-1",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
    ]
    return options + (["--disable-userns"] if _knows_disable_userns() else [])


@functools.cache
def _knows_disable_userns() -> bool:
    """bubblewrap before 0.8 can't keep a program from making user namespaces of its own."""
    done = subprocess.run(["bwrap", "--help"], capture_output=True, text=True)
    return "--disable-userns" in done.stdout + done.stderr


def _enter_network_namespace() -> None:
    uid, gid = os.geteuid(), os.getegid()
    try:
        if uid == 0:
            _unshare(_CLONE_NEWNET)
        else:
            _unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"{uid} {uid} 1")
            _write("/proc/self/gid_map", f"{gid} {gid} 1")
        bring_loopback_up()
    except OSError as error:
        raise OSError(f"no network namespace: {error.strerror}") from error


def _unshare(flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def bring_loopback_up() -> None:
    """netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16xH14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[0]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))
