"""Looks at each file that was handed in: keeps C, unpacks archives into memory, names the rest.

An archive counts as a whole or not at all: half of a damaged one is not what was handed in.
"""

from __future__ import annotations

import bz2
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from grader.classroom.intake import names, tar, zips
from grader.classroom.intake.bounds import ARCHIVE_BYTES, MIB, NESTING, SOURCE_BYTES, XZ_BYTES
from grader.classroom.intake.harvest import Budget, Damaged, Harvest, Member, Read, TooMuch, no_bomb

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz")
_FOREIGN = (".rar", ".7z", ".gz", ".bz2", ".xz", ".zst", ".lz", ".lzma", ".z")
_CHUNK = 64 << 10
_GZIP = 16 + zlib.MAX_WBITS  # zlib's flag for gzip's header and checksum
# What zipfile and the decompressors raise for bytes that make no sense.
_NO_ARCHIVE = (
    Damaged,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    LookupError,
    OverflowError,
)


def is_archive(name: str) -> bool:
    """Whether a file is called as an archive, even as one that is not read here."""
    return name.lower().endswith(_ARCHIVES + _FOREIGN)


def look_at(path: str, read: Read, harvest: Harvest, level: int = 0) -> None:
    """Takes a regular file into the harvest. ``level`` counts the archives around it.

    Raises TooMuch when the submission as a whole is too large.
    """
    if names.is_junk(path):
        return
    if why := names.absurd(path):
        harvest.leave_out(path, why)
    elif names.C_FILE.fullmatch(names.base(path)):
        _keep(path, read(SOURCE_BYTES), harvest)
    elif is_archive(path):
        _open(path, read, harvest, level + 1)
    else:
        harvest.others.append(path)


def _keep(path: str, data: bytes | None, harvest: Harvest) -> None:
    if data is None:
        harvest.leave_out(path, "it can't be read")
    elif len(data) > SOURCE_BYTES:
        harvest.budget.keep(len(data))  # reading many of them takes its time, too
        harvest.leave_out(path, f"it is larger than {SOURCE_BYTES // MIB} MiB")
    else:
        harvest.keep(path, data)


def _open(path: str, read: Read, harvest: Harvest, level: int) -> None:
    if not path.lower().endswith(_ARCHIVES):
        harvest.leave_out(path, "only .zip, .tar, .tar.gz, .tar.bz2 and .tar.xz are unpacked")
        return
    if level > NESTING:
        harvest.leave_out(path, "an archive within archives")
        return
    if harvest.budget.is_spent():
        harvest.leave_out(path, "the archives before it hold too much")
        return
    data = read(ARCHIVE_BYTES)
    harvest.budget.unpacked += len(data or b"")
    if data is None:
        harvest.leave_out(path, "it can't be read")
    elif len(data) > ARCHIVE_BYTES:
        harvest.leave_out(path, f"it is larger than {ARCHIVE_BYTES // MIB} MiB")
    else:
        _unpack(path, data, harvest, level)


def _unpack(path: str, data: bytes, harvest: Harvest, level: int) -> None:
    inner, kept = Harvest(harvest.budget), harvest.budget.kept
    try:
        for member in _members(data, harvest.budget):
            harvest.budget.member()
            _take(path, member, inner, level)
    except TooMuch as error:
        why = str(error)
    except Damaged as error:
        why = str(error)
    except _NO_ARCHIVE:
        why = "it is damaged, or no archive at all"
    else:
        harvest.merge(inner)
        return
    harvest.budget.kept = kept
    harvest.leave_out(path, why)


def _take(archive: str, member: Member, harvest: Harvest, level: int) -> None:
    name = names.tidy(member.name)
    # The archive's own path is fine already, and must not hide that a name begins with a slash.
    why = names.absurd(name) or member.odd
    if not name or names.is_junk(name) or (member.is_folder and not why):
        return
    if why:
        harvest.leave_out(f"{archive}: {name}", why)
    else:
        look_at(f"{archive}/{name}", member.read, harvest, level)


def _members(data: bytes, budget: Budget) -> Iterator[Member]:
    """By what the bytes say, since names of files are often wrong."""
    for start, inflate in _COMPRESSED.items():
        if data.startswith(start):
            return tar.members(_Unpacked(data, inflate(), budget).read)
    if data.startswith(b"PK"):
        return zips.members(data, budget)
    return tar.members(_Counted(data, budget).read)


@dataclass
class _Counted:
    """An archive that is not compressed."""

    data: bytes = field(repr=False)
    budget: Budget

    def __post_init__(self) -> None:
        self._file = io.BytesIO(self.data)

    def read(self, size: int) -> bytes:
        part = self._file.read(size)
        self.budget.unpack(len(part))
        return part


class _Inflate(Protocol):
    """A decompressor of bz2 and lzma, or one like them: what comes out is bounded, and the rest
    waits inside.
    """

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """zlib's, in that form (RFC 1952)."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_GZIP)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def needs_input(self) -> bool:
        return not self._inflate.unconsumed_tail

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_BYTES)


# By how their files begin.
_COMPRESSED: dict[bytes, Callable[[], _Inflate]] = {
    b"\x1f\x8b": _Gzip,
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\0": _xz,
}


@dataclass
class _Unpacked:
    """A compressed stream, unpacked a chunk at a time. Only the first of several in one file is
    read: that is all that tar(1) writes, and a hostile file may hold millions of empty ones.
    """

    data: bytes = field(repr=False)
    inflate: _Inflate
    budget: Budget

    def __post_init__(self) -> None:
        self._packed = io.BytesIO(self.data)
        self._total = 0

    def read(self, size: int) -> bytes:
        """At most so many bytes, and none at the end of the stream. Raises TooMuch, Damaged."""
        while not self.inflate.eof:
            packed = self._packed.read(_CHUNK) if self.inflate.needs_input else b""
            if self.inflate.needs_input and not packed:
                raise Damaged("it ends too early")
            part = self.inflate.decompress(packed, size)
            if part:
                return self._count(part)
        return b""

    def _count(self, part: bytes) -> bytes:
        self._total += len(part)
        self.budget.unpack(len(part))
        no_bomb(self._total, len(self.data))
        return part
