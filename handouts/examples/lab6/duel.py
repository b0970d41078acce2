#!/usr/bin/env python3
"""Two proposers of single-decree Paxos that begin at the same time: when is a value chosen?

Three acceptors, messages of 5 to 10 ms, nothing is lost, a save takes no time. A proposer that has
no majority after a while begins again, with a higher ballot: it can't know whether the others live.
"""

import heapq
import random
import statistics

ACCEPTORS, GIVE_UP = 3, 2_000.0
NOTHING = (0, "")


class Duel:
    """What is planned, by time; acceptors; and for each proposer its ballot and its replies."""

    def __init__(self, patience: tuple[float, float], seed: str) -> None:
        self.chance, self.patience = random.Random(seed), patience
        self.promised = [0] * ACCEPTORS
        self.accepted = [NOTHING] * ACCEPTORS
        self.ballot, self.heard_of = [0, 0], [0, 0]
        self.told: list[list[tuple[int, str]]] = [[], []]
        self.value = ["x", "y"]
        self.yes, self.rounds = [0, 0], 0
        self.plan: list[tuple[float, int, str, int, int, int, tuple[int, str]]] = []
        self.order = 0

    def add(
        self, at: float, what: str, who: int, other: int, ballot: int, known: tuple[int, str]
    ) -> None:
        self.order += 1
        heapq.heappush(self.plan, (at, self.order, what, who, other, ballot, known))

    def ask_all(self, now: float, what: str, proposer: int, known: tuple[int, str]) -> None:
        self.yes[proposer] = 0
        for acceptor in range(ACCEPTORS):
            at = now + self.chance.uniform(5, 10)
            self.add(at, what, acceptor, proposer, self.ballot[proposer], known)

    # [proposer]
    def begin(self, now: float, proposer: int) -> None:
        """Phase 1, in a ballot that nobody else uses: odd ones are one's, even ones the other's."""
        highest = max(self.ballot[proposer], self.heard_of[proposer])
        self.ballot[proposer] = highest // 2 * 2 + 2 + proposer
        self.told[proposer], self.rounds = [], self.rounds + 1
        self.ask_all(now, "prepare", proposer, NOTHING)
        self.add(now + self.chance.uniform(*self.patience), "again", proposer, 0, 0, NOTHING)

    def promise_came(self, now: float, proposer: int, known: tuple[int, str]) -> None:
        """Phase 2, after a majority: the value of the highest ballot that was told, or its own."""
        self.told[proposer].append(known)
        if len(self.told[proposer]) == ACCEPTORS // 2 + 1:
            ballot, value = max(self.told[proposer])
            self.ask_all(now, "accept", proposer, (0, value if ballot else self.value[proposer]))

    # [proposer-end]

    # [acceptor]
    def asked(self, now: float, what: str, me: int, who: int, ballot: int, value: str) -> None:
        """What is promised and accepted would be saved before the reply leaves."""
        at = now + self.chance.uniform(5, 10)
        if ballot < self.promised[me]:
            self.add(at, "refused", who, me, ballot, (self.promised[me], ""))
            return
        self.promised[me] = ballot
        if what == "accept":
            self.accepted[me] = (ballot, value)
        self.add(at, what + "d", who, me, ballot, self.accepted[me])

    # [acceptor-end]

    def run(self) -> tuple[float, int]:
        """Milliseconds until a proposer knows the chosen value, and how many ballots that took."""
        for proposer in (0, 1):
            self.begin(self.chance.uniform(0, 1), proposer)
        while self.plan[0][0] < GIVE_UP:
            now, _, what, who, other, ballot, known = heapq.heappop(self.plan)
            if what in ("prepare", "accept"):
                self.asked(now, what, who, other, ballot, known[1])
            elif what == "again":
                self.begin(now, who)
            elif what == "refused":
                self.heard_of[who] = max(self.heard_of[who], known[0])
            elif ballot != self.ballot[who]:
                continue  # a reply to an older ballot
            elif what == "prepared":
                self.promise_came(now, who, known)
            else:
                self.yes[who] += 1
                if self.yes[who] == ACCEPTORS // 2 + 1:
                    return now, self.rounds
        return GIVE_UP, self.rounds


def main() -> None:
    print("patience          nothing in 2 s   median    99 %   ballots")
    for patience in ((20.0, 20.0), (25.0, 25.0), (30.0, 30.0), (20.0, 40.0), (20.0, 100.0)):
        runs = [Duel(patience, f"{patience} {seed}").run() for seed in range(1000)]
        times = [time for time, _ in runs]
        never = sum(time >= GIVE_UP for time in times)
        late = statistics.quantiles(times, n=100)[98]
        print(
            f"{patience[0]:.0f} to {patience[1]:3.0f} ms {never:>17}   "
            f"{statistics.median(times):>6.0f}  {late:>6.0f}   "
            f"{statistics.mean(count for _, count in runs):>7.1f}"
        )


if __name__ == "__main__":
    main()
