"""Archives with the same bytes at each run: sorted, and without names, owners and times of this
machine.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import time
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_FIRST_ZIP_TIME_S = 315_532_800  # 1980-01-01: a zip file knows no earlier time


@dataclass(frozen=True)
class Member:
    """A file in an archive."""

    data: bytes
    executable: bool = False

    @property
    def mode(self) -> int:
        return 0o755 if self.executable else 0o644


def read(root: Path, names: Iterable[str]) -> dict[str, Member]:
    """Files of ``root`` by their names there."""
    found = {}
    for name in names:
        path = root / name
        found[name] = Member(path.read_bytes(), bool(path.stat().st_mode & 0o100))
    return found


def tar_gz(members: Mapping[str, Member], mtime_s: int) -> bytes:
    """A gzip-compressed tar archive."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, member in sorted(members.items()):
            header = tarfile.TarInfo(name)  # owner 0, and no owner's name
            header.size, header.mtime, header.mode = len(member.data), mtime_s, member.mode
            archive.addfile(header, io.BytesIO(member.data))
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as compressed:
        compressed.write(plain.getvalue())
    return packed.getvalue()


def zipped(members: Mapping[str, Member], mtime_s: int) -> bytes:
    """A zip archive whose files keep their modes when a Unix unpacks them."""
    year, month, day, hour, minute, second, *_ = time.gmtime(max(mtime_s, _FIRST_ZIP_TIME_S))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in sorted(members.items()):
            header = zipfile.ZipInfo(name, (year, month, day, hour, minute, second))
            header.compress_type, header.create_system = zipfile.ZIP_DEFLATED, 3  # 3: Unix
            header.external_attr = (0o100000 | member.mode) << 16
            archive.writestr(header, member.data)
    return packed.getvalue()


def write(path: Path, data: bytes) -> Path:
    """Writes an archive whole or not at all."""
    half = path.with_name(f"{path.name}.part")
    half.write_bytes(data)
    half.replace(path)
    return path
