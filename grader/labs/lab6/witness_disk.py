"""Real nodes under the recorder of system calls: no message and no reply leaves before what it
promises is flushed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from grader.labs.lab5.node import Home, Node, addresses, file_of
from grader.labs.lab5.scene import show
from grader.labs.lab6.asking import does
from grader.labs.lab6.contents import part
from grader.labs.lab6.disk import Disk
from grader.labs.lab6.played_nodes import PROGRAM
from grader.labs.lab6.session import show as show_files
from grader.labs.lab6.storage import Kept, Storage, Workshop
from grader.labs.lab6.store import QUICK, Store
from grader.labs.stage import Attempt
from grader.run.recorder import Began, Call, Ended, Recorder
from grader.verdicts import Diagnosis, fail
from grader.wire.messages import (
    AppendEntriesReply,
    Decoder,
    Malformed,
    Message,
    RequestVote,
    RequestVoteReply,
)
from grader.wire.resp import encode_request

_DATA = "data"  # the folder, as Home names it
_OK = b"+OK\r\n"
_WRITES = 25
_SENDS = ("write", "writev", "sendto", "sendmsg")
_UNREAD = ("sendmmsg", "sendfile", "splice")  # what they send is not in the record


@dataclass
class _Stream:
    """What was sent on one socket."""

    decoder: Decoder = field(default_factory=Decoder)
    is_raft: bool | None = None  # None: nothing so far
    replies: bytes = b""


class DiskWitness:
    """Judges one node: what its disk would hold after a loss of power, at each message."""

    def __init__(self, workshop: Workshop, looker: Storage, home: Home, id: int) -> None:
        self.workshop, self.looker, self.id = workshop, looker, id
        self.recorder: Recorder = workshop.recorder()
        root = workshop.attempt.sandbox.seen(home.folder)
        if not workshop.attempt.sandbox.in_namespaces:
            root = os.path.realpath(root)
        self.disk = Disk(root)
        self.alone = False  # in its cluster: then its own disk is all that a client has
        self._place = workshop.name()
        self._streams: dict[str, _Stream] = {}
        self._acknowledged = 0
        self._said: dict[str, bytes] = {}  # by socket: the last bytes, where a reply may be cut
        self.replied = 0  # how many were about to be sent
        self.sends_unread = False
        self._kept = Kept()  # what was flushed when that was looked at last

    def catch_up(self) -> None:
        """Judges what was recorded since."""
        for step in self.recorder.steps():
            if isinstance(step, Began) and _is_to_socket(step.call):
                self._begins_to_send(step.call)
            if isinstance(step, Ended) and (step.call.result or 0) > 0 and step.call.data:
                self._sends(step.call)
            self.disk.take(step)

    def _begins_to_send(self, call: Call) -> None:
        """A client may have a reply before the call that sent it has ended, and then no end comes
        of a node that was killed.
        """
        self.sends_unread |= call.name in _UNREAD
        assert call.descriptor is not None
        said = self._said.get(call.descriptor.name, b"") + call.data
        self.replied += said.count(_OK)
        self._said[call.descriptor.name] = said[1 - len(_OK) :]

    def _sends(self, call: Call) -> None:
        to = call.descriptor
        if to is None or call.name not in _SENDS or not _is_to_socket(call):
            return
        stream = self._streams.setdefault(f"{to.name} {to.number}", _Stream())
        data = call.data[: call.result]
        if stream.is_raft is None:
            stream.is_raft = 1 <= data[0] <= 4
        if stream.is_raft:
            try:
                messages = stream.decoder.feed(data)
            except Malformed:  # no server takes what comes on it, so nothing is promised there
                messages = []
            for message in messages:
                self._promises(message)
        else:
            self._replies(stream, data)

    def _replies(self, stream: _Stream, data: bytes) -> None:
        before = stream.replies.count(_OK)
        stream.replies += data
        self._acknowledged += stream.replies.count(_OK) - before
        if self.alone:
            self._expect("+OK", 0, False, self._acknowledged)

    def _promises(self, message: Message) -> None:
        votes, length = isinstance(message, RequestVote), 0
        if isinstance(message, RequestVoteReply):
            votes = bool(message.vote_granted)
        if isinstance(message, AppendEntriesReply) and message.success:
            length = message.log_index
        self._expect(show(message), message.term, votes, length)

    def _expect(self, what: str, term: int, votes: bool, length: int) -> None:
        if self._holds(term, votes, length):
            return
        self.disk.expect_followed(f"{self.disk.root}/{_DATA}")
        content = part(self.disk.flushed().content, _DATA)
        self.workshop.put(self._place, content)
        look = self.looker.look(self._place, self.id)
        self._kept = look.found or Kept()
        if self._holds(term, votes, length):
            return
        log = self.workshop.attempt.world.log
        for change in self.disk.changes[-8:]:
            log(f"disk {self.id}", f"{'flushed' if change.flushed else 'waits'}: {change.call}")
        for line in show_files(content):
            log(f"on the disk of {self.id}", line)
        due = f"term {term}{', with a vote' if votes else ''}" if term else ""
        due = " and ".join(filter(None, (due, f"{length} entries" if length else "")))
        fail(
            f"node {self.id} sends {what}, which promises {due}; a loss of power at this moment "
            f"leaves: {look.error or self._kept.words()}",
            Diagnosis("promised-early", "it was sent before that was flushed"),
        )

    def _holds(self, term: int, votes: bool, length: int) -> bool:
        has_voted = self._kept.vote[1] != 0 or self._kept.vote[0] > term
        return (
            self._kept.vote[0] >= term
            and (has_voted or not votes)
            and len(self._kept.log) >= length
        )


def _is_to_socket(call: Call) -> bool:
    return call.descriptor is not None and call.descriptor.name.startswith("socket:")


class RecordedStore(Store):
    """A cluster of which each node is recorded, from its first start on."""

    def __init__(self, attempt: Attempt, *options: str) -> None:
        self.workshop = Workshop(attempt)
        self._looker = Storage(self.workshop)
        self.disks: dict[int, DiskWitness] = {}
        super().__init__(attempt, *options)

    def _home(self, id: int) -> Home:
        home = super()._home(id)
        self.disks[id] = DiskWitness(self.workshop, self._looker, home, id)
        home.recorder = self.disks[id].recorder
        return home

    def judge(self) -> None:
        for disk in self.disks.values():
            disk.catch_up()


def expect_seen(disks: Iterable[DiskWitness]) -> None:
    """The replies that clients have had are in the records, so the rest was there to be judged."""
    disks = list(disks)
    seen = sum(disk.replied for disk in disks)
    if seen < _WRITES and not any(disk.sends_unread for disk in disks):
        fail(
            f"clients had {_WRITES} times +OK, and in the record of the nodes it is {seen} times",
            Diagnosis("unseen", "what the program writes to its sockets can't be seen"),
        )


def flushed_first(attempt: Attempt) -> None:
    """Real nodes elect a leader, replicate and answer; and one that is alone in its cluster. Raises
    StageFailure where something was promised before it was flushed.
    """
    store = RecordedStore(attempt, *QUICK)
    for number in range(_WRITES):
        does(store, [[b"SET", b"k", b"%d" % number]], "to three nodes")
        store.judge()
    for id in list(store.nodes):
        store.kill(id)
    store.judge()
    expect_seen(store.disks.values())
    _alone(attempt, store.workshop)


def _alone(attempt: Attempt, workshop: Workshop) -> None:
    """Whoever is alone has no other disk that keeps what a client was told."""
    own = addresses(1)[0]
    home = Home(attempt, own, file_of(own, []), PROGRAM)
    disk = DiskWitness(workshop, Storage(workshop), home, 1)
    disk.alone, home.recorder = True, disk.recorder
    node = Node(home, *QUICK)
    client = node.call()
    for number in range(_WRITES):
        reply = b""
        while reply != b"+OK":
            client.send(encode_request([b"SET", b"k", b"%d" % number]))
            reply = client.take_line("a reply")
        disk.catch_up()
    node.kill()
    disk.catch_up()
    expect_seen([disk])
