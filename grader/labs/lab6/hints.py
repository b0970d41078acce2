"""Hints of lab 6, by stage and by diagnosis."""

from __future__ import annotations

from grader.labs.diagnosis_hints import DIAGNOSES
from grader.labs.hints import Hint
from grader.labs.lab5 import hints_rules as hints_elections
from grader.labs.lab6 import (
    hints_clients,
    hints_clusters,
    hints_paxos,
    hints_read_index,
    hints_rules,
    hints_storage,
)

STAGES = {
    "6.1": Hint(
        "Where does a proposal go first, and when does it leave for the others?",
        "The entry is not appended with the leader's own term, not saved, or not sent.",
        "Append to the log and save in replication_propose; send from next to each other in "
        "replication_tick, for which replication_deadline asks at once.",
    ),
    "6.2": Hint(
        "Which entry of your log must a request agree with before anything of it is taken?",
        "prev_log_index is not looked up, its term is not compared, a heartbeat is let through, "
        "or index 0 is treated like any other.",
        "A request fits if prev_log_index is no greater than your last index, and the term at that "
        "index is prev_log_term; index 0 has term 0. Ask this of every request, first.",
    ),
    "6.3": Hint(
        "Which is the first of the request's entries that your log has with another term?",
        "Nothing is cut, too little, or too much; or data is compared instead of terms.",
        "Walk along the request's entries as long as the terms are equal. At the first one that "
        "differs, drop your log from there on; then append and save what is left of the request.",
    ),
    "6.4": Hint(
        "A request comes for the second time, after a longer one. What is there to do?",
        "Nothing, but to answer it: its entries are in the log, and those behind them stay.",
        "Cut only at an entry whose term differs, never at the end of a request. Append only what "
        "lies behind your last index. The reply's log_index and ack are this request's.",
    ),
    "6.5": Hint(
        "Which servers have this entry, for all that the leader knows?",
        "Replies are counted instead of servers, the leader counts itself too early or not at "
        "all, or half is taken for a majority.",
        "Keep match for each follower, which only grows, and for yourself the last index that was "
        "synced. Sort them in falling order: the one in the middle is on a majority.",
    ),
    "6.6": Hint(
        "In figure 8 (c), entry 2 is on a majority. Why may S5 still replace it?",
        "An entry of an older term was committed by counting.",
        "Find the index that a majority has, and commit up to it only if the entry there is of the "
        "leader's own term. What lies before it is committed with it.",
    ),
    "6.7": Hint(
        "How far does this request tell you that your log is the leader's?",
        "leader_commit was compared with the end of the own log, whose tail may be another "
        "leader's; or a success was taken for more than it says.",
        "A follower commits up to the smaller one of leader_commit and prev_log_index + "
        "entry_count. A leader's match is the log_index of the reply.",
    ),
    "6.8": Hint(
        "A follower refuses. Which index do you try next, and why does that come to an end?",
        "next does not go down, goes down by one where the hint says more, or below match; or "
        "prev_log_term is not that of the entry at prev_log_index.",
        "next = max(match + 1, min(prev of the refused request, hint + 1)). prev_log_index is "
        "next - 1, and its term is looked up in the log.",
    ),
    "6.9": Hint(
        "To which question is this the answer, and is it still asked?",
        "A reply of another term, or one that is older than what was learnt since, changed match "
        "or next.",
        "Drop replies of another term. match only grows, next never goes below match + 1, and both "
        "are set anew with each election that is won.",
    ),
    "6.10": Hint(
        "How many bytes, how many entries and how many syncs does your code allow for, at most?",
        "A bound is missing or is too small, a sync comes with each entry, or an entry still lies "
        "in the buffer that its message came in.",
        "Put entries into a request until the next one would not fit below 16 MiB, and at least "
        "one. Save them all, then sync once. Copy the data of each entry into the log.",
    ),
    "6.11": Hint(
        "Which entry was applied last, and which is committed?",
        "An entry was left out, applied twice, or applied before it was known to be committed.",
        "One loop, whenever the commit index has risen: while applied is below it, add one to it "
        "and apply that entry. Both start at 0, whatever was loaded.",
    ),
    "6.12": Hint(
        "The power fails between two effects. Who relies on an entry that is not on the disk?",
        "A reply left before its entries were synced, an entry was not saved at all, or the "
        "leader counted itself before its own sync.",
        "Save each entry as it goes into the log; let raft_send sync what was saved. In "
        "replication_tick: send early, sync, note what is synced, count.",
    ),
}

HINTS = (
    DIAGNOSES
    | hints_elections.HINTS
    | STAGES
    | hints_rules.HINTS
    | hints_storage.HINTS
    | hints_clusters.HINTS
    | hints_clients.HINTS
    | hints_paxos.HINTS
    | hints_read_index.HINTS
)
