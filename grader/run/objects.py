"""Object files that were compiled before: a program is built again in the time of what changed.

An object is known by its compiler, build, rules, path and source, and then by all files of the tree
that the compiler read for it, which it lists itself (gcc(1), -MMD). A source that looks at the tree
in other ways is compiled each time, and so is one for which a file of the tree could have taken the
place of one that was read: the compiler looks for "net.h" beside the file that names it first.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.run.files import regular_file

_MAX_BYTES = 64 << 20
_LOOKS_AROUND = re.compile(rb"__has_include|incbin|__has_embed|#\s*embed")
_SAME_FLAGS = {"faults": "judge"}  # as lab.mk has it: they differ in how they are linked
_OBJECT, _WARNINGS, _LIST = "object.o", "warnings.txt", "read"


@dataclass(frozen=True)
class Objects:
    """The objects of one tree: ``files`` by their paths in it. Kept in ``cache``."""

    cache: Path
    compiler: str
    files: Mapping[str, bytes]

    def put(self, build: str, tree: Path, own: Callable[[Path], Path]) -> None:
        """Writes what is known to the tree, where lab.mk makes it; ``own`` makes a folder."""
        for source in self._sources():
            known = self._known(build, source)
            if known is None:
                continue
            made = tree / _made(build, source)
            for folder in (tree / build, tree / build / "obj", made.parent):
                own(folder)
            _replace(made.with_suffix(".txt"), (known / _WARNINGS).read_bytes())
            _replace(made, (known / _OBJECT).read_bytes())

    def keep(self, build: str, tree: Path) -> None:
        """Takes over what was made there."""
        for source in self._sources():
            made = tree / _made(build, source)
            data = regular_file(made, _MAX_BYTES)
            listed = regular_file(made.with_suffix(".d"), _MAX_BYTES)
            warnings = regular_file(made.with_suffix(".txt"), _MAX_BYTES)
            if data is None or listed is None or warnings is None or len(data) > _MAX_BYTES:
                continue
            names = _names(listed.decode(errors="replace"))
            key = self._key(names)
            if key is None:
                continue
            place = self._place(build, source)
            folder = place / key
            if not (folder / _OBJECT).is_file():
                folder.mkdir(parents=True, exist_ok=True)
                _replace(folder / _WARNINGS, warnings)
                _replace(folder / _OBJECT, data)
            _replace(place / _LIST, "\n".join(names).encode())

    def _sources(self) -> Iterator[str]:
        return (name for name in self.files if name.endswith(".c"))

    def _place(self, build: str, source: str) -> Path:
        flags = _SAME_FLAGS.get(build, build)
        digest = hashlib.sha256(
            f"{self.compiler}\0{os.environ.get('CC', '')}\0{flags}\0{source}\0".encode()
        )
        digest.update(hashlib.sha256(self.files["lab.mk"]).digest() + self.files[source])
        return self.cache / digest.hexdigest()[:32]

    def _known(self, build: str, source: str) -> Path | None:
        place = self._place(build, source)
        try:
            names = (place / _LIST).read_text().split("\n")
        except OSError:
            return None
        key = self._key(names)
        folder = place / (key or "")
        return folder if key and (folder / _OBJECT).is_file() else None

    def _key(self, names: Collection[str]) -> str | None:
        """Of the contents of these files; None where that does not say all."""
        digest = hashlib.sha256()
        if self._could_be_others(set(names)):
            return None
        for name in names:
            data = self.files.get(name)
            if data is None or _LOOKS_AROUND.search(data):
                return None
            digest.update(f"{name}\0{len(data)}\0".encode() + data)
        return digest.hexdigest()[:32]

    def _could_be_others(self, names: Collection[str]) -> bool:
        """Whether a file of the tree that was not read has the name of one that was, and lies where
        the compiler would have found it.
        """
        split = [name.rpartition("/") for name in names]
        places = {f"{folder}/{file}" for folder, _, _ in split for _, _, file in split}
        return any(place in self.files for place in places.difference(names))


def _made(build: str, source: str) -> str:
    return f"{build}/obj/{source.removesuffix('.c')}.o"


def _names(listed: str) -> list[str]:
    """The files that a rule of the compiler's names: ``object: source header \\``, and on."""
    words = listed.replace("\\\n", " ").partition(":")[2].split()
    return sorted({os.path.normpath(word) for word in words})


def _replace(path: Path, data: bytes) -> None:
    half = path.with_name(f"{path.name}.{os.getpid()}")
    half.write_bytes(data)
    half.replace(path)
