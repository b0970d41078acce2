"""Exercises with elections. The seed makes the exercise; --answer shows the answer too.

Run it in the project's folder:

    python3 -m handouts.examples.lab5.exercises vote --seed 7
    python3 -m handouts.examples.lab5.exercises vote --seed 7 --answer

vote: what does a server answer to each request, and what does it save?  count: when does a
candidate lead, if it does?  win: which servers may win an election?  timer: when will a follower
stand?
"""

import random
from dataclasses import dataclass

from handouts.examples.exercise import Exercise, ask

NOBODY = 0


@dataclass
class Voter:
    """What one server keeps: a vote for NOBODY is free. Its log ends with (term, index)."""

    term: int
    voted_for: int
    last: tuple[int, int]

    def __str__(self) -> str:
        vote = f"vote for S{self.voted_for}" if self.voted_for else "no vote"
        return f"term {self.term}, {vote:11}  last {self.last[1]}/{self.last[0]}"

    def refusal(self, term: int, candidate: int, last: tuple[int, int]) -> str:
        """Why it refuses to vote, or nothing."""
        if term < self.term:
            return f"its term is {self.term}"
        if term == self.term and self.voted_for not in (NOBODY, candidate):
            return f"it voted for S{self.voted_for}"
        if last < self.last:
            return f"its log is better: {self.last[1]}/{self.last[0]}"
        return ""

    def take_request(self, term: int, candidate: int, last: tuple[int, int]) -> str:
        """Returns why it refuses, or nothing: it has granted its vote."""
        refusal = self.refusal(term, candidate, last)
        if term > self.term:
            self.term, self.voted_for = term, NOBODY
        if not refusal:
            self.voted_for = candidate
        return refusal


def some_log(chance: random.Random, term: int) -> tuple[int, int]:
    """Where the log of a candidate of that term ends: term, and index."""
    last_term = chance.randrange(max(0, term - 3), term)
    return (last_term, chance.randrange(last_term, last_term + 4)) if last_term else (0, 0)


class Logs:
    """A candidate's log stays the same while its candidacy lasts."""

    def __init__(self, chance: random.Random, voter: Voter) -> None:
        self.chance = chance
        granted = max(voter.last, some_log(chance, voter.term))
        self.known = {(voter.voted_for, voter.term): granted}

    def of(self, candidate: int, term: int) -> tuple[int, int]:
        return self.known.setdefault((candidate, term), some_log(self.chance, term))


def some_voter(chance: random.Random) -> Voter:
    term = chance.randrange(3, 8)
    return Voter(term, chance.randrange(5), some_log(chance, term))


# --- vote ---


def vote_exercise(chance: random.Random) -> tuple[str, str]:
    voter = some_voter(chance)
    logs = Logs(chance, voter)
    question = f"S5 has: {voter}.\nWhat does it answer, and what has it saved by then?"
    answer = []
    for number in range(1, 7):
        term, candidate = voter.term + chance.choice((-1, 0, 0, 0, 1, 1)), chance.randrange(1, 5)
        last = logs.of(candidate, term)
        question += f"\n  {number}. S{candidate}: vote?  term {term}, last {last[1]}/{last[0]}"
        before = (voter.term, voter.voted_for)
        refusal = voter.take_request(term, candidate, last)
        words = f"no ({refusal})" if refusal else "yes"
        vote = f"S{voter.voted_for}" if voter.voted_for else "nobody"
        saves = (voter.term, voter.voted_for) != before
        about = f"saved: term {voter.term}, {vote}" if saves else "as before"
        answer.append(f"  {number}. term {voter.term}, {words}; {about}")
    return question, "\n".join(answer)


# --- count ---


@dataclass
class Candidate:
    """S1, which stands."""

    servers: int
    term: int
    voters: set[int]
    role: str = "candidate"

    def follow(self, why: str) -> str:
        self.role = "follower"
        return f"follows: {why}"

    def take_reply(self, sender: int, term: int, granted: bool) -> str:
        if term > self.term:
            self.term = term
            return self.follow("a newer term")
        if term < self.term:
            return "an old one: nothing"
        if self.role != "candidate":
            return f"it is a {self.role}: nothing"
        if not granted:
            return "a refusal: nothing"
        known = sender in self.voters
        self.voters.add(sender)
        if 2 * len(self.voters) > self.servers:
            self.role = "leader"
        count = f"{len(self.voters)} of {self.servers}"
        return f"{count}{', the same one again' if known else ''}" + (
            ": it leads" if self.role == "leader" else ""
        )

    def take_heartbeat(self, term: int) -> str:
        if term < self.term:
            return "an old leader: success 0, nothing else"
        why = "a newer term" if term > self.term else "a leader of its term"
        self.term = term
        return self.follow(why)


def count_exercise(chance: random.Random) -> tuple[str, str]:
    """A server that grants its vote refuses no other request of that candidate in that term; and
    another leader of that term is there only if the rest was enough for it.
    """
    servers, term = chance.choice((3, 4, 5, 6, 7)), chance.randrange(3, 9)
    others = range(2, servers + 1)
    candidate = Candidate(servers, term, {1})
    granters = {other for other in others if chance.randrange(5) > 1}
    rest = sorted(set(others) - granters)
    may_lead = 2 * len(rest) > servers
    question = f"S1 of {servers} servers stands in term {term}. What is it after each message?"
    answer = []
    for number in range(1, 10):
        sender, kind = chance.choice(others), chance.randrange(12)
        if kind == 0 and may_lead:
            question += f"\n  {number}. S{rest[0]}: heartbeat, term {term}"
            words = candidate.take_heartbeat(term)
        elif kind == 1:
            question += f"\n  {number}. S{sender}: heartbeat, term {term - 1}"
            words = candidate.take_heartbeat(term - 1)
        elif kind == 2 and number > 4:
            question += f"\n  {number}. S{sender}: no, term {term + 1}"
            words = candidate.take_reply(sender, term + 1, granted=False)
        else:
            sent = term - 1 if kind == 3 else term
            granted = sent < term or sender in granters
            question += f"\n  {number}. S{sender}: {'yes' if granted else 'no'}, term {sent}"
            words = candidate.take_reply(sender, sent, granted)
        answer.append(f"  {number}. {words}")
        if candidate.role == "follower":
            break
    return question, "\n".join(answer)


# --- win ---


def outcome(voters: dict[int, Voter], up: set[int], server: int) -> str:
    """What becomes of a server that stands, while nobody else does."""
    own, votes, words, newer = voters[server], 1, [], False
    for other in sorted(up - {server}):
        refusal = voters[other].refusal(own.term + 1, server, own.last)
        votes += not refusal
        newer |= voters[other].term > own.term + 1
        words.append(f"S{other} {f'no, {refusal}' if refusal else 'yes'}")
    wins = 2 * votes > len(voters)
    end = f"{votes} of {len(voters)}: {'wins' if wins else 'does not win'}"
    if wins and newer:
        end += ", if the newer term is told after these"
    return f"  S{server} in term {own.term + 1}: {'; '.join(words)}. {end}"


def some_voters(chance: random.Random, servers: int) -> dict[int, Voter]:
    """Who is voted for has stood in that term, with a log that was good enough."""
    newest = chance.randrange(4, 8)
    voters: dict[int, Voter] = {}
    for server in chance.sample(range(1, servers + 1), servers):
        term = newest - chance.choice((0, 0, 0, 0, 1, 2) if voters else (0,))
        last = some_log(chance, term)
        stood = [
            other
            for other, known in voters.items()
            if (known.term > term or (known.term == term and known.voted_for == other))
            and known.last >= last
        ]
        voters[server] = Voter(term, chance.choice((NOBODY, server, *stood, *stood)), last)
    return dict(sorted(voters.items()))


def win_exercise(chance: random.Random) -> tuple[str, str]:
    servers = chance.choice((3, 5, 5, 5))
    voters = some_voters(chance, servers)
    down = set(chance.sample(sorted(voters), chance.randrange(servers // 2 + 1)))
    up = set(voters) - down
    rows = [f"  S{s}  {voters[s]}{'   down' if s in down else ''}" for s in voters]
    question = "One server's timer runs out. Which of them may win?\n" + "\n".join(rows)
    return question, "\n".join(outcome(voters, up, server) for server in sorted(up))


# --- timer ---


def timer_exercise(chance: random.Random) -> tuple[str, str]:
    voter = some_voter(chance)
    logs = Logs(chance, voter)
    draws = [chance.randrange(150, 301) for _ in range(8)]
    question = (
        f"S5 follows since 0 ms, and has: {voter}.\nIts timeouts are drawn from 150 to 300 ms: "
        f"{', '.join(map(str, draws))} …\nWhen does it stand?"
    )
    now, due, used, answer = 0, draws[0], 1, [f"     0 ms  due at {draws[0]}"]
    while used < len(draws):
        now += chance.randrange(20, 140)
        if now >= due:
            break
        term, sender = voter.term + chance.choice((-1, 0, 0, 0, 1)), chance.randrange(1, 4)
        if chance.randrange(3):
            last = logs.of(sender, term)
            question += f"\n  {now:4} ms  S{sender}: vote?  term {term}, last {last[1]}/{last[0]}"
            refusal = voter.take_request(term, sender, last)
        else:
            sender = 4  # who leads in every term here
            question += f"\n  {now:4} ms  S{sender}: heartbeat, term {term}"
            refusal = f"its term is {voter.term}" if term < voter.term else ""
            if term > voter.term:
                voter.term, voter.voted_for = term, NOBODY
        if not refusal:
            due, used = now + draws[used], used + 1
        words = f"no restart: {refusal}" if refusal else f"due at {due}"
        answer.append(f"  {now:4} ms  {words}")
    return question, "\n".join([*answer, f"  It stands at {due} ms."])


EXERCISES: dict[str, Exercise] = {
    "vote": vote_exercise,
    "count": count_exercise,
    "win": win_exercise,
    "timer": timer_exercise,
}


if __name__ == "__main__":
    ask("Exercises with elections", EXERCISES)
