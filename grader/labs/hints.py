"""Hints in three tiers: a question, the cause, the remedy in words; never code."""

from __future__ import annotations

import importlib
from typing import NamedTuple


class Hint(NamedTuple):
    """``question`` stands on the failure card; a command shows the others."""

    question: str
    cause: str
    remedy: str


# By diagnosis, in any lab.
COMMON = {
    "build": Hint(
        "What does the first message of the compiler say, and about which line?",
        "Later messages often follow from the first. 'undefined reference' comes from the linker: "
        "something is declared and used, but "
        "defined nowhere.",
        "Mend the first error, build again with 'make build1', and look at what is left.",
    ),
    "crash": Hint(
        "Which signal ended the program, and what was the last thing that the grader did before?",
        "SIGSEGV is an address that is not the program's; SIGABRT an assertion or the library's "
        "own check; SIGPIPE a write to a "
        "connection whose other end is gone.",
        "'make debug' stops where it happens: 'backtrace' shows how the program got there. "
        "SIGPIPE is ignored once, at the start of main.",
    ),
    "sanitizer": Hint(
        "Which line of yours stands first in the sanitizer's report, and what does it read or "
        "write?",
        "The report names the kind of error, the line that made it, and where the memory came "
        "from.",
        "Go to the first line that is in your own file. Compare the size of the buffer there with "
        "the index or length that is used.",
    ),
    "killed-supervisor": Hint(
        "To which process does your program send a signal?",
        "kill() with 0, -1 or a wrong process id reaches processes that are not the program's own.",
        "Send signals only to process ids that fork() returned, and look at fork()'s return value "
        "first: -1 is an error, not a process.",
    ),
    "memory-bound": Hint(
        "What does your program keep, and when does it let go of it?",
        "Something is allocated again and again, and freed never or too late.",
        "Give every allocation one place that frees it, and a bound to everything that waits.",
    ),
    "disk-bound": Hint(
        "What does your program write to its folder, and does that ever shrink?",
        "A file grows without end, or new files are made again and again.",
        "Keep in the folder what the next start needs, and no more: what it replaces goes.",
    ),
    "folder-spoilt": Hint(
        "What does your program make in its folder besides plain files?",
        "It leaves links, or folders in folders, or changes the folder while nobody asked it to.",
        "A storage has one folder, a few files in it, and touches them within its calls only.",
    ),
    "foreign-answer": Hint(
        "To which descriptors do your modules write?",
        "One that is not theirs was written to: a number that was kept after close(), or guessed.",
        "Use a descriptor only as long as it is open, and set the variable to -1 with close().",
    ),
    "output-flood": Hint(
        "Which message stands there again and again?",
        "A loop goes on after an error that will not go away by itself, and reports it each time.",
        "Decide for each error whether to try again, to give up this connection, or to end the "
        "program.",
    ),
    "ended-at-start": Hint(
        "Which call failed before your program could say that it listens?",
        "It ended by itself: its words and its status are on the card. A starter that does "
        "nothing ends so too.",
        "Check what socket(), bind(), listen() and your own functions return, and print errno's "
        "text before you end with 1.",
    ),
    "hidden": Hint(
        "What may a user see of a process of his own, and what takes that away?",
        "The program has made itself unreadable: it replaced itself by a file without the right "
        "to read.",
        "Run as the program that was started. 'ls -l /proc/PID/fd' must show what is open.",
    ),
    "descriptor-leak": Hint(
        "Which descriptors are open when all clients have left?",
        "A path through the program ends without close(): often the one after a failed read or "
        "write. After fork(), parent and child both "
        "hold every descriptor.",
        "Let every connection end in one place that closes it, whatever the reason. After fork(), "
        "each side closes what belongs to the other. "
        "'ls -l /proc/PID/fd' shows what is open.",
    ),
}


def hint_for(stage_id: str, diagnosis_id: str = "") -> Hint:
    """The hint for a diagnosis in that stage, else for the diagnosis anywhere, else for the
    stage.
    """
    lab = stage_id.partition(".")[0]
    known: dict[str, Hint] = COMMON | importlib.import_module(f"grader.labs.lab{lab}.hints").HINTS
    for key in (f"{stage_id} {diagnosis_id}", diagnosis_id, stage_id):
        if key in known:
            return known[key]
    raise KeyError(f"stage {stage_id} has no hint")
