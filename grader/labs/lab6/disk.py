"""What is on a disk, by the record of a program's system calls: at each moment, and after a crash.

A crash keeps all that was flushed, and of what was changed later a beginning, in the order of the
calls, of which the last one may be cut anywhere within its bytes (PROTOCOL, section 4). Content is
flushed by fsync or fdatasync of its file, by sync and syncfs, by msync, or by O_SYNC and O_DSYNC; a
name by fsync of the folder that it is in. Stores in a mapping count as made when the next flush of
their pages begins.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from grader.labs.lab6.contents import (
    EMPTY,
    Change,
    Content,
    Crash,
    Link,
    Node,
    Padded,
    Tree,
    cuts,
    size_of,
    whole,
)
from grader.run.recorder import Began, Call, Descriptor, Ended, FileContent, Step
from grader.run.sandbox import MIB
from grader.verdicts import Diagnosis, fail
from grader.wire.diff import first_difference

_FLAGS_AT = {"open": 1, "openat": 2}
_RWF_SYNC, _RWF_APPEND = 0x2 | 0x4, 0x10
_KEEP_SIZE, _PUNCH_HOLE, _ZERO_RANGE = 0x1, 0x2, 0x10
_EXCHANGE = 0x2
_WRITES = ("write", "pwrite64", "writev", "pwritev", "pwritev2")
_FLUSHES = ("fsync", "fdatasync", "sync", "syncfs", "msync")
_MS_SYNC, _PROT_WRITE, _PAGE = 4, 2, 4096
_BROKEN = (-errno.EIO, -errno.ENOSPC, -errno.EDQUOT)  # of a flush: what it was for is lost
_MOST_BYTES = 1024 * MIB
_GONE = " (deleted)"


@dataclass
class Disk:
    """All in the folder ``root``, which is there. ``content`` is there at first, and flushed."""

    root: str
    content: Content = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    unfollowed: list[tuple[str, str]] = field(default_factory=list)  # calls, and what about
    mapped: str = ""  # a file that changes by stores in memory: they are seen when it is flushed

    def __post_init__(self) -> None:
        self._base = Tree({}, {})
        for name, data in self.content.items():
            node = Node(data is None, data if isinstance(data, Link) else None)
            self._base.names[f"{self.root}/{name}"] = node
            if data is not None:
                self._base.contents[node] = Padded(data, size_of(data))
        self._now = self._base.copy()
        self._numbers: dict[tuple[int, int], Node] = {}
        self._begun: dict[Call, int] = {}  # flushes: how many changes there were
        self._due: tuple[Node, int, int] | None = None  # a write that flushes itself, from, to

    def take(self, step: Step) -> None:
        """The next step of the record."""
        if self._due is not None:
            node, start, end = self._due
            self._mark(node, self.changes, False, start, end)
            self._due = None
        if isinstance(step, Began) and step.call.name in _FLUSHES:
            self._becomes(step.call, "stores in the mapping of")
            self._begun[step.call] = len(self.changes)
        elif isinstance(step, Ended):
            self._end(step.call)

    def _end(self, call: Call) -> None:
        if call.name in _FLUSHES:
            self._flush(call)
        elif call.result is None or call.result < 0:
            return
        elif call.name in _WRITES:
            self._write(call)
        elif call.made is not None:
            self._open(call, call.made)
        elif call.name in ("ftruncate", "truncate", "fallocate"):
            self._resize(call)
        elif call.paths:
            self._name(call)
        elif call.name == "mmap":
            if self._known(call) and call.args[2] & _PROT_WRITE:
                assert call.descriptor is not None
                self.mapped = self.mapped or self._short(call.descriptor.name)
        elif call.contents or not call.result:
            self._becomes(call, f"{call.name} to")
        elif call.descriptor is not None and self._is_within(call.descriptor.name):
            self._lose(call.name, call.descriptor.name)

    # --- what a call is about ---

    def _lose(self, words: str, *names: str) -> None:
        self.unfollowed += [(words, name) for name in names]

    def expect_followed(self, folder: str) -> None:
        """Raises StageFailure where what is in the folder is not known any more."""
        for words, name in self.unfollowed:
            if name.startswith(f"{folder}/"):
                fail(
                    f"{words}: what is in {self._short(folder)} can't be followed from there on",
                    Diagnosis("unfollowed", "all files of a storage are made in its own folder"),
                )

    def _is_within(self, name: str) -> bool:
        return name.startswith(f"{self.root}/")

    def _node(self, descriptor: Descriptor | None) -> Node | None:
        """By name, which is that of this moment; else by number."""
        if descriptor is None or not self._is_within(descriptor.name):
            return None
        node = self._now.names.get(descriptor.name)
        return node or self._numbers.get((descriptor.device, descriptor.number))

    def _known(self, call: Call) -> Node | None:
        node = self._node(call.descriptor)
        if node is None and call.descriptor is not None and self._is_within(call.descriptor.name):
            self._lose(f"{call.name} to {self._short(call.descriptor.name)}", call.descriptor.name)
        return node

    def _change(self, change: Change) -> None:
        """Raises StageFailure where the files are too long to be held here."""
        self.changes.append(change)
        ends_at = change.size or change.at + len(change.data)
        if ends_at > _MOST_BYTES // 64:
            others = set(self._now.names.values()) - {change.node}
            sizes = (self._now.contents.get(node, EMPTY).size for node in others)
            if ends_at + sum(sizes) > _MOST_BYTES:
                fail(
                    f"the files in its folder are longer than {_MOST_BYTES // MIB} MiB together",
                    Diagnosis("disk-bound", "a storage has a few files, as long as what was saved"),
                )
        self._now.apply(change)

    def _short(self, name: str) -> str:
        return name.removeprefix(f"{self.root}/")

    # --- names ---

    def _open(self, call: Call, made: Descriptor) -> None:
        if not self._is_within(made.name) or stat.S_ISDIR(made.mode):
            return
        node, flags = self._now.names.get(made.name), _open_flags(call)
        if node is None:
            node = Node()
            if not flags & (os.O_CREAT | os.O_TMPFILE):
                self._lose(f"{call.name} of {self._short(made.name)}", made.name)
            if not made.name.endswith(_GONE):  # else O_TMPFILE
                words = f"the making of {self._short(made.name)}"
                self._change(Change(words, node, added=made.name))
        self._numbers[made.device, made.number] = node
        if flags & os.O_TRUNC and self._now.contents.get(node, EMPTY).size:
            words = f"the emptying of {self._short(made.name)} (O_TRUNC)"
            self._change(Change(words, node, size=0))

    def _name(self, call: Call) -> None:
        first, second = call.paths[0], call.paths[-1]
        if not any(map(self._is_within, call.paths)):
            return
        words = f"{call.name} of {self._short(first)}"
        if call.name.startswith("mk"):
            is_folder = call.name.startswith("mkdir")
            self._change(Change(words, Node(is_folder), added=first))
        elif call.name.startswith(("unlink", "rmdir")):
            self._change(Change(words, self._now.names.get(first, Node()), removed=first))
        elif call.name.startswith("rename"):
            self._rename(call, f"{words} to {self._short(second)}", first, second)
        elif call.name.startswith("link"):
            self._link(call, words, first, second)
        else:
            self._change(Change(words, Node(target=call.data), added=first))  # a symbolic link

    def _rename(self, call: Call, words: str, before: str, after: str) -> None:
        node = self._now.names.get(before)
        if node is None:
            self._lose(words, before, after)
        elif node is not self._now.names.get(after):
            exchanged = call.name == "renameat2" and call.args[4] & _EXCHANGE
            other = self._now.names.get(after) if exchanged else None
            self._change(Change(words, node, added=after, removed=before, other=other))

    def _link(self, call: Call, words: str, before: str, after: str) -> None:
        node = self._now.names.get(before)
        for key, known in self._numbers.items():
            if key == call.target:
                node = known
        if node is None:
            self._lose(words, after)
        else:
            self._change(Change(f"{words} as {self._short(after)}", node, added=after))

    # --- content ---

    def _write(self, call: Call) -> None:
        node, to = self._known(call), call.descriptor
        if node is None or to is None or not call.result:
            return
        flags = _low(call.args[5]) if call.name == "pwritev2" else 0
        at = to.position
        if to.flags & os.O_APPEND or flags & _RWF_APPEND:
            at = to.size
        elif call.name.startswith("pwrite") and call.args[3] != 2**64 - 1:
            at = call.args[3]
        data = call.data[: call.result]
        words = f"{call.name} of {len(data)} bytes at {at} of {self._short(to.name)}"
        self._change(Change(words, node, at=at, data=data))
        if to.flags & (os.O_DSYNC | os.O_SYNC) or flags & _RWF_SYNC:
            self._due = (node, at, at + len(data))

    def _becomes(self, call: Call, how: str) -> None:
        """What changed in files by no call that says how: as one write of all that differs."""
        for told in call.contents:
            node = self._numbers.get((told.device, told.number))
            if node is None:
                continue
            before = self._now.contents.get(node, EMPTY)
            at, data = _differs(before, told)
            names = [self._short(name) for name, known in self._now.names.items() if known is node]
            words = f"{how} {names[0] if names else 'a file without a name'}"
            if data:
                where = f"bytes {at} to {at + len(data)}"
                self._change(Change(f"{words}, {where}", node, at=at, data=data))
            size = told.at + len(told.data)
            if told.is_end and before.size > size:
                self._change(Change(f"{words}, to {size} bytes", node, size=size))

    def _resize(self, call: Call) -> None:
        if call.name == "truncate":
            node = self._now.names.get(call.paths[0]) if call.paths else None
            name = call.paths[0] if call.paths else ""
        else:
            node = self._known(call)
            name = call.descriptor.name if call.descriptor else ""
        if node is None:
            return
        words = f"{call.name} of {self._short(name)}"
        if call.name != "fallocate":
            self._change(Change(f"{words} to {call.args[1]} bytes", node, size=call.args[1]))
            return
        mode, at, size = _low(call.args[1]), call.args[2], call.args[3]
        now = self._now.contents.get(node, EMPTY).size
        if mode & (_PUNCH_HOLE | _ZERO_RANGE):
            end = min(at + size, now) if mode & _KEEP_SIZE else at + size
            self._change(Change(words, node, at=at, data=bytes(max(0, end - at))))
        elif mode & ~_KEEP_SIZE:
            self._becomes(call, "fallocate of")
        elif not mode and at + size > now:
            self._change(Change(words, node, size=at + size))

    # --- flushes ---

    @property
    def is_due(self) -> bool:
        """Whether the last call has written and flushed at once: the next step takes the flush."""
        return self._due is not None

    def _flush(self, call: Call) -> None:
        count = self._begun.pop(call, 0)
        failed = call.result in _BROKEN
        if call.result is not None and call.result < 0 and not failed:
            return
        if call.name in ("sync", "syncfs"):
            for change in self.changes[:count]:
                change.flushed |= not change.lost and not failed
        elif call.name == "msync":
            for span in call.spans if _low(call.args[2]) & _MS_SYNC else []:
                node = self._numbers.get((span.device, span.number))
                self._mark(node, self.changes[:count], failed, span.start, span.end)
        elif call.descriptor is not None:
            node = self._node(call.descriptor)
            self._mark(node, self.changes[:count], failed)
            self._mark_names(call.descriptor.name, self.changes[:count], failed)

    def _mark(
        self,
        node: Node | None,
        changes: list[Change],
        failed: bool = False,
        start: int = 0,
        end: int = sys.maxsize,
    ) -> None:
        """Those of the file's content are flushed, as far as they lie in the pages between two
        places; or can't be flushed any more.
        """
        start, end = start // _PAGE * _PAGE, -(-end // _PAGE) * _PAGE
        for change in changes:
            inside = start <= change.at and change.at + len(change.data) <= end
            if change.node is node and not change.of_names and (inside or change.size is not None):
                _mark_one(change, failed)

    def _mark_names(self, folder: str, changes: list[Change], failed: bool) -> None:
        for change in changes:
            if change.of_names and folder in change.folders():
                _mark_one(change, failed)

    # --- crashes ---

    def now(self) -> Content:
        """What is there as long as the power is on."""
        return whole(self._now.content(self.root))

    def pending(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if not change.flushed)

    def flushed(self) -> Crash:
        """What a crash leaves at the worst."""
        return self._crash(self.pending(), 0, 0)

    def crashes(self, *, within: bool = True) -> Iterator[Crash]:
        """All that a crash can leave at this moment: also ``within`` a write, if that is wanted."""
        self._settle()
        pending = self.pending()
        for kept in range(len(pending) + 1):
            yield self._crash(pending, kept, 0)
            if within and kept < len(pending):
                for cut in cuts(pending[kept]):
                    yield self._crash(pending, kept, cut)

    def _crash(self, pending: tuple[Change, ...], kept: int, cut: int) -> Crash:
        tree, stays = self._base.copy(), set(pending[:kept])
        torn = pending[kept] if cut else None
        for change in self.changes:
            if change.flushed or change in stays:
                tree.apply(change)
            elif change is torn:
                tree.apply(change, cut)
        return Crash(pending, kept, cut, tree.content(self.root))

    def _settle(self) -> None:
        """What was flushed, with all before it, need not be looked at again."""
        while self.changes and self.changes[0].flushed and not self._begun:
            self._base.apply(self.changes.pop(0))


def _mark_one(change: Change, failed: bool) -> None:
    """What a flush has failed for once, no later one makes good."""
    if not change.flushed and not change.lost:
        change.flushed, change.lost = not failed, failed


def _low(number: int) -> int:
    return number & 0xFFFFFFFF


def _differs(before: Padded, told: FileContent) -> tuple[int, bytes]:
    """Where the file differs first, and its bytes from there to where it differs last, or ends."""
    end = told.at + len(told.data)
    was = before.between(told.at, end)
    grows = end > before.size
    first = first_difference(was, told.data)
    if first is None:
        return told.at, b""
    last = None if grows else first_difference(was[::-1], told.data[::-1])
    return told.at + first, told.data[first : len(told.data) - (last or 0)]


def _open_flags(call: Call) -> int:
    if call.name == "creat":
        return os.O_CREAT | os.O_TRUNC
    if call.name == "openat2":
        return int.from_bytes(call.data, "little")
    return _low(call.args[_FLAGS_AT[call.name]])
