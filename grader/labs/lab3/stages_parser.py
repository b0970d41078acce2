"""Lab 3, the parser and the encoders, without a server around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.labs.cases import for_all
from grader.labs.lab3.malformed import NO_REPLIES, NO_REQUESTS
from grader.labs.lab3.parser import MORE, NO_MEMORY, RESULTS, Parser, Value, encoded
from grader.labs.scenes import MIB
from grader.labs.stage import Attempt, stage
from grader.run.sandbox import ENVIRONMENT
from grader.verdicts import Diagnosis, StageFailure, fail
from grader.wire import guess, resp
from grader.wire.annotate import quoted
from grader.wire.diff import difference

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

# Sizes around those of buffers.
EDGES = [
    size + off
    for size in (1 << 10, 1 << 12, 1 << 13, 1 << 14, 1 << 16)
    for off in (-7, -2, -1, 0, 1, 2)
]
GET: list[Value] = [[b"GET", b"k"]]


def requests(values: list[Value]) -> bytes:
    return b"".join(resp.encode_request(value) for value in values if isinstance(value, list))


def bytewise(data: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in data]


@stage("3.1", "One request", points=8, see="lab3#request", source="PROTOCOL, section 1")
def test_one_request(attempt: Attempt) -> None:
    """A request is an array of words: the parser finds them, how many they are, and how many bytes
    the request took.
    """
    parser = Parser(attempt)
    for words in (
        [b"GET", b"k"],
        [b"SET", b"CS06142", b"Cloud", b"Computing"],
        [b"DEL"],
        [b"twelve bytes", b"x" * 100, b"and", b"a", b"few", b"more"],
        [str(number).encode() for number in range(1234)],
    ):
        parser.new()
        parser.expect([resp.encode_request(words)], [words])


@stage(
    "3.2", "Cut anywhere", points=10, see="lab3#pieces", source="RFC 9293, section 3.8", seconds=60
)
def test_pieces(attempt: Attempt) -> None:
    """TCP carries bytes, not requests: a piece may end anywhere, between CR and LF too. A beginning
    is no error, and a request is found with its last byte.
    """
    parser = Parser(attempt)
    values: list[Value] = [[b"SET", b"key", b"", b"\r\n"], [b"GET", b"k" * 12]]
    data = requests(values)
    for at in range(1, len(data)):
        parser.new()
        parser.expect([data[:at], data[at:]], values)
    parser.new()
    parser.expect(bytewise(data), values)
    random = attempt.random("pieces")
    for _ in range(100):
        cuts = sorted({random.below(len(data)) for _ in range(random.between(2, 9))} | {0})
        pieces = [data[a:b] for a, b in zip(cuts, [*cuts[1:], len(data)], strict=True)]
        parser.new()
        parser.expect(pieces, values)


@stage(
    "3.3", "Glued together", points=8, see="lab3#glued", source="PROTOCOL, section 1", seconds=60
)
def test_glued(attempt: Attempt) -> None:
    """One piece may hold many requests, and a part of the next: all that are whole are found, the
    rest waits for more.
    """
    parser = Parser(attempt)
    many: list[Value] = [[b"GET", b"%d" % number] for number in range(300)]
    parser.expect([requests(many)], many)
    parser.new()
    three: list[Value] = [[b"SET", b"a", b"1"], [b"GET", b"a"], [b"DEL", b"a"]]
    data = requests(three)
    for at in range(1, len(data)):
        parser.new()
        parser.expect([data + data[:at], data[at:] + data], [*three, *three, *three])
    large: list[Value] = [[b"DEL", *[b"key"] * 20_000], [b"GET", b"k"]]
    parser.new()
    parser.expect([requests(large), requests(large)], large * 2)
    for_all(attempt, _cut_requests(), lambda case: found_in_pieces(parser, *case), count=150)


def found_in_pieces(parser: Parser, values: list[Value], size: int) -> None:
    """In pieces of that many bytes."""
    data = requests(values)
    parser.new()
    parser.expect([data[at : at + size] for at in range(0, len(data), size)], values)


def _cut_requests() -> SearchStrategy[tuple[list[Value], int]]:
    from hypothesis import strategies

    words = strategies.lists(strategies.binary(max_size=30), max_size=5)
    values: SearchStrategy[list[Value]] = strategies.lists(words, min_size=1, max_size=6)
    return strategies.tuples(values, strategies.integers(1, 50))


@stage(
    "3.4",
    "Any bytes, any size",
    points=8,
    see="lab3#binary",
    source="PROTOCOL, section 1",
    seconds=60,
)
def test_binary(attempt: Attempt) -> None:
    """Words may hold NUL, CR and LF, look like RESP, be empty, or end where a buffer does: the
    length says where they end, and nothing else does.
    """
    parser = Parser(attempt)
    for word in (
        b"", b"\0", b"\r\n", b"\r", b"\n", b"a\r\nb", b"$3\r\nfoo\r\n", b"*1\r\n", b"nil", b" ",
        bytes(range(256)), b"\xff" * 9, b"\0" * 300,
    ):  # fmt: skip
        words = [b"SET", word, word, b"end"]
        parser.new()
        parser.expect([resp.encode_request(words)], [words])
        parser.new()
        parser.expect(bytewise(resp.encode_request(words)), [words])
    random = attempt.random("sizes")
    for size in EDGES:
        words = [b"SET", b"k", random.bytes(size)]
        data = resp.encode_request(words)
        parser.new()
        parser.expect([data[at : at + 4096] for at in range(0, len(data), 4096)], [words])
    nothing: list[Value] = [[], [b""], [], [b"GET", b""]]
    parser.new()
    parser.expect([requests(nothing)], nothing)


@stage(
    "3.5",
    "Bytes that break the framing",
    points=10,
    see="lab3#errors",
    source="PROTOCOL, section 1",
    seconds=60,
)
def test_errors(attempt: Attempt) -> None:
    """They are an error, at the latest at the CR LF or the 33rd byte of the bad line (its type byte
    counts), and behind a word at the first wrong byte; however they are cut. Requests before them
    are found; the error stays.
    """
    parser = Parser(attempt)
    parser.expect([requests(GET)], GET)
    for bad, due, why in NO_REQUESTS:
        for good in ([], GET):
            parser.expect_error(good, bad, due, why)


@stage(
    "3.6",
    "Limits and memory",
    points=8,
    see="lab3#limits",
    source="PROTOCOL, section 1",
    seconds=60,
)
def test_limits(attempt: Attempt) -> None:
    """A length beyond its limit is an error when its line ends. One within it takes no memory until
    the bytes come: ten bytes that announce a gigabyte cost nothing. A word costs 16 times its bytes
    at most, nothing of it is left later, and where there is no memory the parser says so.
    """
    parser = Parser(attempt)
    parser.expect([requests(GET)], GET)
    for bad, why in (
        (b"*1048577\r\n", "an array of 1,048,577 words"),
        (b"*1\r\n$536870913\r\n", "a word of 512 MiB and a byte"),
        (b"*2305843009213693955\r\n", "a count that overflows when it is multiplied by 8"),
        (b"*1\r\n$18446744073709551615\r\n", "a length of 2^64 - 1"),
        (b"*1\r\n$4294967295\r\n", "a length of 2^32 - 1"),
        (b"*1\r\n$2147483648\r\n", "a length of 2^31"),
    ):
        parser.expect_error([], bad, len(bad), why)
    plain = Parser(attempt, build="plain")
    for announced in (
        b"*1048576\r\n",
        b"*1048576\r\n$1\r\nx\r\n",
        b"*2\r\n$536870912\r\n",
        b"*2\r\n$536870912\r\nfoo",
    ):
        expect_announcement_free(plain, announced)
    expect_all_freed(plain)  # before a large block leaves the heap room that hides a leak
    expect_most_words(plain)
    expect_no_memory_told(attempt)


def expect_announcement_free(parser: Parser, announced: bytes) -> None:
    """It is a legal beginning, and costs no memory, neither used nor reserved."""
    parser.new()
    parser.expect([requests(GET)], GET)
    before = parser.driver.memory(), parser.address_space()
    if parser.feed(announced).result != MORE:
        fail(
            f"{quoted(announced)} is within the limits, and refused",
            Diagnosis("limit-too-low", "1,048,576 words, 512 MiB a word"),
        )
    reserved = parser.address_space() - before[1]
    if reserved > MIB:
        fail(f"{quoted(announced)} takes {reserved >> 20} MiB of memory", ANNOUNCED)
    parser.driver.expect_memory(before[0], MIB, quoted(announced))


ANNOUNCED = Diagnosis("memory-announced", "memory is for what came, not for what was announced")


def most_words() -> bytes:
    """The request of as many empty words as there may be."""
    return b"*1048576\r\n" + b"$0\r\n\r\n" * (1 << 20)


def expect_most_words(parser: Parser) -> None:
    """As many empty words as there may be cost 16 times their bytes at most; the driver holds these
    four times.
    """
    request = most_words()
    parser.new()
    before = parser.driver.memory()
    parser.feed(request[:-1], growing=True)
    grown = parser.driver.memory() - before
    if grown > (16 + 4) * len(request):
        fail(
            f"{len(request) >> 20} MiB of empty words take {grown >> 20} MiB of memory",
            Diagnosis("memory-a-word", "a word may cost 16 times the bytes that it came in"),
        )
    parser.new()
    parser.expect([request + requests(GET)], [[b""] * (1 << 20), *GET], growing=True)


def expect_all_freed(parser: Parser) -> None:
    """Neither requests nor parsers leave memory behind."""
    small, large = requests(GET), requests([[b"word"] * 2000])

    def use(times: int) -> None:
        parser.new()
        parser.parse_again(small, 1000 * times)
        parser.parse_again(large, 10 * times)
        for _ in range(times):
            parser.new()
            parser.feed(large[:-1])

    use(5)
    before = parser.driver.memory()
    use(100)
    grown = parser.driver.memory() - before
    if grown > MIB:
        fail(
            f"100,000 small requests, 1,000 large ones and 100 parsers leave {grown >> 20} MiB",
            Diagnosis("memory-leak", "what a request or a parser had is freed with it"),
        )


def expect_no_memory_told(attempt: Attempt) -> None:
    """A parser that gets no block of 10 MiB says so, and may be asked again."""
    parser = Parser(attempt, environment={"ASAN_OPTIONS": NO_LARGE_BLOCKS})
    result = parser.feed(most_words()[:-1], growing=True).result
    again = parser.feed(b"", growing=True).result
    if not {result, again} <= {MORE, NO_MEMORY}:
        fail(
            f"malloc() gives no block of 10 MiB: {RESULTS[result]}, and for the same window again "
            f"{RESULTS[again]}",
            Diagnosis("no-memory-spoils", "RESP_NO_MEMORY, after which the call may be made again"),
        )


NO_LARGE_BLOCKS = (
    f"{ENVIRONMENT['ASAN_OPTIONS']}:max_allocation_size_mb=10:allocator_may_return_null=1"
)


@stage("3.7", "Linear time", points=6, see="lab3#linear", source="PROTOCOL, section 1", seconds=60)
def test_linear(attempt: Attempt) -> None:
    """Eight times the bytes take about eight times the time, whether they are one word or many, and
    however they are cut: the parser goes on where it was.
    """
    parser = Parser(attempt, build="plain")
    for what, make, step, size in (
        ("one word in pieces of 1 KiB", _one_word, 1024, 8 * MIB),
        ("small words in pieces of 1 KiB", _small_words, 1024, 8 * MIB),
        ("one word, byte by byte", _one_word, 1, MIB // 2),
        ("many requests in one piece", _small_requests, 64 * MIB, 8 * MIB),
    ):
        parser.expect_linear(what, make(size // 8), make(size), step)


def _one_word(size: int) -> bytes:
    return resp.encode_request([b"SET", b"k", b"x" * size])


def _small_words(size: int) -> bytes:
    return resp.encode_request([b"SET", *[b"0123"] * (size // 10)])


def _small_requests(size: int) -> bytes:
    return resp.encode_request([b"GET", b"0123456789"]) * (size // 30)


@stage(
    "3.8", "Replies, written", points=6, see="lab3#encode", source="PROTOCOL, section 1", seconds=60
)
def test_encode(attempt: Attempt) -> None:
    """An array and an integer as bytes, exactly; into a buffer of just that size, and nothing at
    all into one that is smaller. The whole size is returned in both cases.
    """
    parser = Parser(attempt)
    for words in (
        [], [b""], [b"", b""], [b"nil"], [b"Cloud", b"Computing"], [bytes(range(256))] * 3,
        [b"x" * 10_000] * 1000, [b"y"] * 100_000,
        *[[b"z" * size] for size in (9, 10, 99, 100, 999, 1000)],
    ):  # fmt: skip
        expect_written(parser.write_array, words, resp.encode_request(words))
    for number in (0, 1, -1, 9, 10, -10, 2147483648, -2147483649, (1 << 63) - 1, -(1 << 63)):
        expect_written(parser.write_integer, number, b":%d\r\n" % number)


WRITTEN_TOO_FAR = Diagnosis("written-too-far", "what does not fit as a whole is not written at all")
UNWRITTEN = b"\xa5"


def _why_other(expected: bytes, block: bytes) -> Diagnosis:
    written = block.rstrip(UNWRITTEN)
    if not written:
        return Diagnosis("reply-bytes", "the buffer is as it was: nothing was written")
    otherwise = Diagnosis("reply-bytes", "type byte, length, CR LF, data, CR LF")
    return guess.cause(expected, written, "replies") or otherwise


def expect_written(write: object, value: object, expected: bytes) -> None:
    """For rooms that are large, just enough, one too small, and none."""
    for room in (len(expected) + 9, len(expected), len(expected) - 1, 0):
        size, block = write(value, room)  # type: ignore[operator]
        fits = room >= len(expected)
        written = expected if fits else b""
        found = difference(written.ljust(room, UNWRITTEN), block, "the buffer ends")
        if found is not None:
            raise StageFailure(
                f"into a buffer of {room} bytes"
                + ("" if fits else f", too small for {len(expected)}"),
                difference=found,
                diagnosis=_why_other(expected, block) if fits else WRITTEN_TOO_FAR,
            )
        if size != len(expected):
            fail(
                f"into a buffer of {room} bytes: {len(expected)} bytes are the whole, and {size} "
                "is returned",
                Diagnosis("wrong-size", "the whole size is returned, whether it fits or not"),
            )


@stage(
    "3.9", "Replies, read", points=8, see="lab3#decode", source="PROTOCOL, section 1", seconds=60
)
def test_decode(attempt: Attempt) -> None:
    """A client reads texts, errors, integers and arrays, cut anywhere and glued; what is no reply
    is refused, no later than in a request.
    """
    parser = Parser(attempt, "replies")
    data = b"".join(map(encoded, REPLIES))
    parser.expect([data], REPLIES)
    parser.new()
    parser.expect(bytewise(data), REPLIES)
    for value in REPLIES[:-1]:
        data = encoded(value)
        for at in range(1, len(data)):
            parser.new()
            parser.expect([data[:at], data[at:]], [value])
    ok: list[Value] = [("+", b"OK")]
    for bad, due, why in NO_REPLIES:
        for good in ([], ok):
            parser.expect_error(good, bad, due, why)


REPLIES: list[Value] = [
    ("+", b"OK"), ("-", b"ERROR"), ("+", b"TRYAGAIN"), ("+", b"MOVED 2"), ("+", b""), ("-", b""),
    ("+", b"a\nb"), ("+", b"a\rb"), ("-", b"\r"), ("+", b"a\0b"),
    0, 1, -1, 2147483648, -2147483649, (1 << 63) - 1, -(1 << 63),
    [], [b""], [b"nil"], [b"Cloud", b"Computing"], [b"\r\n", b":1\r\n", b"+OK\r\n"],
    ("+", b"x" * 5000),
]  # fmt: skip
