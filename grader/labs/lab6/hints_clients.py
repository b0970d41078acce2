"""Hints of lab 6's node, by stage and by diagnosis."""

from __future__ import annotations

from grader.labs.hints import Hint
from grader.labs.lab5 import hints_network

STAGES = {
    "6.17": Hint(
        "A request has become an entry. What does the node keep until the entry is applied, and "
        "how does it find the client again?",
        "A reply is made when the request comes instead of when it is applied, it goes to whoever "
        "has the descriptor by then, or replies overtake each other.",
        "Keep a place in the client's own queue for each request, in order. Fill it when the entry "
        "is applied, or at once for an error or a redirect, and send from the front what is "
        "filled. A client that has gone takes its places out of every table.",
    ),
    "6.18": Hint(
        "What does this node know of the request at this moment: that it was done, that it will "
        "never be done, or neither?",
        "It answers before a majority has the entry, it says +MOVED or +TRYAGAIN of an entry that "
        "may still be committed, or it reads its own store without asking anybody.",
        "There are three ends of a request: applied with its index and its term, its reply; "
        "another term applied at its index, +MOVED or +TRYAGAIN; leadership lost or too long a "
        "wait, the end of the connection. GET goes through the log like the others.",
    ),
    "6.19": Hint(
        "Which operation of the drawing has no place, and which node answered it, in which term?",
        "Some node has acknowledged, refused or read what it could not know at that time; or it "
        "has forgotten, or done twice, what it had acknowledged.",
        "Take the operation without a place and the node that answered it. Was its entry committed "
        "then? Was it the leader of the latest term? Had it been restarted just before? Each of "
        "these has a stage of its own before this one.",
    ),
    "6.20": Hint(
        "A majority runs and is connected. What does it wait for?",
        "An entry is not sent again after a connection was lost, a node that comes back is not "
        "caught up, or its files do not say what it had said to others.",
        "Follow one entry: who has it, who was sent it, on which connection, and what is sent "
        "again when nothing comes back? Then follow a node that was killed: what does it read at "
        "its start, and what does the leader learn from its first refusal?",
    ),
}

_PLAYED = {
    "framing": Hint(
        "Where does a request end that is larger than the largest one, or whose bytes are wrong?",
        "Nobody knows, so nothing behind it can be read; the limit of a cluster is 15 MiB. What "
        "was asked before it is still owed.",
        "Give the reader of requests the limit of 15 MiB. When it says that the bytes are wrong: "
        "-ERROR takes its place behind the replies that are owed, nothing more is read, and when "
        "that has gone out, shutdown(2).",
    ),
    "command": Hint(
        "What does the node look at before it says -ERROR, and what before it says anything else?",
        "A name is known in one letter case only, a number of words is wrong, an empty word or an "
        "empty array is taken for an error, or the role is looked at first.",
        "One table: the name, the least and the most words. Compare names without regard to case. "
        "What fits no line of it gets -ERROR on every node, and its client goes on.",
    ),
    "entry-no-command": Hint(
        "kvraft_apply gets bytes that you would never have proposed. What becomes of the store, "
        "and of the parser?",
        "The node ends, it does a part of the entry, or the parser is not renewed after bytes that "
        "are wrong, and refuses all that follow.",
        "Parse the data of an entry with a parser that is fresh or at a boundary. One whole "
        "request, of the entry's own size, and a valid command: do it. Else do nothing, and go "
        "on with the next entry.",
    ),
    "wrong-result": Hint(
        "At which moment is the reply made, and from which state of the store?",
        "It is made when the request comes, or before all entries up to its own were applied, or "
        "words are split, joined or cut.",
        "Make the reply in kvraft_apply, from what the command has just done, and from the data of "
        "the entry.",
    ),
    "wrong-pairing": Hint(
        "Two requests wait. What tells their replies apart, and which goes first?",
        "A reply is found by descriptor, or by index alone, or goes out as soon as it is there.",
        "Each client has a queue with a place for each of its requests. Only what stands at its "
        "front may be sent, and errors and redirects stand in the same queue.",
    ),
    "wrong-entries": Hint(
        "How often is the request proposed, and with which bytes?",
        "It is proposed again after a pause, or encoded anew, or once for each of its words.",
        "Propose each valid request once, with the bytes that came, from its '*' to its last LF.",
    ),
    "waits-without-bound": Hint(
        "No majority answers, and a client goes on sending. What grows in your node?",
        "What goes out has a bound, and what waits has none: each request takes a place, and an "
        "entry of the log, before anything goes out.",
        "Count the places of a client, or bytes for each of them. Above a bound stop reading from "
        "it, as with output that waits, and go on when places are free.",
    ),
    "half-closed": Hint(
        "The client has sent FIN. What may still go to it?",
        "End of file is taken for the end of the client, although it has replies to get.",
        "Note that no more requests come; close when the last place of its queue is sent.",
    ),
    "large-value": Hint(
        "Through which buffers does a value of 14 MiB go, and how large is each?",
        "A buffer has a fixed size, a length is kept in too small a type, or entries that together "
        "exceed a message are put into one.",
        "Every buffer grows with what is in it. A message takes at most 16 MiB: stop adding "
        "entries before that. Write the rest of a short write when the socket takes it.",
    ),
    "read-too-early": Hint(
        "A leader has just been elected. Which entries of its log are committed?",
        "It does not know until an entry of its own term is; what it has applied may be old.",
        "GET through the log waits for that by itself. A read by ReadIndex has to wait for it.",
    ),
    "log-forgotten": Hint(
        "What does storage hand to the core at the start, and in which order?",
        "Entries are not loaded, or those that were cut off are loaded too, or all are applied "
        "whether they are committed or not.",
        "Load what storage_read gives, from 1 to storage_count, before anything else. Apply only "
        "what becomes committed in this life, from the first entry on.",
    ),
    "not-proposed": Hint(
        "What becomes of a request between the client's socket and raft_propose?",
        "It is not proposed, proposed in another form, or not sent since nobody ticks the core.",
        "Propose the request's bytes as they came. After that, the deadline of the core is now.",
    ),
    "ok-too-early": Hint(
        "Who has the entry when the client is told +OK?",
        "The reply is sent when the entry was appended, or when anybody has answered.",
        "Reply from kvraft_apply only: the core calls it when the entry is committed.",
    ),
    "answered-too-early": Hint(
        "Who has the entry when the client is answered?",
        "The reply is made before the entry is committed.",
        "Reply from kvraft_apply only: the core calls it when the entry is committed.",
    ),
    "refused-but-pending": Hint(
        "The node leads no more. Can the entry that it had appended still be committed?",
        "Yes: any other node that has it may win and commit it. So nobody may say that it was not "
        "done.",
        "When leadership is lost, or after too long a wait, end the connections of all who wait "
        "for an entry. +MOVED and +TRYAGAIN are for what was never proposed, and for an index at "
        "which another term was applied.",
    ),
    "not-closed-at-once": Hint(
        "The node follows another leader. Who looks at the requests that wait, and when?",
        "Their time is looked at, and the role is not: they wait until the time is over, though "
        "nothing more can come.",
        "In kvraft_settle: if this server leads no more, or in another term, give up all that "
        "waits.",
    ),
    "not-closed": Hint(
        "What ends the wait of a client whose entry is never committed?",
        "Nothing does: there is no timer, losing leadership is not noticed, who has sent FIN is "
        "forgotten, or who waits at an index that another entry took is dropped without a word.",
        "Look at role and term in kvraft_settle after each call of the core. And give the oldest "
        "request that waits a timer of some election timeouts.",
    ),
    "closed-early": Hint(
        "How long may a majority need, if all is well but slow?",
        "The wait is shorter than the longest election timeout.",
        "Wait two or more of the longest election timeouts, ten at most.",
    ),
    "no-reply": Hint(
        "How many of three have to have the entry?",
        "All others are waited for, or the reply needs another event before it goes out.",
        "A majority counts the leader itself. When the entry was applied, kvraft_settle sends the "
        "reply in the same turn of the loop.",
    ),
    "stale-read": Hint(
        "How does this node know, when GET comes, that nobody else leads by now?",
        "It does not: its own role says nothing of others, and answers to what it asked before GET "
        "came say nothing of what happened since.",
        "Send GET through the log. Or note the commit index, ask all others after GET came, and "
        "count only answers to what was asked since.",
    ),
    "done-later": Hint(
        "The connection of the client was closed. What becomes of its entry?",
        "It stays in the log, and is applied when a majority has it.",
        "Ending the client only takes it out of the tables. The log is the core's.",
    ),
    "wrong-term": Hint(
        "Two leaders put an entry at the same index. Whose reply is this?",
        "What waits is found by index alone.",
        "Keep index and term with each request that waits. kvraft_apply is told both: another term "
        "at this index means that the request was not executed.",
    ),
}

_HISTORIES = {
    "old-value": Hint(
        "Which node gave the old value, and what made it believe that it was the latest?",
        "A leader that was cut off reads its own store, a restarted node has lost entries or does "
        "them again from another start, or a request was proposed twice.",
        "Look at the read without a place. If the value comes back for good, a write was lost or "
        "done twice: follow its entry. If not, the read was stale: follow the node that gave it.",
    ),
    "lost-write": Hint(
        "Who had the entry when its client was told +OK, and who of them has lost it?",
        "It was acknowledged before a majority had it on disk, or a leader without it was elected, "
        "or a restarted node did not read it back.",
        "Sync before you answer AppendEntries, compare logs before you vote, and load all that "
        "was saved.",
    ),
    "refused-but-done": Hint(
        "Which node said +MOVED or +TRYAGAIN, and what did it know of the entry then?",
        "It had proposed the request, and then led no more: the entry may be anywhere.",
        "Close the connection instead. Say +MOVED or +TRYAGAIN only where nothing was proposed, or "
        "another term was applied at its index.",
    ),
    "value-from-nowhere": Hint(
        "Where do the bytes of this value come from?",
        "Memory that was freed or used again, an entry whose data was not copied, or two requests "
        "that were mixed.",
        "Data that is lent for a call has to be copied if it is needed afterwards.",
    ),
    "wrong-count": Hint(
        "When is it decided how many keys DEL has removed?",
        "When the request comes, or a second time for the same entry.",
        "Count in kvraft_apply, where each committed entry comes once, in order.",
    ),
    "no-progress": Hint(
        "All nodes run and all links are open. What are the clients waiting for?",
        "No leader is elected, entries are not sent again, or clients are answered no more after "
        "something that happened before.",
        "Look at the last messages between the nodes in the transcript: who leads, what does it "
        "send, and what comes back?",
    ),
    "does-not-catch-up": Hint(
        "The node is back. What does the leader send to it, and what does it answer?",
        "It refuses for ever, or the leader goes on from where it was before.",
        "A refusal leads back to what both have; from there all entries are sent again.",
    ),
    "no-reply-at-all": Hint(
        "With which byte does each kind of reply begin, and with which two does it end?",
        "A reply lacks its type byte or its CR LF, or other bytes are sent between two replies.",
        "Look at the bytes that came in the card. Write each reply as lab 3 does: '+OK' and "
        "':1' with CR LF behind, an array of bulk strings for GET.",
    ),
}

_SEEN = {
    "seen-log-matching": Hint(
        "Two entries have the same index and term, and are not the same. Who made the second one?",
        "A leader has proposed twice at one index, also over a restart; or the data of an entry "
        "was changed, or cut, after it was saved.",
        "An index is used once in a term. Copy the data of an entry when it is appended.",
    ),
    "seen-leader-append-only": Hint(
        "Which line cuts the log of a leader?",
        "A leader takes entries from somebody, or its log is cut by a late message.",
        "Only AppendEntries of another leader in a term that is not older cut a log; a node that "
        "gets one follows.",
    ),
    "seen-leader-completeness": Hint(
        "Who voted for this leader, and whose log was better?",
        "Votes are given without a look at the logs, or entries were acknowledged and not kept.",
        "Compare last terms first, then last indexes, in each RequestVote. Sync before a reply.",
    ),
    "seen-state-machine-safety": Hint(
        "Which majority had each of the two entries?",
        "An entry was counted that others had not acknowledged, or one of an older term was.",
        "match grows by replies of the current term only, to their log_index. Count entries of "
        "the own term.",
    ),
    "seen-a-majority-commits": Hint(
        "Who had acknowledged the entry when the commit index passed it?",
        "The leader counts itself twice, half is taken for a majority, or match is not what the "
        "reply says.",
        "Sort the matches of all nodes, the leader's own too, or count those that reach the index: "
        "more than half of all.",
    ),
    "seen-entries-of-the-current-term-commit": Hint(
        "Of which term is the entry that the majority has?",
        "An entry of an older term is committed by counting: figure 8.",
        "Look at the term of the entry at the new commit index, and leave it where it is if that "
        "is not the current term.",
    ),
    "seen-replies-answer-requests": Hint(
        "Up to which index does the request say anything of the log?",
        "The reply names the follower's own last index.",
        "log_index is prev_log_index + entry_count of the request that is answered.",
    ),
    "seen-commit-never-falls": Hint(
        "Where does the commit index go down?",
        "It is set to what a late request says.",
        "The larger of both: an old request never takes anything back.",
    ),
}

_OF_LAB_5 = {
    name: hint
    for name, hint in hints_network.HINTS.items()
    if name.startswith("seen-") or name in ("redirect", "no-leader", "not-listening-there")
}

HINTS = _OF_LAB_5 | STAGES | _PLAYED | _HISTORIES | _SEEN
