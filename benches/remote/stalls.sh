#!/usr/bin/env bash
# Whether the window stalls, or loses or leaks something, while a server dies and comes back: a scripted ComfyUI
# (benches/session/comfy.py) is killed (SIGKILL) and started again at N random moments of runs in a real window of
# 1920×1040, in which one paints all the while.
#
#   bash benches/remote/stalls.sh BINARY [N]
#
# Environment: SEED (of the moments; else 1), STEP_SECONDS (of a step there; else 0.05), PICTURE (its size; else
# 1600x1200), FRAMES (a file that keeps the program's own lines), SHOTS (a folder for the window after each phase).
# Needs Xvfb, openbox, xdotool, ImageMagick and python3.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$(realpath "$1")
. benches/window.sh

desktop
convert -size 400x300 plasma:tomato-steelblue -seed 1 -resize "${PICTURE:-1600x1200}!" "$work/picture.png"
python3 -B benches/remote/stalls.py "$binary" "$work" "${2:-100}"
