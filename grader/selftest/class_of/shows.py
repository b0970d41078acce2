"""Two shows of class mode, on a class of 200 or fewer. Each prints what it saw, and a verdict.

``python -m grader.selftest.class_of.shows whole``
    Grades the class: every verdict is the expected one, and the machine shows no trace after.
``python -m grader.selftest.class_of.shows killed``
    Grades it undisturbed, and again with SIGKILL at random points: the same grades.csv, no outcome
    lost, and none reached twice.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from random import Random

from grader.report.escape import visible
from grader.selftest.class_of import expected, traces
from grader.selftest.class_of.layouts import LAYOUTS
from grader.selftest.class_of.make import make_class, manifest_of
from grader.selftest.class_of.running import Class, Ran, check, run

Say = Callable[[str], None]


@contextmanager
def place(keep: Path | None) -> Iterator[Path]:
    """A folder for the class and its results: the one named, or one that is gone in the end."""
    if keep is not None:
        keep.mkdir(parents=True)
        yield keep
        return
    folder = Path(tempfile.mkdtemp(prefix="class-shows-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def environment(folder: Path) -> dict[str, str]:
    """Where others work too, what class mode writes in folders that all share would be lost among
    theirs: it gets folders of its own.
    """
    if traces.is_alone():
        return {}
    names = {"TMPDIR": folder / "tmp", "HOME": folder / "home"}
    for path in names.values():
        path.mkdir(exist_ok=True)
    return {name: str(path) for name, path in names.items()}


def left_behind(folder: Path, before: set[str], busy: bool) -> list[str]:
    """Traces of a run whose class and results are in ``folder``."""
    found = traces.marked(folder)
    if traces.is_alone():
        return found + traces.left(before, folder, busy)
    own = [path for name in ("tmp", "home") for path in (folder / name).iterdir()]
    return found + traces.processes() + [f"file {str(path)!r}" for path in own]


def whole(options: argparse.Namespace, folder: Path, say: Say) -> list[str]:
    """Show 1. Returns what is wrong."""
    the_class = made(options, folder, "out")
    more = environment(folder)
    before = traces.seen(options.busy) if traces.is_alone() else set()
    ran = run(the_class, **more)
    wrong = check(the_class.out, expected.read(manifest_of(the_class.folder)))
    left = left_behind(folder, before, options.busy)
    say(figures(ran, options.size))
    graders = sum(entry.cpu_seconds for entry in the_class.entries())
    say(f"{graders / options.size:.1f} CPU seconds a submission")
    say(f"{options.size} outcomes, {len(wrong)} not as expected; {len(left)} traces left")
    status = [] if ran.status == 0 else [f"class mode ended with {ran.status}"]
    return status + wrong + [f"left: {visible(line)}" for line in left]


def figures(ran: Ran, size: int) -> str:
    """How fast it was."""
    return (
        f"{size} submissions in {ran.seconds / 60:.1f} minutes: {size / ran.seconds * 3600:.0f} an "
        f"hour, {100 * ran.use:.1f} % use of {os.cpu_count()} CPUs"
    )


def made(options: argparse.Namespace, folder: Path, out: str) -> Class:
    """The class, made the first time."""
    place = folder / "class"
    if not place.exists():
        make_class(place, options.lab, options.size, options.layout, options.seed, options.kinds)
    return Class(place, folder / out, options.lab, options=tuple(options.options))


def killed(options: argparse.Namespace, folder: Path, say: Say) -> list[str]:
    """Show 2. Returns what is wrong."""
    more = environment(folder)
    undisturbed = made(options, folder, "undisturbed")
    ran = run(undisturbed, **more)
    say(f"undisturbed: {figures(ran, options.size)}")
    disturbed = made(options, folder, "disturbed")
    random, wrong = Random(options.seed), []
    for number in range(1, options.kills + 1):
        # Twice the mean, so that all the kills together come before the end.
        seconds = random.uniform(0.02, 1.9) * ran.seconds / (options.kills + 1)
        wrong += one_kill(disturbed, seconds, f"kill {number}", say, more)
    kept = outcomes(disturbed)
    last = run(disturbed, **more)
    wrong += changed(kept, disturbed, "the last run")
    if last.status != ran.status:
        wrong.append(f"the last run ended with {last.status}, the undisturbed with {ran.status}")
    grades = [(one.out / "grades.csv").read_bytes() for one in (undisturbed, disturbed)]
    wrong += differences(*grades)
    same = "is the same" if grades[0] == grades[1] else "differs"
    say(f"{options.kills} kills; grades.csv {same}")
    return wrong + [f"left: {line}" for line in traces.processes()]


def one_kill(
    the_class: Class, seconds: float, name: str, say: Say, more: dict[str, str]
) -> list[str]:
    """SIGKILL for the run after so many seconds. Returns what is wrong after."""
    kept = outcomes(the_class)
    process = the_class.start(**more)
    try:
        process.wait(seconds)
        return [f"{name}: the run ended before, with {process.returncode}"]
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    left = traces.processes()
    say(f"{name} after {seconds:.1f} s, with {len(outcomes(the_class))} outcomes")
    return [f"{name} left: {line}" for line in left] + changed(kept, the_class, name)


def outcomes(the_class: Class) -> dict[str, tuple[int, bytes]]:
    """Of each student the inode and the bytes of the outcome."""
    paths = sorted((the_class.out / "students").glob("*/entry.json"))
    return {path.parent.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}


def changed(kept: dict[str, tuple[int, bytes]], the_class: Class, name: str) -> list[str]:
    """Outcomes that were there, and are lost or reached again."""
    now = outcomes(the_class)
    return [f"{name}: {key} is lost or graded twice" for key in kept if now.get(key) != kept[key]]


def differences(first: bytes, second: bytes) -> list[str]:
    """The first rows that are not the same."""
    pairs = zip_longest(first.splitlines(), second.splitlines(), fillvalue=b"no row")
    rows = [(one, other) for one, other in pairs if one != other]
    return [f"{visible(one)}\n   is {visible(other)}" for one, other in rows[:20]]


def main() -> int:
    """Exit status 1 if anything is wrong."""
    options = arguments()
    traces.alone()
    traces.adopt()

    def say(words: str) -> None:
        print(words, flush=True)

    say("alone" if traces.is_alone() else "not alone: traces are looked for in our folders only")
    with place(options.keep) as folder:
        wrong = {"whole": whole, "killed": killed}[options.show](options, folder, say)
    for line in wrong:
        say(f"wrong: {line}")
    say("FAIL" if wrong else "PASS")
    return 1 if wrong else 0


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def arguments() -> argparse.Namespace:
    """Those of the command line; what follows ``--`` goes to class mode."""
    parser = argparse.ArgumentParser(
        prog="python -m grader.selftest.class_of.shows",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("show", choices=["whole", "killed"])
    parser.add_argument("--lab", type=int, default=3)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--layout", choices=LAYOUTS, default="moodle")
    parser.add_argument("--seed", type=int, default=1, help="of the class that is made")
    words = "all of the class is of these, such as starter,unfinished,empty"
    parser.add_argument("--kinds", type=_words, default=(), help=words)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keeps class and results there")
    words = "other tests work in this checkout: what changes there is theirs"
    parser.add_argument("--busy", action="store_true", help=words)
    own, more = (sys.argv[1:], [])
    if "--" in own:
        at = own.index("--")
        own, more = own[:at], own[at + 1 :]
    options = parser.parse_args(own)
    options.options = more
    return options


if __name__ == "__main__":
    sys.exit(main())
