"""What a run of class mode leaves behind is seen, whatever it is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from grader.selftest.class_of import traces
from grader.selftest.class_of.archives import MARK
from grader.selftest.harness import require

# Sees what was there, leaves something, and says whether that is found, and nothing else.
PROGRAM = """
import os, socket, subprocess, sys
from pathlib import Path
from grader.selftest.class_of import traces
from grader.selftest.class_of.archives import MARK
traces.alone()
traces.adopt()
traces._ENDING_SECONDS = 0.5
before = traces.seen(busy=True)
kept = []
LEAVE
found = traces.left(before, Path("/tmp/ours"), busy=True)
print(found)
sys.exit(not (len(found) == 1 and WORD in found[0] if WORD else not found))
"""

DAEMON = "subprocess.run(['sh', '-c', 'setsid sleep 100 &'], start_new_session=True)"
CASES = {
    "nothing": ("pass", ""),
    "own folder": ("Path('/tmp/ours').mkdir(); Path('/tmp/ours/file').touch()", ""),
    "daemon": (DAEMON, "process"),
    "file": ("Path('/tmp/left').touch()", "/tmp/left"),
    "hidden file": ("Path('/dev/shm/.left').touch()", "/dev/shm/.left"),
    "listener": ("kept.append(socket.create_server(('127.0.0.1', 4321)))", "tcp 0100007F:10E1"),
    "unix socket": ("s = socket.socket(socket.AF_UNIX); s.bind('\\0left')", "unix @left"),
    "mount": ("subprocess.run(['mount', '--bind', '/usr', '/mnt'], check=True)", "mount /mnt"),
    "queue": ("subprocess.run(['ipcmk', '-Q'], check=True)", "msg"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_left_is_seen(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    require("unshare", traces.can_be_alone())
    leave, word = CASES[name]
    program = PROGRAM.replace("LEAVE", leave).replace("WORD", repr(word))
    assert traces.run_alone([sys.executable, "-c", program]) == 0, capfd.readouterr()


def test_a_cgroup_is_seen(tmp_path: Path) -> None:
    (tmp_path / "pids" / "of-others").mkdir(parents=True)
    (tmp_path / "pids" / f"echo-to-raft-{os.getpid()}").mkdir()
    assert traces.cgroups(tmp_path) == set()
    (tmp_path / "pids" / "echo-to-raft-999999999").mkdir()
    assert traces.cgroups(tmp_path) == {f"cgroup {tmp_path}/pids/echo-to-raft-999999999"}


def test_harm_is_found_wherever_it_came_out(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert traces.marked(tmp_path) == []
    (tmp_path / "a" / f"x{MARK}").touch()
    assert traces.marked(tmp_path) == [str(tmp_path / "a" / f"x{MARK}")]
