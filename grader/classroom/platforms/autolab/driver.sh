#!/bin/sh
# driver.sh HANDIN: grades an archive that was handed in.  Whatever breaks, an autoresult comes last; one without scores
# leaves what is there as it is.
here=$(cd "$(dirname "$0")" && pwd)
handin=$(pwd)/$1
chmod 700 "$here"

# No variable of the caller's, and no file outside this folder, has a say in what Python runs.
cd "$here" && env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="${HOME:-/tmp}" LANG=C.UTF-8 \
    "${PYTHON:-/opt/echo-to-raft/bin/python}" -m grader.classroom.platforms.in_autolab "$here" "$handin" ||
    printf '\nGRADER-ERROR: the grader did not come to an end\n{"scores": {}}\n'
