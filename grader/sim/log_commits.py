"""What is committed: by which right, on how many disks, and that it stays."""

from __future__ import annotations

from grader.sim.invariants import APPEND, broken
from grader.sim.log_model import Known, Log
from grader.sim.server import LEADER


class Commits:
    """Knows the entries that are committed, in a cluster of these servers: the first is none.
    Without ``durable`` nobody asks for disks.
    """

    def __init__(self, servers: list[Known], durable: bool) -> None:
        self._servers, self._durable = servers, durable
        self._majority = (len(servers) - 1) // 2 + 1
        self._committed: list[tuple[int, int]] = []  # of each: its term, and in which it was

    def branch(self, servers: list[Known]) -> Commits:
        """As ``Checks`` has it."""
        other = Commits(servers, self._durable)
        other._committed = self._committed[:]
        return other

    def outlives(self, server: int) -> None:
        """It has crashed."""
        if self._durable and self._committed:
            self._is_kept(server, len(self._committed))

    def _is_kept(self, server: int, index: int) -> None:
        term = self._committed[index - 1][0]
        holders = sum(
            not one.exists or one.log.has_durably(index, term) for one in self._servers[1:]
        )
        count = len(self._servers) - 1
        if holders < self._majority:
            broken(
                "a majority keeps what is committed",
                server,
                f"entry {index} of term {term} is committed, and of {count} servers "
                f"{holders} {'has' if holders == 1 else 'have'} it on the disk",
            )

    def leads(self, server: int, log: Log, term: int) -> None:
        """A server leads in that term from now on."""
        for index in range(len(self._committed), 0, -1):
            known, since = self._committed[index - 1]
            if since < term:
                if not log.holds(index, known):
                    self._is_incomplete(server, term, index)
                return

    def _is_incomplete(self, server: int, term: int, index: int) -> None:
        known, since = self._committed[index - 1]
        broken(
            "leader completeness",
            server,
            f"it leads in term {term} without entry {index} of term {known}, which was committed "
            f"in term {since}",
        )

    def raised(self, server: int, known: Known, commit: int, leads: bool) -> None:
        """It shows that its commit index is no less than that."""
        if commit <= known.commit:
            return
        log = known.log
        if commit > log.length:
            broken(
                "commit is bounded by what was checked",
                server,
                f"its commit index is {commit}, and its log ends at {log.length}",
            )
        if commit > known.allowed:
            self._counts(server, known, commit, leads)
        known.commit = commit
        self._is_safe(server, log, commit, known.term)

    def _counts(self, server: int, known: Known, commit: int, leads: bool) -> None:
        """No leader's request allows it. What a majority has acknowledged may, to a leader."""
        log = known.log
        leads = leads or any(fields[0] == APPEND for _, _, fields in known.sent)
        if not leads and len(self._servers) > 2:
            broken(
                "commit is bounded by what was checked",
                server,
                f"its commit index rises to {commit}, and no request of a leader lets it go beyond "
                f"{known.allowed}: the smaller of leader_commit and prev_log_index + entry_count",
            )
        matches = list(known.matches.values()) if known.led == known.term else []
        matches.append(log.synced() if self._durable else log.length)
        matches.sort(reverse=True)
        most = matches[self._majority - 1] if len(matches) >= self._majority else 0
        if commit > most:
            broken(
                "a majority commits",
                server,
                f"it commits entry {commit}, and by the replies that it received, and its own "
                f"disk, a majority has entries up to {most}",
            )
        if log.term(most) != known.term:
            broken(
                "entries of the current term commit",
                server,
                f"it leads in term {known.term}, and commits entry {commit}: a majority has "
                f"entries up to {most}, which is of term {log.term(most)}",
            )

    def _is_safe(self, server: int, log: Log, commit: int, term: int) -> None:
        """What is committed is the same everywhere, and stays."""
        known = self._committed
        last = min(commit, len(known))
        if last and not log.holds(last, known[last - 1][0]):
            broken(
                "state machine safety",
                server,
                f"it commits entry {last} of term {log.term(last)}; another server had committed "
                f"one of term {known[last - 1][0]} there",
            )
        if commit == last:
            return
        known += [(entry[0], term) for entry in log.entries[last:commit]]
        if self._durable:
            self._is_kept(server, commit)
        for leader, other in enumerate(self._servers[1:], 1):
            if (
                other.role == LEADER
                and other.term > term
                and not other.log.holds(commit, log.term(commit))
            ):
                self._is_incomplete(leader, other.term, commit)
