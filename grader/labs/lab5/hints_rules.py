"""Hints of lab 5 by diagnosis: the rules of the simulator, and what one server is asked."""

from __future__ import annotations

from grader.labs.hints import Hint

# --- rules that hold after every event ---

_RULES = {
    "election-safety": Hint(
        "Two servers lead in one term. Who voted for each of them, and did anybody vote twice?",
        "A server granted two votes in one term, or a candidate counted what was no vote for this "
        "election: a grant of an older term, the same one twice, a refusal.",
        "Go back from the last event to the votes of both leaders. One server is in both "
        "majorities: look at what it had saved when it granted the second one.",
    ),
    "a-majority-elects": Hint(
        "How many servers have to agree before one leads, and how many had, at this event?",
        "Half of the servers was taken for a majority, or something was counted that is no vote: "
        "a refusal, the same voter again, a grant of another term, a stranger.",
        "Remember who has granted a vote in this election, not how often. Lead when twice their "
        "number, your own vote included, is more than the number of all servers.",
    ),
    "one-vote-a-term": Hint(
        "For whom had this server voted in this term before, and what made it forget?",
        "The vote is cleared where the term stays: at a timeout, at a leader's message, at a "
        "step-down; or it is not looked at; or it did not survive a restart.",
        "Clear the vote where the term grows, and nowhere else. Grant only if it is free or is "
        "the candidate's own already. Save it before the reply.",
    ),
    "terms-never-fall": Hint(
        "Which term had this server shown before, and where did the smaller one come from?",
        "A term was taken from a message that is older than the server's own, or a saved term was "
        "not taken up again after a restart.",
        "Only a larger term is adopted, at one place, before anything else is looked at. A server "
        "starts with config.term.",
    ),
    "commit-never-falls": Hint(
        "Which two commit indexes did it show, and what came between?",
        "The commit index was set from a message instead of only being raised by it.",
        "It grows or stays.",
    ),
    "save-then-send": Hint(
        "What does this message promise, and what would a power cut right after it leave of that?",
        "The message left before term and vote were saved, or saved and not yet synced. A sync "
        "that was done earlier covers only what had been saved by then.",
        "Let one function send, and let it sync first, if anything was saved since the last sync. "
        "Every save, of term or vote, makes a sync due.",
    ),
    "promises-outlive-a-restart": Hint(
        "Which term and which vote does raft_new take up?",
        "config.term or config.voted_for is not used, or the vote is cleared at the start.",
        "A server starts with both as they were saved last. It forgets who led, and nothing else.",
    ),
    "a-leader-is-elected": Hint(
        "The network is whole again. Who stands, who votes, and why does nobody win?",
        "Timeouts that are the same each time make the same votes split again and again; or a "
        "server never stands, never grants, counts no votes, or does not tell that it leads.",
        "Follow one election in the drawing: somebody's deadline passes, it asks all others, they "
        "answer, it counts, it sends heartbeats. Find the first step that is missing.",
    ),
    "a-leader-stays": Hint(
        "All followed one leader, and no message was lost. Whose timer went off, and why?",
        "Heartbeats are too late or don't go to everybody, or they don't restart the timer of "
        "those who get them, or the leader itself stands.",
        "A heartbeat to each of the others at least once in an interval; a follower restarts its "
        "timer at each one of its term; a leader has no election timer.",
    ),
    "messages-are-canonical": Hint(
        "Which of the four messages should this be, and what has your encoder made of it?",
        "A buffer that was reused, a size that belongs to another message, or a member that was "
        "never set. Lab 4's stages pass? Then the struct that you gave to the encoder is wrong.",
        "Set the type and each member of that type. Encode into room for message_size bytes, and "
        "send just as many.",
    ),
    "messages-name-their-sender": Hint(
        "Whose id belongs into candidate_id, leader_id and follower_id?",
        "The id of the receiver, or of the one that asked, was put there.",
        "It is config.id in each message that this server sends.",
    ),
    "messages-go-to-other-servers": Hint(
        "Which ids does your loop over all servers visit?",
        "It begins at 0, ends behind the last one, or does not leave out the server itself.",
        "The ids are 1 to config.servers, without config.id.",
    ),
    "messages-are-accepted": Hint(
        "For which messages does raft_receive say false, and is this one of them?",
        "A message that is only old, or comes at an odd moment, is treated as one that no correct "
        "server sends. Its connection would be closed.",
        "False is for what is malformed or impossible (raft.h). A stale request is answered, a "
        "stale reply ignored, and both are accepted.",
    ),
    "votes-are-for-servers": Hint(
        "Which value is saved as the vote?",
        "It is neither an id of the cluster nor RAFT_NOBODY.",
        "Save the candidate's id, config.id, or RAFT_NOBODY.",
    ),
    "deadlines-move-on": Hint(
        "What is due at this deadline, and what does raft_tick do about it?",
        "raft_tick, called at the deadline, leaves it where it is: the host would call again at "
        "once, for ever.",
        "Whatever raft_deadline names has to be done by raft_tick at that time, and then be due "
        "later. Compare with 'at or after', not with 'after'.",
    ),
    "messages-do-not-multiply": Hint(
        "How many messages does one answer make, and how many does each of these make?",
        "Each reply makes several requests go, or a request that nothing is new in: what is on its "
        "way grows, and the servers never get to anything else.",
        "After a reply a leader sends if there is more to send, and one request then. All else "
        "waits for the next heartbeat.",
    ),
    "raft-status-makes-sense": Hint(
        "Which three roles are there, and which ids?",
        "raft_status has a member that was never set, or an id that no server of the cluster has.",
        "role is one of raft.h's three; voted_for and leader are ids from 1 to servers, or "
        "RAFT_NOBODY, which is 0.",
    ),
    "server-ended": Hint(
        "Which of your functions called exit(), or returned NULL from raft_new?",
        "A server ends with its process, and a module must not end that.",
        "Return from every call. Whatever a message holds, it is no reason to end.",
    ),
    "not-deterministic": Hint(
        "On what does your code depend besides its calls?",
        "rand(), time(), an address, a variable that was never set, or static data of another "
        "server: the same calls had other effects.",
        "All randomness comes from a generator of your own that starts with config.seed. Keep all "
        "state in struct raft. valgrind finds what was never set: VALGRIND=1.",
    ),
}

# --- one server among played peers ---

_STATUS = {
    "status-role": Hint(
        "Which event of the drawing should have changed the role, or should have left it?",
        "The step from one role to another was not made, was made without a reason, or is made "
        "later than its cause.",
        "Draw the three roles and the arrows between them from figure 4 of the paper, and mark "
        "which function of yours is which arrow.",
    ),
    "status-term": Hint(
        "Which term do both sides know after this event?",
        "A newer term was not adopted, or an election did not make a new one.",
        "Adopt a larger term at the door, whatever else becomes of the message. An election adds "
        "one to it, once.",
    ),
    "status-voted-for": Hint(
        "Whose is this server's vote in this term?",
        "It was not noted when it was granted, or noted when it was refused, or did not end with "
        "the term.",
        "A new term begins with RAFT_NOBODY; a candidate's vote is its own; a granted one is the "
        "candidate's. Else it stays.",
    ),
    "status-leader": Hint(
        "Whom does this server know as the leader of this very term?",
        "The leader of a former term was kept, or the candidate that got the vote was taken for a "
        "leader, or a server that leads does not name itself.",
        "Nobody is known when a term begins. AppendEntries of the term name its leader; a server "
        "that wins is its own.",
    ),
    "status-last-index": Hint(
        "Who keeps the log in this lab?",
        "The log was changed, or replication_last is not what raft_status tells.",
        "Ask replication_last.",
    ),
}

_REPLIES = {
    "no-reply": Hint(
        "Which path through your function ends without an answer?",
        "The request was refused, or was old, and nobody told its sender.",
        "Every request gets a reply, also one that is refused: its sender learns the term from it.",
    ),
    "reply-elsewhere": Hint(
        "To whom do you send the answer, and how often?",
        "It went to another server than the one that asked, or was sent twice.",
        "One reply, to the sender that the request names.",
    ),
    "reply-term": Hint(
        "Whose term stands in a reply, and as of when?",
        "The reply carries the request's term, or the term that the server had before it adopted "
        "the request's.",
        "First adopt a newer term, then write the reply with the server's own.",
    ),
    "reply-vote-granted": Hint(
        "By which three conditions is a vote granted, and which of them decides here?",
        "One of them is missing or turned round: the term is the server's own; its vote is free "
        "or the candidate's already; the candidate's log is at least as up-to-date.",
        "Compare last terms first, and last indexes only if those are equal; equal is good "
        "enough. Write the three conditions as three lines.",
    ),
    "reply-success": Hint(
        "Who decides about success, you or the given replication_on_request?",
        "A leader that is to be heeded was refused, or one of an older term was obeyed.",
        "A request of the current term goes to replication_on_request, one of an older term, or "
        "of a second leader, to replication_refuse.",
    ),
    "reply-ack": Hint(
        "Which request does this reply answer?",
        "ack returns the request's seq, whatever it is.",
        "Hand the request on as it came; the given code copies its seq.",
    ),
    "reply-follower-id": Hint(
        "Whose id is follower_id?",
        "It is the id of the server that answers.",
        "config.id.",
    ),
    "reply-bytes": Hint(
        "Which message was expected, and which came?",
        "The kinds don't match: a reply of the other request was sent.",
        "RequestVote is answered by type 2, AppendEntries by type 4.",
    ),
    "reply-candidate-id": Hint(
        "Who asks for a vote here?",
        "candidate_id is the id of the server that stands.",
        "config.id, in each of the requests.",
    ),
    "reply-last-log-index": Hint(
        "Where does the log of this server end?",
        "last_log_index is left at 0, or swapped with the term.",
        "Ask replication_last, which gives both.",
    ),
    "reply-last-log-term": Hint(
        "Of which term is the last entry of this server's log?",
        "The current term was taken instead, or last_log_term is left at 0.",
        "Ask replication_last: it is the term in which that entry was made.",
    ),
    "refused": Hint(
        "For which messages does raft_receive say false, and is this one of them?",
        "A message that is right was taken for one that no correct server sends.",
        "raft.h lists them all. Check the sender's id against 1 to servers, term and indexes "
        "against INT32_MAX, and nothing else.",
    ),
    "accepted": Hint(
        "Which field of this message can no correct server send?",
        "It was not looked at, or only after the message had its effect.",
        "Check first, all of it: the codec's word and the size, the sender's id, the term, the "
        "index that the message reaches. Then change something.",
    ),
    "answered": Hint(
        "What happens to the connection after raft_receive said false?",
        "A reply was sent although the message was refused.",
        "Return before anything is done.",
    ),
}

_TIME = {
    "deadline-late": Hint(
        "When does the host call raft_tick if raft_deadline says this?",
        "The deadline is later than the election that is due, or was never set.",
        "raft_new draws the first timeout. raft_deadline is the time of whatever is due next.",
    ),
    "never-stands": Hint(
        "Its timeout is over and raft_tick was called. Which comparison fails?",
        "The timer is not compared with the time of the call, or begins anew with each tick.",
        "A follower or candidate begins an election when now has reached the time that was drawn.",
    ),
    "speaks-unasked": Hint(
        "To whom does a follower send requests?",
        "To nobody: it answers. It did not step down wholly, or its timer was too short.",
        "Only a candidate asks for votes, and only a leader sends AppendEntries.",
    ),
    "not-asked": Hint(
        "Which ids does your loop over the others visit?",
        "One is left out: the first, the last, or the one after your own; or the loop ends early.",
        "1 to config.servers, without config.id; also when a majority is there already.",
    ),
    "leads-early": Hint(
        "Whose votes does it count at this event?",
        "Something was counted that is no vote: a refusal, a grant of another term or election, "
        "the same voter twice, a server that does not exist.",
        "Note each voter by its id in a set that begins with your own vote at each election.",
    ),
    "beats-missing": Hint(
        "Which event made it the leader, and who heard of that?",
        "The first heartbeats wait for the next interval, or go only to those who voted.",
        "With the majority call replication_lead at once, and set the next heartbeat's time.",
    ),
    "beats-late": Hint(
        "When is the next heartbeat due, and does raft_deadline say so?",
        "The interval counts from the wrong moment, is longer than heartbeat_ms, or waits for "
        "answers.",
        "Due is the time of the last heartbeats plus heartbeat_ms, whoever answers.",
    ),
    "seq": Hint(
        "Who numbers the requests?",
        "The given replication does, and it counts on; a second one must not begin anew.",
        "Let replication_beat and replication_lead do all the sending.",
    ),
    "timeout-short": Hint(
        "From when to when does this timeout last?",
        "It is shorter than election_min_ms: a wrong range, or a timer that was not restarted as "
        "a whole.",
        "now + election_min_ms + a random number from 0 to election_max_ms - election_min_ms.",
    ),
    "timeout-long": Hint(
        "From when to when does this timeout last, and what does raft_deadline say meanwhile?",
        "It is longer than election_max_ms, or the election is due and raft_tick does nothing, or "
        "raft_deadline names a later time.",
        "now + election_min_ms + a random number from 0 to election_max_ms - election_min_ms. If "
        "both are equal there is one choice: mind a remainder by 0. Keep times in int64_t.",
    ),
    "not-random": Hint(
        "How often do you draw, and where does your generator begin?",
        "A timeout was drawn once and kept, or all servers draw the same, or the state of the "
        "generator does not move on.",
        "Draw a fresh one at each restart of the timer, by a generator whose state is part of "
        "struct raft and begins with config.seed.",
    ),
    "not-restarted": Hint(
        "Which events put an election off?",
        "The timer went on at an event that restarts it.",
        "It restarts when a vote is granted, when AppendEntries of the current term come (also "
        "if the log check fails), when an election begins, and when a leader steps down.",
    ),
    "restarted": Hint(
        "Which events must not put an election off, and why?",
        "The timer restarted at an event that tells of no leader and grants no vote: then a "
        "server that can't win could keep all others from standing.",
        "No restart at a refused vote, not even in a newer term, at stale messages, at replies "
        "to others, at malformed bytes.",
    ),
    "memory-leak": Hint(
        "Where do the bytes of a message lie while it is sent, and who gives that back?",
        "Memory is taken for each message, and never freed.",
        "Keep one buffer in struct raft, let it grow when a message is larger, and free it in "
        "raft_free.",
    ),
    "stands-in-last-term": Hint(
        "Which term would come after INT32_MAX - 1?",
        "One that every server refuses, or a negative one.",
        "In that term draw a new timeout, and stay what you are.",
    ),
}

HINTS = _RULES | _STATUS | _REPLIES | _TIME
