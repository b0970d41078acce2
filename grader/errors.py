"""What can go wrong, as three kinds: the user's call, a student's program, the grader or its
machine.
"""

from __future__ import annotations


class UsageError(Exception):
    """The grader was called in a way it can't serve: one clear line, exit status 2."""


class MachineError(Exception):
    """The machine or the grader failed, not the student: verdict GRADER-ERROR, never scored."""
