#!/usr/bin/env bash
# Makes the peers' own Python environment outside of the checkout and prints its interpreter.
#
#   bash benches/peers/setup.sh [FOLDER] [SITE-PACKAGES]
#
# FOLDER: ~/.cache/overpaint-peers. SITE-PACKAGES: those of an environment that already has torch,
# diffusers and transformers; they are used instead of being downloaded again.
set -euo pipefail
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/overpaint-peers}
site=${2:-}
python=$folder/venv/bin/python
[ -x "$python" ] || "${PYTHON:-python3}" -m venv "$folder/venv"
if [ -n "$site" ]; then
  own=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
  realpath "$site" >"$own/borrowed.pth"
fi
wanted=()
for package in torch diffusers transformers safetensors numpy openvino; do
  "$python" -c "import $package" 2>/dev/null || wanted+=("$package")
done
if [ ${#wanted[@]} -gt 0 ]; then
  "$python" -m pip install --quiet --disable-pip-version-check "${wanted[@]}" >&2
fi
echo "$python"
