"""Hints of lab 1, by stage and by diagnosis."""

from __future__ import annotations

from grader.labs.hints import Hint

HINTS = {
    "1.1": Hint("Which calls turn a socket into one that clients can reach?", "x", "y"),
    "1.2": Hint("q", "x", "y"), "1.3": Hint("q", "x", "y"), "1.4": Hint("q", "x", "y"), "1.5": Hint("q", "x", "y"),
}
