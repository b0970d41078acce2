"""A run as a ladder for the terminal: a column a server, time downwards, an arrow for each message
at the moment when it arrives, and at the right what the receiver did.
"""

from __future__ import annotations

from textwrap import wrap

from grader.sim.cluster import AGREE, DOOM, EXPECT, HEAL, RECEIVE, START, TELL
from grader.sim.run import Run
from grader.sim.server import SEND, Effect
from grader.sim.story import Step, Story, tell
from grader.wire.walk import counted

COLUMNS = 100
_MARGIN = 8
_WIDTHS = {1: 20, 2: 18, 3: 16, 4: 13, 5: 11, 6: 10}  # of a server's column
_NARROW = 9
_MOST_SHOWN = 7
_LEAST = 26  # columns for words, however many servers there are
_WORDS = {HEAL: "the network heals", AGREE: "all logs should be equal"}


def draw(run: Run, last: int = 25) -> str:
    """The last events that did or changed anything, the last crash, and the rule that was broken:
    in ``COLUMNS`` columns, where there are no more than seven servers.
    """
    return "\n".join(_Ladder(run).lines(last))


class _Ladder:
    def __init__(self, run: Run) -> None:
        self._run, self._story, self._words = run, tell(run), run.family.words
        self._servers = _taking_part(run, self._story)
        self._column = {server: at for at, server in enumerate(self._servers)}
        self._width = _WIDTHS.get(len(self._servers), _NARROW)
        self._room = max(_LEAST, COLUMNS - _MARGIN - self._width * len(self._servers))

    def lines(self, last: int) -> list[str]:
        matters = _matters(self._story, last)
        shown = _shown(self._story, matters, last)
        heads = "".join(f"{f'S{server}':<{self._width}}" for server in self._servers)
        lines = [" " * _MARGIN + heads]
        lives = [":" for _ in self._servers]
        skipped = 0
        for at, step in enumerate(self._story.steps):
            if at in shown:
                lines += [self._gap(skipped, lives)] * bool(skipped)
                lines += self._rows(at, step, lives)
                skipped = 0
            elif at in matters:
                skipped += 1
            if step.server:
                lives[self._column[step.server]] = self._life(step)
        return [line.rstrip() for line in [*lines, *self._ending()]]

    def _ending(self) -> list[str]:
        broken = self._run.broken
        if broken is None:
            return [self._words.LEGEND]
        told = f"broken: {broken.rule}: {broken.words}"
        return [self._words.LEGEND, *wrap(told, COLUMNS, subsequent_indent=" " * _MARGIN)]

    def _gap(self, count: int, lives: list[str]) -> str:
        return f"{'...':>{_MARGIN - 2}}  {self._line(lives)}({counted(count, 'more event')})"

    def _line(self, lives: list[str]) -> str:
        return "".join(f"{life:<{self._width}}" for life in lives)

    def _rows(self, at: int, step: Step, lives: list[str]) -> list[str]:
        """One event: its own line, and more where the words need them."""
        line = list(self._line(lives))
        note = self._words.EXPECTED if step.kind == EXPECT else _WORDS.get(step.kind, "")
        if step.server:
            note = self._note(step, self._effects(at))
            place = self._column[step.server] * self._width
            is_arrow = step.received >= 0 and self._sender(step) not in (0, step.server)
            if step.received >= 0:
                note = self._arrive(line, step, place, is_arrow) + note
            if not is_arrow or step.crashes:
                line[place] = "X" if step.crashes or step.tag == "ends" else "*"
        first, *more = wrap(note, self._room) or [""]
        after = list(lives)
        if step.server:
            after[self._column[step.server]] = self._life(step)
        rest = self._line(after)
        is_broken = self._run.broken is not None and at == len(self._story.steps) - 1
        mark = "! " if is_broken else "  "
        rows = [f"{step.at:>{_MARGIN - 2}}{mark}{''.join(line)}{first}"]
        return rows + [" " * _MARGIN + rest + one for one in more]

    def _effects(self, at: int) -> list[Effect]:
        return self._run.answers[at][0] if at < len(self._run.answers) else []

    def _sender(self, step: Step) -> int:
        """0 where it is no server of the cluster."""
        sender = self._story.sent[step.received].sender
        return sender if sender in self._servers else 0

    def _arrive(self, line: list[str], step: Step, end: int, is_arrow: bool) -> str:
        """Draws the arrow. Returns the message's name if there was no room for it."""
        label = self._story.messages[self._story.sent[step.received].message].label
        start = self._column.get(self._sender(step), 0) * self._width
        if not is_arrow:
            return f"{label}: "
        if len(label) + 6 <= abs(end - start):
            _arrow(line, start, end, label)
            return ""
        _arrow(line, start, end, label.split()[0])
        return f"{label}: "

    def _life(self, step: Step) -> str:
        return self._words.life(step.state) if step.state is not None else ":"

    def _note(self, step: Step, effects: list[Effect]) -> str:
        what = step.tag or {RECEIVE: "", TELL: "", START: ""}.get(step.kind, step.kind)
        told = ", ".join(filter(None, [what, *self._all_words(effects)]))
        return f"S{step.server} {told}" if told else ""

    def _all_words(self, effects: list[Effect]) -> list[str]:
        """The same message to several servers is told once."""
        found: list[str] = []
        for run in self._words.runs(effects):
            effect = run[0]
            if effect[0] == SEND:
                told = f"{self._words.name(effect[2])} to"
                if not found or not found[-1].startswith(told):
                    found.append(told)
                found[-1] += f" S{effect[1]}"
            else:
                found.append(self._words.short(effect, len(run)))
        return found


def _taking_part(run: Run, story: Story) -> list[int]:
    """All servers of a small cluster; of a large one, those to which anything happens, or whose
    messages arrive.
    """
    servers = range(1, run.config.servers + 1)
    if len(servers) <= _MOST_SHOWN:
        return list(servers)
    active = {step.server for step in story.steps}
    active |= {story.sent[step.received].sender for step in story.steps if step.received >= 0}
    return [server for server in servers if server in active]


def _matters(story: Story, last: int) -> list[int]:
    """The places of the steps that did or changed anything, and of the last; all of a short run."""
    end = len(story.steps) - 1
    if end < last:
        return [at for at, step in enumerate(story.steps) if step.kind != DOOM or at == end]
    return [
        at
        for at, step in enumerate(story.steps)
        if at == end or (step.kind != DOOM and (step.tag or step.effects or not step.server))
    ]


def _shown(story: Story, matters: list[int], last: int) -> set[int]:
    crashes = [at for at in matters if story.steps[at].crashes]
    return {*matters[-last:], *crashes[-1:]}


def _arrow(line: list[str], start: int, end: int, label: str) -> None:
    """From one column to another, with the label in its middle."""
    low, high = min(start, end), max(start, end)
    for place in range(low + 1, high):
        line[place] = "-"
    line[start] = "o"
    line[end - 1 if end > start else end + 1] = ">" if end > start else "<"
    label = f" {label} "[: max(0, high - low - 4)]
    middle = (low + high - len(label)) // 2 + 1
    line[middle : middle + len(label)] = label
