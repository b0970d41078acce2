"""Archives that a student may hand in to do harm, each around a lab's honest files."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from grader.selftest.handed_in import lab_files, tarred, zipped

FILES = lab_files(top="solutions")
MIB = 1 << 20


@dataclass(frozen=True)
class Hostile:
    """``says`` is in a note, or in the refusal if nothing of the archive is ``kept``."""

    label: str
    name: str
    make: Callable[[], bytes]
    says: str
    kept: bool = True


def _entry(name: str, kind: bytes, target: str = "") -> Callable[[], bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return lambda: tarred(FILES, others=[member])


def _named(name: str) -> Callable[[], bytes]:
    return lambda: tarred(FILES | {name: b"int evil;\n"})


def _zip_named(name: str) -> Callable[[], bytes]:
    return lambda: zipped(FILES | {name: b"int evil;\n"})


def _zip_mode(mode: int) -> bytes:
    info = zipfile.ZipInfo("lab3-resp/evil.c")
    info.external_attr = mode << 16
    return _zip_with(info, b"/etc/passwd")


def _zip_with(info: zipfile.ZipInfo, data: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO(zipped(FILES))
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(info, data, method)
    return packed.getvalue()


def _zip_nul() -> bytes:
    # The module writes no NUL, and ends a name at one when it reads.
    return zipped(FILES | {"lab3-resp/evil.c?.txt": b"int evil;\n"}).replace(
        b".c?.txt", b".c\0.txt"
    )


def _patched(data: bytes, at: int, form: str, *values: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(form, changed, at, *values)
    return bytes(changed)


def _zip_encrypted() -> bytes:
    data = _zip_named("lab3-resp/evil.c")()
    local, central = data.rindex(b"PK\x03\x04"), data.rindex(b"PK\x01\x02")
    return _patched(_patched(data, local + 6, "<H", 1), central + 8, "<H", 1)


def _zip_declares(size: int) -> bytes:
    data = zipped(FILES)
    return _patched(data, data.rindex(b"PK\x01\x02") + 24, "<L", size)


def _zip_overlaps() -> bytes:
    """Every entry leads to one member (CVE-2024-0450)."""
    data = bytearray(zipped(FILES))
    at = data.index(b"PK\x01\x02")
    while at >= 0:
        struct.pack_into("<L", data, at + 42, 0)
        at = data.find(b"PK\x01\x02", at + 1)
    return bytes(data)


def _summed(block: bytes) -> bytes:
    """A tar header with its checksum."""
    bare = block[:148] + b" " * 8 + block[156:]
    return bare[:148] + b"%06o\0 " % sum(bare) + bare[156:]


def _tar_header(kind: bytes, size: bytes, name: bytes = b"lab3-resp/evil.c") -> bytes:
    block = name.ljust(100, b"\0") + b"0000644\0" * 3 + size.ljust(12, b"\0") + b"0" * 11 + b"\0"
    return _summed((block + b" " * 8 + kind).ljust(512, b"\0"))


def _before(*blocks: bytes) -> Callable[[], bytes]:
    """Raw blocks, then the honest files."""
    return lambda: gzip.compress(b"".join(blocks) + tarred(FILES, "w"), 1)


def _padded(data: bytes) -> bytes:
    return data.ljust(-(-len(data) // 512) * 512, b"\0")


def _pax(data: bytes) -> Callable[[], bytes]:
    """An extended header, and the empty file that it is about."""
    return _before(_tar_header(b"x", b"%011o" % len(data)), _padded(data), _tar_header(b"0", b"0"))


def _zeros(size: int) -> bytes:
    """So many zeros, packed with gzip a thousand to one, without ever holding them."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(pack.compress(bytes(MIB)) for _ in range(size // MIB)) + pack.flush()


def _tar_bomb() -> bytes:
    """A file of 300 MiB behind the honest ones."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    honest = tarred(FILES, "w").rstrip(b"\0")
    begin = _padded(honest) + _tar_header(b"0", b"%011o" % (300 * MIB), b"junk")
    packed = [pack.compress(begin), *(pack.compress(bytes(MIB)) for _ in range(300))]
    return b"".join(packed) + pack.flush()


def _slow_bomb() -> bytes:
    """Too large, and in no unusual proportion."""
    noise = random.Random(1).randbytes(32 << 10) + bytes(MIB - (32 << 10))
    return gzip.compress(_tar_header(b"0", b"%011o" % (300 * MIB), b"junk") + noise * 300, 1)


def _zero_file() -> bytes:
    return _tar_header(b"0", b"%011o" % (50 * MIB), b"junk") + bytes(50 * MIB)


def _large_dictionary() -> bytes:
    """A stream that wants 256 MiB to be unpacked."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 256 * MIB}]
    return lzma.compress(tarred(FILES, "w"), filters=filters)


def _nested(levels: int, data: bytes) -> bytes:
    for level in range(levels):
        data = zipped({f"{level}.zip": data})
    return data


def _many(count: int) -> dict[str, bytes]:
    return {f"junk/{number}": b"" for number in range(count)} | FILES


def _inner_bombs() -> bytes:
    bomb = _zeros(64 * MIB)
    return zipped(FILES | {f"{number}.tgz": bomb for number in range(9)})


LINK = "a link"
TAR = [
    Hostile("a link", "w.tgz", _entry("lab3-resp/a.c", tarfile.SYMTYPE, "/etc/passwd"), LINK),
    Hostile("a link for a folder", "w.tgz", _entry("lab2-loop", tarfile.SYMTYPE, "/etc"), LINK),
    Hostile(
        "a hard link", "w.tgz", _entry("lab3-resp/a.c", tarfile.LNKTYPE, "/etc/passwd"), "a hard"
    ),
    Hostile("a character device", "w.tgz", _entry("lab3-resp/a.c", tarfile.CHRTYPE), "a device"),
    Hostile("a block device", "w.tgz", _entry("lab3-resp/a.c", tarfile.BLKTYPE), "a device"),
    Hostile("a FIFO", "w.tgz", _entry("lab3-resp/a.c", tarfile.FIFOTYPE), "a FIFO"),
    Hostile("an unknown kind", "w.tgz", _entry("lab3-resp/a.c", b"Z"), "no plain file"),
    Hostile("an absolute path", "w.tgz", _named("/tmp/evil.c"), "an absolute path"),
    Hostile("a way out", "w.tgz", _named("../../evil.c"), "leads outside"),
    Hostile("a way out within", "w.tgz", _named("lab3-resp/../../evil.c"), "leads outside"),
    Hostile("a way out and back", "w.tgz", _named("../w/lab3-resp/evil.c"), "leads outside"),
    Hostile("a line break", "w.tgz", _named("lab3-resp/evil\n.c"), r"evil\n.c was left out"),
    Hostile("an escape sequence", "w.tgz", _named("lab3-resp/\x1b[2Jevil.c"), r"\x1b[2J"),
    Hostile("right to left", "w.tgz", _named("lab3-resp/evil\u202ec.h"), r"\u202e"),
    Hostile("without width", "w.tgz", _named("lab3-resp/re\u200bsp.c"), r"\u200b"),
    Hostile("a leading dash", "w.tgz", _named("lab3-resp/-rf.c"), "a leading dash"),
    Hostile("a long name", "w.tgz", _named("lab3-resp/" + "a" * 300 + ".c"), "too long"),
    Hostile("a long path", "w.tgz", _named("abcdefgh" * 20 + "/" + "a/" * 500 + "a.c"), "too long"),
    Hostile("a deep path", "w.tgz", _named("a/" * 40 + "evil.c"), "too deep"),
    Hostile("other case", "w.tgz", _named("lab3-resp/RESP.c"), "only case tells apart"),
    Hostile("a damaged stream", "w.tgz", lambda: tarred(FILES)[:-9000], "ends too early", False),
    Hostile("a wrong checksum", "w.tgz", lambda: tarred(FILES)[:-8] + bytes(8), "damaged", False),
    Hostile("no checksum", "w.tgz", lambda: tarred(FILES)[:-4], "ends too early", False),
    Hostile(
        "a changed header",
        "w.tgz",
        _before(_tar_header(b"0", b"0").replace(b"resp", b"cesp")),
        "damaged",
        False,
    ),
    Hostile("no tar inside", "w.tgz", lambda: gzip.compress(b"int x;" * 999), "no tar", False),
    Hostile(
        "a size below 0", "w.tgz", _before(_tar_header(b"0", b"\xff" * 12)), "too large", False
    ),
    Hostile("a size of 8 GiB", "w.tgz", _before(_tar_header(b"0", b"7" * 11)), "too early", False),
    Hostile("a size of nonsense", "w.tgz", _before(_tar_header(b"0", b"-12")), "damaged", False),
    Hostile("a pax path", "w.tgz", _pax(b"27 path=../../../../evil.c\n"), "leads outside"),
    Hostile("pax digits", "w.tgz", _pax(b"1" * 60_000), "makes no sense", False),
    Hostile("a pax record of 0", "w.tgz", _pax(b"0 path=a\n"), "makes no sense", False),
    Hostile("pax records", "w.tgz", _pax(b"6 a=b\n" * 9999), "too large", False),
    Hostile("a large pax header", "w.tgz", _pax(bytes(MIB)), "too large", False),
    Hostile("a bomb", "w.tgz", _tar_bomb, "250 times", False),
    Hostile("bzip2: a bomb", "w.tbz", lambda: bz2.compress(_zero_file(), 9), "250 times", False),
    Hostile("xz: a bomb", "w.txz", lambda: lzma.compress(_zero_file()), "250 times", False),
    Hostile("xz: memory", "w.txz", _large_dictionary, "damaged", False),
    Hostile("bzip2: half", "w.tbz", lambda: tarred(FILES, "w:bz2")[:-9000], "too early", False),
    Hostile("xz: half of it", "w.txz", lambda: tarred(FILES, "w:xz")[:-9000], "too early", False),
    Hostile("a slow bomb", "w.tgz", _slow_bomb, "256 MiB", False),
    Hostile("only zeros", "w.tgz", lambda: _zeros(300 * MIB), "250 times", False),
    Hostile(
        "many members", "w.tgz", _before(*[_tar_header(b"0", b"0")] * 20_001), "20000 files", False
    ),
]
ZIP = [
    Hostile("zip: a link", "w.zip", lambda: _zip_mode(0o120777), LINK),
    Hostile("zip: a device", "w.zip", lambda: _zip_mode(0o020666), "no plain file"),
    Hostile("zip: NUL in a name", "w.zip", _zip_nul, r"evil.c\x00.txt was left out"),
    Hostile("zip: a way out", "w.zip", _zip_named("../../evil.c"), "leads outside"),
    Hostile("zip: Windows' way out", "w.zip", _zip_named("..\\..\\evil.c"), "leads outside"),
    Hostile("zip: a drive", "w.zip", _zip_named("C:\\lab3-resp\\evil.c"), "an absolute path"),
    Hostile("zip: an absolute path", "w.zip", _zip_named("/lab3-resp/evil.c"), "an absolute path"),
    Hostile(
        "zip: one name twice",
        "w.zip",
        lambda: zipped([("lab3-resp/resp.c", b"int evil;"), *FILES.items()]),
        "more than once",
    ),
    Hostile("zip: encrypted", "w.zip", _zip_encrypted, "it is encrypted"),
    Hostile(
        "zip: a bomb in bzip2",
        "w.zip",
        lambda: _zip_with(zipfile.ZipInfo("lab3-resp/a.c"), bytes(4 * MIB), zipfile.ZIP_BZIP2),
        "an unusual way",
    ),
    Hostile("zip: declares 4 GB", "w.zip", lambda: _zip_declares(4_000_000_000), "256 MiB", False),
    Hostile("zip: declares little", "w.zip", lambda: _zip_declares(3), "damaged", False),
    Hostile("zip: overlapping", "w.zip", _zip_overlaps, "damaged", False),
    Hostile(
        "zip: a bomb",
        "w.zip",
        lambda: zipped(FILES | {"junk": bytes(100 * MIB)}),
        "250 times",
        False,
    ),
    Hostile("zip: many members", "w.zip", lambda: zipped(_many(20_001)), "20000 files", False),
    Hostile("zip: half of it", "w.zip", lambda: zipped(FILES)[:4000], "damaged", False),
    Hostile("zip: an empty one", "w.zip", lambda: zipped({}), "no C file", False),
    Hostile("zip: nothing", "w.zip", lambda: b"", "no C file", False),
    Hostile("zip: noise", "w.zip", lambda: random.Random(1).randbytes(99_999), "no tar", False),
    Hostile(
        "too many levels", "w.zip", lambda: _nested(3, zipped(FILES)), "within archives", False
    ),
    Hostile("bombs inside", "w.zip", _inner_bombs, "250 times"),
    Hostile("a format that is not read", "w.rar", lambda: b"Rar!\x1a\x07", "only .zip", False),
    Hostile(
        "a C file of 5 MiB",
        "w.zip",
        lambda: zipped(FILES | {"lab3-resp/a.c": b"// padding\n" * (MIB // 2)}),
        "larger than 4 MiB",
    ),
    Hostile(
        "40 MiB of C",
        "w.tar",
        lambda: tarred(FILES | {f"x/a{n}.c": b"//\n" * MIB for n in range(14)}, "w"),
        "larger than 32 MiB",
        False,
    ),
    Hostile(
        "501 C files",
        "w.zip",
        lambda: zipped(FILES | {f"lab3-resp/a{n}.c": b"" for n in range(501)}),
        "more than 500 C files",
        False,
    ),
]
ARCHIVES = TAR + ZIP
