#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image of the assignment.  Other images name another place.
set -euo pipefail
source=${AUTOGRADER:-/autograder}/source
venv=${VENV:-$source/.venv}
requirements=${REQUIREMENTS:-$source/grader/requirements/platform.txt}
export DEBIAN_FRONTEND=noninteractive

install() { apt-get install --yes --quiet --no-install-recommends "$@"; }
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

apt-get update --quiet
install bubblewrap ca-certificates gcc libc6-dev make python3 python3-venv util-linux

# An image may have an older Python as its own, and a newer one beside it: Ubuntu 22.04 does.
python=python3
for version in 3.13 3.12 3.11; do
    new_enough "$python" && break
    install "python$version" "python$version-venv" && python=python$version
done
new_enough "$python" || { echo "setup.sh: no Python 3.11 or later: choose a newer base image" >&2; exit 1; }

"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$requirements"

# Students' programs run under a user id of their own, which must read nothing there.
if [ -d "$source" ]; then chmod 700 "$source"; fi
