"""Hints of lab 5, by stage and by diagnosis."""

from __future__ import annotations

from grader.labs.diagnosis_hints import DIAGNOSES
from grader.labs.hints import Hint
from grader.labs.lab5 import hints_network, hints_pools, hints_rules

STAGES = {
    "5.1": Hint(
        "What is a server right after raft_new, and what is it still, a millisecond before its "
        "timeout?",
        "It does not take up config.term and config.voted_for, draws no timeout, or acts before "
        "that is over.",
        "Set every member of struct raft in raft_new: role, term, vote, nobody as the leader, the "
        "time, the generator; then draw the first timeout. raft_tick does nothing until then.",
    ),
    "5.2": Hint(
        "Which four things does figure 2 say a server does when it becomes a candidate?",
        "The term does not grow by one, the vote is not its own, the timer does not restart, or "
        "not all others are asked, with their own last index and term.",
        "In this order: restart the timer, role and votes, save the new term with the own vote, "
        "ask each other server. The same again whenever the timer is over.",
    ),
    "5.3": Hint(
        "What has a server promised once it has said yes, and how long does that hold?",
        "It says yes twice in a term, or no to the one it said yes to, or the vote outlives its "
        "term or ends before it.",
        "Grant if the term is yours, and the vote is free or that candidate's already. A newer "
        "term frees the vote before this is asked. Answer each request with your own term.",
    ),
    "5.4": Hint(
        "Which of two logs is more up-to-date, if the shorter one has the newer last term?",
        "Length was compared first, or both had to be at least as good, or equal logs are refused.",
        "Last terms differ: the larger one wins. They are equal: the index decides, and equal is "
        "enough.",
    ),
    "5.5": Hint(
        "How many votes are more than half of four, and how do you know that they are of four "
        "servers?",
        "Replies are counted instead of voters, half is taken for a majority, or the count goes on "
        "from one election to the next.",
        "Keep a bit for each server that granted its vote in this election: 64 servers, so a bit "
        "of a 64-bit number. Only a candidate counts, only grants of its own term.",
    ),
    "5.6": Hint(
        "When does each of the others hear from its leader, at the latest?",
        "Not at once, not all of them, or not again: the next heartbeat is tied to an answer, or "
        "to the wrong time.",
        "Heartbeats go out with the election that is won, and then at each heartbeat_due. "
        "raft_deadline names that time while the server leads.",
    ),
    "5.7": Hint(
        "Which rule of figure 2 holds for all servers and all messages, and in how many places "
        "does your code have it?",
        "One type of message, or one role, is forgotten; the vote of the old term is kept; or the "
        "message is obeyed before the term is adopted.",
        "One comparison in raft_receive, before any role or type is looked at: larger term, then "
        "follow in it with the vote free and no leader.",
    ),
    "5.8": Hint(
        "Somebody else leads in the term in which you stand. Can you still win it?",
        "The candidate refuses, or it follows only where the log check succeeds, or it still "
        "counts grants.",
        "AppendEntries of the own term make a candidate a follower of that leader, before and "
        "whatever the log check says.",
    ),
    "5.9": Hint(
        "What can a message of an older term still tell you?",
        "Nothing, but its sender may learn from you. A request was left unanswered, or something "
        "was changed.",
        "Requests of an older term: refuse, with your own term. Replies of an older term: ignore. "
        "No timer, no role, no leader, no vote changes.",
    ),
    "5.10": Hint(
        "At which events does the election timer restart, and at which must it not?",
        "It restarts too often or too seldom, is drawn once only, or raft_deadline and raft_tick "
        "don't agree about it.",
        "One function draws and sets it; look at each place that calls it. Times are int64_t, and "
        "a time that runs backward is replaced by the latest one that was seen.",
    ),
    "5.11": Hint(
        "The power fails between any two effects of this call. What did others hear, and what is "
        "on the disk?",
        "Term or vote is saved after the message, or is saved and not synced before it.",
        "Let one function send, and let it sync first. Every save makes a sync due; nothing else "
        "does it away but a sync.",
    ),
    "5.12": Hint(
        "What have you changed already when you find out that the message is impossible?",
        "A check is missing, or comes after the term was adopted.",
        "Let message_read judge the bytes, and the size. Then the sender's id, the term, the "
        "index that is reached. Only then the rules.",
    ),
    "5.13": Hint(
        "How many votes are a majority of one?",
        "Votes are only counted when a reply comes.",
        "Count once right after the election has begun.",
    ),
    "5.14": Hint(
        "Which rule is broken, at which event, and which event before it made that possible?",
        "One of the rules of the stages before is kept in most cases, but not in this one.",
        "Read the drawing from its end: who was allowed to do this, by which message, saved when? "
        "'make replay' shows it again after each change.",
    ),
}

HINTS = DIAGNOSES | STAGES | hints_rules.HINTS | hints_network.HINTS | hints_pools.HINTS
