"""Lab 1, extensions: upper case, and a client of the student's own."""

from __future__ import annotations

from grader.labs.conversations import converse, from_a_pipe, server_leaves, through_faults
from grader.labs.endpoint import Listener, loopback_hosts
from grader.labs.lab1.stages_echo import echo_server
from grader.labs.scenes import MIB, expect_echo
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
from grader.labs.terminal import Terminal
from grader.labs.usage import expect_usage, require_known
from grader.verdicts import Diagnosis, StageFailure


@stage(
    "1.14",
    "Upper case on demand",
    points=10,
    see="lab1#upper",
    source="RFC 20 (ASCII)",
    extension=True,
)
def test_upper(attempt: Attempt) -> None:
    """With --upper the server turns ASCII a to z into A to Z and leaves every other byte; without
    it, all bytes.
    """
    require_known(attempt, "echo_server", "--upper", otherwise="echo_server knows no --upper")
    server = Server(attempt, "echo_server", "--port", "0", "--upper", name="echo_server --upper")
    client = server.connect()
    for data in (
        b"hello, World 123\n",
        bytes(range(256)),
        "straße, ÿ".encode(),
        "na\xefve".encode("latin-1"),
    ):
        client.send(data)
        client.expect(data.upper(), "the echo in upper case")  # bytes.upper is ASCII only
    for byte in b"cut in pieces":
        client.send(bytes([byte]))
        client.expect(bytes([byte]).upper(), "the echo in upper case")
    data = attempt.random().bytes(MIB)
    client.send(data)
    client.finish_sending()
    client.expect(data.upper(), "the echo in upper case")
    client.expect_end()
    expect_echo(echo_server(attempt).connect(), b"as it is")


@stage(
    "1.15",
    "A client: both directions at once",
    points=10,
    see="lab1#client",
    source="RFC 9293, section 3.6; shutdown(2)",
    extension=True,
    program="echo_client",
    seconds=20,
)
def test_client(attempt: Attempt) -> None:
    """echo_client copies its input to the server and what comes back to its output, both at once;
    at the end of its input it half-closes, prints what still comes, and exits with 0 when the
    server closes. Anything else is status 1.
    """
    listener = Listener(attempt)
    converse(attempt, "echo_client", listener)
    through_faults(attempt, "echo_client", listener)
    from_a_pipe(attempt, "echo_client", listener)
    server_leaves(attempt, "echo_client", listener)
    expect_usage(
        attempt,
        "echo_client",
        [],
        ["127.0.0.1"],
        ["--nonsense", "127.0.0.1", "7"],
        ["127.0.0.1", "7", "8"],
    )


@stage(
    "1.16",
    "A client: names and addresses",
    points=10,
    see="lab1#names",
    source="getaddrinfo(3); RFC 6724",
    extension=True,
    program="echo_client",
)
def test_names(attempt: Attempt) -> None:
    """echo_client takes a name or a number, and tries every address of a name, IPv6 and IPv4, until
    one answers. Where none does, or the name is unknown, it says so and exits with 1.
    """
    for family, hosts in loopback_hosts(attempt.sandbox.in_namespaces):
        listener = Listener(attempt, family)
        for host in hosts:
            terminal = Terminal(attempt, "echo_client", host, str(listener.port))
            try:
                server = listener.accept()
            except StageFailure as failure:
                failure.diagnosis = Diagnosis(
                    "one-address-only",
                    f"{host} has an address that answers: {hosts[0]}. Is each address tried, IPv6 "
                    "and IPv4?",
                )
                raise
            terminal.keyboard.send(b"hello")
            server.expect(b"hello", "the client's input")
            server.send(b"hello yourself")
            terminal.keyboard.expect(b"hello yourself", "the server's bytes")
            terminal.keyboard.finish_sending()
            server.expect_end()
            server.finish_sending()
            terminal.expect_status(0, "all was sent, and the server closed")
        listener.close()
        nobody = Terminal(attempt, "echo_client", "localhost", str(listener.port))
        nobody.expect_status(1, "nobody listens on that port", words=True)
    unknown = Terminal(attempt, "echo_client", "no." + "x" * 70, "7")
    unknown.expect_status(1, "the name can't be resolved", words=True)
