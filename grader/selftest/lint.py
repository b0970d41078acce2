"""``make lint``: formatters, linters and type checks over the whole tree. Prints what it runs; exit
status 1 if any fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BATCH = 8  # files that one clang-tidy looks at
WARNINGS = [
    "-std=c11",
    "-D_GNU_SOURCE",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Werror",
    "-Ilabs/include",
]


def c_files(*folders: str) -> list[str]:
    return sorted(
        str(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / folder).rglob("*.[ch]")
    )


def checks(generated: str) -> list[tuple[str, list[str]]]:
    """``generated`` is a folder with what protoc-c makes."""
    trusted = ("grader/run", "grader/load", "grader/fuzz")
    ours = c_files("labs/include", "labs/host", "solutions", *trusted)
    sources = [path for path in ours if path.endswith(".c")]
    given = c_files("labs")
    flags = [*WARNINGS, f"-I{generated}"]
    return [
        (
            "ruff format",
            [sys.executable, "-m", "ruff", "format", "--check", "--quiet", "grader", "handouts"],
        ),
        ("ruff", [sys.executable, "-m", "ruff", "check", "--quiet", "grader", "handouts"]),
        ("mypy", [sys.executable, "-m", "mypy", "--no-error-summary"]),
        ("clang-format", ["clang-format", "--dry-run", "--Werror", *ours, *given]),
        *(
            (f"cc {path}", ["cc", *flags, "-fsyntax-only", path])
            for path in [*sources, *c_files("handouts/examples")]
            if path.endswith(".c")
        ),
        *(
            (
                f"clang-tidy {batch[0]} to {batch[-1]}",
                ["clang-tidy", "--quiet", *batch, "--", *(f for f in flags if f != "-Werror")],
            )
            for batch in (sources[i : i + BATCH] for i in range(0, len(sources), BATCH))
        ),
    ]


def _passes(name: str, command: list[str]) -> bool:
    if shutil.which(command[0]) is None:
        print(f"{name}: {command[0]} is not installed (see 'make doctor')", file=sys.stderr)
        return False
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    words = "" if done.returncode == 0 else f"\n{done.stdout}{done.stderr}"
    print(f"{'ok  ' if done.returncode == 0 else 'FAIL'}  {name}{words}", flush=True)
    return done.returncode == 0


def main() -> int:
    """Runs all checks, whatever fails."""
    with tempfile.TemporaryDirectory(prefix="echo-to-raft-lint-") as folder:
        proto = ["--proto_path=grader/load", f"--c_out={folder}", "append_entries.proto"]
        passed = [_passes("protoc-c", ["protoc-c", *proto])]
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            passed += pool.map(lambda check: _passes(*check), checks(folder))
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
