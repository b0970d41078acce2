"""Names that others chose: of students, for their folders, and of files."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from pathlib import PurePosixPath

from grader.classroom.intake.bounds import DEPTH, NAME_BYTES, PATH_BYTES
from grader.report import escape

# A name that make and the compiler can't misread, as grader/run/build.py has it.
C_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,100}\.[ch]")

_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_KEY_LENGTH = 64
_ID = re.compile(r"[a-z0-9]{1,20}")
_JUNK = {".git", ".hg", ".svn", "__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"}
# Letters that are no other letter with a mark on it, so that NFKD leaves them alone.
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
# Line breaks, NUL, escapes, changes of direction, what has no width, what means nothing anywhere.
_ABSURD = {"Cc", "Cf", "Co", "Zl", "Zp"}
# Of these, what Persian, Hindi and emoji are written with, and names from right to left.
_JOINERS = "\u200c\u200d\u200e\u200f"


def digest(text: str, digits: int = 8) -> str:
    """A short hash, the same however the letters' marks are encoded."""
    data = unicodedata.normalize("NFC", text).encode("utf-8", "surrogateescape")
    return hashlib.sha256(data).hexdigest()[:digits]


def slug(text: str) -> str:
    """A name in lower-case ASCII letters, digits and dashes; empty where nothing of it is Latin."""
    plain = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS))
    return re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode()).strip("-")


def key_of(name: str, number: str = "", identity: str = "") -> str:
    """The key of a student (see ``model.Student``), from what the platform says of this one alone,
    so that it stays the same whoever else hands in.

    ``number`` is the platform's own and makes the key unique; without one a hash of ``identity``
    does. A name that is a key already stays as it is, if there is no more to it.
    """
    if not number and name == identity and len(name) <= _KEY_LENGTH and _KEY.fullmatch(name):
        return name
    mark = number if _ID.fullmatch(number) else digest(identity)
    words = slug(name)[: _KEY_LENGTH - 1 - len(mark)].strip("-") or "student"
    return f"{words}-{mark}"


def shown(text: str) -> str:
    """A student's name or number: one line that is safe to show, with the joiners that letters
    need.
    """
    return "".join(
        part if part in ("\u200c", "\u200d") else escape.one_line(part)
        for part in re.split("([\u200c\u200d])", text)
    )


def is_junk(path: str) -> bool:
    """Whether it is what an operating system or git keeps beside a student's files."""
    parts = path.split("/")
    return not _JUNK.isdisjoint(parts) or parts[-1].startswith("._")


def tidy(name: str) -> str:
    """A member's name in an archive without what means nothing: ``./a//b/`` is ``a/b``."""
    start = "/" if name.startswith("/") else ""
    return start + "/".join(part for part in name.split("/") if part not in ("", "."))


def absurd(path: str) -> str:
    """Why no honest file has this path, or "". What is not UTF-8 only fails to be a C file."""
    parts = path.split("/")
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        return "an absolute path"
    if ".." in parts:
        return "a path that leads outside"
    if any(unicodedata.category(char) in _ABSURD and char not in _JOINERS for char in path):
        return "a name with characters that can't be seen"
    if re.fullmatch(r"-.*\.[ch]", parts[-1], re.DOTALL):
        return "a name with a leading dash"
    sizes = [len(part.encode("utf-8", "surrogateescape")) for part in parts]
    if max(sizes) > NAME_BYTES or sum(sizes) + len(sizes) > PATH_BYTES:
        return "a name that is too long"
    return "too deep in folders" if len(parts) > DEPTH else ""


def parent(path: str) -> str:
    """The folder that a path lies in; "" is the top."""
    return path.rpartition("/")[0]


def base(path: str) -> str:
    """The last part of a path."""
    return PurePosixPath(path).name
