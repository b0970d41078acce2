"""Hints of lab 6's extension on Paxos, by rule and by diagnosis."""

from __future__ import annotations

from grader.labs.hints import Hint
from grader.labs.simulator import rule_id
from grader.sim.invariants import UNDECIDED
from grader.sim.paxos import checks

_RULES = {
    checks.KEPT: Hint(
        "Which ballots may an acceptor still accept, or promise, once it has promised one?",
        "A ballot below the promised one is promised or accepted; or ballots are compared by round "
        "alone; or what is accepted does not raise the promise.",
        "Compare round first, then server. Refuse what is below promised; let save_accepted set "
        "promised as well, and paxos_load too.",
    ),
    checks.TOLD: Hint(
        "What has a proposer to know of an acceptor before it may choose a value?",
        "A promise comes without the ballot and the value that were accepted last, or with others.",
        "Put the accepted ballot and its value into each promise; 0/0 and no value before the "
        "first.",
    ),
    checks.QUORUM_FIRST: Hint(
        "How many servers, each of them once, have promised this very ballot?",
        "Half of the servers are taken for a quorum, a promise that comes twice counts twice, or "
        "promises of an older ballot count.",
        "Keep the set of servers that promised the current ballot, empty it with each new ballot, "
        "and go on when it has more than half of all.",
    ),
    checks.ADOPTED: Hint(
        "Of the proposals that the quorum tells of, whose value may already be chosen?",
        "The proposer sticks to its own value, or takes the first or last that it hears of, or "
        "forgets what its own acceptor has accepted, or remembers ballots of an older attempt.",
        "Take the value of the highest ballot among all promises of this ballot, your own "
        "included. Forget these ballots when a new one begins.",
    ),
    checks.ONE_A_BALLOT: Hint(
        "May the value of a ballot still change after its first accept was sent?",
        "A promise that comes after the quorum changes the value, or a ballot is used a second "
        "time.",
        "Once the second phase has begun, ignore promises.",
    ),
    checks.UNIQUE: Hint(
        "Whose is a ballot, and which of them has this server used before, in any of its lives?",
        "The round starts anew after a restart, or does not rise with each attempt, or the ballot "
        "does not carry the server's own id.",
        "Start above everything that was promised, accepted or heard of; save your own promise of "
        "a ballot before you prepare it.",
    ),
    checks.RECORDED: Hint(
        "What would this server remember of the message if the power failed right after it?",
        "A message leaves before what it tells was saved and synced.",
        "Save, sync, send: in this order, for prepare, promise and accepted.",
    ),
    checks.OUTLIVE: Hint(
        "What do paxos_new and paxos_load get, and where does it go?",
        "What was promised or accepted before the restart is not taken up.",
        "Take promised from the config, and accepted from paxos_load, which raises promised where "
        "it is higher.",
    ),
    checks.AS_ASKED: Hint(
        "Which ballot and which value did the accept have, and which are told?",
        "What is accepted, or told as accepted, is not what the proposer asked for.",
        "Save the ballot and the value of the accept, and tell these, also when it comes again.",
    ),
    checks.QUORUM_ACCEPTS: Hint(
        "How many servers have accepted the same ballot, as far as this one knows?",
        "Acceptors of several ballots are added up, or one of them is counted twice, or the own "
        "acceptance counts before it is synced.",
        "Keep a set of acceptors for one ballot, the highest; a higher one begins with an empty "
        "set.",
    ),
    checks.ONCE: Hint(
        "What happens when more accepted messages come after the decision?",
        "decided is called again for a decision that was told.",
        "Remember that it is decided; leave the learner early from then on.",
    ),
    checks.ONE_VALUE: Hint(
        "Which two quorums accepted these values, and which server is in both?",
        "The server in both did not keep its promise, or the second proposer did not adopt.",
        "Go through the drawing from the first accepted on: who promised the higher ballot, and "
        "what did it tell?",
    ),
    UNDECIDED: Hint(
        "When nobody disturbs it any more: what does each proposer wait for, and until when?",
        "A refusal or a lost message ends the attempt for good, the next ballot is not above the "
        "refusing one, all pauses are the same, or accepted goes to the proposer alone.",
        "Draw a pause for each ballot, let the deadline say when it ends, and prepare above every "
        "round that any message told of.",
    ),
    "paxos_status makes sense": Hint(
        "What does paxos_status say, and what has the server saved or decided by then?",
        "promised, accepted or is_decided is not what was saved and told; or a promise is changed "
        "and not saved.",
        "Change promised and accepted only where they are saved, and is_decided where decided is "
        "called.",
    ),
}
_SEEN = {
    "takes-malformed": Hint(
        "Which of all that a message says can be wrong, and what may change before that is known?",
        "A check is missing, or comes after the message has had an effect.",
        "Decode and check all of it first: type, sizes, both ballots, whose ballot it is, and from "
        "whom it comes.",
    ),
    "refused": Hint(
        "Which check says no to this message, and what does paxos.h say about it?",
        "A message of a correct server is taken for one that none sends.",
        "A message that is only late or repeated is right: ignore it, and say true.",
    ),
    "no-pause": Hint(
        "Who else prepares a higher ballot when this one does so at once?",
        "A refusal starts the next attempt, so that two proposers chase each other.",
        "Note the round that the refusal tells of, and leave the rest to the tick at the deadline.",
    ),
    "pauses": Hint(
        "From which numbers is the pause drawn, and what differs between two servers?",
        "The pause is fixed, or the seed is not used.",
        "Draw each from retry_min to retry_max, both included, from a generator that config.seed "
        "starts.",
    ),
    "not-decided": Hint(
        "Whom does the learner count, and for which ballot?",
        "Messages of acceptors, or the own acceptance, are not counted.",
        "Count each accepted by its sender, and the own acceptance too, for ballots of any server.",
    ),
    "no-retry": Hint(
        "What does the deadline say while a proposal is under way?",
        "No pause is drawn, or the tick does nothing when it is over.",
        "Draw a pause with each ballot; when it is over and nothing is decided, prepare the next.",
    ),
    "deadline-set": Hint(
        "Is there anything that a tick would do?",
        "The deadline stays set without a proposal, or after the decision.",
        "INT64_MAX means never: set it at the start and when the proposal has come to its end.",
    ),
}
STAGE = Hint(
    "Which of the three parts - proposer, acceptor, learner - has to do what the card asks for?",
    "A part of the protocol is missing, or in another part than paxos.h has it.",
    "Write the acceptor first, with its two saves; then the proposer's two phases; the learner "
    "counts. Read phases 1 and 2 of the paper's section 2.2 beside your code.",
)
HINTS = {"6.22": STAGE}
HINTS |= {f"6.22 {rule_id(rule)}": hint for rule, hint in _RULES.items()}
HINTS |= {f"6.22 {seen}": hint for seen, hint in _SEEN.items()}
