#!/usr/bin/env bash
# background.sh [WORK]: starts or continues the training at the lowest priority; run it again after an interruption.
#   look:         tail WORK/train.log
#   pause, go on: kill -STOP / -CONT "$(cat WORK/train.pid)"
#   export:       WORK/venv/bin/python export.py --work WORK OUT_FOLDER
# A work folder of its own starts from the weights beside this folder. DEVICE=cuda for a GPU,
# FILES (4) files of 40,000 scenes, one more per start, STEPS (45000) the length of the schedule.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=${1:-$HOME/.cache/overpaint-starter}
mkdir -p "$work" && work=$(cd "$work" && pwd)
if [ -f "$work/train.pid" ] && kill -0 "$(cat "$work/train.pid")" 2>/dev/null; then
  echo "already running: pid $(cat "$work/train.pid")"
  tail -n 1 "$work/train.log"
  exit 0
fi
[ -x "$work/venv/bin/python" ] && [ -d "$work/node_modules" ] || bash "$here/setup.sh" "$work"
[ -d "$work/vae" ] || cp -r "$here/../vae" "$work/vae"
common=(--work "$work" --device "${DEVICE:-cpu}")
python=$work/venv/bin/python
cd "$here"
export PYTHONDONTWRITEBYTECODE=1
nohup nice -n 19 bash -c '
  python=$1 files=$2 steps=$3; shift 3
  "$python" sprites.py "$@" && "$python" latents.py "$@" --files "$files" --one &&
    exec "$python" unet.py "$@" --start .. --steps "$steps"
' background "$python" "${FILES:-4}" "${STEPS:-45000}" "${common[@]}" >>"$work/train.log" 2>&1 </dev/null &
echo $! >"$work/train.pid"
echo "started: pid $(cat "$work/train.pid"), log $work/train.log"
