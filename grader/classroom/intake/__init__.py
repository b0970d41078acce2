"""Takes in the submissions of a class, as a learning platform exported them."""

from grader.classroom.intake.layouts import Layout
from grader.classroom.intake.taking import sha256_of, take

__all__ = ["Layout", "sha256_of", "take"]
