"""What outlives its keeper is ended, however fast it grows."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from grader.run.orphans import kill_families
from grader.selftest.harness import ROOT, require

_UID, _MOST = 32777, 60  # a user of its own, and its processes

BOMB = """
#include <unistd.h>
int main(int argc, char **argv)
{
    (void)argc;
    for (;;)
        if (vfork() == 0) {
            execv("/proc/self/exe", argv);
            _exit(1);
        }
}
"""

GRADER = """
import os, resource, subprocess, sys
sys.path.insert(0, sys.argv[2])
from grader.classroom import supervisor
from grader.run import orphans, procinfo
orphans.adopt_orphans(0)
os.setgroups([]); os.setgid(UID); os.setuid(UID)
resource.setrlimit(resource.RLIMIT_NPROC, (MOST, MOST))
subprocess.Popen([sys.argv[1]])
while len(procinfo.tree(os.getpid())) < MOST // 2:
    pass
os.nice(8)  # as on a machine that has no processor to spare
END
print(procinfo.children(os.getpid()))
""".replace("UID", str(_UID)).replace("MOST", str(_MOST))


@pytest.mark.parametrize("end", ["orphans.kill_orphans()", "supervisor.reap(0.0)"])
def test_a_bomb_without_a_keeper_is_ended(end: str) -> None:
    require("ordinary-user", os.getuid() == 0)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        bomb = f"{folder}/bomb"
        Path(f"{bomb}.c").write_text(BOMB)
        subprocess.run(["cc", "-o", bomb, f"{bomb}.c"], check=True)
        command = [sys.executable, "-I", "-c", GRADER.replace("END", end), bomb, str(ROOT)]
        grader = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert grader.communicate(timeout=120)[0] == "[]\n"
        finally:
            kill_families([grader.pid])
