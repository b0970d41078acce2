"""Walks a folder on disk through descriptors: no link is followed, nothing but regular files is
opened, and a folder that is swapped for a link meanwhile is noticed by the kernel (O_NOFOLLOW).

Each file is read once, so that what is hashed is what is graded, whatever becomes of the file.
"""

from __future__ import annotations

import os
import stat
from functools import partial
from itertools import islice

from grader.classroom.intake import names
from grader.classroom.intake.bounds import ENTRIES
from grader.classroom.intake.harvest import Harvest, TooMuch
from grader.classroom.intake.unpack import look_at
from grader.run.files import regular_file

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def take(name: str, folder: int, path: str, harvest: Harvest) -> None:
    """Takes what lies at ``name`` in the folder of that descriptor, as ``path`` of the submission;
    "" stands for the submission itself.

    Raises TooMuch.
    """
    harvest.budget.enter()
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            _take_folder(name, folder, path, harvest)
        elif stat.S_ISREG(mode):
            look_at(path or name, partial(_read, name, folder), harvest)
        else:
            harvest.leave_out(path or name, _KINDS.get(stat.S_IFMT(mode), "no plain file"))
    except OSError as error:
        harvest.leave_out(path or name, f"it can't be read: {error.strerror}")


def _take_folder(name: str, folder: int, path: str, harvest: Harvest) -> None:
    inner = os.open(name, FOLDER, dir_fd=folder)
    try:
        for child in _children(inner):
            below = f"{path}/{child}" if path else child
            if names.is_junk(below):
                continue
            if why := names.absurd(below):
                harvest.budget.enter()
                harvest.leave_out(below, why)
            else:
                take(child, inner, below, harvest)
    finally:
        os.close(inner)


def _children(folder: int) -> list[str]:
    """In a stable order; never more than a submission may hold."""
    with os.scandir(folder) as entries:
        found = [entry.name for entry in islice(entries, ENTRIES + 1)]
    if len(found) > ENTRIES:
        raise TooMuch(f"it holds more than {ENTRIES} files and folders")
    return sorted(found)


def _read(name: str, folder: int, most: int) -> bytes | None:
    return regular_file(name, most, folder)
