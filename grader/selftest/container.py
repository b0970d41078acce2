"""A bare Debian, and containers of it as Docker would start them: the same root folder for each,
under an overlay of its own; own processes, mounts and network; the capabilities that Docker leaves
to root.

All of it lives in mount namespaces, so nothing is left mounted or running, however this ends.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from grader.errors import UsageError

# Docker's documentation, "Linux kernel capabilities": those that a container has by default.
_CAPABILITIES = (
    "chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "net_bind_service", "net_raw", "sys_chroot", "mknod", "audit_write", "setfcap",
)  # fmt: skip

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# The program and its arguments follow; $1 is the base, $2 the folder of this container, $3 what is
# bound into it at $4. /dev is what a container has, and nothing of the machine's.
_ENTER = r"""
set -eu
base=$1 here=$2 outside=$3 inside=$4 capabilities=$5; shift 5
if [ "$here" = "$base" ]; then root=$base; else
    mount -t tmpfs tmpfs "$here"
    mkdir "$here/upper" "$here/work" "$here/root"; root=$here/root
    mount -t overlay overlay -o "lowerdir=$base,upperdir=$here/upper,workdir=$here/work" "$root"
    mkdir -p "$root$inside"; mount --bind "$outside" "$root$inside"
    ip link set lo up
fi
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir -m 1777 "$root/dev/shm"; mkdir "$root/dev/pts"
mount -t tmpfs -o mode=1777,size=64m tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
mknod -m 666 "$root/dev/null" c 1 3; mknod -m 666 "$root/dev/zero" c 1 5
mknod -m 666 "$root/dev/full" c 1 7; mknod -m 666 "$root/dev/tty" c 5 0
mknod -m 666 "$root/dev/random" c 1 8; mknod -m 666 "$root/dev/urandom" c 1 9
ln -s /proc/self/fd "$root/dev/fd"; ln -s pts/ptmx "$root/dev/ptmx"
exec setpriv --bounding-set "$capabilities" chroot "$root" "$@"
"""


def make_base(folder: Path, suite: str) -> Path:
    """The root folder of a Debian with apt and nothing else. Raises UsageError."""
    if os.geteuid() != 0 or not (shutil.which("mmdebstrap") and shutil.which("ip")):
        needed = "mmdebstrap and ip (apt-get install mmdebstrap iproute2)"
        raise UsageError(f"a bare Debian needs root, {needed}")
    root = folder / "base"
    made = subprocess.run(
        ["mmdebstrap", "--quiet", "--mode=root", "--variant=apt", suite, str(root)],
        capture_output=True, text=True,
    )  # fmt: skip
    if made.returncode != 0:
        raise UsageError(f"mmdebstrap: {made.stderr.strip()}")
    _as_this_machine(root)
    return root


def _as_this_machine(root: Path) -> None:
    """What a container is given: names, and what reaches package registries as its machine does."""
    (root / "etc" / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
    for name in ("usr/local/share/ca-certificates", "etc/pip.conf"):
        here = Path("/", name)
        if here.is_dir():
            shutil.copytree(here, root / name, dirs_exist_ok=True)
        elif here.is_file():
            shutil.copy(here, root / name)


def in_image(base: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in the root folder itself, as when an image is built."""
    return _enter(base, base, base, Path("/"), command)


def in_container(
    base: Path, folder: Path, outside: Path, inside: Path, *command: str
) -> subprocess.CompletedProcess[str]:
    """Runs the command in a container that sees the folder ``outside`` as ``inside``, and whose
    other changes are gone after. ``folder`` is an empty one.
    """
    return _enter(base, folder, outside, inside, command)


def _enter(
    base: Path, folder: Path, outside: Path, inside: Path, command: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    kept = "-all," + ",".join(f"+{name}" for name in _CAPABILITIES)
    places = [str(path) for path in (base, folder, outside, inside)]
    apart = ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"]
    if folder != base:
        apart.append("--net")
    return subprocess.run(
        [*apart, "sh", "-c", _ENTER, "sh", *places, kept, *command],
        env={"PATH": _PATH, "HOME": "/root"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
    )  # fmt: skip
