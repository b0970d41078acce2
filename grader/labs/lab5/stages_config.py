"""Lab 5, the network: the file that names the nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from grader.errors import MachineError
from grader.labs.lab5.node import QUIET, RAFT_BELOW, Address, Home, addresses, file_of
from grader.labs.stage import Attempt, stage
from grader.report import escape
from grader.run.ports import is_free
from grader.run.program import Program
from grader.verdicts import Diagnosis, Hang, fail

_AT_ONCE = 12  # programs


@stage(
    "5.15",
    "The cluster's file",
    points=5,
    see="lab5#config",
    source="PROTOCOL, section 3; inet_pton(3)",
    seconds=20,
)
def test_config(attempt: Attempt) -> None:
    """Ids are ranks in numeric order of IPv4 address, then of port; the node's own line comes
    first. A file with an error ends the node with status 2 and words that name the line.
    """
    ids(attempt)
    wrong_files(attempt)


# --- ids ---


@dataclass
class _Case:
    """A node's own address, those of the others as its file names them, and its id."""

    what: str
    own: Address
    others: list[Address]
    id: int
    text: Callable[[Address, list[Address]], bytes] = file_of


def ids(attempt: Attempt) -> None:
    """A node that is told of no folder names its own by its id. Nobody else runs."""
    running = []
    for case in _cases(attempt):
        home = Home(attempt, case.own, case.text(case.own, case.others))
        running.append(
            (case, home, home.start(*QUIET, name=f"raft_node at {case.own}", data=False))
        )
    for case, home, program in running:
        id = _own_id(case, home, program)
        if id != case.id:
            fail(
                f"its file has {case.what}: it is node {case.id}, and takes itself for node {id}. "
                f"The file: {_shown(home.text)}",
                Diagnosis(
                    "wrong-id",
                    "an id is the rank, from 1, in numeric order of address and then of port: not "
                    "of text, and not of bytes in network order",
                ),
            )
    for *_, program in running:
        program.close()


def _own_id(case: _Case, home: Home, program: Program) -> int:
    """As the given code names the node's folder. What comes after that is not looked at here."""
    program.world.wait(
        lambda: bool(home.ids()) or program.ended(),
        f"{program.name} to make its folder, raft-<id>",
    )
    if not home.ids():
        fail(
            f"its file has {case.what}: {program.name} {program.ending()}",
            Diagnosis(
                "config-refused", "nothing is wrong with this file: the node's own words are below"
            ),
        )
    return home.ids()[0]


def _cases(attempt: Attempt) -> list[_Case]:
    """No address is in two of them: all of these nodes run at once."""
    ports = [one.port for one in addresses(4)]
    port = ports[3]
    one, two, three = ([Address(f"127.0.7.{n}", p) for p in ports] for n in (1, 2, 3))
    low, high = _ports_that_swap()
    cases = [
        _Case("no other node", Address("127.0.5.3", port), [], 1),
        _Case("its own line first, and in the middle by rank", one[1], [one[2], one[0]], 2),
        _Case("the last of four first", two[3], [two[0], two[2], two[1]], 4),
        _Case(
            "127.0.8.10 beside 127.0.8.9, 127.0.8.100 and 127.0.8.2",
            Address("127.0.8.10", port),
            [Address(f"127.0.8.{last}", port) for last in (9, 100, 2)],
            3,
        ),
        _Case(
            "127.1.9.1 beside 127.0.9.2 and 127.0.10.3",
            Address("127.1.9.1", port),
            [Address("127.0.9.2", port), Address("127.0.10.3", port)],
            3,
        ),
        _Case(
            "a higher address with a lower port",
            Address("127.0.11.4", ports[1]),
            [Address("127.0.11.3", ports[2]), Address("127.0.11.5", ports[0])],
            2,
        ),
        _Case(
            f"ports {low} and {high}",
            Address("127.0.2.1", high),
            [Address("127.0.2.1", low), Address("127.0.2.1", 1001), Address("127.0.2.1", 65535)],
            3,
        ),
        _Case(
            "a Raft port that is another node's client port, at another address",
            Address("127.0.3.1", port),
            [Address("127.0.3.3", port + RAFT_BELOW), Address("127.0.3.2", port - RAFT_BELOW)],
            1,
        ),
        _Case("comments, blanks and CR LF", three[0], three[1:], 1, _with_all_that_is_fine),
        _Case(
            "64 nodes",
            Address("127.0.4.40", port),
            [Address(f"127.0.4.{last}", port) for last in range(64, 0, -1) if last != 40],
            40,
        ),
    ]
    if attempt.sandbox.in_namespaces:  # elsewhere it would be dialled: RFC 5737, for examples only
        own, other = Address("127.0.5.1", port), Address("127.0.5.2", port)
        cases.append(
            _Case("192.0.2.1 beside two of 127.0.5", own, [other, Address("192.0.2.1", port)], 1)
        )
    return cases


def _ports_that_swap() -> tuple[int, int]:
    """Two that are in the other order when their bytes are swapped."""
    for high_byte in range(addresses(1)[0].port >> 8, 128):
        low = high_byte << 8 | 0xF0
        high = low + 0x11
        if all(is_free(port) for one in (low, high) for port in (one, one - RAFT_BELOW)):
            return low, high
    raise MachineError("no two free ports that are in the other order with their bytes swapped")


def _with_all_that_is_fine(own: Address, others: list[Address]) -> bytes:
    return (
        b"! a comment\r\n\r\n# another one: follower_info 1.2.3.4:99999\n   \n\t\r\n"
        b"#" + b"x" * 10_000 + b"\n!\n#follower_info\n"
        + f"follower_info \t {own}  \r\nfollower_info\t{others[0]}\t \n\n".encode()
        + f"follower_info {others[1]}".encode()
    )  # fmt: skip


# --- errors ---


def wrong_files(attempt: Attempt) -> None:
    """So many at a time: each ends with status 2."""
    own, *others = addresses(3)
    cases = [*_wrong_lines(own, others), *_wrong_by_others(own, others)]
    for at in range(0, len(cases), _AT_ONCE):
        started = [
            (*_try(attempt, own, text), lines, what)
            for text, lines, what in cases[at : at + _AT_ONCE]
        ]
        for home, program, lines, what in started:
            _expect_refusal(home, program, lines, what)
        for _, program, *_ in started:
            program.close()
    files_that_cannot_be_read(attempt, own)


_Wrong = tuple[bytes, tuple[int, ...], str]  # the file, a line that may be named (none: all of it)


def _wrong_lines(own: Address, others: list[Address]) -> list[_Wrong]:
    """One line of each file is wrong by itself: the third of four."""
    good = f"follower_info {own}\n# comment\n".encode()
    more = f"\nfollower_info {others[0]}\n".encode()
    words = [
        "follower_inf 127.0.0.9:12000", "follower_infos 127.0.0.9:12000", "127.0.0.9:12000",
        "Follower_info 127.0.0.9:12000", "follower_info127.0.0.9:12000", "leader 127.0.0.9:12000",
        "follower_info", "follower_info 127.0.0.9", "follower_info 127.0.0.9:",
        "follower_info :12000", "follower_info 127.0.0:12000", "follower_info 127.0.0.256:12000",
        "follower_info 127.0.0.1.9:12000", "follower_info localhost:12000",
        "follower_info 0x7f.0.0.9:12000", "follower_info 2130706441:12000",
        "follower_info ::1:12000", "follower_info 0.0.0.0:12000", "follower_info 127.0.0.9:port",
        "follower_info 127.0.0.9:12000x", "follower_info 127.0.0.9:12000 x",
        "follower_info 127.0.0.9:12000 127.0.0.8:12000", "follower_info 127.0.0.9:-12000",
        "follower_info 127.0.0.9:+12000", "follower_info 127.0.0.9: 12000",
        "follower_info 127.0.0.9:0x2ee0", "follower_info 127.0.0.9:12e3",
        "follower_info 127.0.0.9:65536", "follower_info 127.0.0.9:77536",
        "follower_info 127.0.0.9:4294979296", "follower_info 127.0.0.9:99999999999999999999999",
        "follower_info 127.0.0.9:1000", "follower_info 127.0.0.9:999", "follower_info 127.0.0.9:0",
    ]  # fmt: skip
    return [(good + word.encode() + more, (3,), f"'{word}'") for word in words]


def _wrong_by_others(own: Address, others: list[Address]) -> list[_Wrong]:
    """What is wrong shows beside other lines, or in the whole."""
    first, second = others
    raft, client = (
        Address(own.host, own.port - RAFT_BELOW),
        Address(own.host, own.port + RAFT_BELOW),
    )
    many = [Address(f"127.0.6.{last}", own.port) for last in range(1, 66)]
    bad = b"leader 127.0.0.9:12000\n"
    return [
        (file_of(own, [first, own]), (1, 3), "its own address twice"),
        (file_of(own, [first, second, first]), (2, 4), "another node's address twice"),
        (file_of(own, [first, raft]), (1, 3), "a client port that is the first node's Raft port"),
        (file_of(own, [first, client]), (1, 3), "a Raft port that is the first node's client port"),
        (
            file_of(own, [Address("127.0.0.9", 14000), first, Address("127.0.0.9", 13000)]),
            (2, 4),
            "a Raft port that is the client port of a node two lines before",
        ),
        (bad + file_of(own, [first]), (1,), "an unknown key in the first line"),
        (file_of(own, [first]) + b"\n! comment\n" + bad + bad, (5,), "an unknown key, twice"),
        (file_of(own, [first]) + b"\r\n" + bad.strip(), (4,), "an unknown key in the last line"),
        (file_of(many[0], many[1:]), (65,), "65 nodes"),
        (b"", (), "nothing"),
        (b"# no node\n\n! at all", (), "no node"),
    ]


def _try(attempt: Attempt, own: Address, text: bytes) -> tuple[Home, Program]:
    home = Home(attempt, own, text)
    return home, home.start(*QUIET, data=False)


def _expect_refusal(home: Home, program: Program, lines: tuple[int, ...], what: str) -> None:
    """Status 2 and, where it is one, the line."""
    file = f"a file with {what}"
    _expect_status_2(home, program, file)
    said = escape.visible(program.stderr.kept())
    named = [line for line in lines if f"line {line}: " in said]
    if lines and (not named or not said.partition(f"line {named[0]}: ")[2].strip()):
        fail(
            f"{file}: line {lines[-1]} is wrong, and the node says {_shown(said.encode())}. "
            f"The file: {_shown(home.text)}",
            Diagnosis("wrong-line", "lines count from 1, comments and blank ones too"),
        )


def _expect_status_2(home: Home, program: Program, file: str) -> None:
    """Whoever takes the file makes a folder for its node next."""
    world = program.world
    wrong = Diagnosis("config-accepted", "what is not right in the file is an error: status 2")
    try:
        world.wait(
            lambda: program.ended() or bool(home.ids()),
            f"the node to refuse {file}",
        )
    except Hang as hang:
        hang.diagnosis = wrong
        raise
    if home.ids():
        fail(f"the node takes {file}, and goes on. The file: {_shown(home.text)}", wrong)
    if program.wait_end() != 2:
        fail(f"with {file} the node should exit with 2, and {program.ending()}", wrong)
    if program.stderr.size == 0:
        fail(f"with {file} the node exits with 2 and says nothing", wrong)


def files_that_cannot_be_read(attempt: Attempt, own: Address) -> None:
    """One that is missing, and one that is a folder."""
    missing, folder = Home(attempt, own, b""), Home(attempt, own, b"")
    for home in (missing, folder):
        home.config.unlink()
    folder.config.mkdir(mode=0o755)
    for home, what in ((missing, "no file"), (folder, "a folder in place of the file")):
        program = home.start(*QUIET, data=False)
        _expect_status_2(home, program, what)
        program.close()


def _shown(text: bytes) -> str:
    words = escape.one_line(text, 300)
    return f"'{words}'"
