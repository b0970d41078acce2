"""``make lint``: formatters, linters and type checks over the whole tree. Prints what it runs; exit
status 1 if any fails.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
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


def checks() -> list[tuple[str, list[str]]]:
    ours = c_files("labs/include", "labs/host", "solutions", "grader/run", "grader/load")
    sources = [path for path in ours if path.endswith(".c")]
    given = c_files("labs")
    return [
        (
            "ruff format",
            [sys.executable, "-m", "ruff", "format", "--check", "--quiet", "grader", "handouts"],
        ),
        ("ruff", [sys.executable, "-m", "ruff", "check", "--quiet", "grader", "handouts"]),
        ("mypy", [sys.executable, "-m", "mypy", "--no-error-summary"]),
        ("clang-format", ["clang-format", "--dry-run", "--Werror", *ours, *given]),
        *(
            (f"cc {path}", ["cc", *WARNINGS, "-fsyntax-only", path])
            for path in [*sources, *c_files("handouts/examples")]
            if path.endswith(".c")
        ),
        ("clang-tidy", ["clang-tidy", "--quiet", *sources, "--", *WARNINGS[:-2], "-Ilabs/include"]),
    ]


def main() -> int:
    """Runs all checks, whatever fails."""
    failed = []
    for name, command in checks():
        if shutil.which(command[0]) is None:
            print(f"{name}: {command[0]} is not installed (see 'make doctor')", file=sys.stderr)
            failed.append(name)
            continue
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        print(f"{'ok  ' if done.returncode == 0 else 'FAIL'}  {name}", flush=True)
        if done.returncode != 0:
            failed.append(name)
            print(done.stdout + done.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
