"""What is on a disk, as values: names, what is in files, changes, and what a crash leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

_NEAR = 30  # bytes: of a large write, cut everywhere

Content = Mapping[str, bytes | None]  # by path within the root; None for a folder


@dataclass(eq=False)
class Node:
    """A file, a folder, or a symbolic link to ``target``, whatever its name is."""

    is_folder: bool = False
    target: bytes | None = None


@dataclass(eq=False)
class Change:
    """What one call did to content (``at`` and ``data``, or ``size``), or to names."""

    call: str  # in words
    node: Node
    at: int = 0
    data: bytes = b""
    size: int | None = None
    added: str = ""
    removed: str = ""
    other: Node | None = None  # of an exchange: what gets the name that was removed
    flushed: bool = False
    lost: bool = False  # a flush of it has failed: no later one may count

    @cached_property
    def is_zeros(self) -> bool:
        """Bytes that make room, and nothing else."""
        return bool(self.data) and not self.data.strip(b"\0")

    @property
    def of_names(self) -> bool:
        return bool(self.added or self.removed)

    def folders(self) -> set[str]:
        return {above(name) for name in (self.added, self.removed) if name}


@dataclass(frozen=True)
class Crash:
    """What a crash leaves: of ``pending``, the changes that were not flushed, the first ``kept``,
    and ``cut`` bytes of the next.
    """

    pending: tuple[Change, ...]
    kept: int
    cut: int
    compact: Content  # of Padded files: what is long may be zeros for the most part

    @cached_property
    def content(self) -> Content:
        return whole(self.compact)

    def words(self) -> str:
        """At which call the power was lost."""
        if self.cut:
            change = self.pending[self.kept]
            return f"{self.cut} of {len(change.data)} bytes into {change.call}"
        if self.kept:
            return f"right after {self.pending[self.kept - 1].call}"
        if self.pending:
            return f"right before {self.pending[0].call} came to the disk"
        return "when all was flushed"


class Padded(bytes):
    """What is in a file of ``size`` bytes, without the zeros at its end."""

    size: int

    def __new__(cls, data: bytes, size: int) -> Padded:
        made = super().__new__(cls, data.rstrip(b"\0"))
        made.size = size
        return made

    def between(self, start: int, end: int) -> bytes:
        end = min(end, self.size)
        return self[start:end].ljust(end - start, b"\0")

    def with_size(self, size: int) -> Padded:
        return Padded(self[:size], size)

    def written(self, at: int, data: bytes) -> Padded:
        text = self[:at].ljust(at, b"\0") + data + self[at + len(data) :]
        return Padded(text, max(self.size, at + len(data)))


EMPTY = Padded(b"", 0)


class Link(bytes):
    """Where a symbolic link leads."""


def whole(content: Content) -> Content:
    return {
        name: data.between(0, data.size) if isinstance(data, Padded) else data
        for name, data in content.items()
    }


def compact(content: Content) -> Content:
    """The same, of Padded files."""
    return {
        name: data if data is None or isinstance(data, Link) else Padded(data, size_of(data))
        for name, data in content.items()
    }


def with_flipped(data: bytes, at: int, bit: int) -> Padded:
    """With another bit in the byte at that place, which the file has."""
    file = Padded(data, size_of(data))
    return file.written(at, bytes([file.between(at, at + 1)[0] ^ 1 << bit]))


def size_of(data: bytes) -> int:
    """Of a file with that in it."""
    return data.size if isinstance(data, Padded) else len(data)


class Tree:
    """Names and contents, to which changes are applied in order."""

    def __init__(self, names: dict[str, Node], contents: dict[Node, Padded]) -> None:
        self.names, self.contents = names, contents

    def copy(self) -> Tree:
        return Tree(dict(self.names), dict(self.contents))

    def apply(self, change: Change, cut: int | None = None) -> None:
        if change.of_names:
            self._rename(change)
            return
        file = self.contents.get(change.node, EMPTY)
        if change.size is not None:
            self.contents[change.node] = file.with_size(change.size)
        else:
            size = len(change.data) if cut is None else cut
            if change.is_zeros and change.at >= len(file):
                self.contents[change.node] = file.with_size(max(file.size, change.at + size))
            else:
                self.contents[change.node] = file.written(change.at, change.data[:size])

    def _inside(self, node: Node) -> bytes | None:
        if node.target is not None:
            return Link(node.target)
        return None if node.is_folder else self.contents.get(node, EMPTY)

    def _rename(self, change: Change) -> None:
        if change.removed and change.added and change.node.is_folder:
            self._move_within(change.removed, change.added)
        if change.removed:
            self.names.pop(change.removed, None)
        if change.added:
            self.names[change.added] = change.node
        if change.other is not None:
            self.names[change.removed] = change.other

    def _move_within(self, before: str, after: str) -> None:
        for name in [name for name in self.names if name.startswith(f"{before}/")]:
            self.names[after + name.removeprefix(before)] = self.names.pop(name)

    def content(self, root: str) -> dict[str, bytes | None]:
        """Only what can be reached: each name has all folders above it. Files are Padded."""
        found: dict[str, bytes | None] = {}
        for name in sorted(self.names):
            folder, inside = above(name), name[len(root) + 1 :]
            if folder == root or folder[len(root) + 1 :] in found:
                found[inside] = self._inside(self.names[name])
        return found


def cuts(change: Change) -> Iterator[int]:
    """Each byte; of a large write those near its ends, and some between; of zeros that make room,
    the first and the last.
    """
    size = len(change.data)
    if size > 4 * _NEAR and change.is_zeros:
        yield from (1, size - 1)
        return
    between = range(1, size) if size <= 4 * _NEAR else range(_NEAR, size - _NEAR, size // _NEAR)
    if size > 4 * _NEAR:
        yield from range(1, _NEAR)
        yield from range(size - _NEAR, size)
    yield from between


def above(name: str) -> str:
    return name.rpartition("/")[0]


def part(content: Content, folder: str) -> dict[str, bytes | None] | None:
    """What is in one folder of it; None if that is not there."""
    if folder not in content:
        return None
    start = f"{folder}/"
    return {
        name.removeprefix(start): data for name, data in content.items() if name.startswith(start)
    }
