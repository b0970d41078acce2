"""Reading a zip archive, with Python's own module and a closer look at what it would let pass."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Iterator
from functools import partial

from grader.classroom.intake.bounds import ENTRIES
from grader.classroom.intake.harvest import Budget, Member, TooMuch, no_bomb

_ENCRYPTED = 0x1
DIRECTORY_ENTRY = b"PK\x01\x02"
# The module bounds what comes out of these alone; a few bytes of the others can fill the memory.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def members(data: bytes, budget: Budget) -> Iterator[Member]:
    """What is in the archive, in its order. Raises TooMuch, or one of the module's many errors."""
    if data.count(DIRECTORY_ENTRY) > ENTRIES:  # the module reads all of them at once
        raise TooMuch(f"it holds more than {ENTRIES} files and folders")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        no_bomb(sum(info.file_size for info in archive.infolist()), len(data))
        for info in archive.infolist():
            # Not info.filename, which ends at a NUL. Windows has written backslashes for slashes.
            name = info.orig_filename.replace("\\", "/")
            read = partial(_read, archive, info, budget)
            yield Member(name, _odd(info), name.endswith("/"), read)


def _odd(info: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "a link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "no plain file"
    if info.flag_bits & _ENCRYPTED:
        return "it is encrypted"
    return "" if info.compress_type in _METHODS else "it is packed in an unusual way"


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget, most: int) -> bytes:
    with archive.open(info) as file:
        data = file.read(most + 1)
    budget.unpack(len(data))
    return data
