"""The command lines that start a program under a keeper, in bubblewrap or under limits alone."""

from __future__ import annotations

import functools
import os
import resource
import shutil
from dataclasses import dataclass
from pathlib import Path

from grader.run.cgroup import open_groups
from grader.run.isolation import NAMESPACES, Isolation, base_options

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds for one run. Memory is the sum of what its processes hold for themselves; that, output
    and the folder are looked at now and then, the others are the kernel's.
    """

    files: int = 1024
    processes: int = 1024
    cpu_seconds: int = 300
    file_bytes: int = 64 * MIB
    memory_bytes: int = 3072 * MIB
    output_bytes: int = 64 * MIB
    folder_bytes: int = 1024 * MIB  # of the one that it may write
    folder_files: int = 20_000


# halt_on_error and the exit code are what tells a sanitizer's end from the program's own. The rest
# are mostly the usual values: what the environment says counts more than a program's own
# __asan_default_options, which could hush its sanitizer up.
SANITIZER_EXIT = 86
_ALL = f"color=never:log_path=stderr:suppressions=:sleep_before_dying=0:exitcode={SANITIZER_EXIT}"
_SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=0:quarantine_size_mb=16:handle_abort=0:halt_on_error=1:"
    "start_deactivated=0:poison_heap=1:poison_partial=1:replace_str=1:replace_intrin=1:"
    "report_globals=1:redzone=16:max_redzone=2048:alloc_dealloc_mismatch=1:"
    "handle_segv=1:handle_sigbus=1:handle_sigfpe=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:atexit_sleep_ms=0:report_bugs=1",
}
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/tmp",
    **{name: f"{_ALL}:{value}" for name, value in _SANITIZERS.items()},
}
# Folders of programs.
_TOOLS = (
    *("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/games", "/usr/libexec"),
    *("/bin", "/sbin"),
)


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
        groups = open_groups()
        keeper = self._keeper(program, limits, control, groups)
        if not self.in_namespaces:
            return keeper, [control, *groups]
        options = self._bubblewrap(environment, writable, readable, _uses_tools(program))
        reading = _in_memory(b"\0".join(option.encode() for option in options))
        bubblewrap = [shutil.which("bwrap") or "bwrap", "--args", str(reading), "--", *keeper]
        return [*self._as_user(), *bubblewrap], [control, *groups, reading]

    def _as_user(self) -> list[str]:
        """setpriv(1) of util-linux. Were it left to subprocess, that would fork all of the grader's
        memory, where it else needs only a vfork(2).
        """
        uid = self.isolation.uid
        if uid is None:
            return []
        setpriv = shutil.which("setpriv") or "setpriv"
        return [setpriv, f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--"]

    def _keeper(
        self, program: list[str], limits: Limits, control: int, groups: list[int]
    ) -> list[str]:
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
        options += ["-p", limits.processes + self._processes_now()]
        options += [word for group in groups for word in ("-g", group)]
        if self.seen(self.folder / "bin" / "recorder") in program:
            options += ["-w"]
        if self.in_namespaces:
            options += ["-i"]
        elif self.isolation.uid is not None:
            options += ["-u", self.isolation.uid]
        return [self.seen(self.keeper), *map(str, options), *program]

    def _processes_now(self) -> int:
        """The threads that the user runs already: RLIMIT_NPROC counts them too, setrlimit(2). In
        namespaces none of a user of our own.
        """
        uid = self.isolation.uid
        if uid is not None and self.in_namespaces:
            return 0
        return _threads_of(os.geteuid() if uid is None else uid)

    def _bubblewrap(
        self,
        environment: dict[str, str],
        writable: Path | None,
        readable: Path | None,
        tools: bool,
    ) -> list[str]:
        options = [*base_options(), "--hostname", "lab", "--ro-bind", "/usr", "/usr"]
        for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
            path = Path("/", name)
            if path.is_symlink():
                options += ["--symlink", os.readlink(path), str(path)]
            elif path.is_dir():
                options += ["--ro-bind", str(path), str(path)]
        options += [] if tools else _without_tools()
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


def _uses_tools(command: list[str]) -> bool:
    """Whether it is make, a compiler or valgrind, and not a program of the student's alone."""
    return "/" not in command[0] or any(word.startswith("/usr/") for word in command)


@functools.cache
def _without_tools() -> list[str]:
    """Empty folders over those of programs. Else a server could be the machine's Redis in disguise.
    There stay a shell, for the stages' own wrapping, and what Clang's sanitizers name functions by.
    """
    kept = [Path(found) for found in map(shutil.which, ("/bin/sh", "llvm-symbolizer")) if found]
    options = []
    for folder in map(Path, _TOOLS):
        if folder.is_dir() and not folder.is_symlink():
            options += ["--tmpfs", str(folder)]
            for tool in kept:
                if tool.parent.resolve() == folder:
                    options += ["--ro-bind", str(tool.resolve()), str(folder / tool.name)]
            options += ["--remount-ro", str(folder)]
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


def _threads_of(own: int) -> int:
    """Of a user, so many now."""
    count = 0
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and entry.stat().st_uid == own:
                count += len(os.listdir(f"/proc/{entry.name}/task"))
        except OSError:
            continue
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    return count if hard == resource.RLIM_INFINITY else min(count, max(0, hard - 1024))
