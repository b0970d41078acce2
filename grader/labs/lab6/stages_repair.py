"""Lab 6: a leader whose followers have other logs than it has: back to where they part, forward
from there, and nothing learnt from what is no longer true.
"""

from __future__ import annotations

from grader.labs.lab5.scene import FOLLOWER, LEADER, NOBODY, heartbeat
from grader.labs.lab6.played import HINTS, Hint, Played, least, nothing, usual
from grader.labs.lab6.scene import PATIENCE, LogScene
from grader.labs.lab6.stages_commit import over_empty_logs
from grader.labs.lab6.stages_follower import entries
from grader.labs.simulator import Simulator
from grader.labs.stage import Attempt, stage
from grader.sim.server import Entry
from grader.verdicts import Diagnosis, fail
from grader.wire.messages import (
    AppendEntries,
    AppendEntriesReply,
    RequestVote,
)

MIB = 1 << 20

# --- 6.8 ---

# Figure 7: the log of the leader of term 8, and those of six followers. Those that would not vote
# for it, since theirs are better, come last.
LEADER_LOG = (1, 1, 1, 4, 4, 5, 5, 6, 6, 6)
FIGURE_7 = {
    2: (1, 1, 1, 4, 4, 5, 5, 6, 6),
    3: (1, 1, 1, 4),
    4: (1, 1, 1, 4, 4, 4, 4),
    5: (1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3),
    6: (1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6),
    7: (1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7),
}
_MOST = 200  # requests that repair any of these logs
_FEW = 8  # refusals where each hint leads over a whole term


@stage(
    "6.8",
    "Back to the first divergence, in few round trips",
    points=5,
    see="lab6#back-up",
    source="Raft, section 5.3 and figure 7; PROTOCOL, section 2",
    seconds=30,
)
def test_back_up(attempt: Attempt) -> None:
    """A new leader begins at the end of its log. After a refusal it goes back: before the refused
    prev, no further than to what is known to match, and as far as the hint says, whichever index of
    its log the follower names.
    """
    simulator = Simulator(attempt)
    for name, hint in HINTS.items():
        with LogScene(simulator, 7, vote=(7, NOBODY), terms=entries(*LEADER_LOG)) as one:
            one.lead_over(*[Played(id, entries(*log), hint) for id, log in FIGURE_7.items()])
            one.expect_reached(10, when=f"the logs are those of figure 7, and {name} is the hint")
            for peer in one.peers.values():
                expect_same_log(one, peer)
        others: tuple[tuple[int, ...], ...] = ((), (2, 2, 2), (1, 1, 1, 1, 1), (2,) * 14)
        for log in others:
            with LogScene(simulator, 2, vote=(7, NOBODY), terms=entries(*LEADER_LOG)) as one:
                one.lead_over(Played(2, entries(*log), hint))
                goes_back(one, 2, name)
    cases: tuple[tuple[Hint, list[int]], ...] = (
        (usual, [1] * 50 + [2] * 300), (usual, [1] * 50 + [2] * 100 + [3] * 100 + [4] * 100),
        (nothing, [2] * 350), (least, [1] * 350), (usual, []), (nothing, [1] * 50),
    )  # fmt: skip
    for hint, terms in cases:
        with LogScene(simulator, 3, vote=(7, NOBODY), terms=entries(*[1] * 50 + [6] * 300)) as one:
            few_round_trips(one, entries(*terms), hint)
    for lost in (2, 3):
        loses(simulator, lost)
    begins_at_the_end(simulator)
    far_behind(Simulator(attempt, "plain"))


def expect_same_log(one: LogScene, peer: Played) -> None:
    mine, theirs = one.watch.log, peer.log
    at = next(
        (i for i, pair in enumerate(zip(mine, theirs, strict=False)) if pair[0] != pair[1]), None
    )
    if at is not None:
        one.fail(
            f"entry {at + 1} of server {peer.id} is {theirs[at]}, and of the leader {mine[at]}",
            "not-repaired",
            "the leader makes the others' logs the same as its own",
        )


def goes_back(one: LogScene, to: int, name: str) -> None:
    """After each refusal a request comes that has prev where the hint and the refused prev say. (It
    may take the reply to its latest request only.)
    """
    peer, last = one.peers[to], one.last
    while not one.knows(to, last)():
        if len(peer.replies) == _MOST or not one.serve([to], lambda: bool(one.waiting[to])):
            one.expect_reached(last, [to], f"{name} is the hint of a follower")
            return
        request = one.waiting[to].pop()
        one.lose([to])
        reply = peer.answer(request)
        one.reply(reply)
        if not reply.success:
            expect_back(one, to, request, reply, name)


def expect_back(
    one: LogScene, to: int, request: AppendEntries, reply: AppendEntriesReply, name: str
) -> None:
    """Within some intervals. A leader that sends ahead and keeps no record of its requests may ask
    at the same place first, without entries.
    """
    match = one.watch.acked.get(to, 0)
    due = max(match, min(request.prev_log_index - 1, reply.log_index))
    until = one.now + PATIENCE * one.config.heartbeat
    seen: list[int] = []
    while True:
        seen += [asked.prev_log_index for asked in one.waiting[to]]
        if any(prev <= due for prev in seen) or any(
            request.entries and not asked.entries and asked.prev_log_index <= request.prev_log_index
            for asked in one.waiting[to]
        ):
            return
        one.lose([to])
        if one.deadline > until:
            break
        one.now = max(one.now, one.deadline)
        one.tick()
    one.fail(
        f"server {to} refused prev {request.prev_log_index} with log_index {reply.log_index} "
        f"({name}); in {PATIENCE} heartbeat intervals after it, prev was {_list(seen)}",
        "no-back-up",
        one.back_from(to, request.prev_log_index, reply.log_index),
    )


def _list(numbers: list[int]) -> str:
    return " ".join(map(str, sorted(set(numbers)))) or "not sent at all"


def few_round_trips(one: LogScene, log: list[Entry], hint: Hint) -> None:
    one.lead_over(Played(2, log, hint), Played(3))
    one.expect_reached(one.last, [2], f"a follower's {len(log)} entries part from its own early")
    count = one.peers[2].refusals
    if count > _FEW:
        one.fail(
            f"server 2 refused {count} requests before one fitted; each of its hints led over a "
            "whole term, or further",
            "slow-back-up",
            "next goes down to hint + 1 at once, if that is lower than the refused prev",
        )


def loses(simulator: Simulator, lost: int) -> None:
    """Of the requests, all but one in so many get lost, and so do the first replies."""
    with LogScene(simulator, 2, vote=(7, NOBODY), terms=entries(*LEADER_LOG)) as one:
        one.lead_over(Played(2, entries(2, 2, 2)))
        for number in range(20 * lost):
            one.pass_time(one.now + one.config.heartbeat)
            if one.waiting[2] and number % lost == 0:
                reply = one.peers[2].answer(one.waiting[2][-1])
                if number:
                    one.reply(reply)
            one.lose()
        one.expect_reached(10, when=f"of {lost} requests one arrived, and now all do")
        expect_same_log(one, one.peers[2])


def begins_at_the_end(simulator: Simulator) -> None:
    """One of the others has the leader's log, and one all but its end. How far a leader goes back
    is its affair, as long as it does not send all that it has.
    """
    log = entries(*[1] * 50 + [6] * 300)
    with LogScene(simulator, 3, vote=(7, NOBODY), terms=log) as one:
        one.lead_over(Played(2, log), Played(3, log[:-3]))
        one.propose(b"x")
        one.settle()
        one.expect_reached(one.last, when="the logs are the same, but for three entries")
        for peer in one.peers.values():
            if peer.brought >= len(log):
                one.fail(
                    f"it was elected with {len(log)} entries; server {peer.id} lacked "
                    f"{0 if peer.id == 2 else 3} of these, and was sent {peer.brought}",
                    "begins-too-low",
                    "figure 2, State: nextIndex[] is initialized to leader last log index + 1",
                )


BEHIND = 50_000
_EXCHANGES = 300  # so many requests tell whether it comes forward


def far_behind(simulator: Simulator) -> None:
    """More entries than go into one message; the follower has none."""
    log = [(1 + at // 20_000, b"%05d" % at * 80) for at in range(BEHIND)]
    with LogScene(simulator, 2, vote=(7, NOBODY), terms=log) as one:
        one.lead_over(Played(2, [], nothing))
        before = simulator.memory()
        one.serve([2], one.knows(2, one.last), most=_EXCHANGES)
        acked, replies = one.watch.acked.get(2, 0), one.peers[2].replies
        grown = simulator.memory() - before
    if acked < min(BEHIND, len(replies) // 4):
        fail(
            f"server 2 was {BEHIND:,} entries behind, and has {acked:,} after {len(replies)} "
            "requests",
            Diagnosis("not-replicated", "each request that fits brings entries"),
        )
    if grown > 96 * MIB:
        fail(
            f"a follower is {BEHIND:,} entries behind, {sum(len(data) for _, data in log) >> 20} "
            f"MiB; to bring them takes {grown >> 20} MiB of memory",
            Diagnosis("memory-unbounded", "a request holds at most 16 MiB, and one is enough"),
        )


# --- 6.9 ---


@stage(
    "6.9",
    "Nothing is learnt from stale replies",
    points=4,
    see="lab6#stale-replies",
    source="Raft, section 5.1; PROTOCOL, section 2",
)
def test_stale_replies(attempt: Attempt) -> None:
    """Replies of an older term, of an older leadership or to an older request, and such as name an
    entry that the leader does not have, neither count as a match nor take one back.
    """
    simulator = Simulator(attempt)
    for success in (0, 1):
        older_term(simulator, success)
    for times in (1, 3):
        old_refusal(simulator, times)
    beyond_the_end(simulator)
    late_success(simulator)
    led_before(simulator)
    cut_meanwhile(simulator)
    to_a_follower(simulator)


def older_term(simulator: Simulator, success: int) -> None:
    """A reply to what it asked as the leader of another term."""
    with LogScene(simulator, 3, vote=(4, NOBODY), terms=entries(1, 1, 4)) as one:
        one.lead_over(Played(2, entries(1, 1, 4)), Played(3))
        index = one.propose(b"x")
        one.settle()
        when = f"it leads in term 5, and a reply of term 4 says success {success}"
        for to in (2, 3):
            one.reply(AppendEntriesReply(4, to, index if success else 0, success, 0, 1))
        one.expect(when, role=LEADER, term=5)
        catches_up(one, 2)
        one.reply(AppendEntriesReply(4, 2, 0, success, 0, one.seq_to(2)))
        expect_no_return(one, 2, when)
        one.expect_reached(one.last)
        one.expect_counted(when)


def old_refusal(simulator: Simulator, times: int) -> None:
    """A refusal that was true once comes again, when the follower has caught up."""
    with LogScene(simulator, 2, vote=(4, NOBODY), terms=entries(1, 1, 4, 4, 4)) as one:
        one.lead_over(Played(2, [], nothing))
        catches_up(one, 2)
        refused = [reply for reply in one.peers[2].replies if not reply.success]
        for reply in refused * times:
            one.reply(reply)
        expect_no_return(
            one, 2, "server 2 refused once, has acknowledged entry 5, and an old refusal came"
        )
        one.propose(b"more")
        one.settle()
        one.expect_reached(one.last)
        one.expect_counted("an old refusal came, and all is acknowledged")


def catches_up(one: LogScene, to: int) -> None:
    """It acknowledges all, and has answered the latest request too."""
    one.expect_reached(one.last, [to])
    one.serve([to], lambda: not one.waiting[to])


def expect_no_return(one: LogScene, to: int, when: str) -> None:
    """Entries that are acknowledged are not sent again: not since all requests were answered."""
    match, until = one.watch.acked[to], one.now + 3 * one.config.heartbeat
    one.propose(b"goes on")
    one.settle()
    one.pass_time(until)
    for asked in one.waiting[to]:
        if asked.entries and asked.prev_log_index < match:
            one.fail(
                f"{when}; it sends entries from {asked.prev_log_index + 1} on, and server {to} has "
                f"acknowledged all up to {match}",
                "match-forgotten",
                "next never goes down to what is known to match: max(match + 1, …)",
            )


def beyond_the_end(simulator: Simulator) -> None:
    """A log_index that the leader's own log does not reach."""
    for ahead in (1, 1000, (1 << 31) - 2):
        with over_empty_logs(simulator) as one:
            index = one.propose(b"x")
            one.settle()
            log_index = min(index + ahead, (1 << 31) - 2)
            for to in (2, 3):
                one.reply(AppendEntriesReply(one.term, to, log_index, 1, 0, one.seq_to(to)))
            when = f"its log ends at {index}, and both others name entry {log_index}"
            one.expect(when, role=LEADER, last_index=index)
            one.propose(b"y")
            one.settle()
            one.expect_reached(one.last)
            one.expect_counted(f"{when}; that was ignored, and all is acknowledged now")


def late_success(simulator: Simulator) -> None:
    """Replies to older requests come after newer ones, once more, in both orders."""
    with over_empty_logs(simulator) as one:
        for number in range(4):
            one.propose(b"%d" % number)
            one.settle()
            catches_up(one, 2)
        for replies in (one.peers[2].replies[:], one.peers[2].replies[::-1]):
            for reply in replies:
                one.reply(reply)
            expect_no_return(one, 2, "all that server 2 ever replied came again")
            catches_up(one, 2)
            catches_up(one, 3)
            one.expect_counted("all that server 2 ever replied came again, and all is acknowledged")


def led_before(simulator: Simulator) -> None:
    """It has led before; a reply of that time comes now."""
    with over_empty_logs(simulator) as one:
        for number in range(3):
            one.propose(b"%d" % number)
        one.settle()
        one.expect_reached(one.last, [2])
        old = one.peers[2].replies[-1]
        one.tell(3, RequestVote(one.term + 1, 3, 0, 0))
        one.expect("a candidate asked in a newer term", role=FOLLOWER)
        one.lead_over(Played(2, one.peers[2].log), Played(3))
        one.propose(b"of the new term")
        one.settle()
        for seq in (old.ack, one.watch.seqs.get(2, 0)):
            one.reply(AppendEntriesReply(old.term, 2, old.log_index, 1, 0, seq))
        one.reply(AppendEntriesReply(old.term, 3, one.last, 1, 0, one.watch.seqs.get(3, 0)))
        one.expect_counted("replies came of the term in which it had led before")
        one.expect_reached(one.last)
        one.expect_counted("all is acknowledged in its new term")


def cut_meanwhile(simulator: Simulator) -> None:
    """What a follower had acknowledged to it was cut by another leader, before it led again."""
    with over_empty_logs(simulator, 5) as one:
        while one.last < 6:
            one.propose(b"%d" % one.last)
        one.settle()
        one.expect_reached(6, [2])
        first, other = one.watch.log[0], (one.term + 1, b"of server 3")
        one.leader, one.leader_term = 3, one.term + 1
        one.append((1, first[0]), [other], why="their first entries are the same")
        one.lead_over(Played(2, [first]), Played(3, [first, other]), Played(4), Played(5))
        while one.last < 6:
            one.propose(b"again %d" % one.last)
        one.settle()
        one.expect_reached(6, [4])
        one.expect_counted("server 4 has all, and server 2 had six entries in an older term only")
        one.expect_reached(one.last)
        one.expect_counted("all is acknowledged in its new term")


def to_a_follower(simulator: Simulator) -> None:
    """It leads no longer, in the same term nobody else can: a reply finds no leader."""
    with over_empty_logs(simulator) as one:
        one.propose(b"x")
        one.settle()
        one.tell(3, heartbeat(one.term + 1, 3))
        before = one.status()
        for success in (0, 1):
            one.reply(AppendEntriesReply(one.term, 2, one.last * success, success, 0, 1))
            one.expect_unchanged(before, "a follower gets AppendEntries' reply")
            one.expect_commit(0, "a follower gets AppendEntries' reply")
