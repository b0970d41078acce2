"""The HTTP server of lab 2 with clients that others wrote: curl and wrk."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.selftest.harness import ROOT, require

IDLE = 1000
SIZE = 100 << 20  # bytes of the large file
SECONDS = 60  # for one command; far above what any needs


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference's programs, by the labs' own rules, without sanitizers."""
    tree = tmp_path_factory.mktemp("http")
    for name in ("include", "host", "lab.mk"):
        (tree / name).symlink_to(ROOT / "labs" / name)
    for name in ("lab1-echo", "lab2-loop"):
        (tree / name).symlink_to(ROOT / "solutions" / name)
    targets = ["plain/http_server", "plain/http_get"]
    command = ["make", "-s", "-j2", "-f", "lab.mk", "BUILD=plain", *targets]
    subprocess.run(command, cwd=tree, check=True, timeout=SECONDS)
    return tree / "plain"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with a few files."""
    folder = tmp_path / "site"
    (folder / "docs").mkdir(parents=True)
    (folder / "hello.txt").write_text("hello, world\n")
    (folder / "empty.txt").touch()
    (folder / "index.html").write_text("<p>the index\n")
    (folder / "docs" / "a b.bin").write_bytes(bytes(range(256)) * 1000)
    return folder


@contextlib.contextmanager
def serving(built: Path, site: Path, backend: str = "epoll") -> Iterator[str]:
    """Yields the URL of the server's root."""
    command = [str(built / "http_server"), "--backend", backend, "--root", str(site), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            assert line.startswith("listening on 127.0.0.1:"), line
            yield f"http://{line.split()[-1]}"
            assert server.poll() is None, "the server has ended"
        finally:
            server.kill()


def run(*command: str | Path) -> bytes:
    """What the command prints; it has to succeed."""
    done = subprocess.run(command, capture_output=True, timeout=SECONDS)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def curl(*args: str | Path) -> bytes:
    require("curl", shutil.which("curl") is not None)
    return run("curl", "--silent", "--show-error", *args)


@pytest.mark.parametrize("backend", ["select", "epoll", "poll", "edge"])
def test_curl_fetches_files_over_one_connection(built: Path, site: Path, backend: str) -> None:
    with serving(built, site, backend) as url:
        urls = [f"{url}/hello.txt", f"{url}/docs/a%20b.bin", f"{url}/empty.txt", f"{url}/"]
        again = curl("--fail", "--write-out", "%{stderr}%{num_connects} ", *urls)
        assert again == b"".join(
            (site / name).read_bytes()
            for name in ("hello.txt", "docs/a b.bin", "empty.txt", "index.html")
        )
        form = "%{http_code} %{num_connects}\n"
        said = curl("--output", "/dev/null", "--write-out", form, urls[0], "--next", "--silent",
                    "--output", "/dev/null", "--write-out", form, f"{url}/nothing")  # fmt: skip
        assert said == b"200 1\n404 0\n"


def test_curl_asks_for_heads_and_gets_errors(built: Path, site: Path) -> None:
    def status(*args: str) -> bytes:
        return curl("--output", "/dev/null", "--write-out", "%{http_code}", *args)

    with serving(built, site) as url:
        head = curl("--head", f"{url}/docs/a%20b.bin").decode()
        assert re.search(r"^content-length: 256000\r$", head, re.MULTILINE | re.IGNORECASE)
        assert status("--http1.0", f"{url}/hello.txt") == b"200"
        assert status("--data", "x=1", f"{url}/hello.txt") == b"405"
        assert status("--path-as-is", f"{url}/../../etc/passwd") == b"404"
        assert status("--header", "Transfer-Encoding: chunked", "--data", "x", f"{url}/") >= b"400"
        assert status("--header", f"X: {'x' * 9000}", f"{url}/") == b"431"


def test_a_large_file_is_unharmed_while_a_thousand_connections_idle(
    built: Path, site: Path, tmp_path: Path
) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    require("descriptors", hard == resource.RLIM_INFINITY or hard >= IDLE + 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    piece = os.urandom(1 << 20)
    with (site / "large.bin").open("wb") as file:
        for _ in range(SIZE >> 20):
            file.write(piece)
            piece = piece[1:] + piece[:1]
    with serving(built, site) as url, contextlib.ExitStack() as crowd:
        port = int(url.rpartition(":")[2])
        for _ in range(IDLE):
            crowd.enter_context(socket.create_connection(("127.0.0.1", port)))
        curl("--output", tmp_path / "copy", f"{url}/large.bin")
        run("cmp", site / "large.bin", tmp_path / "copy")
        (tmp_path / "copy").unlink()
        with (tmp_path / "copy").open("wb") as copy:
            command = [str(built / "http_get"), f"{url}/large.bin"]
            assert subprocess.run(command, stdout=copy, timeout=SECONDS).returncode == 0
        run("cmp", site / "large.bin", tmp_path / "copy")
    (site / "large.bin").unlink()


@pytest.mark.parametrize("name", ["hello.txt", "docs/a%20b.bin"])
def test_wrk_finds_no_fault(built: Path, site: Path, name: str) -> None:
    require("wrk", shutil.which("wrk") is not None)
    with serving(built, site) as url:
        said = run("wrk", "-t1", "-c50", "-d1s", f"{url}/{name}").decode()
    assert "Socket errors" not in said and "Non-2xx" not in said, said
    requests = re.search(r"(\d+) requests in", said)
    assert requests is not None and int(requests[1]) > 50, said
