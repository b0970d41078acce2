"""Scenarios: agreement, and what servers and the network do to it. (MIT 6.824 has many of these,
and Ongaro's dissertation the rest.)
"""

from __future__ import annotations

from grader.labs.lab6.scenario import Scenario


def agreement(one: Scenario) -> None:
    one.elect(1)
    for number in range(3):
        one.step = f"nobody hears of proposal {number + 1}"
        one.split([1])
        index = one.propose(1)
        one.not_committed(index, 2 * one.config.heartbeat, *one.servers)
        one.step = f"all hear of proposal {number + 1}"
        one.join()
        one.committed(index, *one.servers)


def concurrent_proposals(one: Scenario) -> None:
    one.elect(2)
    for round in range(3):
        one.step = f"{5 * (round + 1)} clients propose in the same moment"
        indexes = [one.propose(2) for _ in range(5 * (round + 1))]
        one.run(one.config.heartbeat * round // 2)
        one.committed(indexes[-1], *one.servers)


def follower_failure(one: Scenario) -> None:
    one.elect(1)
    one.step = "one of two followers crashes"
    one.crash(3)
    one.committed(one.propose(1), 1, 2)
    one.committed(one.propose(1), 1, 2)
    one.step = "the other one is cut off too"
    one.split([1], [2])
    index = one.propose(1)
    one.not_committed(index, 2 * one.config.election_max, 1, 2)
    one.recover()


def leader_failure(one: Scenario) -> None:
    one.elect(1)
    one.committed(one.propose(1), *one.servers)
    one.step = "the leader is cut off from the others, and clients still ask it"
    one.split([2, 3])
    lost = one.propose(1)
    one.not_committed(lost, one.config.election_max, 1)
    one.step = "the others elect a leader"
    leader = one.agree(2, 3)
    one.step = "that leader crashes, and the first one is back"
    one.crash(leader)
    one.join()
    one.agree(1, 5 - leader)
    one.recover()


def rolling_failures(one: Scenario) -> None:
    for lone in one.servers:
        one.step = f"server {lone} is cut off"
        others = [other for other in one.servers if other != lone]
        one.split(others)
        one.agree(*others)
        one.step = f"server {lone} crashes meanwhile, and is back"
        one.crash(lone)
        one.restart(lone)
        one.join()
        one.agree(*one.servers)


def no_majority(one: Scenario) -> None:
    one.elect(1)
    one.committed(one.propose(1), *one.servers)
    one.step = "three of five servers are cut off, and a client asks the leader"
    one.split([1, 2])
    index = one.propose(1)
    one.not_committed(index, 3 * one.config.election_max, *one.servers)
    one.step = "the links work again"
    one.join()
    one.agree(*one.servers)
    one.recover()


def stale_leader(one: Scenario) -> None:
    one.elect(1)
    one.committed(one.propose(1), *one.servers)
    one.step = "leader 1 is cut off, and clients ask it three times"
    one.split([2, 3])
    for _ in range(3):
        one.propose(1)
    one.step = "server 2 leads the others"
    one.elect(2)
    one.committed(one.propose(2), 2, 3)
    one.step = "leader 2 is cut off with an entry that nobody else has; servers 1 and 3 meet"
    one.split([1, 3])
    one.propose(2)
    one.elect(3)
    one.committed(one.propose(3), 1, 3)
    one.step = "leader 2 is back as well"
    one.join()
    one.agree(*one.servers)


def divergent_logs(one: Scenario) -> None:
    """The partitions of MIT's TestBackup: two long tails that nobody else has."""
    one.elect(1)
    one.committed(one.propose(1), *one.servers)
    one.step = "leader 1, with server 2 alone, takes 50 entries"
    one.split([1, 2])
    for _ in range(50):
        one.propose(1)
    one.run(one.config.heartbeat)
    one.step = "servers 3, 4 and 5 elect 3, and commit 50 others"
    one.split([3, 4, 5])
    one.elect(3)
    one.committed([one.propose(3) for _ in range(50)][-1], 3, 4, 5)
    one.step = "leader 3, with server 4 alone, takes 50 more"
    one.split([3, 4])
    for _ in range(50):
        one.propose(3)
    one.run(one.config.heartbeat)
    one.step = "server 5 leads 1 and 2, whose logs end with entries that nobody needs"
    one.split([1, 2, 5])
    one.elect(5)
    one.committed(one.propose(5), 1, 2, 5)
    one.step = "all meet"
    one.join()
    one.agree(*one.servers)
    one.recover()


def restarts(one: Scenario) -> None:
    one.elect(1)
    one.committed(one.propose(1), *one.servers)
    one.step = "all servers crash and start anew"
    one.crash(*one.servers)
    one.restart(*one.servers)
    one.agree(*one.servers)
    for again in range(2):
        one.step = "the leader crashes with an entry that it has not sent, and starts anew"
        leader = one.agree(*one.servers)
        one.propose(leader)
        one.crash(leader)
        if again:
            one.agree(*(other for other in one.servers if other != leader))
        one.restart(leader)
        one.agree(*one.servers)
    one.step = "all followers crash and start anew"
    leader = one.agree(*one.servers)
    followers = [other for other in one.servers if other != leader]
    one.crash(*followers)
    one.propose(leader)
    one.run(2 * one.config.heartbeat)
    one.restart(*followers)
    one.agree(*one.servers)
    one.recover()


def one_way_links(one: Scenario) -> None:
    one.elect(1)
    one.committed(one.propose(1), *one.servers)
    one.step = "the leader is heard, and hears nobody"
    for other in (2, 3):
        one.cut(other, 1)
    one.not_committed(one.propose(1), one.config.election_max, 1)
    one.join()
    one.step = "after that, the leader is not heard, and hears all"
    leader = one.agree(*one.servers)
    others = [other for other in one.servers if other != leader]
    for other in others:
        one.cut(leader, other)
    one.propose(leader)
    one.agree(*others)
    one.recover()


def slow_followers(one: Scenario) -> None:
    """Lateness of replies is no reason for anything: they do come."""
    one.elect(1)
    one.run(one.config.heartbeat)
    one.step = "each reply of both followers comes 200 ms late"
    for follower in (2, 3):
        one.slow(follower, 1, 200)
    term = one.term(1)
    for _ in range(4):
        _leads_on(one, term)
        one.committed(one.propose(1), *one.servers)
        one.run(one.config.election_max)
    _leads_on(one, term)


def _leads_on(one: Scenario, term: int) -> None:
    if not one.leads(1) or one.term(1) != term:
        one.fail(
            "scenario-churn",
            f"server 1 led in term {term}, and no longer does",
            "heartbeats came in time, and no server had a reason to stand",
        )
