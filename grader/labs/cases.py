"""Cases that nobody thought of: Hypothesis makes them, and shrinks the one that fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from grader.labs.stage import Attempt
from grader.verdicts import Hang, StageFailure

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Case = TypeVar("Case")


def for_all(
    attempt: Attempt, strategy: SearchStrategy[Case], check: Callable[[Case], None], *, count: int
) -> None:
    """Calls ``check`` with ``count`` cases that depend on the attempt's seed alone. Raises the
    StageFailure of the smallest case that was found to fail; of the first that hangs, since a
    deadline leaves no time to shrink it.
    """
    import hypothesis  # only where it is needed: it takes a while
    from hypothesis.configuration import set_hypothesis_home_dir

    # It keeps notes on the grader's modules, else in the folder that the grader was started in.
    set_hypothesis_home_dir(attempt.builder.cache / "hypothesis")
    failures: list[StageFailure] = []
    hangs: list[Hang] = []

    def run(case: Case) -> None:
        if hangs:
            return
        try:
            check(case)
        except Hang as hang:
            hangs.append(hang)
        except StageFailure as failure:
            failures.append(failure)
            raise

    quiet = hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
        suppress_health_check=list(hypothesis.HealthCheck),
        report_multiple_bugs=False,
        verbosity=hypothesis.Verbosity.quiet,
    )
    try:
        hypothesis.seed(attempt.seed)(quiet(hypothesis.given(strategy)(run)))()
    except hypothesis.errors.Flaky:  # it failed once, and did not when it was tried again
        raise failures[-1] from None
    if hangs:
        raise hangs[0]
