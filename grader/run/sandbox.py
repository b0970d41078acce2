"""The command lines that start a program under a keeper, in bubblewrap or under limits alone."""

from __future__ import annotations

import os
import resource
import shutil
from dataclasses import dataclass
from pathlib import Path

from grader.run.isolation import NAMESPACES, Isolation, base_options

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds for one run. Memory is the sum of what its processes hold for themselves; the others
    are the kernel's.
    """

    files: int = 1024
    processes: int = 1024
    cpu_seconds: int = 300
    file_bytes: int = 64 * MIB
    memory_bytes: int = 3072 * MIB
    output_bytes: int = 64 * MIB


# halt_on_error and the exit code are what tells a sanitizer's end from the program's own.
SANITIZER_EXIT = 86
_SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=0:color=never:quarantine_size_mb=16:handle_abort=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:color=never",
    "TSAN_OPTIONS": "color=never:halt_on_error=1:atexit_sleep_ms=0",
}
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/tmp",
    **{name: f"{value}:exitcode={SANITIZER_EXIT}" for name, value in _SANITIZERS.items()},
}


@dataclass(frozen=True)
class Sandbox:
    """Where programs run: ``folder`` is the grader's runtime folder, ``keeper`` the built keeper in
    it.
    """

    isolation: Isolation
    folder: Path
    keeper: Path

    @property
    def scratch(self) -> Path:
        """Where programs start that have no namespaces, and so no /tmp of their own."""
        return self.folder / "scratch"

    def own(self, folder: Path) -> Path:
        """Makes ``folder``, and gives it to the user that programs run as."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.isolation.uid is not None:
            os.chown(folder, self.isolation.uid, self.isolation.uid)
        return folder

    @property
    def in_namespaces(self) -> bool:
        return self.isolation.level == NAMESPACES

    def seen(self, path: Path) -> str:
        """A path of the runtime folder as a program in the sandbox sees it."""
        return f"/lab/{path.relative_to(self.folder)}" if self.in_namespaces else str(path)

    def command(
        self,
        program: list[str],
        limits: Limits,
        environment: dict[str, str],
        control: int,
        writable: Path | None = None,
        readable: Path | None = None,
    ) -> tuple[list[str], list[int]]:
        """The argument vector, and the descriptors that the process must inherit (the caller closes
        them).

        ``writable`` is a folder in the runtime folder in which the program starts and may write;
        else it starts in an empty /tmp of its own (in ``scratch`` where there are no namespaces).
        ``readable`` is another one, which it sees and can't change.
        """
        if not self.in_namespaces:
            return self._keeper(str(self.keeper), program, limits, control), [control]
        options = self._bubblewrap(environment, writable, readable)
        reading = _in_memory(b"\0".join(option.encode() for option in options))
        keeper = self._keeper(self.seen(self.keeper), program, limits, control)
        bubblewrap = [shutil.which("bwrap") or "bwrap", "--args", str(reading), "--", *keeper]
        return [*self._as_user(), *bubblewrap], [control, reading]

    def _as_user(self) -> list[str]:
        """setpriv(1) of util-linux. Were it left to subprocess, that would fork all of the grader's
        memory, where it else needs only a vfork(2).
        """
        uid = self.isolation.uid
        if uid is None:
            return []
        setpriv = shutil.which("setpriv") or "setpriv"
        return [setpriv, f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--"]

    def _keeper(self, keeper: str, program: list[str], limits: Limits, control: int) -> list[str]:
        options = [
            "-f",
            control,
            "-n",
            _at_most(resource.RLIMIT_NOFILE, limits.files),
            "-s",
            limits.file_bytes,
            "-c",
            limits.cpu_seconds,
        ]
        options += ["-p", limits.processes + _processes_now(self.isolation.uid)]
        if self.in_namespaces:
            options += ["-i"]
        elif self.isolation.uid is not None:
            options += ["-u", self.isolation.uid]
        return [keeper, *map(str, options), *program]

    def _bubblewrap(
        self, environment: dict[str, str], writable: Path | None, readable: Path | None
    ) -> list[str]:
        options = [*base_options(), "--hostname", "lab", "--ro-bind", "/usr", "/usr"]
        for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
            path = Path("/", name)
            if path.is_symlink():
                options += ["--symlink", os.readlink(path), str(path)]
            elif path.is_dir():
                options += ["--ro-bind", str(path), str(path)]
        for name in ("ld.so.cache", "alternatives", "protocols", "services"):
            options += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
        for file in sorted((self.folder / "etc").iterdir()):
            options += ["--ro-bind", str(file), f"/etc/{file.name}"]
        options += [
            "--ro-bind",
            str(self.folder / "bin"),
            "/lab/bin",
            "--proc",
            "/proc",
            "--dev",
            "/dev",
        ]
        options += [
            "--size",
            str(64 * MIB),
            "--tmpfs",
            "/dev/shm",
            "--size",
            str(256 * MIB),
            "--tmpfs",
            "/tmp",
        ]
        if writable is not None:
            options += ["--bind", str(writable), self.seen(writable)]
        if readable is not None:
            options += ["--ro-bind", str(readable), self.seen(readable)]
        options += [
            "--remount-ro",
            "/dev",
            "--remount-ro",
            "/",
            "--chdir",
            self.seen(writable) if writable else "/tmp",
        ]
        for name, value in environment.items():
            options += ["--setenv", name, value]
        return options


def _in_memory(data: bytes) -> int:
    descriptor = os.memfd_create("options")
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _at_most(kind: int, wanted: int) -> int:
    """A limit can be lowered, and not raised above the hard one: setrlimit(2)."""
    hard = resource.getrlimit(kind)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def _processes_now(uid: int | None) -> int:
    """The threads that the user runs already: RLIMIT_NPROC counts them too, setrlimit(2). None of a
    user of our own.
    """
    if uid is not None:
        return 0
    count, own = 0, os.geteuid()
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and entry.stat().st_uid == own:
                count += len(os.listdir(f"/proc/{entry.name}/task"))
        except OSError:
            continue
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    return count if hard == resource.RLIM_INFINITY else min(count, max(0, hard - 1024))
