"""Hints of lab 1, by stage and by diagnosis."""

from __future__ import annotations

from grader.labs.hints import Hint

HINTS = {f"1.{n}": Hint("q", "x", "y") for n in range(1, 20)}
