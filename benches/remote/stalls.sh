#!/usr/bin/env bash
# Whether the window stalls, or loses or leaks something, while a server dies and comes back: a scripted ComfyUI
# (benches/session/comfy.py) is killed (SIGKILL) and started again at N random moments of runs in a real window of
# 1920×1080, in which one paints all the while.
#
#   bash benches/remote/stalls.sh BINARY [N]
#
# Environment: SEED (of the moments; else 1), STEP_SECONDS (of a step there; else 0.05), FRAMES (a file that keeps the
# program's own lines). Needs Xvfb, openbox, xdotool, ImageMagick and python3.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$(realpath "$1")
work=$(mktemp -d)
started=()
trap 'kill "${started[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT

Xvfb -displayfd 9 -screen 0 1920x1080x24 9>"$work/display" 2>/dev/null &
started+=($!)
until [ -s "$work/display" ]; do sleep 0.1; done
export DISPLAY=:$(cat "$work/display")
openbox 2>/dev/null &
started+=($!)
sleep 1
convert -size 400x300 plasma:tomato-steelblue -seed 1 -resize 1600x1200! "$work/picture.png"
python3 -B benches/remote/stalls.py "$binary" "$work" "${2:-100}"
