"""Exercises with logs. The seed makes the exercise; --answer shows the answer too.

Run it in the project's folder:

    python3 -m handouts.examples.lab6.exercises append --seed 7
    python3 -m handouts.examples.lab6.exercises append --seed 7 --answer

append: what becomes of a follower's log and of its commit index?  commit: what is a leader's commit
index after each event?  match: how does a new leader find where each log diverges from its own?
history: is it linearizable?  paxos: what must a proposer propose?
"""

import random
from dataclasses import dataclass
from itertools import takewhile

from handouts.examples.exercise import Exercise, ask

Log = list[int]  # the terms of its entries; the first one has index 1


def told(log: Log) -> str:
    return " ".join(map(str, log)) or "(empty)"


def term_at(log: Log, index: int) -> int:
    return log[index - 1] if index else 0


def common(one: Log, other: Log) -> int:
    """Up to where two logs match."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def some_log(chance: random.Random, length: int, last_term: int) -> Log:
    return sorted(chance.randrange(1, last_term + 1) for _ in range(length))


def end(log: Log) -> tuple[int, int]:
    """What votes compare: the last term, and the last index."""
    return term_at(log, len(log)), len(log)


def some_past(chance: random.Random, term: int) -> dict[int, Log]:
    """The logs of five servers after the elections of all terms before this one; S1 can win it.

    Logs are not made up one by one, since most sets of logs can never be.
    """
    logs: dict[int, Log] = {server: [] for server in range(1, 6)}
    for past in range(1, term):
        leader = chance.choice([server for server in logs if can_win(logs, server)])
        own = logs[leader]
        own += [past] * chance.randrange(1, 4)
        for other in chance.sample(sorted(set(logs) - {leader}), chance.randrange(5)):
            matches = common(own, logs[other])
            sent = own[: chance.randrange(matches, len(own) + 1)]
            if len(sent) > matches:
                logs[other] = sent
    first = chance.choice([server for server in logs if can_win(logs, server)])
    logs[1], logs[first] = logs[first], logs[1]
    return logs


def can_win(logs: dict[int, Log], server: int) -> bool:
    return sum(end(log) <= end(logs[server]) for log in logs.values()) > len(logs) // 2


# --- append ---


@dataclass
class Follower:
    """What AppendEntries finds. It knows no client and no vote."""

    log: Log
    commit: int

    def refusal(self, prev: int, prev_term: int) -> str:
        """Why the log check fails, or nothing."""
        if prev > len(self.log):
            return f"its log ends at {len(self.log)}"
        if term_at(self.log, prev) != prev_term:
            return f"its entry {prev} is of term {term_at(self.log, prev)}"
        return ""

    def hint(self, prev: int) -> int:
        """Where to try next: how far it may match at the most."""
        if prev > len(self.log):
            return len(self.log)
        return self.log.index(term_at(self.log, prev))

    def append(self, prev: int, entries: Log) -> str:
        """After a log check that held. Returns what was cut, in words."""
        new = [at for at, t in enumerate(entries, prev + 1) if self.log[at - 1 : at] != [t]]
        if not new:
            return ""
        cut = len(self.log) - new[0] + 1
        self.log[new[0] - 1 :] = entries[new[0] - 1 - prev :]
        return f", cuts from {new[0]} on" if cut > 0 else ""

    def take(self, prev: int, prev_term: int, entries: Log, leader_commit: int) -> str:
        refusal = self.refusal(prev, prev_term)
        if refusal:
            return f"fail ({refusal}), hint {self.hint(prev)}"
        cut = self.append(prev, entries)
        checked = prev + len(entries)
        self.commit = max(self.commit, min(leader_commit, checked))
        return f"ok {checked}{cut}"


def append_exercise(chance: random.Random) -> tuple[str, str]:
    term = chance.randrange(4, 7)
    logs = some_past(chance, term)
    leader = logs[1] + [term] * chance.randrange(1, 3)
    follower = Follower(logs[3], 0)
    follower.commit = chance.randrange(common(leader, follower.log) + 1)
    question = (
        f"S3 follows in term {term}. The terms of its entries: {told(follower.log)}. It has "
        f"committed up to {follower.commit}.\nWhat does it answer, and what has it then?"
    )
    answer = []
    committed = chance.randrange(follower.commit, len(leader) + 1)
    for number in range(1, 6):
        prev = chance.randrange(len(leader))
        if number > 1 and chance.randrange(2):
            prev = min(prev, common(leader, follower.log))
        entries = leader[prev : prev + chance.choice((0, 1, 2, 2, 3))]
        known = chance.choice((committed, committed, max(0, committed - 2)))
        question += (
            f"\n  {number}. after {prev}/{term_at(leader, prev)}: entries of terms "
            f"{told(entries)}, leader_commit {known}"
        )
        words = follower.take(prev, term_at(leader, prev), entries, known)
        answer.append(f"  {number}. {words}; log {told(follower.log)}; commit {follower.commit}")
    return question, "\n".join(answer)


# --- commit ---


@dataclass
class Leader:
    """S1. ``match`` is by server; its own is what it has flushed."""

    term: int
    log: Log
    match: dict[int, int]
    commit: int

    def count(self) -> str:
        """Commits what may be. Returns why, in words."""
        on_majority = sorted(self.match.values(), reverse=True)[len(self.match) // 2]
        if on_majority <= self.commit:
            return f"a majority has {on_majority}; commit {self.commit}"
        if term_at(self.log, on_majority) != self.term:
            return (
                f"a majority has {on_majority}, of term {term_at(self.log, on_majority)}: "
                f"not by counting; commit {self.commit}"
            )
        self.commit = on_majority
        return f"a majority has {on_majority}; commit {self.commit}"

    def take_success(self, server: int, index: int) -> str:
        if index <= self.match[server]:
            return f"S{server} stays at {self.match[server]}: nothing"
        self.match[server] = index
        return self.count()


def commit_exercise(chance: random.Random) -> tuple[str, str]:
    servers, term = chance.choice((3, 4, 5, 5)), chance.randrange(3, 7)
    older = some_log(chance, chance.randrange(2, 5), term - 1)
    log = [*older, *[term] * chance.randrange(2, 5)]
    commit = chance.randrange(len(older))
    others = range(2, servers + 1)
    leader = Leader(term, log, {1: len(older), **dict.fromkeys(others, 0)}, commit)
    question = (
        f"S1 of {servers} leads in term {term}. The terms of its entries: {told(log)}. It has\n"
        f"committed up to {commit}, flushed up to {len(older)}, and knows of no match. "
        "What is its commit index?"
    )
    answer = []
    for number in range(1, 9):
        kind, server = chance.randrange(9), chance.choice(others)
        if kind == 0 and leader.match[1] < len(log):
            question += f"\n  {number}. its own flush: up to {len(log)}"
            leader.match[1] = len(log)
            words = leader.count()
        elif kind == 1:
            index = chance.randrange(1, len(older) + 1)
            question += f"\n  {number}. S{server}: ok {index}, of term {term - 1}"
            words = "a reply of an older term: nothing"
        elif kind == 2 and leader.match[server] > 1:
            late = chance.randrange(leader.match[server])
            question += f"\n  {number}. S{server}: fail, hint {late}"
            words = f"late, as S{server} is known to match up to {leader.match[server]}: nothing"
        else:
            index = chance.randrange(1, len(log) + 1)
            question += f"\n  {number}. S{server}: ok {index}"
            words = leader.take_success(server, index)
        answer.append(f"  {number}. {words}")
    return question, "\n".join(answer)


# --- match ---


def search(leader: Log, follower: Follower) -> str:
    """The round trips of a leader that has just appended an empty entry."""
    last, rounds = len(leader), []
    prev = last - 1
    while follower.refusal(prev, term_at(leader, prev)):
        hint = follower.hint(prev)
        rounds.append(f"after {prev}/{term_at(leader, prev)}: fail, hint {hint}")
        prev = min(prev, hint + 1) - 1
    cut = follower.append(prev, leader[prev:])
    return "; ".join([*rounds, f"after {prev}/{term_at(leader, prev)}: ok {last}{cut}"])


def match_exercise(chance: random.Random) -> tuple[str, str]:
    term = chance.randrange(5, 8)
    logs = some_past(chance, term)
    leader = [*logs[1], term]
    question = (
        f"S1 leads in term {term}, and has appended an empty entry. The terms of its entries:\n"
        f"  S1  {told(leader)}\nWhat does it ask each follower, and what comes back?"
    )
    answer = []
    for server in range(2, 6):
        follower = Follower(logs[server], 0)
        question += f"\n  S{server}  {told(follower.log)}"
        answer.append(f"  S{server}: {search(leader, follower)}")
    return question, "\n".join(answer)


# --- history ---


@dataclass(frozen=True)
class Call:
    """One request to a register, from its start to its reply. SET has a value to write, GET one
    that was read; 0 is the value at the start.
    """

    client: str
    name: str
    value: int
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.client}: {self.name}{'' if self.name == 'SET' else ' →'} {self.value}"


def order(calls: list[Call], value: int = 0) -> list[Call] | None:
    """An order in which each reply is right, and no call comes before one that had ended when it
    started. (Wing and Gong: try each that may be the first.)
    """
    if not calls:
        return []
    first_end = min(call.end for call in calls)
    for call in calls:
        if call.start > first_end or (call.name == "GET" and call.value != value):
            continue
        rest = order([other for other in calls if other is not call], call.value)
        if rest is not None:
            return [call, *rest]
    return None


def some_calls(chance: random.Random) -> list[Call]:
    """Each of three clients waits for a reply before it asks again."""
    clock = dict.fromkeys("ABC", 0)
    made: list[tuple[int, str, str, int, int, int]] = []  # the point first: the order of effects
    for value in range(1, 7):
        client = chance.choice("ABC")
        start = clock[client] + chance.randrange(1, 8)
        end = start + chance.randrange(9, 22)
        clock[client] = end
        name = "SET" if value == 1 or chance.randrange(2) else "GET"
        made.append((chance.randrange(start, end + 1), client, name, value, start, end))
    calls, now = [], 0
    for _, client, name, value, start, end in sorted(made):
        now = value if name == "SET" else now
        calls.append(Call(client, name, now, start, end))
    return calls


def history_exercise(chance: random.Random) -> tuple[str, str]:
    calls = some_calls(chance)
    reads = [at for at, call in enumerate(calls) if call.name == "GET"]
    if reads and chance.randrange(3):
        at = chance.choice(reads)
        values = {0, *(call.value for call in calls)} - {calls[at].value}
        one = calls[at]
        calls[at] = Call(one.client, one.name, chance.choice(sorted(values)), one.start, one.end)
    question = "One key, 0 at the start. Each bar is a request, up to its reply. Is there an order?"
    for client in "ABC":
        row = [" "] * (max(call.end for call in calls) + 1)
        for call in calls:
            if call.client == client:
                word = (
                    str(call).partition(": ")[2].replace("GET → ", "GET=").replace("SET ", "SET=")
                )
                row[call.start : call.end + 1] = f"[{word:-<{call.end - call.start - 1}}]"
        question += f"\n  {client} {''.join(row).rstrip()}"
    found = order(calls)
    if found is not None:
        return question, "  Yes: " + ", ".join(map(str, found))
    culprits = [at for at in reads if order(calls[:at] + calls[at + 1 :]) is not None]
    words = [f"without {calls[at]} there would be one" for at in culprits]
    return question, "  No; " + (", ".join(words) or "and no single GET is to blame")


# --- paxos ---


@dataclass
class Acceptor:
    """Ballots are numbers here; 0 is none."""

    promised: int = 0
    accepted: tuple[int, str] = (0, "")

    def __str__(self) -> str:
        ballot, value = self.accepted
        last = f"has accepted {value} in {ballot}" if ballot else "has accepted nothing"
        return f"has promised {self.promised or 'nothing'}, {last}"


def to_propose(heard: list[Acceptor], own: str) -> str:
    """The value of the highest ballot that a majority tells of; one's own if there is none."""
    ballot, value = max(one.accepted for one in heard)
    return value if ballot else own


def some_acceptors(chance: random.Random, ballots: int) -> list[Acceptor]:
    """Five, after so many ballots: each message may be lost, or come after a later ballot."""
    acceptors = [Acceptor() for _ in range(5)]
    for ballot in range(1, ballots + 1):
        promising = chance.sample(acceptors, chance.choice((2, 3, 3, 4, 5)))
        if chance.randrange(3) == 0:
            promising = [one for one in promising if chance.randrange(2)]
        for one in promising:
            one.promised = ballot
        if len(promising) > 2:
            value = to_propose(promising, "uvwxyz"[ballot - 1])
            for one in chance.sample(acceptors, chance.choice((0, 1, 2, 2, 3, 4))):
                one.promised, one.accepted = ballot, (ballot, value)
    return acceptors


def paxos_exercise(chance: random.Random) -> tuple[str, str]:
    """It matters from whom the proposer hears."""
    values: list[str] = []
    while len(set(values)) < 2:
        ballot = chance.randrange(3, 6)
        acceptors = some_acceptors(chance, ballot - 1)
        groups = [sorted(chance.sample(range(1, 6), 3)) for _ in range(3)]
        values = [to_propose([acceptors[at - 1] for at in heard], "a") for heard in groups]
    rows = [f"  S{server}  {one}" for server, one in enumerate(acceptors, 1)]
    asked = [
        f"  {number}. {', '.join(f'S{server}' for server in heard)}"
        for number, heard in enumerate(groups, 1)
    ]
    question = [
        "Five acceptors of single-decree Paxos:",
        *rows,
        f"A proposer that wants a prepares ballot {ballot}. What does it propose, if it hears from",
        *asked,
        "May a value be chosen already?",
    ]
    answer = [f"  {number}. {value}" for number, value in enumerate(values, 1)]
    answer.append("  No: every majority would tell of it")
    return "\n".join(question), "\n".join(answer)


EXERCISES: dict[str, Exercise] = {
    "append": append_exercise,
    "commit": commit_exercise,
    "match": match_exercise,
    "history": history_exercise,
    "paxos": paxos_exercise,
}


if __name__ == "__main__":
    ask("Exercises with logs", EXERCISES)
