"""Hints of lab 5's network, by stage and by diagnosis."""

from __future__ import annotations

from grader.labs.hints import Hint

STAGES = {
    "5.15": Hint(
        "Which bytes end a line, which ones may stand between key and address, and what is a port?",
        "A line is taken that says something else, or refused although it is right; or ids are "
        "ranks of text, or of bytes in network order.",
        "Read lines of any length and count each of them. Cut off blanks, CR and LF at the end; "
        "skip what is empty or a comment. Compare the key as a whole, let inet_pton(3) judge the "
        "address, and take digits alone for a port. Put each node in its place by ntohl() of the "
        "address and ntohs() of the port, and look at once whether it fits the others.",
    ),
    "5.16": Hint(
        "In which states can a dial be, and what leads out of each of them?",
        "One of them has no way out: a dial that fails, one that nobody answers, or a connection "
        "that ends. Or the way out has no pause.",
        "Connect without blocking, and let one timer serve all states: it ends a dial, or a pause. "
        "Whatever goes wrong leads to the pause, which doubles up to its longest; the pause leads "
        "to the dial.",
    ),
    "5.17": Hint(
        "A message comes on a connection. Whose is it, and by which connection does its reply go?",
        "The owner of a connection is not set, not changed when another node is named, or guessed; "
        "or a reply goes by the connection that was dialled.",
        "A connection that was dialled belongs to that node from the start, an accepted one to "
        "nobody. Types 1, 3 and 4 name the owner from now on; types 1 and 3 also note that the "
        "reply to this node goes by this connection.",
    ),
    "5.18": Hint(
        "Which of your lines wait, grow or believe, because of what one other node does?",
        "Bytes that are refused have changed something or left their connection open; or what "
        "waits for a node that does not read grows, or keeps the others waiting.",
        "Let the reader and raft_receive() judge before anything is done, and close the connection "
        "where one of them says no. Never wait in a callback. What a node does not take is "
        "dropped beyond PEERS_QUEUE_BOUND.",
    ),
    "5.19": Hint(
        "Which of the three nodes did something that it had promised not to do, or waits for what?",
        "A promise was told before it was saved, a leader does not heed a newer term, or a "
        "connection of a node that was gone is still used.",
        "Read the transcript from the kill on: who asked whom in which term, and what came back? "
        "The first message that you can't explain shows the place.",
    ),
}

_CONFIG = {
    "wrong-id": Hint(
        "Is 127.0.0.10 above or below 127.0.0.9, and how do the four bytes lie in memory?",
        "Addresses were compared as text, or as numbers in network byte order; or the node itself "
        "was counted where it stands in the file.",
        "Turn address and port around with ntohl() and ntohs(), make one number of both, the "
        "address above, and count how many are smaller than the node's own.",
    ),
    "config-refused": Hint(
        "Which of your checks says no to this file, and what does PROTOCOL say about it?",
        "A blank, a CR, a comment, a long line or a last line without LF is taken for an error, "
        "or two addresses that do not touch each other are.",
        "Trim the end of a line first, and skip comments. Compare ports only at the same address.",
    ),
    "config-accepted": Hint(
        "Which characters of this line has your code never looked at?",
        "atoi() and strtol() stop at the first character that they don't like, and skip blanks "
        "and signs before a number; inet_aton(3) takes fewer than four numbers, and others than "
        "decimals. What is wrong between two lines is seen only when they are compared.",
        "All of the key, of the address and of the port must be used up. Compare each new node "
        "with all before it: the same, or 1000 ports apart in either direction.",
    ),
    "wrong-line": Hint(
        "When does your line number grow?",
        "Comments and blank lines were not counted, it begins with 0, or an error is found when "
        "the whole file has been read.",
        "Count each line when it is read, and return at the first that is wrong.",
    ),
}

_DIAL = {
    "wrong-self": Hint(
        "Another node of the file goes before this one. What happens to the index of this one?",
        "The place of the node itself was noted when it was read, and is not moved when a later "
        "line takes a place before it.",
        "The file's first node is this one. Each node that is put before it moves it up by one.",
    ),
    "redirect": Hint(
        "Who leads, as far as this node can know at this moment?",
        "A candidate that got the vote, or the leader of an older term, is taken for the leader.",
        "A term begins without a known leader. Its AppendEntries make one known, also where their "
        "log check fails.",
    ),
    "not-listening-there": Hint(
        "Which two addresses has this node, and who comes to which?",
        "One of the two listeners is missing, or was given the wrong address.",
        "Listen at rafts[self - 1] for nodes, and at clients[self - 1] for clients.",
    ),
    "every-interface": Hint(
        "Which address do you give to bind()?",
        "INADDR_ANY takes connections at all addresses of the machine.",
        "Bind the whole sockaddr_in of the node's own line.",
    ),
    "wrong-port-dialled": Hint(
        "Which of its two ports does a node keep for other nodes?",
        "The address that is dialled is the one for clients.",
        "Dial rafts[id - 1].",
    ),
    "not-heard": Hint(
        "A heartbeat came to the Raft port. How far did it get?",
        "Nobody accepts there, the connection is taken for a client's, or what comes is not read "
        "while a dial is under way.",
        "Give both listeners to the loop from the start, and read each accepted connection as "
        "messages.",
    ),
    "not-dialled": Hint(
        "What does your node wait for, when it does not dial this one?",
        "A dial blocks the loop, its failure or its end leads nowhere, a dial that nobody answers "
        "is never given up, or the pause has grown beyond any bound.",
        "Follow one address through its states: dial, connected, lost, pause. Each has an event "
        "or a timer that ends it. Not more than PEERS_LONGEST_PAUSE_MS lie between two dials.",
    ),
    "dial-blocks": Hint(
        "In which call does the node sleep?",
        "connect(2) waits for an answer, for minutes if none comes.",
        "Open the socket with SOCK_NONBLOCK. EINPROGRESS is no failure: the loop tells when the "
        "socket can be written, and SO_ERROR tells how it went.",
    ),
    "dialled-twice": Hint(
        "One connection is open. Which timer dials again all the same?",
        "The timer that bounds the dial is still set, or the pause's is; or the socket of a dial "
        "that failed was not closed.",
        "Clear the timer when the outcome is known. Give up means: remove, close, pause.",
    ),
    "spins-dialling": Hint(
        "How long does your node wait before it dials again, and who makes that longer?",
        "There is no pause after a connection that ended at once, or it begins anew with each "
        "connection, or nothing doubles it.",
        "Double the pause with each one, up to the longest. Only a connection that has held for "
        "as long as that makes it short again.",
    ),
    "pause-stays-long": Hint(
        "The pause has grown to its longest. What makes it short again?",
        "Nothing does, or only what happens at the start.",
        "Set a timer of PEERS_LONGEST_PAUSE_MS when a dial succeeds: if the connection is still "
        "there, the next pause is the first one.",
    ),
    "no-request": Hint(
        "By which connection does a request to this node go, and is it there?",
        "The connection that was dialled is not known to peers_send(), or is the wrong node's.",
        "Note each connection at the node that was dialled, once it is made, and forget it there "
        "when it ends.",
    ),
}

_LINKS = {
    "no-message": Hint(
        "What can come between two messages on one connection?",
        "A message was cut off where the socket was full, or two were mixed.",
        "Hand each message as a whole to connection_send(), or drop it as a whole.",
    ),
    "no-answer": Hint(
        "Which connection did the request come by, and which one did the reply take?",
        "Replies go by the connection that was dialled, or by the first that this node asked by; "
        "or a message that came in pieces, or behind another one, was not read.",
        "Note the connection at each request of type 1 and 3, whoever dialled it. Go on reading "
        "as long as whole messages are there, and keep the beginning of the next.",
    ),
    "wrong-reply": Hint(
        "Which message does this reply answer?",
        "A message was taken twice, or passed over, where several came together.",
        "Go forward by the size that message_read() reports, after each message.",
    ),
    "wrong-link": Hint(
        "Two connections belong to the same node. Which of them takes the reply?",
        "It went by all of them, or by one that the request did not come by.",
        "One pointer at each node: the connection of its latest request. When that ends the "
        "pointer is cleared, and replies are dropped.",
    ),
    "link-closed": Hint(
        "Which of your checks closed this connection?",
        "A beginning of a message, a message of an older term or a vote that can't be attributed "
        "was taken for an error.",
        "Close only where message_read() finds bytes that are wrong, or on_message says false.",
    ),
    "not-closed": Hint(
        "Who learns that these bytes are no message, and what does it do then?",
        "They are skipped, or waited behind, or on_message's false is not looked at.",
        "Close the connection when the reader says that the bytes are wrong, and when on_message "
        "returns false. Bytes that are still in the buffer go with it.",
    ),
    "vote-counted-twice": Hint(
        "A grant names no voter. How does your node know who has voted?",
        "Connections are counted instead of nodes, a connection that has named nobody counts for "
        "somebody, or one that named another node counts for the former.",
        "Give raft_receive() the node that the connection belongs to at this moment, or "
        "RAFT_NOBODY. The core keeps a set of voters, not a number.",
    ),
    "vote-not-counted": Hint(
        "To whom does this connection belong when the grant comes?",
        "One that was dialled has no owner until it names one, or one of the types 1, 3 and 4 "
        "does not make its sender the owner.",
        "Set the owner when a dial succeeds, and with each message of type 1, 3 and 4 to "
        "candidate_id, leader_id or follower_id.",
    ),
}

_HARM = {
    "refused-obeyed": Hint(
        "In which order do you look at a message, adopt its term and obey it?",
        "The term was adopted before all fields had been looked at.",
        "Ask first whether a correct server can have sent it; return false, with nothing changed, "
        "if not. Only then the term, and then the rest.",
    ),
    "others-wait": Hint(
        "Where is your node while one connection keeps it busy?",
        "It reads one connection until nothing more comes, waits until bytes can be written, or "
        "an error of one connection ended the loop.",
        "A callback takes what is there, once, and returns. What can't be written is queued or "
        "dropped.",
    ),
    "memory-unbounded": Hint(
        "How many bytes wait for a node that never reads, at most?",
        "Each reply is appended to the queue of its connection, whatever waits there.",
        "Ask connection_pending() before: beyond PEERS_QUEUE_BOUND the message is dropped. Raft "
        "lives with messages that get lost.",
    ),
    "dropped-early": Hint(
        "How many bytes wait when you drop a message, and how many may?",
        "A message is dropped as soon as anything waits, or the bound counts messages.",
        "Drop only what would make connection_pending() reach PEERS_QUEUE_BOUND. One message of "
        "any size may wait alone.",
    ),
    "spins-without-descriptors": Hint(
        "What does your node do when socket() or accept() fails with EMFILE?",
        "It tries again at once.",
        "A dial that can't begin is a dial that failed: a pause. A listener pauses too.",
    ),
    "busy-when-idle": Hint(
        "Which timer wakes your node, and what is due then?",
        "A deadline that has passed is set again and again, a timer ticks, or a connection with "
        "half a message is looked at all the time.",
        "Set the timer to raft_deadline(), and no other. Wait for bytes, not for time.",
    ),
}

_NODES = {
    "promise-forgotten": Hint(
        "When is the vote on the disk: before or after the message leaves?",
        "save_vote or sync is not called, or only after send; or the node starts with term 0 "
        "whatever the configuration says.",
        "Save and sync before each message that depends on it, and start with config->term and "
        "config->voted_for.",
    ),
    "no-leader": Hint(
        "Two nodes run, and each stands again and again. Who refuses whom, and why?",
        "A vote is refused that could be granted, timeouts are not drawn anew, or messages go by "
        "a connection to the node that was killed and is not dialled again.",
        "Read the transcript: is each RequestVote answered, in which term, and with which flag?",
    ),
    "no-agreement": Hint(
        "Which of the nodes believes what, in the last words that they said?",
        "A leader that was stopped does not step down when it hears of a newer term, or a "
        "follower keeps the leader of an older one.",
        "Each message with a newer term makes a follower of anybody, requests and replies alike.",
    ),
    "seen-one-vote-a-term": Hint(
        "Which two votes were these, and what happened between them?",
        "A vote is not saved before it is told, is forgotten by a restart or a timeout, or is "
        "granted without a look at voted_for.",
        "voted_for changes with the term only. Save, sync, then send.",
    ),
    "seen-election-safety": Hint(
        "By which votes did each of the two win?",
        "Somebody voted twice, or a candidate counted what was no vote for it in this term.",
        "Count a voter once, grants of the current term alone, and more than half of all nodes.",
    ),
    "seen-a-majority-elects": Hint(
        "How many votes does a leader of three need, its own included?",
        "It leads with fewer: half is taken for a majority, or votes of an older term count.",
        "More than half of all nodes, running or not. Empty the set when a new term begins.",
    ),
    "seen-terms-never-fall": Hint(
        "Where does the term of this message come from?",
        "From the request that it answers, or from 0 after a restart.",
        "A message carries the node's current term, which only grows, and is read from its folder "
        "at the start.",
    ),
    "seen-messages-are-canonical": Hint(
        "Which bytes left your node just before?",
        "A message was cut where the socket was full, or another one began in the middle of it.",
        "Queue the rest of what could not be written, and put nothing before it.",
    ),
    "seen-messages-name-their-sender": Hint(
        "Whose id do you put into candidate_id, leader_id and follower_id?",
        "The receiver's, or the one of the message that is answered.",
        "Always the node's own: config->id.",
    ),
}

HINTS: dict[str, Hint] = STAGES | _CONFIG | _DIAL | _LINKS | _HARM | _NODES
