#!/usr/bin/env bash
# background.sh [WORK]: starts or continues the training at a low priority; run it again after an interruption.
#   look:         tail WORK/train.log
#   pause, go on: kill -STOP / -CONT "$(cat WORK/train.pid)"
#   export:       WORK/venv/bin/python export.py --work WORK OUT_FOLDER
# A work folder of its own starts from the weights beside this folder. DEVICE=cuda for a GPU,
# FILES (4) files of SCENES (8000) pairs of scenes, one more per start. STEPS (45000) is the length of the schedule;
# COARSE (0.45) its share on half-size latents: less where it goes on from good weights;
# with MINUTES the rest of the schedule is done in so many minutes: say how long the machine is yours, and
# export when it ends. NICE (10): how far it stands back behind other programs, -20 to 19; below 0 it goes before them.
# OVERPAINT_BF16=1 computes in bf16, which pays on some processors (README, "Speed on the CPU").
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
length=(--steps "${STEPS:-45000}")
[ -z "${MINUTES:-}" ] || length=(--finish-in "$MINUTES")
cd "$here"
export PYTHONDONTWRITEBYTECODE=1
# Linux shares a processor among sessions first (sched_autogroup), and `nice` orders only within one: so it gets a
# session of its own, and that one the number too.
nohup setsid nice -n "${NICE:-10}" bash -c '
  nice=$1 python=$2 files=$3 scenes=$4 length=$5 amount=$6 coarse=$7; shift 7
  { echo "$nice" >/proc/self/autogroup; } 2>/dev/null || true
  "$python" sprites.py "$@" && "$python" latents.py "$@" --files "$files" --scenes "$scenes" --one &&
    exec "$python" unet.py "$@" --start .. "$length" "$amount" --coarse "$coarse"
' background "${NICE:-10}" "$python" "${FILES:-4}" "${SCENES:-8000}" "${length[@]}" "${COARSE:-0.45}" \
  "${common[@]}" >>"$work/train.log" 2>&1 </dev/null &
echo $! >"$work/train.pid"
echo "started: pid $(cat "$work/train.pid"), log $work/train.log"
