"""``make bench LAB=class``: how many submissions an hour, and at what cost, lab by lab on this
machine; the sandbox beside none; two workers beside one.

What is graded are samples of the class that the tests make: always the same ones, with as many
broken and hostile programs as a real class might hold. Each measure runs in a process of its own,
since Dask's threads outlive a cluster.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table

from grader import bench
from grader.bench import Row, grouped_table, make_row
from grader.classroom import dispatch
from grader.classroom.dispatch import Batch
from grader.classroom.intake import sha256_of
from grader.classroom.model import Handed, Student, Submission
from grader.classroom.progress import Progress
from grader.classroom.stamps import Order
from grader.errors import MachineError, UsageError
from grader.labs import LABS
from grader.run.isolation import LIMITS, NAMESPACES
from grader.selftest.class_of.expected import REFUSED
from grader.selftest.class_of.programs import Work, works
from grader.selftest.class_of.running import busy_and_all
from grader.selftest.harness import ROOT, grade
from grader.settings import Settings

CLASS, SEED = 200, 1  # the class that is sampled
SIZES = {1: 20, 2: 20, 3: 40, 4: 20, 5: 20, 6: 12}  # of the samples, by lab
QUICK_SIZES = {3: 8}
HOURS = {3: 20 / 60, 5: 60 / 60}  # in which a class is to be graded, on two CPUs
SCALED = 4  # the lab that workers are compared with: all CPU, little waiting
SCALED_SIZE, QUICK_SCALED_SIZE = 12, 4

# The longest first, so that in the end no worker waits long for the other.
ORDER = ("hostile", "broken", "variant", "solution", "archive", "starter", "empty")


@dataclass(frozen=True)
class Job:
    """What a measure grades, with so many workers on these CPUs."""

    lab: int
    submissions: tuple[Submission, ...]
    workers: int
    cpus: frozenset[int]


@dataclass(frozen=True)
class Measured:
    """``cpu_seconds`` are those of the graders; ``use`` of the CPUs is between 0 and 1, and
    everybody's.
    """

    size: int
    seconds: float
    cpu_seconds: float
    use: float

    @property
    def per_hour(self) -> float:
        return 3600 * self.size / self.seconds

    @property
    def cost(self) -> float:
        """CPU seconds a submission."""
        return self.cpu_seconds / self.size


def sample(lab: int, size: int, kinds: tuple[str, ...] = ORDER) -> tuple[Submission, ...]:
    """So many of the class's works of these kinds, each kind in its share."""
    made = [work for work in works(LABS[lab - 1], CLASS, Random(SEED)) if work.kind in kinds]
    made.sort(key=lambda work: (ORDER.index(work.kind), work.program))
    step = len(made) / size
    return tuple(_submission(n, made[int((n + 0.5) * step)]) for n in range(size))


def _submission(number: int, work: Work) -> Submission:
    refused = "it holds nothing" if work.status == (REFUSED,) else ""
    # As students differ: objects that another one's grading has built are of no use.
    mark = f"/* {number} */\n".encode()
    files = {n: mark + data if n.endswith(".c") else data for n, data in work.files.items()}
    handed = Handed(work.program, "plain", sha256_of(files), refused=refused)
    return Submission(Student(f"{work.kind}-{number:03}", work.program), handed, files)


def _measured(job: Job) -> Measured:
    """Grades them, and shows how far it is. What is built once for all of a class is there
    already, after one more.
    """
    os.sched_setaffinity(0, job.cpus)
    order, cpu_seconds = Order(job.lab), 0.0
    with dispatch.local_cluster(job.workers) as client:
        batch = Batch(client, order, dispatch.facts(order))
        list(batch.outcomes(sample(job.lab, 1, ("starter",))))
        shown = Progress(Console(highlight=False, emoji=False), len(job.submissions))
        busy, ticks = busy_and_all()
        began = time.monotonic()
        with shown.shown():
            for outcome in batch.outcomes(job.submissions):
                cpu_seconds += outcome.entry.cpu_seconds
                shown.add(outcome.entry)
        seconds, now = time.monotonic() - began, busy_and_all()
    use = (now[0] - busy) / max(1.0, now[1] - ticks)
    return Measured(len(job.submissions), seconds, cpu_seconds, use)


def measured(job: Job) -> Measured:
    """As ``_measured``, in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measured, job).result()


@dataclass(frozen=True)
class ClassBench:
    """All measures; ``quick`` ones are few and small."""

    console: Console
    quick: bool

    def rows(self) -> list[Row]:
        found = []
        for lab, size in (QUICK_SIZES if self.quick else SIZES).items():
            self._say(f"lab {lab}: {size} submissions of a class")
            cpus = frozenset(os.sched_getaffinity(0))
            of_lab = measured(Job(lab, sample(lab, size), dispatch.DEFAULT_WORKERS, cpus))
            found += [*_speed(lab, of_lab, len(cpus)), *self._sandbox(lab, of_lab)]
        return [*found, *self._workers()]

    def _sandbox(self, lab: int, of_lab: Measured) -> list[Row]:
        """The reference, with namespaces and without; and what a submission costs beside it."""
        pairs = []
        for _ in range(1 if self.quick else 2):
            self._say(f"lab {lab}: the reference, in namespaces and without")
            pairs.append((_cpu_of_reference(lab, NAMESPACES), _cpu_of_reference(lab, LIMITS)))
        unit, cost = "CPU s", f"lab {lab}: a submission"
        alone = [(of_lab.cost, mine) for mine, _ in pairs]
        name = f"lab {lab}: the reference in a sandbox"
        return [
            make_row(cost, unit, alone, "the reference", less_is_better=True),
            make_row(name, unit, pairs, "resource limits only", less_is_better=True),
        ]

    def _workers(self) -> list[Row]:
        """Each worker has a CPU of its own."""
        cpus = sorted(os.sched_getaffinity(0))
        if len(cpus) < 2:
            self._say("one CPU: two workers are not compared with one")
            return []
        size = QUICK_SCALED_SIZE if self.quick else SCALED_SIZE
        chosen = sample(SCALED, size, ("solution", "variant"))
        rates = []
        for workers in (2, 1):
            self._say(f"lab {SCALED}: {size} submissions, {workers} of the CPUs")
            job = Job(SCALED, chosen, workers, frozenset(cpus[:workers]))
            rates.append(measured(job).per_hour)
        pair = [(rates[0], rates[1])]
        return [make_row("two workers", "submissions an hour", pair, "one worker", goal=1.8)]

    def _say(self, words: str) -> None:
        self.console.print(words, markup=False)


def _speed(lab: int, of_lab: Measured, cpus: int) -> list[Row]:
    """How many an hour, beside what is to be reached, and beside CPUs that never wait."""
    name, unit, rate = f"lab {lab}: speed", "submissions an hour", of_lab.per_hour
    found = []
    if lab in HOURS:
        wanted = CLASS / HOURS[lab]
        peer = f"{CLASS} in {60 * HOURS[lab]:.0f} minutes"
        found.append(make_row(name, unit, [(rate, wanted)], peer, goal=1.0))
    ideal = 3600 * cpus / of_lab.cost
    found.append(make_row(name, unit, [(rate, ideal)], "CPUs that never wait"))
    use = [(100 * of_lab.use, 100.0)]
    return [*found, make_row(f"lab {lab}: use of the CPUs", "%", use, "all of them", goal=0.95)]


def _cpu_of_reference(lab: int, level: str) -> float:
    """CPU seconds of the grader on the reference, from a cold cache."""
    before = _cpu_of_children()
    with tempfile.TemporaryDirectory() as folder:
        run = grade(
            Path(folder),
            "lab",
            str(lab),
            WORK=ROOT / "solutions",
            CACHE=Path(folder) / "cache",
            ALL=1,
            ISOLATION=level,
        )
    if run.status != 0:
        raise MachineError(f"lab {lab}: the reference does not pass with ISOLATION={level}")
    return _cpu_of_children() - before


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def tables(rows: list[Row]) -> list[Table]:
    """One of the speed, one of the cost."""
    parts = {
        "Class mode: speed": [row for row in rows if row.unit != "CPU s"],
        "Class mode: cost": [row for row in rows if row.unit == "CPU s"],
    }
    return [grouped_table(title, part) for title, part in parts.items() if part]


def main() -> int:
    """Reads OUT and ARGS, as the Makefile gives them. Exit status 2 where it can't measure."""
    console = Console(highlight=False, emoji=False)
    try:
        options = bench.options(os.environ.get("ARGS", ""))
        out = Settings.from_environment().out
        rows = ClassBench(console, options.get("quick", False)).rows()
        bench.show("class", rows, out, console)
    except (UsageError, MachineError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
