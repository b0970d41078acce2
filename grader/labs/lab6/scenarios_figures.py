"""Scenarios: figures 7 and 8 of the paper."""

from __future__ import annotations

from collections.abc import Sequence

from grader.labs.lab6.scenario import Scenario

# Figure 7: the terms of the entries of the leader for term 8, and of six possible followers.
LEADER = (1, 1, 1, 4, 4, 5, 5, 6, 6, 6)
FOLLOWERS = {
    "a": (1, 1, 1, 4, 4, 5, 5, 6, 6),
    "b": (1, 1, 1, 4),
    "c": (1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6),
    "d": (1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7),
    "e": (1, 1, 1, 4, 4, 4, 4),
    "f": (1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3),
}
DISKS: dict[int, Sequence[int]] = {
    server: (7, 0, *terms) for server, terms in enumerate((LEADER, *FOLLOWERS.values()), 1)
}
# Who of them can win an election: whose log is as up to date as those of three others.
ELECTABLE = {"a": True, "b": False, "c": True, "d": True, "e": False, "f": False}


def repairs(one: Scenario) -> None:
    """All six become like the leader. What c and d have beyond it goes."""
    one.step = "the leader of figure 7 wins term 8"
    one.elect(1)
    one.step = "that leader repairs the logs of a to f"
    index = one.propose(1)
    one.committed(index, *one.servers)
    one.recover()


def elects(one: Scenario, name: str) -> None:
    server = 2 + list(FOLLOWERS).index(name)
    one.step = f"follower {name} of figure 7 stands"
    won = one.stand(server)
    if won != ELECTABLE[name]:
        one.fail(
            "figure-7-elected" if won else "scenario-not-elected",
            f"server {server}, follower {name}, {'wins' if won else 'does not win'}",
            "a vote is granted where the candidate's log is at least as up to date as one's own: "
            "the later last term decides, and then the longer log",
        )


def figure_8(one: Scenario, size: int, replies: bool) -> None:
    """Where S3's replies get lost, S1 cannot commit in (c), and (d) follows; else (e)."""
    one.elect(1)
    one.committed(one.propose(1), *one.servers)
    one.step = "figure 8, (a): S1 leads, and its entry reaches S2 only"
    one.split([1, 2])
    first = one.propose(1, b"a".ljust(size, b"."))
    one.not_committed(first, 2 * one.config.heartbeat, 1, 2)
    one.step = "figure 8, (b): S1 crashes, and S5, elected by S3 and S4, takes another entry"
    one.crash(1)
    one.split([3, 4, 5])
    one.elect(5, heard=False)
    one.split([5])
    one.propose(5, b"b".ljust(size, b"."))
    one.run(1)
    one.step = "figure 8, (c): S5 crashes, S1 leads again, and its old entry reaches S3"
    one.crash(5)
    one.restart(1)
    one.split([1, 2, 3])
    one.elect(1, heard=False)
    if not replies:
        one.cut(3, 1)
        one.cut(2, 1)
    one.run(4 * one.config.heartbeat)
    committed = one.commit(1) >= first
    one.crash(1)
    one.restart(5)
    if committed:
        one.step = "figure 8, (e): S1 has committed, so S5 cannot win, and S1's entry stays"
        one.split([2, 3, 4])
        one.agree(2, 3, 4)
    else:
        one.step = "figure 8, (d): S5 wins the votes of S2, S3 and S4, or one of them leads"
        one.split([2, 3, 4, 5])
        one.agree(2, 3, 4, 5)
    one.recover()
