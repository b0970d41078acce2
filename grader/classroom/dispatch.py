"""Hands submissions to Dask's workers, and takes back what became of them.

A worker may share no disk with this process: a task carries the files that were handed in, and
comes back with all that is written about them. No more tasks are under way than there are workers,
so that a class of any size needs little memory. A worker that is lost loses one submission, which
is graded again, once.

The local cluster talks by TLS with a key of its own, since whoever can talk to a scheduler can run
code in its name, and class mode runs on machines that students have accounts on.
"""

from __future__ import annotations

import logging
import os
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import dask
from dask.system import CPU_COUNT
from distributed import Client, Future, KilledWorker, LocalCluster, WorkerPlugin, wait
from distributed.security import Security

from grader.classroom import grading, keeping
from grader.classroom.folder import QUARANTINE, STUDENTS
from grader.classroom.grading import Order
from grader.classroom.model import Entry, Handed, Stamp, Status, Student, Submission
from grader.classroom.plan import expected
from grader.classroom.stamps import grader_sha256
from grader.errors import MachineError, UsageError
from grader.report.escape import one_line
from grader.run.runtime import runtime_folder

_MOST_CARRIED = 64 << 20  # bytes of reports about one submission
_CONNECT_S = 30
_LOOK_S = 5  # until workers that are new, or take the place of lost ones, get work
_NOBODY = Submission(Student("nobody", ""), Handed("", "", ""), {})
_CONFIG = {
    "distributed.scheduler.allowed-failures": 0,  # ``Batch`` counts them
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    # Its accounts of itself would take a twentieth of each CPU.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
}
DEFAULT_WORKERS = (3 * CPU_COUNT + 1) // 2  # what hangs lets its worker wait, and no CPU
_GONE = "the scheduler is gone; the same command goes on"

Grade = Callable[[Submission, Order, Path], Entry]


@dataclass(frozen=True)
class Outcome:
    """An entry, and the files that belong to it, by their path below OUT."""

    entry: Entry
    files: dict[str, bytes]


class _OwnSession(WorkerPlugin):
    """Ctrl-C in the terminal is for the run, which ends its workers in order, not for them."""

    def setup(self, worker: object) -> None:
        os.setsid()


@contextmanager
def local_cluster(workers: int | None) -> Iterator[Client]:
    """Workers on this machine, ``DEFAULT_WORKERS`` unless told otherwise. They end with this
    process, however it ends, and so does their folder. Call before any thread is started.
    """
    _silence()
    with (
        runtime_folder(bounded=False) as folder,  # each grader is, for itself
        dask.config.set(_CONFIG, temporary_directory=str(folder)),
    ):
        with LocalCluster(
            n_workers=workers or DEFAULT_WORKERS,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            local_directory=str(folder),
            memory_limit=0,
            security=Security.temporary(),
            silence_logs=logging.CRITICAL,
            env={"TMPDIR": str(folder)},
        ) as cluster:
            with Client(cluster) as client:
                client.register_plugin(_OwnSession())
                yield client


@contextmanager
def existing_cluster(address: str) -> Iterator[Client]:
    """Workers that somebody else started. Raises UsageError where there are none."""
    _silence()
    try:
        client = Client(address, timeout=_CONNECT_S)
    except (OSError, ValueError) as error:
        raise UsageError(f"--scheduler {address}: {error}") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_CONNECT_S)
        except TimeoutError:
            raise UsageError(f"--scheduler {address}: it has no workers") from None
        yield client


def _silence() -> None:
    """Dask's log has its own words for what is told here in ours."""
    for handler in logging.getLogger("distributed").handlers:
        handler.setLevel(logging.CRITICAL)


def facts(order: Order) -> Stamp:
    """The stamp of a submission of nobody's: what holds for all that is graded here."""
    return grading.stamp_of(_NOBODY, order)


def facts_of(client: Client, order: Order) -> Stamp:
    """What holds on all workers. Raises UsageError where they differ from each other, or have
    another grader than this checkout.
    """
    answers: dict[str, Any] = client.run(facts, order, on_error="return")
    ours = grader_sha256()
    for worker, answer in answers.items():
        if isinstance(answer, BaseException):
            words = one_line(f"{type(answer).__name__}: {answer}", 300)
            raise UsageError(f"worker {worker} can't grade: {words}")
        if answer.grader != ours:
            raise UsageError(f"worker {worker} has another grader than this checkout")
    first, *others = answers.values()
    if any(other != first for other in others):
        raise UsageError("the workers differ in compiler, C library, Python or isolation")
    assert isinstance(first, Stamp)
    return first


@dataclass(frozen=True)
class Task:
    """A submission on its way to a worker."""

    submission: Submission
    order: Order
    stamp: Stamp
    grade: Grade

    def work(self) -> Outcome:
        """On a worker: grades in a folder that looks like OUT."""
        found = grading.stamp_of(self.submission, self.order)
        if found != self.stamp:
            raise MachineError(f"this worker would grade as {found}, the others as {self.stamp}")
        with like_out(self.submission) as (folder, out):
            entry = self.grade(self.submission, self.order, out)
            return Outcome(entry, _carried(folder))


@contextmanager
def like_out(submission: Submission) -> Iterator[tuple[Path, Path]]:
    """A temporary folder that looks like OUT, and the student's folder in it."""
    with tempfile.TemporaryDirectory(prefix="echo-to-raft-task-") as folder:
        out = Path(folder) / STUDENTS / submission.student.key
        out.mkdir(parents=True)
        yield Path(folder), out


def _carried(folder: Path) -> dict[str, bytes]:
    """What is told of the student, the small files first while they are not too many bytes."""
    files, left = {}, _MOST_CARRIED
    found = [path for part in (STUDENTS, QUARANTINE) for path in (folder / part).rglob("*")]
    sizes = [
        (path.stat().st_size, path) for path in found if path.is_file() and not path.is_symlink()
    ]
    for size, path in sorted(sizes):
        left -= size
        if left < 0:
            break
        files[path.relative_to(folder).as_posix()] = path.read_bytes()
    return files


@dataclass(frozen=True)
class Batch:
    """Submissions that are graded in one way."""

    client: Client
    order: Order
    common: Stamp
    grade: Grade = grading.grade

    def outcomes(self, submissions: Iterable[Submission]) -> Iterator[Outcome]:
        """Grades them all; what is done first comes first. Raises MachineError when the scheduler
        is gone.
        """
        coming = iter(submissions)
        ready, lost = list(islice(coming, 1)), set[str]()
        waiting: dict[Future[Outcome], Submission] = {}
        while ready or waiting:
            while ready and len(waiting) < self._places():
                submission = ready.pop()
                waiting[self._submit(submission)] = submission
                ready += islice(coming, 0 if ready else 1)  # the next is at hand when it is needed
            for future in self._done(waiting):
                submission = waiting.pop(future)
                if _is_lost(future) and submission.student.key not in lost:
                    lost.add(submission.student.key)
                    ready.append(submission)
                else:
                    yield self._outcome(submission, future)

    def _places(self) -> int:
        """Of the workers there are now; some may be lost, and others come."""
        try:
            threads: dict[str, int] = self.client.nthreads()
        except OSError as error:
            raise MachineError(_GONE) from error
        return max(1, sum(threads.values()))

    def _submit(self, submission: Submission) -> Future[Outcome]:
        stamp = expected(submission, self.order, self.common)
        task = Task(submission, self.order, stamp, self.grade)
        return self.client.submit(task.work, pure=False)

    def _done(self, waiting: Iterable[Future[Outcome]]) -> set[Future[Outcome]]:
        """Those that are, at least one of them; none where a look at the workers is due."""
        try:
            done = wait(list(waiting), timeout=_LOOK_S, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            return set()
        except (OSError, CancelledError) as error:
            raise MachineError(_GONE) from error
        return set(done)

    def _outcome(self, submission: Submission, future: Future[Outcome]) -> Outcome:
        if future.status == "finished":
            return future.result()
        if future.status != "error":
            raise MachineError(_GONE)
        stamp = expected(submission, self.order, self.common)
        return quarantined(submission, stamp, _story(future))


def _is_lost(future: Future[Outcome]) -> bool:
    return future.status == "error" and isinstance(future.exception(), KilledWorker)


def _story(future: Future[Outcome]) -> str:
    error = future.exception()
    if isinstance(error, KilledWorker):
        return f"the worker that graded it ended, and so did a second one. {error}"
    return "".join(traceback.format_exception(type(error), error, future.traceback()))


def quarantined(submission: Submission, stamp: Stamp, story: str) -> Outcome:
    """Of a submission on which a task broke: all that is known, and its files."""
    entry = Entry(
        submission.student,
        submission.handed,
        stamp,
        Status.QUARANTINED,
        story=story,
        graded_at=datetime.now(UTC),
    )
    with like_out(submission) as (folder, out):
        keeping.keep(entry, submission, folder, out)
        return Outcome(entry, _carried(folder))
