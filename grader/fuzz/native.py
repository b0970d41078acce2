"""libFuzzer's targets: what each starts from, a run, and what it found."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from grader import golden
from grader.errors import MachineError
from grader.fuzz.build import Builds
from grader.wire import messages, resp

_BLOCK = "-malloc_limit_mb=8"  # no input of 512 bytes is worth a larger one
_SLOW = ("-timeout=60", "-report_slow_units=60")  # seconds: the machine may be busy
_LIMITS = ("-max_len=512", *_SLOW, "-rss_limit_mb=1024", _BLOCK)
# A short memory of blocks that were freed fits the processor's cache: that is a third of the time.
_ASAN = "malloc_context_size=0:quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
_PROGRESS_SECONDS = 5.0
_STATUS = re.compile(r"#(\d+)\s.*cov: (\d+) ft: (\d+)")
_WHAT = re.compile(r"broken promise: .*|.*runtime error: .*|==\d+== ?ERROR: .*")


@dataclass(frozen=True)
class Target:
    """``sources`` are C files of this folder around the modules of a lab; ``kind`` is what make
    explain takes the bytes for.
    """

    name: str
    lab: str
    sources: tuple[str, ...]
    kind: str
    seeds: Callable[[], Iterable[bytes]]


@dataclass(frozen=True)
class Outcome:
    """``cov`` and ``features`` are libFuzzer's measures of the code that was reached. ``what`` was
    found, if anything, with the ``reproducer`` as input; all that was said is in ``log``.
    """

    runs: int
    seconds: float
    cov: int
    features: int
    program: Path
    log: Path
    what: str = ""
    reproducer: Path | None = None


def run(
    target: Target, builds: Builds, out: Path, runs: int, seed: int, say: Callable[[str], None]
) -> Outcome:
    """``runs`` executions, or fewer if something is found. The corpus stays in ``out``, and the
    next run goes on with it. ``say`` is told of the progress.
    """
    program = builds.target(target.name, target.sources, target.lab)
    folder = out / target.name
    corpus, seeds = folder / "corpus", folder / "seeds"
    shutil.rmtree(seeds, ignore_errors=True)
    for path in (corpus, seeds):
        path.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(target.seeds()):
        (seeds / f"{number:03}").write_bytes(data)
    options = [*_LIMITS, f"-runs={runs}", f"-seed={seed + 1}", f"-artifact_prefix={folder}/"]
    return _run([str(program), str(corpus), str(seeds), *options], folder / "log", say)


def _run(command: list[str], path: Path, say: Callable[[str], None]) -> Outcome:
    """Runs a target, and writes what it says to ``path``. Raises MachineError."""
    outcome = Outcome(0, 0.0, 0, 0, Path(command[0]), path)
    started = shown = time.monotonic()
    with (
        path.open("w", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "ASAN_OPTIONS": _ASAN},
            text=True,
            errors="replace",
        ) as process,
    ):
        try:
            for line in process.stderr or ():
                log.write(line)
                outcome = _noted(outcome, line)
                if time.monotonic() - shown > _PROGRESS_SECONDS:
                    shown = time.monotonic()
                    say(figures(outcome, shown - started))
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0 and outcome.reproducer is None:
        raise MachineError(f"{command[0]} ended with {process.returncode}: see {path}")
    return replace(outcome, seconds=time.monotonic() - started)


def figures(outcome: Outcome, seconds: float) -> str:
    speed = outcome.runs / max(seconds, 0.001)
    return f"{outcome.runs:,} runs, {speed:,.0f} a second, {outcome.features} features"


def story(target: Target, outcome: Outcome) -> list[str]:
    """What was found, and how to see it."""
    path = outcome.reproducer
    return [
        f"FINDING in {target.name}: {outcome.what}",
        f"  the input:     {path}",
        f"  what it holds: make explain FILE={path} FORMAT={target.kind}",
        f"  once more:     {outcome.program} {_BLOCK} {path}",
        f"  all it said:   {outcome.log}",
    ]


def _noted(outcome: Outcome, line: str) -> Outcome:
    """What a line of libFuzzer adds to what is known."""
    status = _STATUS.match(line)
    if status is not None:
        runs, cov, features = (int(status[number]) for number in (1, 2, 3))
        return replace(outcome, runs=runs, cov=cov, features=features)
    if not outcome.what and _WHAT.match(line):
        return replace(outcome, what=line.strip())
    written = re.search(r"Test unit written to (.*)", line)
    return outcome if written is None else replace(outcome, reproducer=Path(written[1]))


# --- the targets, and what they start from ---

_INLINE = [
    b"SET k v\r\n",
    b"PING\n",
    b" \t\r\n",
    b"SET \"a b\" 'c d' \"\\x41\\n\\\"\" '\\''\r\n",
    b'GET "never closed\r\n',
    b'GET "closed"too soon\r\n',
]
_NESTED: list[resp.Reply] = [
    None,
    b"",
    b"bulk\r\n",
    [],
    [None, 1, [resp.Simple(b"OK"), [b"deep"], resp.Failure(b"E")], b""],
]


def _glued(items: Iterable[bytes]) -> Iterator[bytes]:
    """Each by itself, and the short ones one behind the other."""
    items = list(items)
    yield from items
    yield b"".join(item for item in items if len(item) < 60)


def request_seeds() -> Iterator[bytes]:
    yield from _glued(map(resp.encode_request, golden.REQUESTS.values()))
    yield from golden.BAD_REQUESTS.values()


def reply_seeds() -> Iterator[bytes]:
    yield from _glued(map(resp.encode_reply, golden.REPLIES.values()))
    yield from golden.BAD_REPLIES.values()


def resp2_request_seeds() -> Iterator[bytes]:
    yield from request_seeds()
    yield from _glued(_INLINE)


def resp2_reply_seeds() -> Iterator[bytes]:
    yield from reply_seeds()
    yield from _glued(map(resp.encode_reply, _NESTED))
    yield b"*-1\r\n"
    yield b"*1\r\n" * 33


def message_seeds() -> Iterator[bytes]:
    yield from _glued(map(messages.encode, golden.MESSAGES.values()))
    for one in golden.messages()["malformed"]:
        yield bytes.fromhex(one["hex"])


_LAB3, _LAB4 = "lab3-resp", "lab4-message"
TARGETS = (
    Target("requests", _LAB3, ("stream", "encode", "requests"), "resp", request_seeds),
    Target("replies", _LAB3, ("stream", "encode", "replies"), "resp", reply_seeds),
    Target(
        "resp2-requests",
        _LAB3,
        ("stream", "encode", "resp2_requests"),
        "resp",
        resp2_request_seeds,
    ),
    Target(
        "resp2-replies", _LAB3, ("stream", "encode", "resp2_replies"), "resp", resp2_reply_seeds
    ),
    Target("messages", _LAB4, ("stream", "messages"), "message", message_seeds),
)
