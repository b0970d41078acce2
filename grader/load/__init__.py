"""The load generator (load.c), and the servers, parsers and codecs that a lab's own is measured
beside; trusted code, compiled here once and kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import selectors
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from grader.errors import MachineError
from grader.run.world import World

HERE = Path(__file__).resolve().parent
_INCLUDE = HERE.parents[1] / "labs" / "include"

# As lab.mk compiles a student's program for a benchmark.
_FLAGS = ("-std=c11", "-D_GNU_SOURCE", "-O2", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2")


@dataclass(frozen=True)
class Source:
    """A program of this folder, and the library that it needs: its header, what the linker calls
    it, and its Debian packages. ``files`` are what it is compiled from, where that is not NAME.c
    alone; of ``proto``, protoc-c makes one more.
    """

    name: str
    header: str = ""
    library: str = ""
    package: str = ""
    files: tuple[str, ...] = ()
    proto: str = ""


LOAD = Source("load")
BARE = Source("bare_epoll")
LIBEVENT = Source("libevent_echo", "event2/event.h", "-levent_core", "libevent-dev")
LIBUV = Source("libuv_echo", "uv.h", "-luv", "libuv1-dev")
HIREDIS = Source(
    "parse_hiredis",
    "hiredis/hiredis.h",
    "-lhiredis",
    "libhiredis-dev",
    ("parse_bench.c", "parse_hiredis.c"),
)
MEMCPY = Source("codec_memcpy", files=("codec_bench.c", "codec_memcpy.c"))
MSGPACK = Source(
    "codec_msgpack",
    "msgpack.h",
    "-lmsgpackc",
    "libmsgpack-dev",
    ("codec_bench.c", "codec_msgpack.c"),
)
PROTOBUF = Source(
    "codec_protobuf",
    "protobuf-c/protobuf-c.h",
    "-lprotobuf-c",
    "libprotobuf-c-dev protobuf-c-compiler",
    ("codec_bench.c", "codec_protobuf.c"),
    "append_entries",
)
LIBRAFT = Source(
    "election_libraft",
    "raft/fixture.h",
    "-lraft",
    "libraft-dev",
    ("election_bench.c", "election_libraft.c"),
)
REPLICATION = Source(
    "replication_libraft",
    "raft/fixture.h",
    "-lraft",
    "libraft-dev",
    ("replication_bench.c", "replication_libraft.c"),
)
PLAIN_LOG = Source("storage_plain", files=("storage_bench.c", "storage_plain.c"))
SET_LOAD = Source("set_load", files=("set_load.c", "set_resp.c", "set_etcd.c"))


class LoadFailed(Exception):
    """The generator found a wrong byte, a closed connection or a stall; its words."""


@dataclass(frozen=True)
class Figures:
    """What one run of the generator measured. ``cpu_s`` and ``server_cpu_s`` are its own and the
    server's CPU time in those seconds, ``idle_s`` is how long the generator's processor had nothing
    to do.
    """

    requests_per_s: float
    p50_us: float
    p99_us: float
    requests: int
    seconds: float
    cpu_s: float
    server_cpu_s: float
    idle_s: float
    errors: int

    def on_one_core(self) -> Figures:
        """With requests for each second of the core that the two share: what other processes had of
        it is left out, and what it was idle counts.
        """
        return replace(self, requests_per_s=self.requests / self.core_s)

    @property
    def core_s(self) -> float:
        """The seconds in which the core was the two's, running or asleep."""
        return min(self.cpu_s + self.server_cpu_s + self.idle_s, self.seconds)

    @property
    def lost(self) -> float:
        """The share of the time in which others had the core."""
        return 1 - self.core_s / self.seconds


def compiled(source: Source, cache: Path, compiler: str) -> Path | None:
    """The built program, or None where its library is missing; raises MachineError where it does
    not compile for another reason. ``compiler`` is the compiler's version line.
    """
    files = [*sorted(HERE.glob("*.[ch]")), *sorted(HERE.glob("*.proto"))]
    text = b"".join(path.read_bytes() for path in files)
    key = "\0".join((source.name, compiler, os.environ.get("CC", ""), *_FLAGS))
    path = cache / hashlib.sha256(text + key.encode()).hexdigest()[:32] / source.name
    if path.is_file():
        return path
    if source.header and not _has_header(source.header):
        return None
    if source.proto and shutil.which("protoc-c") is None:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{source.name}.{os.getpid()}")
    with tempfile.TemporaryDirectory(prefix="echo-to-raft-") as folder:
        made = [str(generate(source.proto, Path(folder)))] if source.proto else []
        given = [str(HERE / name) for name in source.files or (f"{source.name}.c",)]
        libraries = [source.library] if source.library else []
        words = [*_FLAGS, "-Wall", "-Wextra", f"-I{_INCLUDE}", f"-I{folder}"]
        done = _compile([*words, "-o", str(temporary), *given, *made, *libraries])
    if done.returncode != 0:
        raise MachineError(f"{source.name} does not compile: {done.stderr.strip()[:400]}")
    temporary.replace(path)
    return path


def generate(proto: str, folder: Path) -> Path:
    """What protoc-c makes of PROTO.proto: a C file in ``folder``, with its header beside it."""
    command = ["protoc-c", f"--proto_path={HERE}", f"--c_out={folder}", f"{proto}.proto"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        raise MachineError(f"protoc-c does not take {proto}.proto: {done.stderr.strip()[:400]}")
    return folder / f"{proto}.pb-c.c"


def _compile(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    command = [os.environ.get("CC") or "cc", *arguments]
    return subprocess.run(command, capture_output=True, text=True, errors="replace")


def _has_header(header: str) -> bool:
    flags = ["-fsyntax-only", *_FLAGS, "-include", header, "-x", "c", os.devnull]
    return _compile(flags).returncode == 0


def install(source: Source, program: Path, folder: Path) -> None:
    """Puts a built peer where programs in the sandbox start from, as the build "peer": see
    Builder.built. ``folder`` is the sandbox's runtime folder.
    """
    path = folder / "bin" / "peer" / source.name
    path.parent.mkdir(exist_ok=True)
    shutil.copyfile(program, path)
    path.chmod(0o755)


@dataclass(frozen=True)
class Load:
    """The generator. ``world`` is served while it runs, so that no server waits for a reader of its
    output.
    """

    program: Path
    world: World

    def run(self, port: int, cpu: int | None = None, **options: float) -> Figures:
        """One run, on processor ``cpu``; the options are load.c's. Raises LoadFailed."""
        words = [f"--{name}={value}" for name, value in options.items()]
        said = output_of([str(self.program), f"--port={port}", *words], self.world, cpu)
        return Figures(**json.loads(said))


def output_of(command: list[str], world: World, cpu: int | None = None) -> bytes:
    """What a generator says, that runs on processor ``cpu`` while ``world`` is served. Raises
    LoadFailed where it fails.
    """
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            if cpu is not None:
                os.sched_setaffinity(process.pid, {cpu})
            said = _read_all(process, world)
        except BaseException:
            process.kill()
            raise
        complaint = process.stderr.read().decode(errors="replace") if process.stderr else ""
    if process.returncode != 0:
        name = Path(command[0]).name
        raise LoadFailed(complaint.strip() or f"{name}: exit status {process.returncode}")
    return said


def _read_all(process: subprocess.Popen[bytes], world: World) -> bytes:
    pipe = process.stdout
    assert pipe is not None
    said = b""
    ended = False

    def on_event(_: int) -> None:
        nonlocal said, ended
        data = os.read(pipe.fileno(), 1 << 16)
        said += data
        ended = not data

    world.watch(pipe, selectors.EVENT_READ, on_event)
    try:
        world.wait(lambda: ended, "the load generator")
    finally:
        world.watch(pipe, 0, on_event)
    return said
