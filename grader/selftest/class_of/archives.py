"""Archives as students make them, the same bytes each time; and archives that mean harm.

What a harmful one writes where it may not, or what it shows of the machine, has MARK in its name:
``traces`` looks for it.
"""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import warnings
import zipfile
from collections.abc import Callable

Files = dict[str, bytes]

MARK = "echo-to-raft-harm"
DATE = (2025, 3, 14, 15, 9, 26)
DATE_S = 1_741_964_966
MIB = 1 << 20


def _member(name: str, mode: int = 0o100644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, DATE)
    info.external_attr = mode << 16
    info.create_system = 3  # Unix: the mode counts
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def make_zip(files: Files, *more: tuple[zipfile.ZipInfo, bytes]) -> bytes:
    """A .zip of these files, in their order, and of more with attributes of their own."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compresslevel=1) as archive:
        warnings.simplefilter("ignore")  # two members of one name
        for name, data in files.items():
            archive.writestr(_member(name), data)
        for info, data in more:
            archive.writestr(info, data)
    return buffer.getvalue()


def _tar_member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mtime, info.type, info.linkname = DATE_S, kind, target
    info.mode = 0o644
    return info


def make_tar(files: Files, *more: tarfile.TarInfo) -> bytes:
    """A .tar.gz of these files, and of members without data."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=DATE_S) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, data in files.items():
            info = _tar_member(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for info in more:
            archive.addfile(info)
    return buffer.getvalue()


def _climbs(files: Files) -> bytes:
    outside = {f"{'../' * depth}{MARK}": b"out\n" for depth in (1, 3, 9)}
    return make_zip(files | outside | {f"/tmp/{MARK}": b"out\n", f"..\\{MARK}": b"out\n"})


def _climbs_tar(files: Files) -> bytes:
    return make_tar(files | {f"../../{MARK}": b"out\n", f"/dev/shm/{MARK}": b"out\n"})


def _links(files: Files) -> bytes:
    """A link to a folder, and then a file through it."""
    folder = _member("out", 0o120777), b"/tmp"
    return make_zip(files, folder, (_member(f"out/{MARK}"), b"out\n"))


def _special(files: Files) -> bytes:
    """Links of both kinds, a FIFO and a device."""
    kinds = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE
    return make_tar(files, *(_tar_member(f"{MARK}-{n}", k, "/tmp") for n, k in enumerate(kinds)))


def _bomb(files: Files) -> bytes:
    return make_zip(files | {f"big-{n}.c": bytes(64 * MIB) for n in range(5)})


def _bomb_tar(files: Files) -> bytes:
    return make_tar(files | {"big.c": bytes(64 * MIB)})


def _many(files: Files) -> bytes:
    return make_zip(files | {f"many/{n}.c": b"" for n in range(30_000)})


def _deep(files: Files) -> bytes:
    return make_tar(files | {"d/" * 2000 + "x.c": b"deep\n"})


def _odd_names(files: Files) -> bytes:
    """Newlines, dashes, controls, and characters that turn the direction."""
    names = "a\nb.c", "-rf", "--help.c", "\x1b[2J.c", "\u202egnp.c", " .c", "con", "x" * 250 + ".c"
    return make_zip(files | dict.fromkeys(names, b"odd\n"))


def _twice(files: Files) -> bytes:
    again = [(_member(name), data) for name, data in files.items()]
    return make_zip(files, *again)


def _cut(files: Files) -> bytes:
    whole = make_zip(files)
    return whole[: len(whole) // 2]


def _noise(files: Files) -> bytes:
    return random.Random(1).randbytes(20_000)


def _nested(files: Files) -> bytes:
    inner = make_zip(files)
    for _ in range(6):
        inner = make_zip({"lab.zip": inner})
    return inner


# What is no archive, or too large, holds nothing to grade; of the others the right work is taken.
HOLD_NOTHING = {"bomb", "bomb-tar", "many", "cut", "noise", "nested"}

# By name: how the archive is named, and how it is made of right work.
HARMS: dict[str, tuple[str, Callable[[Files], bytes]]] = {
    "climbs": ("lab.zip", _climbs),
    "climbs-tar": ("lab.tar.gz", _climbs_tar),
    "links": ("lab.zip", _links),
    "special": ("lab.tar.gz", _special),
    "bomb": ("lab.zip", _bomb),
    "bomb-tar": ("lab.tar.gz", _bomb_tar),
    "many": ("lab.zip", _many),
    "deep": ("lab.tar.gz", _deep),
    "odd-names": ("lab.zip", _odd_names),
    "twice": ("lab.zip", _twice),
    "cut": ("lab.zip", _cut),
    "noise": ("lab.zip", _noise),
    "nested": ("lab.zip", _nested),
}
