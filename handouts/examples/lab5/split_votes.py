#!/usr/bin/env python3
"""How long five servers that lost their leader need for another one, and why chance helps.

Each timeout is 150 ms and a random part. A message is under way for 5 to 10 ms. Logs are equal,
nothing is lost, and a save takes no time.
"""

import heapq
import random
import statistics

SERVERS, TIMEOUT, GIVE_UP = 5, 150.0, 10_000.0


class Cluster:
    """Five servers and what is planned for them, by time."""

    def __init__(self, spread: float, seed: str) -> None:
        self.chance, self.spread = random.Random(seed), spread
        self.term = [0] * SERVERS
        self.voted_for = [-1] * SERVERS
        self.votes = [0] * SERVERS
        self.round = [0] * SERVERS  # counts restarts of a timer: an older one is void
        self.plan: list[tuple[float, int, str, int, int, int]] = []
        self.order = 0

    def add(self, at: float, what: str, server: int, other: int, number: int) -> None:
        self.order += 1
        heapq.heappush(self.plan, (at, self.order, what, server, other, number))

    # [timer]
    def restart_timer(self, server: int, now: float) -> None:
        self.round[server] += 1
        timeout = TIMEOUT + self.chance.uniform(0, self.spread)
        self.add(now + timeout, "time", server, 0, self.round[server])

    # [timer-end]

    def send(self, now: float, what: str, server: int, to: int, term: int) -> None:
        self.add(now + self.chance.uniform(5, 10), what, to, server, term)

    def stand(self, server: int, now: float) -> None:
        self.term[server] += 1
        self.voted_for[server], self.votes[server] = server, 1
        self.restart_timer(server, now)
        for other in set(range(SERVERS)) - {server}:
            self.send(now, "vote?", server, other, self.term[server])

    def vote(self, server: int, candidate: int, term: int, now: float) -> None:
        if term > self.term[server]:
            self.term[server], self.voted_for[server] = term, -1
        if term == self.term[server] and self.voted_for[server] in (-1, candidate):
            self.voted_for[server] = candidate
            self.restart_timer(server, now)
            self.send(now, "yes", server, candidate, term)

    def elect(self) -> tuple[float, int]:
        """Milliseconds until a leader is there, and how many candidacies that took."""
        candidacies, now = 0, 0.0
        for server in range(SERVERS):
            self.restart_timer(server, self.chance.uniform(0, 1))  # the last heartbeat's arrival
        while now < GIVE_UP:
            now, _, what, server, other, number = heapq.heappop(self.plan)
            if what == "vote?":
                self.vote(server, other, number, now)
            elif what == "time" and number == self.round[server]:
                candidacies += 1
                self.stand(server, now)
            elif what == "yes" and number == self.term[server]:
                self.votes[server] += 1
                if 2 * self.votes[server] > SERVERS:
                    return now, candidacies
        return GIVE_UP, candidacies


def main() -> None:
    print("timeouts       no leader in 10 s   median    worst   candidacies")
    for spread in (0, 5, 15, 50, 150):
        runs = [Cluster(spread, f"{spread} {seed}").elect() for seed in range(1000)]
        times = [time for time, _ in runs]
        never = sum(time >= GIVE_UP for time in times)
        count = statistics.mean(count for _, count in runs)
        print(
            f"150 to {150 + spread} ms  {never:>16}   {statistics.median(times):>6.0f}   "
            f"{max(times):>6.0f}   {count:>11.1f}"
        )


if __name__ == "__main__":
    main()
