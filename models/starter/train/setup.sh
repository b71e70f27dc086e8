#!/usr/bin/env bash
# setup.sh [WORK]: Python packages (WORK/venv) and npm packages (WORK/node_modules) of the training.
# WORK defaults to ~/.cache/overpaint-starter. Nothing is written into the repository.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=${1:-$HOME/.cache/overpaint-starter}
mkdir -p "$work" && work=$(cd "$work" && pwd)
[ -x "$work/venv/bin/python" ] || python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet -r "$here/requirements.txt"
[ -f "$work/package.json" ] || cp "$here/package.json" "$work/"
[ -d "$work/node_modules/@dicebear/core" ] || npm --prefix "$work" install --silent
