"""Hints of lab 6: whole clusters, their scenarios, and the rules of logs."""

from __future__ import annotations

from grader.labs.hints import Hint

STAGES = {
    "6.13": Hint(
        "At which step of the scenario is it no longer what you expect, and on which server?",
        "The cluster works in the simple case. In this one a server is back with an old log, or "
        "was cut off, or only half of the network works.",
        "Follow the one server that the failure names through the drawing: its last index, its "
        "commit index, and what the latest leader asks of it. 'make replay' shows it again.",
    ),
    "6.14": Hint(
        "Which rule is broken, at which event, and which event before it made that possible?",
        "One of the rules of the stages before is kept in most cases, but not in this one.",
        "Read the drawing from its end: who was allowed to do this, by which message, saved when? "
        "'make replay' shows it again after each change.",
    ),
}

_LOGS = {
    "leader-append-only": Hint(
        "Which code of yours may remove an entry, and does it ask for the role?",
        "A server that leads replaced or removed an entry of its own log.",
        "Only a follower cuts its log, and only for the entries of a leader's request. A leader "
        "adds at the end.",
    ),
    "log-matching": Hint(
        "Two logs have an entry with this index and this term. Where did each get it from?",
        "A follower took entries without the check of prev_log_index and prev_log_term, or put "
        "them in another place; or data was mixed up on the way.",
        "Entry i of a request belongs at prev_log_index + 1 + i, and only if the log has "
        "prev_log_term at prev_log_index. Its data is lent for the call: copy it.",
    ),
    "leader-completeness": Hint(
        "The entry was committed. Which servers had it then, and who of them voted for this "
        "leader?",
        "A vote went to a log that is less up to date, or an entry counted as committed that a "
        "majority did not have, or had in an old term only.",
        "Look at both majorities in the drawing: one server is in both. Either it should not have "
        "voted, or its acknowledgement should not have counted.",
    ),
    "state-machine-safety": Hint(
        "Which server applied or committed this index first, and by which right?",
        "An entry was taken for committed that could still be replaced: by counting an old term, "
        "or beyond what a request had checked; or a committed entry was cut.",
        "Find in the drawing where each of the two commit indexes rose, and which rule of figure "
        "2 allowed it. Nothing at or below the commit index is ever cut.",
    ),
    "a-majority-commits": Hint(
        "Which servers had acknowledged this entry when it was committed, the leader included?",
        "The leader counts wrongly: itself before its own sync, half of the servers, a reply of "
        "an older term, next instead of match, or what was sent instead of what came back.",
        "Sort match of all servers, the leader's own being what it has synced: the middle one is "
        "what a majority has. match grows by successful replies of the current term only.",
    ),
    "a-majority-keeps-what-is-committed": Hint(
        "Which server had acknowledged this entry, and what was on its disk when it crashed?",
        "An entry that was on the disk was written once more, with all that follows it, though "
        "nothing was in conflict: a crash in between loses the rest.",
        "Save what is new only. Pass over the entries of a request that the log has already.",
    ),
    "entries-of-the-current-term-commit": Hint(
        "Of which term is the last entry that a majority has, and could a server without it "
        "still win an election?",
        "An entry of an older term was committed because a majority has it: figure 8 shows how it "
        "can be replaced all the same.",
        "Raise the commit index by counting only to an index whose entry is of the current term. "
        "All before it are committed with it.",
    ),
    "commit-is-bounded-by-what-was-checked": Hint(
        "Up to which index does this request show that both logs are the same?",
        "leader_commit was taken as it is, or was bounded by the end of the log: what is there "
        "beyond the request's entries may be a former leader's.",
        "The bound is prev_log_index + entry_count of this request. A refused request moves "
        "nothing, and neither does a tick.",
    ),
    "only-conflicts-are-cut": Hint(
        "Which of the request's entries has another term than the one in the log, and is there "
        "any?",
        "The log was cut after prev_log_index, or at the end of a request's entries, though what "
        "stood there matches: the request may just be an old one.",
        "Compare terms entry by entry. Cut at the first that differs, and only there; where none "
        "differs, nothing is cut.",
    ),
    "what-is-acknowledged-is-there": Hint(
        "Is each entry of the request in the log when success goes out, at its own index, with "
        "its term and its data?",
        "The log check was wrong, or an entry in conflict stayed, or entries went missing.",
        "After a request that succeeds, the log has all of its entries. Check the terms, index by "
        "index, up to prev_log_index + entry_count.",
    ),
    "replies-answer-requests": Hint(
        "Which request does this reply answer, and which of its members come from there?",
        "ack is not the request's seq, or log_index is not prev_log_index + entry_count on "
        "success, or a refusal's hint lies beyond the end of the log, or a request of an old term "
        "was granted.",
        "Build the reply from the request that was just handled: ack = seq. The end of the log is "
        "no match: a stale tail is part of it.",
    ),
    "nobody-tells-more-than-is-committed": Hint(
        "Where does the commit index in this message come from?",
        "leader_commit or follower_commit is not the server's own commit index.",
        "Put the commit index there as it is after the request was handled.",
    ),
    "a-leader-sends-its-own-log": Hint(
        "What is at prev_log_index in the leader's log, and what right after it?",
        "prev_log_term belongs to another index, entries start one place off, or their data was "
        "freed or moved since.",
        "prev_log_index is next - 1, prev_log_term the term at that index (0 at 0), and the first "
        "entry the one at next.",
    ),
    "a-leader-s-entries-are-of-its-term": Hint(
        "Which term does a new entry get?",
        "A leader appended with the term of its last entry, or of the time before it was elected.",
        "It is the current term, also for the entry that a new leader appends.",
    ),
    "terms-in-a-log-never-fall": Hint(
        "How did an entry of a smaller term get behind one of a larger term?",
        "A follower took entries at a place where its log was another one: the terms at "
        "prev_log_index were not compared, or a conflict was not cut.",
        "Success needs the same term at prev_log_index. An entry in conflict goes, with all that "
        "follow it.",
    ),
    "candidates-tell-their-own-log": Hint(
        "What does replication_last say, and what is in the log?",
        "last_log_index and last_log_term are not those of the last entry: after a cut, after a "
        "start with saved entries, or of one entry too early.",
        "Ask the log itself each time, and keep no copy of its end.",
    ),
    "votes-go-to-logs-that-are-up-to-date": Hint(
        "Which of the two logs has the later last term; and if they are equal, which is longer?",
        "The vote did not look at the voter's own log, or at its end as it was once.",
        "Compare with replication_last at the moment of the request: terms first, then indexes.",
    ),
    "entries-are-saved-in-order": Hint(
        "Which index does save_entry get, and where did the log end?",
        "An entry was saved beyond the end of the log: there would be a hole before it.",
        "Append first, then save with the index that the entry has got, one after the other.",
    ),
    "what-is-in-the-log-is-saved": Hint(
        "Does each path that appends to the log also call raft_save_entry, and none for an entry "
        "that is there already?",
        "An entry is in the log, and was never saved, or a save of one before it has dropped it: "
        "it would not outlive a crash.",
        "Let one function append and save, and let nothing else do either.",
    ),
    "entries-are-applied-in-order": Hint(
        "Which entry was applied last, what moves that index on, and where do its bytes come from?",
        "An entry was applied twice, passed over, applied before it was committed, or with other "
        "data than the log has.",
        "Keep one index of what was applied, 0 at the start. Step it by one up to the commit "
        "index, and apply what the log has there.",
    ),
    "a-leader-takes-proposals": Hint(
        "What does raft_propose return, and to whom?",
        "A leader returned 0 or another index than the new entry's, or a server that does not "
        "lead took an entry.",
        "replication_propose appends the entry with the current term, saves it, and returns its "
        "index: the last one.",
    ),
    "logs-become-equal": Hint(
        "What does the leader ask of the server whose log is another one, and what does that "
        "answer, again and again?",
        "The leader does not go back after a refusal, or not far enough, or does not ask again "
        "after a loss; or the follower refuses what fits.",
        "After a refusal next becomes max(match + 1, min(prev of the request, hint + 1)). Each "
        "heartbeat shows again where the follower stands.",
    ),
    "what-is-proposed-gets-committed": Hint(
        "The logs are equal. Which message should have moved this server's commit index?",
        "The leader does not count after each success, or followers don't hear of its commit "
        "index with the next heartbeat, or an index is committed and not applied.",
        "Count whenever match or the own sync moves. Heartbeats carry leader_commit, and a "
        "follower takes it up as far as the request was checked.",
    ),
}

_SCENARIOS = {
    "scenario-not-elected": Hint(
        "Who of the others can vote for this server, and what did each of them answer?",
        "A voter's own log was judged wrongly, or its vote was gone already, or the candidate "
        "told another log than its own.",
        "Compare the ends of both logs, as the candidate tells its own and as the voter has it.",
    ),
    "scenario-not-committed": Hint(
        "Which servers have the entry, and which of them has told the leader so?",
        "It was not sent, or not sent again after a loss, or the reply was not counted, or the "
        "followers did not hear of the commit index.",
        "Follow the entry: the leader's log, the request, the follower's log, the reply, match, "
        "the commit index, the next heartbeat. Find the first step that is missing.",
    ),
    "scenario-early-commit": Hint(
        "How many servers can have this entry at all?",
        "It was committed with fewer than a majority: on being appended, on being sent, or with "
        "an acknowledgement of something else.",
        "Only successful replies of the current term move match, and only a majority of match "
        "moves the commit index.",
    ),
    "scenario-no-leader": Hint(
        "Who stands, who votes, and why does nobody win or stay?",
        "Nobody's log is good enough for the others, or a leader is not recognised because the "
        "log check fails, or two servers go on deposing each other.",
        "A valid request of the current term makes its sender the leader, also where the log "
        "check fails. Follow one election in the drawing.",
    ),
    "scenario-churn": Hint(
        "Whose timer went off, or who gave up leading, though all hear from each other?",
        "A leader takes late replies for missing ones, or a follower does not restart its timer "
        "at a request.",
        "A leader leads until it hears of a larger term. Late replies are as good as early ones.",
    ),
    "waste-idle": Hint(
        "Nothing is proposed. Which messages go, and what made each of them go?",
        "A reply makes a request go at once, which makes a reply go, and so on; or each tick "
        "sends.",
        "An idle leader sends when a heartbeat is due. A success sends more only if there is more "
        "to send.",
    ),
    "waste-resent": Hint(
        "What had the follower acknowledged when the entry was sent again?",
        "next does not move with a success, or requests always start at an older place.",
        "After a success next is at least match + 1. What is on its way need not go again before "
        "it is known to be lost.",
    ),
    "waste-messages": Hint(
        "How many requests does a follower need, and how many are sent?",
        "The leader goes back one entry a refusal, or asks again before a reply came, for each "
        "entry alone.",
        "Use the refusal's hint, and put all entries that wait into one request, up to a bound in "
        "bytes.",
    ),
    "quadratic": Hint(
        "Which loop of yours goes over the whole log, and how often is it entered?",
        "Something is searched, copied or counted from the start of the log for each entry.",
        "An entry is found by its index at once. Grow arrays by doubling, and apply from where it "
        "was left.",
    ),
    "figure-7-elected": Hint(
        "Whose votes did it get, and how does each voter's log end?",
        "Length was compared before the last term, or not the voter's own last term.",
        "The later last term wins. Only where both are equal, the longer log does, and equal is "
        "enough.",
    ),
}

HINTS = STAGES | _LOGS | _SCENARIOS
