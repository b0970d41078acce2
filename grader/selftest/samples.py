"""Results that never happened, one of every kind, for the tests of the renderers."""

from __future__ import annotations

from grader.report.escape import one_line, tail, visible
from grader.report.model import ByteDiff, Failure, LabResult, StageResult
from grader.verdicts import Verdict
from grader.wire.diff import Difference, caption, difference, hex_bytes, rows

HOSTILE = (
    b"\x1b[2J\x1b]0;owned\x07\x1b[31mred\x1b[0m [red]markup[/red] "
    b"[link=http://evil.example]x[/link] :smile:\r\n"
    b"<script>alert(1)</script> <img src=http://evil.example/x.png onerror=alert(1)> &amp; ]]> "
    b"<!-- {{ 7*7 }} {% raw %}\n"
    b'=HYPERLINK("http://evil.example") +1 -1 @SUM(A1)\n'
    b"1.4  PASS       8/8  not the grader's words\b\b\n"
    + "\u202egnp.exe\u202c \u2066isolated\u2069 zero\u200bwidth \ufeff \ufffe \U000e0041 ".encode()
    + "caf\u00e9 \u6f22\u5b57\n".encode()
    + b"not UTF-8: \xff\xfe \xc3( \xed\xa0\x80 nul \x00 tab\tend"
)

_SANITIZER = """\
==41==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000031 at pc 0x55d0c1 bp 0x7ffe10 sp 0x7ffe08
READ of size 1 at 0x602000000031 thread T0
    #0 0x55d0c0 in serve lab1-echo/echo_server.c:57
    #1 0x55d3f4 in main lab1-echo/echo_server.c:112
    #2 0x7f1a2b in __libc_start_call_main ../sysdeps/nptl/libc_start_call_main.h:58
0x602000000031 is located 0 bytes after 1-byte region [0x602000000030,0x602000000031)
SUMMARY: AddressSanitizer: heap-buffer-overflow lab1-echo/echo_server.c:57 in serve"""

_COMPILER = """\
lab1-echo/echo_server.c: In function 'serve':
lab1-echo/echo_server.c:31:18: error: implicit declaration of function 'raed' [-Werror=implicit-function-declaration]
   31 |     ssize_t n = raed(fd, buffer, sizeof buffer);
      |                 ^~~~
cc1: all warnings being treated as errors"""

_HOME = "/home/student/a-folder/with-a-rather-long-name"

_TRACEBACK = """\
Traceback (most recent call last):
  File "grader/run/world.py", line 71, in wait
    self._step()
ValueError: \x1b[31ma word of the student's\x1b[0m that was never escaped"""


def _byte_diff(diff: Difference | None) -> ByteDiff:
    assert diff is not None
    return ByteDiff(
        diff.offset,
        diff.start,
        hex_bytes(diff.expected),
        hex_bytes(diff.received),
        diff.expected_size,
        diff.received_size,
        caption(diff),
        rows(diff),
    )


def _failure(id: str, summary: str, **more: object) -> Failure:
    fields: dict[str, object] = {
        "checks": "TCP is a stream: whatever the pieces in which bytes arrive, they come back in "
        "the same order.",
        "summary": summary,
        "see": "lab1#stream",
        "source": "RFC 9293, section 3.7; recv(2)",
        "transcript": [
            "echo_server starts: /run/echo_server --port 0",
            "client 1 connects",
            "client 1 sends: 32 bytes  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66 …  "
            "0123456789abcdef…",
            "client 1 receives: 23 bytes  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66 …  "
            "0123456789abcdef…",
        ],
        "diff": None,
        "diagnosis_id": "",
        "diagnosis": "",
        "process": "echo_server is blocked in read(2) on descriptor 4",
        "stderr": "",
        "output": "",
        "hint": "What does recv() promise about the size of the piece that it returns?",
        "more_hints": f"make hint STAGE={id} TIER=2",
        "repeat": f"make lab{id.partition('.')[0]} STAGE={id} SEED=7 WORK={_HOME}/submission",
        "trace": f"{_HOME}/out/traces/lab1-{id}.jsonl",
    }
    return Failure(**{**fields, **more})  # type: ignore[arg-type]


def _stage(
    id: str, title: str, verdict: Verdict, max_points: int = 8, **more: object
) -> StageResult:
    points = max_points if verdict is Verdict.PASS else 0
    fields: dict[str, object] = {"extension": False, "duration_s": 0.018, **more}
    return StageResult(id, title, verdict, points, max_points, **fields)  # type: ignore[arg-type]


def _wrong(id: str) -> Failure:
    sent = b"0123456789abcdef" * 3 + b"\x00\r\n the end of what was sent"
    diff = difference(sent, sent.replace(b"\x00", b""))
    return _failure(
        id,
        "the echo of 76 bytes, sent in pieces of 1 to 7 bytes, differs",
        diff=_byte_diff(diff),
        diagnosis_id="byte-dropped",
        diagnosis="the NUL at offset 48 is missing: the data is treated as text",
    )


def _short(id: str) -> Failure:
    sent = bytes(n * 7 & 0xFF for n in range(8 << 20))
    diff = difference(sent, sent[:65_551], "the connection was closed")
    return _failure(
        id, "8 MiB were owed; the connection was closed after 65,551 bytes", diff=_byte_diff(diff)
    )


def _too_much(id: str) -> Failure:
    return _failure(
        id,
        "one byte too many came",
        diff=_byte_diff(difference(b"hello", b"hello\n")),
        transcript=[],
    )


def _drawn(id: str) -> Failure:
    """Of simulated servers."""
    return _failure(
        id,
        "schedule 3: event 6, at 285 ms: server 3: in term 1 it votes twice",
        transcript=[],
        process="",
        diagnosis_id="one-vote-a-term",
        diagnosis="broken: one vote a term (figure 2)",
        drawing=(
            "        S1              S2\n"
            "   238  *               |               S1 candidate t1\n"
            "   285! o--- vote? ---->|               S2 yes t1 to S1"
        ),
        page=f"{_HOME}/out/traces/lab1-{id}.html",
    )


def every_kind() -> LabResult:
    """Every verdict, and the byte differences that look different."""
    result = LabResult(
        1,
        "A TCP echo server",
        7,
        "limits",
        "bubblewrap is not installed",
        "gcc (Debian 12.2.0-14) 12.2.0",
    )
    crash = _failure(
        "1.5",
        "echo_server: every byte was right, but it was killed by SIGSEGV",
        diagnosis="echo_server was killed by SIGSEGV",
    )
    stack = _failure(
        "1.6",
        "the connection was closed",
        diagnosis="echo_server was stopped by a sanitizer",
        output=_SANITIZER,
        stderr="oops",
    )
    build = _failure(
        "1.7",
        "echo_server does not compile",
        output=_COMPILER,
        transcript=[],
        process="",
        hint="",
        trace="",
    )
    hang = _failure("1.8", "waited 10 s for 1 byte, in vain", stderr="listening …\nread 4096 bytes")
    result.stages = [
        _stage("1.1", "Listens and says so", Verdict.PASS),
        _stage("1.2", "Any fragmentation", Verdict.WRONG, failure=_wrong("1.2")),
        _stage(
            "1.3",
            "A half-closed client gets every byte it is owed",
            Verdict.WRONG,
            10,
            failure=_short("1.3"),
            unstable=True,
        ),
        _stage("1.4", "Echoes one message", Verdict.WRONG, failure=_too_much("1.4")),
        _stage("1.5", "Clients that reset", Verdict.CRASH, failure=crash),
        _stage("1.6", "Every byte value, every size", Verdict.SANITIZER, failure=stack),
        _stage("1.7", "Many clients at once", Verdict.BUILD, 10, failure=build),
        _stage(
            "1.8",
            "Short reads, short writes, interrupted calls",
            Verdict.HANG,
            failure=hang,
            duration_s=20.04,
        ),
        _stage("1.9", "A client that never reads", Verdict.GRADER_ERROR, 6, note=_TRACEBACK),
        _stage(
            "1.10", "64 MiB through", Verdict.SKIPPED, 6, note="behind stage 1.2", duration_s=0.0
        ),
        _stage(
            "1.11",
            "Nothing left behind",
            Verdict.SKIPPED,
            6,
            note="behind stage 1.2",
            duration_s=0.0,
        ),
        _stage(
            "1.14",
            "Whole clusters",
            Verdict.WRONG,
            failure=_drawn("1.14"),
            schedules=12,
            events=1812,
            virtual_s=31.5,
        ),
        _stage("1.12", "--upper", Verdict.PASS, 10, extension=True),
        _stage(
            "1.13",
            "UDP echo server",
            Verdict.SKIPPED,
            10,
            extension=True,
            note="not attempted: as the starter has it",
        ),
    ]
    return result


def all_passed() -> LabResult:
    """A lab without a fault."""
    result = LabResult(2, "An event loop", 7, "namespaces", "", "gcc (Debian 12.2.0-14) 12.2.0")
    result.stages = [
        _stage("2.1", "Timers fire in order", Verdict.PASS, 60, duration_s=0.4),
        _stage("2.2", "A thousand idle connections", Verdict.PASS, 40, duration_s=1.25),
    ]
    return result


def hostile() -> LabResult:
    """A program that prints what might do harm, wherever its words can end up."""
    text, line = visible(HOSTILE), one_line(HOSTILE, 200)
    result = LabResult(1, "A TCP echo server", 7, "limits", line, visible("cc \x1b[31m <b>"))
    failure = _failure(
        "1.1",
        f"an unexpected first line: {line}",
        transcript=[f"echo_server prints: {line}", "[bold]client 1[/bold] connects"],
        diff=_byte_diff(difference(b"\x1b[31m<b>[red]]]>", b"\x1b[31m<i>[red]]]>")),
        diagnosis=f"it says {line}",
        process=line,
        stderr=tail(text, 12),
        output=tail(text, 30),
        hint="[red]Is this red?[/red] <b>Is this bold?</b>",
        repeat="make lab1 STAGE=1.1 WORK='/tmp/\x1b[31m <b> \udcff'",
        trace="/tmp/\x1b[31m/<b>/\udcff.jsonl",
    )
    result.stages = [
        _stage("1.1", "Listens and says so", Verdict.WRONG, failure=failure, unstable=True),
        _stage(
            "1.2",
            "[red]A title[/red] <i>with</i> \u202emarks",
            Verdict.GRADER_ERROR,
            note=HOSTILE.decode("utf-8", "replace"),
        ),
        _stage(
            "1.3", "Every byte value, every size", Verdict.SKIPPED, note="behind [stage] <1.1> \x07"
        ),
    ]
    return result


SAMPLES = {"every-kind": every_kind, "all-passed": all_passed, "hostile": hostile}
