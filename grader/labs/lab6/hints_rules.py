"""Hints of lab 6 by diagnosis: what one server is asked, as a follower and as a leader."""

from __future__ import annotations

from grader.labs.hints import Hint

_REQUESTS = {
    "prev-beyond": Hint(
        "Which entries has a leader to compare with, and is there one at this prev?",
        "next of this follower lies more than one behind the end of the leader's log.",
        "next is at most the last index + 1: at the election, and after each reply.",
    ),
    "prev-term": Hint(
        "Of which term is the entry at prev_log_index, in the leader's own log?",
        "The term was taken from another index, from the new entry, or from the leader itself.",
        "Look it up with the index that you put beside it: log_term(log, next - 1).",
    ),
    "entries-not-own": Hint(
        "Which index has the first entry of this request, and which has the first in its array?",
        "The entries begin one too early or too late, run past the end of the log, have the wrong "
        "term, or their bytes are no longer what was proposed.",
        "The first one is that at prev_log_index + 1, the others follow; their terms are those of "
        "the log, and their data is the log's own copy.",
    ),
    "request-head": Hint(
        "Who sends this, and in which term does it lead?",
        "term or leader_id is not the leader's own.",
        "The current term, and config.id.",
    ),
    "seq": Hint(
        "How does a reply's ack tell to which request it belongs?",
        "Two requests to one server have the same seq, or it went down.",
        "Add one for each request that is sent, heartbeats too, for as long as the term lasts. It "
        "may wrap.",
    ),
    "leader-commit": Hint(
        "What may a leader say to be committed?",
        "leader_commit is higher than the leader's own commit index: the last index was put "
        "there, or match.",
        "Its own commit index, as it is when the request is sent.",
    ),
    "not-replicated": Hint(
        "Follow next for this follower from reply to reply. Where does it stand still?",
        "The entry is not sent, sent only once although it got lost, or the reply does not move "
        "next; or a request is too large to be sent.",
        "While next is no greater than the last index there is something to send: at once, after "
        "each reply, and again with a heartbeat if nothing came back.",
    ),
    "propose-returns": Hint(
        "Which index has the entry that was just appended?",
        "The index before, or after, or none was returned.",
        "The last index, after the entry was appended.",
    ),
    "propose-does-more": Hint(
        "What is left for raft_tick, if raft_propose has sent already?",
        "Sending for each proposal makes one request of each; batches come from waiting.",
        "Append and save. replication_deadline is then now, and replication_tick does the rest.",
    ),
    "propose-deadline": Hint(
        "When does the host call raft_tick next?",
        "The deadline is that of the next heartbeat, so the entry waits for it.",
        "replication_deadline returns raft->now while the leader has something that is not synced "
        "yet.",
    ),
    "propose-not-leader": Hint(
        "Who appends what clients propose?",
        "A server that does not lead took it, or said that it had.",
        "0 if the role is not that of a leader; nothing is appended or saved then.",
    ),
}

_LOGS = {
    "save-other": Hint(
        "Which entry did the log get, and which one did save_entry?",
        "An entry was not saved, or was saved at another index, with another term or other bytes.",
        "Call raft_save_entry wherever the log gets an entry, with its index, term and data; "
        "it drops all from this index on that was saved before.",
    ),
    "refused-changes": Hint(
        "What of a request that does not fit may be kept?",
        "Its entries were appended, or entries were cut that conflict with nothing.",
        "Return as soon as the log check has failed, with the reply.",
    ),
    "cuts-committed": Hint(
        "What has been promised about an entry once it is committed?",
        "A request that conflicts with a committed entry was obeyed.",
        "Look for the first entry that differs before anything is cut. At or below the commit "
        "index: refuse, and change nothing.",
    ),
    "status-last-index": Hint(
        "Which entries are in the log after this event?",
        "Too much was cut, or too little; an entry was appended twice, or not at all.",
        "Cut from the first entry on whose term differs, and nowhere else. Append what lies behind "
        "the end. raft_status tells log_last.",
    ),
    "reply-log-index": Hint(
        "Up to which index does this request show that both logs are the same?",
        "The own last index was told, or the request's last one by a wrong count; or a hint "
        "beyond the end of the log.",
        "On success prev_log_index + entry_count, whatever lies behind. On failure an index up "
        "to your last one.",
    ),
    "reply-success": Hint(
        "What is at prev_log_index in this server's log, and of which term is it?",
        "The log check was passed over, or compares the wrong entry; or a request of an older "
        "term was obeyed.",
        "Success is: the term is current, and prev is 0/0 or an entry of your log with that term.",
    ),
    "reply-follower-commit": Hint(
        "What is this follower's commit index after it has handled the request?",
        "It was told as it was before, was raised beyond what the request checked, or was not "
        "raised.",
        "Raise it to the smaller one of leader_commit and prev_log_index + entry_count, if that is "
        "higher; then write the reply.",
    ),
    "reply-ack": Hint(
        "Which request does this reply answer?",
        "ack is not this request's seq, but the last, or the highest.",
        "Copy seq from the request that is being answered, whatever came before it.",
    ),
}

_COMMITS = {
    "commit-early": Hint(
        "Which servers have acknowledged this entry, in this term?",
        "Something was counted that is no acknowledgement of this entry: half of the servers, the "
        "end of the leader's own log, a reply of another term, a server twice.",
        "match of a follower is the highest log_index of its successes in this term. Commit what "
        "more than half of all have, the leader included.",
    ),
    "commit-unsynced": Hint(
        "What would a power cut leave of this entry on the leader's own disk?",
        "The leader counts itself for entries that it has not synced.",
        "Keep the index up to which the leader has synced, set it after raft_sync, and count with "
        "that.",
    ),
    "commit-old-term": Hint(
        "Figure 8: the entry is on a majority. May the next leader be one that lacks it?",
        "It may, if its last entry is of a later term. Entries of older terms were counted.",
        "Commit only up to an index whose entry is of the current term.",
    ),
    "commit-late": Hint(
        "Which matches did the leader have, in falling order, and which one is in the middle?",
        "A reply was not counted, match went down, or the index is not looked at after it; or the "
        "leader does not count itself once it has synced.",
        "After each success, and after each sync: find the index that a majority has, and commit "
        "up to it if it is of the current term.",
    ),
    "commit-untold": Hint(
        "How does a follower learn that an entry is committed?",
        "leader_commit is missing in heartbeats, or is that of an older moment.",
        "Put the commit index into each request as it is made.",
    ),
    "status-commit-index": Hint(
        "By which message does the commit index rise here, and up to where?",
        "It was raised too far, too late, or by a request that was refused.",
        "Figure 2, AppendEntries 5, with the index of the request's own last entry.",
    ),
    "apply-order": Hint(
        "Which entry had been applied last before this one?",
        "One was passed over, or applied again: often where the commit index jumps, or at a "
        "duplicate.",
        "applied goes up by one for each entry, and never back while the server runs.",
    ),
    "apply-uncommitted": Hint(
        "Who said that this entry is committed?",
        "Nobody did in this life: it was applied as it was appended, or loaded.",
        "Apply up to the commit index, which is 0 at the start.",
    ),
    "apply-other": Hint(
        "Where do the bytes that apply gets lie, and who has written there since?",
        "Another entry was handed over, its term is the current one, or its data is gone.",
        "Hand over what the log has at that index: its term, its data, its size.",
    ),
    "apply-late": Hint(
        "The commit index has risen. Who looks at what was not applied yet?",
        "Nobody does on this path, or empty entries are passed over.",
        "Let one function raise the commit index and apply, for leaders and followers alike.",
    ),
}

_REPAIRS = {
    "no-back-up": Hint(
        "What was prev of the refused request, what is the hint, and what is prev now?",
        "The refusal did not move next, or moved it by the hint alone, which may be as high as "
        "prev.",
        "next = max(match + 1, min(prev of the refused request, hint + 1)): lower each time.",
    ),
    "slow-back-up": Hint(
        "How many entries does one refusal take you back?",
        "One, whatever the hint is: a log that parts early costs a round trip for each entry.",
        "Use the hint: next is hint + 1, where that is lower than the refused prev.",
    ),
    "begins-too-low": Hint(
        "Where does next begin when a server is elected, and how much goes out with its first "
        "requests?",
        "It begins at the first entry, or at the commit index, which is 0 after a start: everybody "
        "gets the whole log with each election.",
        "next begins at the last index + 1. Who lacks more says so by a refusal.",
    ),
    "not-repaired": Hint(
        "What have the two logs at the index where they differ?",
        "The follower was taken to match further than it does.",
        "match comes from successes only, and those name prev_log_index + entry_count.",
    ),
    "match-forgotten": Hint(
        "Can a refusal be true that is older than a success?",
        "It was once, and is no longer: next went down below what was acknowledged since.",
        "next never goes below match + 1, and match never falls.",
    ),
    "sync-each": Hint(
        "How many entries does one sync cover?",
        "All that were saved before it; but there is one for each entry.",
        "Save without syncing. Sync once before the reply, or once in raft_tick.",
    ),
    "ack-before-sync": Hint(
        "What does a success promise, and what would a power cut leave of it?",
        "The reply was sent before the entries were synced.",
        "Let the function that sends sync first, if anything was saved since the last sync.",
    ),
    "promise-lost": Hint(
        "Which effect should have made this entry durable before the crash?",
        "It was acknowledged and not saved, or not synced, or was saved under another index.",
        "Save each new entry as it goes into the log, and sync before the reply goes out.",
    ),
    "saved-again": Hint(
        "The request has an entry that the log has already. What does save_entry do with those "
        "behind it?",
        "An entry that matches was saved once more, and what was saved behind it is dropped: at "
        "once, or for a while in which a crash may come.",
        "Pass over the entries of a request that match. From the first new one on, each is "
        "appended and saved, once.",
    ),
    "loaded-other": Hint(
        "Which entries did the core get when it was created, and which are in its log then?",
        "Of what was saved something is lost, or changed, on the way into the log.",
        "Put each loaded entry into the log as it is: its own term and its data, from index 1 on. "
        "Look at the count and at the last one in a debugger.",
    ),
    "memory-unbounded": Hint(
        "What does the leader hold for a follower that is far behind?",
        "All that it lacks is copied or encoded at once, again for each request.",
        "Encode as much as goes into one request, into one buffer that is used again.",
    ),
}

HINTS = _REQUESTS | _LOGS | _COMMITS | _REPAIRS
