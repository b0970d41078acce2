"""What can go wrong, as three kinds: the user's call, a student's program, the grader or its
machine.
"""

from __future__ import annotations

import tempfile
import traceback


class UsageError(Exception):
    """The grader was called in a way it can't serve: one clear line, exit status 2."""


class MachineError(Exception):
    """The machine or the grader failed, not the student: verdict GRADER-ERROR, never scored."""


def story(error: BaseException) -> str:
    """Writes the traceback of a bug of the grader to a file; returns words that name it."""
    words = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="grader-error-", suffix=".txt", delete=False
        ) as file:
            file.write(words)
        return f"the whole story is in {file.name}"
    except OSError:
        return words
