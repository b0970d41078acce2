"""Building student programs: by lab.mk of the grader's own checkout, in the sandbox, from a copy of
the sources.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from grader.errors import MachineError, UsageError
from grader.report import escape
from grader.run import procinfo
from grader.run.files import regular_file
from grader.run.objects import Objects
from grader.run.program import Program
from grader.run.sandbox import MIB, Limits, Sandbox
from grader.run.world import World
from grader.verdicts import Hang, StageFailure, Verdict

ROOT = Path(__file__).resolve().parent.parent.parent
LABS = ROOT / "labs"
SOLUTIONS = ROOT / "solutions"
KEEPER = sorted(Path(__file__).parent.glob("keeper*.[ch]"))
_FILTER = sorted(Path(__file__).parent.glob("keeper_filter.[ch]"))
RECORDER = [*sorted(Path(__file__).parent.glob("recorder*.[ch]")), *_FILTER]

# One build may take this long; a laptop needs about a second.
BUILD_SECONDS = 120
_BUILD_LIMITS = Limits(
    files=256, processes=256, cpu_seconds=60, file_bytes=64 * MIB, memory_bytes=4096 * MIB
)
_MAX_FILE, _MAX_FILES = 4 * MIB, 500
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,100}\.[ch]")


def compiler() -> str:
    """The C compiler's own first line, which every result is stamped with; raises UsageError if
    there is none.
    """
    name = os.environ.get("CC") or "cc"
    if shutil.which(name) is None:
        raise UsageError(f"no C compiler: '{name}' is not on the PATH (see 'make doctor')")
    if shutil.which("make") is None:
        raise UsageError("no make on the PATH (see 'make doctor')")
    done = subprocess.run([name, "--version"], capture_output=True, text=True, errors="replace")
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        raise UsageError(
            f"the C compiler '{name}' does not work: "
            f"{(done.stderr.splitlines() or ['no output'])[0]}"
        )
    return lines[0]


def sources(folder: Path) -> dict[str, bytes]:
    """The C files right in ``folder``, by name. Links (the folder itself too), devices, folders and
    files whose names make could misread are passed over. Raises UsageError.
    """
    try:
        at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"{folder}: no folder to read sources from: {error.strerror}") from error
    found: dict[str, bytes] = {}
    try:
        for name in sorted(filter(_NAME.fullmatch, os.listdir(at))):
            data = regular_file(name, _MAX_FILE, at)
            if data is not None:
                found[name] = data
            if len(found) > _MAX_FILES or len(found.get(name, b"")) > _MAX_FILE:
                most = f"{_MAX_FILES} C files, or one larger than {_MAX_FILE >> 20} MiB"
                raise UsageError(f"{folder}: more than {most}")
    finally:
        os.close(at)
    return found


@dataclass
class Builder:
    """Builds the programs of the last of ``labs`` (folder names, such as lab1-echo) from ``work``,
    with the modules of the others; keeps what it built in ``cache``. Labs in ``borrowed`` come from
    the reference.

    The sources are read once: what is graded is what was there when the run began.
    """

    sandbox: Sandbox
    work: Path
    labs: tuple[str, ...]
    cache: Path
    compiler: str
    borrowed: tuple[str, ...] = ()
    files: dict[str, bytes] = field(init=False)
    _staged: bool = field(default=False, init=False)
    _hopeless: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.files = {"lab.mk": (LABS / "lab.mk").read_bytes()}
        for given in ("include", "host"):
            self.files |= {f"{given}/{name}": data for name, data in sources(LABS / given).items()}
        for lab in self.labs:
            top = SOLUTIONS if lab in self.borrowed else self.work
            if (top / lab).is_symlink() or not (top / lab).is_dir():
                raise UsageError(f"WORK={top}: it has no folder {lab}")
            self.files |= {f"{lab}/{name}": data for name, data in sources(top / lab).items()}

    def programs(self, lab: str) -> list[str]:
        """The programs of a lab, as lab.mk lists them: the student's, and then the given ones."""
        return self._listed(f"programs_{lab} := ") + self._listed(f"given_{lab} := ")

    def _listed(self, name: str) -> list[str]:
        lines = self.files["lab.mk"].decode().splitlines()
        return [
            word
            for line in lines
            if line.startswith(name)
            for word in line.split(" := ")[1].split()
        ]

    def cached(self, program: str, build: str) -> Path:
        """Where a built program is kept."""
        return self.cache / self._key(program, build) / program

    def built(self, program: str, build: str) -> Path:
        """The path of a built program in the runtime folder; raises StageFailure (BUILD) with the
        compiler's words.
        """
        path = self.sandbox.folder / "bin" / build / program
        if not path.exists():
            cached = self.cached(program, build)
            if not cached.is_file():
                self._make(program, build, cached)
            path.parent.mkdir(exist_ok=True)
            shutil.copyfile(cached, path)
            path.chmod(0o755)
        return path

    def _key(self, program: str, build: str) -> str:
        digest = hashlib.sha256(
            f"{self.compiler}\0{os.environ.get('CC', '')}\0{build}\0{program}".encode()
        )
        for name, data in sorted(self.files.items()):
            digest.update(f"\0{name}\0{len(data)}\0".encode(errors="surrogateescape") + data)
        return digest.hexdigest()[:32]

    def _stage(self) -> Path:
        folder = self.sandbox.own(self.sandbox.folder / "src")
        if not self._staged:
            for name, data in self.files.items():
                path = folder / name
                self.sandbox.own(path.parent)
                path.write_bytes(data)
            self._staged = True
        return folder

    def _make(self, program: str, build: str, cached: Path) -> None:
        lab = self.labs[-1]
        is_given = program in self._listed(f"given_{lab} := ")
        if not is_given and f"{lab}/{program}.c" not in self.files:
            words = f"{self.work / self.labs[-1]}: there is no {program}.c"
            raise StageFailure(
                f"{program} does not compile", verdict=Verdict.BUILD, output=escape.visible(words)
            )
        if self._hopeless:  # what took all time or memory once does so for each stage
            raise StageFailure(f"{program} {self._hopeless}", verdict=Verdict.BUILD)
        folder = self._stage()
        objects = Objects(self.cache / "objects", self.compiler, self.files)
        objects.put(build, folder, self.sandbox.own)
        target = f"{build}/{program}"
        command = [
            "make",
            "-s",
            f"-j{len(os.sched_getaffinity(0))}",
            "-f",
            "lab.mk",
            f"BUILD={build}",
            f"CC={os.environ.get('CC') or 'cc'}",
            target,
        ]
        world = World(BUILD_SECONDS)
        made = self._run_compiler(world, command, folder)
        try:
            status = made.wait_end()
        except StageFailure as failure:
            if isinstance(failure, Hang) and any(
                procinfo.is_starved(pid, BUILD_SECONDS / 4) for pid in made.processes()
            ):
                raise MachineError(
                    "the compiler has hardly had a processor: this machine is too busy"
                ) from None
            self._hopeless = f"does not build: {failure.summary}"
            raise StageFailure(f"{program} {self._hopeless}", verdict=Verdict.BUILD) from None
        finally:
            made.close()
            world.close()
        objects.keep(build, folder)
        words = escape.visible(made.stderr.kept() + made.stdout.kept())
        result = folder / target
        if status != 0 or result.is_symlink() or not result.is_file():
            self._check_compiler(folder)
            raise StageFailure(
                f"{program} does not compile", verdict=Verdict.BUILD, output=self._readable(words)
            )
        cached.parent.mkdir(parents=True, exist_ok=True)
        temporary = cached.with_name(f"{program}.{os.getpid()}")
        shutil.copyfile(result, temporary)
        temporary.chmod(0o755)
        temporary.replace(cached)
        (cached.parent / "warnings.txt").write_text(self._readable(words))

    def _run_compiler(self, world: World, command: list[str], folder: Path) -> Program:
        return Program(
            world,
            self.sandbox,
            command,
            name="the compiler",
            limits=_BUILD_LIMITS,
            writable=folder,
            environment={"TMPDIR": self.sandbox.seen(folder)},
        )

    def _check_compiler(self, folder: Path) -> None:
        """Before a student is blamed. Raises MachineError if the sandbox has no such compiler."""
        world = World(BUILD_SECONDS)
        made = self._run_compiler(world, [os.environ.get("CC") or "cc", "--version"], folder)
        try:
            if made.wait_end() != 0:
                raise MachineError("the C compiler does not run in the sandbox")
        finally:
            made.close()
            world.close()

    def _readable(self, words: str) -> str:
        """The compiler's words without make's, with paths as the student knows them."""
        kept = [line for line in words.splitlines() if not line.startswith("make: ***")]
        near = self.work.relative_to(ROOT) if self.work.is_relative_to(ROOT) else self.work
        lab = re.compile(r"(?<![\w/])(?=lab\d+-)")
        return escape.tail(
            lab.sub(escape.visible(f"{near}/").replace("\\", r"\\"), "\n".join(kept)), 60
        )

    def write_compile_commands(self, path: Path) -> None:
        """For editors: how each C file of the labs is compiled (the JSON compilation database of
        Clang).
        """
        include = f"-I{LABS / 'include'}"
        flags = [
            "cc",
            "-std=c11",
            "-D_GNU_SOURCE",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-pthread",
            include,
            "-c",
        ]
        names = [name for name in self.files if name.startswith(self.labs) and name.endswith(".c")]
        files = [str(self.work / name) for name in names]
        entries = [
            {"directory": str(ROOT), "file": file, "arguments": [*flags, file]} for file in files
        ]
        path.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")

    def warnings(self, program: str, build: str) -> str:
        """What the compiler said of a program that it built."""
        try:
            return self.cached(program, build).with_name("warnings.txt").read_text()
        except OSError:
            return ""


def build_keeper(folder: Path, cache: Path, compiler_line: str) -> Path:
    """Compiles the keeper, or takes it from the cache."""
    return _build_ours("keeper", KEEPER, folder, cache, compiler_line)


def build_recorder(sandbox: Sandbox, cache: Path, compiler_line: str) -> Path:
    """Compiles the recorder of system calls, or takes it from the cache."""
    return _build_ours("recorder", RECORDER, sandbox.folder, cache, compiler_line)


def _build_ours(
    name: str, files: list[Path], folder: Path, cache: Path, compiler_line: str
) -> Path:
    """Trusted code, so outside the sandbox. Headers are among ``files``, too."""
    source = b"".join(file.read_bytes() for file in files)
    key = hashlib.sha256(source + compiler_line.encode()).hexdigest()[:32]
    cached = cache / key / name
    if not cached.is_file():
        cached.parent.mkdir(parents=True, exist_ok=True)
        temporary = cached.with_name(f"{name}.{os.getpid()}")
        flags = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra"]
        units = [str(file) for file in files if file.suffix == ".c"]
        command = [os.environ.get("CC") or "cc", *flags, "-o", str(temporary), *units]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        if done.returncode != 0:
            raise MachineError(f"the {name} does not compile: {done.stderr.strip()[:400]}")
        temporary.replace(cached)
    path = folder / "bin" / name
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        shutil.copyfile(cached, path)
        path.chmod(0o755)
    return path
