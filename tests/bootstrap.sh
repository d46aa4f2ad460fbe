#!/usr/bin/env bash
# Make .venv with the pinned dependencies. Needs only Python 3.11 or later.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
say() { printf '%s\n' "$*" >&2; }

command -v "$python" >/dev/null || { say "lbctl needs Python 3.11 or later. On Debian: apt-get install python3 python3-venv"; exit 1; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    say "$python is $("$python" -V 2>&1); lbctl needs Python 3.11 or later. Name one: make PYTHON=python3.13 ..."; exit 1; }

# Debian ships venv and pip apart from Python.
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "installing python3-venv"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends python3-venv >/dev/null
    else
        say "$python has no venv module. On Debian, as root: apt-get install python3-venv"; exit 1
    fi
fi

say "making .venv and installing the pinned dependencies"
rm -rf .venv
"$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
