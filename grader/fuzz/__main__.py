"""``make fuzz``: TARGET= one of the targets (default: all), RUNS= executions of it, SEED=, WORK=.
Exit status 0 without a finding, 1 with one, 2 where it can't run.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from grader.errors import MachineError, UsageError
from grader.fuzz import build, differential, native
from grader.settings import Settings

_DIFFERENTIAL = "differential"
_NAMES = (*(target.name for target in native.TARGETS), _DIFFERENTIAL)
_RUNS, _CASES = 1_000_000, 100_000  # some minutes in all
_MOST_FINDINGS = 5
_PROGRESS_SECONDS = 5.0


def main() -> int:
    """Runs what is asked for, and goes on with the next target behind a finding."""
    try:
        settings = Settings.from_environment()
        names, runs = _targets(), _runs()
        if names != [_DIFFERENTIAL] and not build.has_libfuzzer():
            raise UsageError(build.INSTALL)
        out = settings.out / "fuzz"
        builds = build.Builds(settings.work, out)
        clean = [_fuzz(name, builds, out, runs, settings.seed) for name in names]
    except (UsageError, MachineError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 2
    return 0 if all(clean) else 1


def _targets() -> list[str]:
    name = os.environ.get("TARGET") or ""
    if name and name not in _NAMES:
        raise UsageError(f"TARGET={name}: it is one of {', '.join(_NAMES)}")
    return [name] if name else list(_NAMES)


def _runs() -> int:
    """0: what each has by default."""
    text = os.environ.get("RUNS") or ""
    if text and (not (text.isascii() and text.isdigit()) or not 0 < int(text) < 10**12):
        raise UsageError(f"RUNS={text}: a number of executions, such as 1000000")
    return int(text or 0)


def _fuzz(name: str, builds: build.Builds, out: Path, runs: int, seed: int) -> bool:
    """True if nothing was found."""

    def say(words: str) -> None:
        print(f"{name}: {words}", flush=True)

    if name == _DIFFERENTIAL:
        return _compare(builds, out, runs or _CASES, seed, say)
    target = next(target for target in native.TARGETS if target.name == name)
    outcome = native.run(target, builds, out, runs or _RUNS, seed, say)
    say(f"{native.figures(outcome, outcome.seconds)}, {outcome.seconds:.1f} s")
    if outcome.reproducer is not None:
        print("\n".join(native.story(target, outcome)), flush=True)
    return outcome.reproducer is None


def _compare(
    builds: build.Builds, out: Path, cases: int, seed: int, say: Callable[[str], None]
) -> bool:
    drivers = {name: builds.driver(name) for name in set(differential.DRIVERS.values())}
    started = shown = time.monotonic()

    def progress(done: int) -> None:
        nonlocal shown
        if time.monotonic() - shown > _PROGRESS_SECONDS:
            shown = time.monotonic()
            say(f"{done:,} cases, {done / (shown - started):,.0f} a second")

    found = 0
    for finding in differential.run(drivers, cases, seed, progress):
        found += 1
        print("\n".join(_story(finding, out / _DIFFERENTIAL)), flush=True)
        if found == _MOST_FINDINGS:
            break
    say(f"{cases:,} cases, {found} findings, {time.monotonic() - started:.1f} s")
    return found == 0


def _story(finding: differential.Finding, folder: Path) -> list[str]:
    case = finding.case
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"case-{case.number}"
    path.write_bytes(case.stream)
    kind = "message" if case.kind == "messages" else "resp"
    return [
        f"FINDING in {_DIFFERENTIAL}, case {case.number} ({case.kind}): {finding.words}",
        f"  the input:     {path}, cut into pieces of {', '.join(map(str, map(len, case.pieces)))}",
        f"  what it holds: make explain FILE={path} FORMAT={kind}",
        f"  once more:     make fuzz TARGET={_DIFFERENTIAL} RUNS={case.number + 1}, same SEED",
    ]


if __name__ == "__main__":
    sys.exit(main())
