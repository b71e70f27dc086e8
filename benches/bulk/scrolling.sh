#!/usr/bin/env bash
# What scrolling through a folder of many pictures costs, in a real window of 1920×1080: frame times, memory, and
# how long it takes until the folder is there.
#
#   PYTHON=python-with-Pillow bash benches/bulk/scrolling.sh [BINARY] [COUNT] [FOLDER]
#
# FOLDER keeps the pictures (made where it is missing). MASKS=1: the recipe selects the subject, so that masks are
# made while one scrolls; else it changes whole pictures. Needs Xvfb, openbox, xdotool and ImageMagick.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/release/overpaint}")
count=${2:-10000}
. benches/window.sh
folder=${3:-$work/pictures}
[ -d "$folder" ] || "${PYTHON:-python3}" benches/bulk/many.py "$folder" "$count"
folder=$(realpath "$folder")
rm -rf "$folder/overpaint"
if [ -n "${MASKS:-}" ]; then
  printf 'version = 1\n[mask]\nselect = "subject"\n[background]\nput = "white"\n' >"$folder/a.overpaint-recipe.toml"
else
  printf 'version = 1\n[edit]\nprompt = "beach"\nstrength = 0.5\n' >"$folder/a.overpaint-recipe.toml"
fi

desktop

began=$(date +%s.%N)
"$binary" --data-dir "$work/data" --frame-times "$work/frames.tsv" "$folder" &
program=$!
started+=($program)
window=$(timeout 60 xdotool search --sync --onlyvisible --name 'Overpaint$' | tail -1)
sleep 2
xdotool windowactivate --sync "$window" windowsize "$window" 1920 1080 windowmove "$window" 0 0
sleep 8
import -silent -window root "${SHOT:-$work/before.png}"
memory_before=$(awk '/VmRSS/ { print $2 }' /proc/$program/status)

# Notch after notch through the first half, then by large jumps of the scroll bar.
scroll_began=$(date +%s.%N)
{
  echo mousemove 800 600
  for _ in $(seq 900); do printf 'click 5\nsleep 0.016\n'; done
} | xdotool -
{
  for y in $(seq 300 20 1040) $(seq 1040 -40 300); do printf 'mousemove 1913 %d\nmousedown 1\nsleep 0.03\nmouseup 1\nsleep 0.1\n' "$y"; done
} | xdotool -
scroll_ended=$(date +%s.%N)
sleep 2
import -silent -window root "${SHOT_AFTER:-$work/after.png}"
awk -v before="$memory_before" '/VmRSS/ { after = $2 } /VmHWM/ { most = $2 }
  END { printf "memory: %.0f MB when the folder was there, %.0f MB after scrolling, %.0f MB at most\n",
    before / 1024, after / 1024, most / 1024 }' /proc/$program/status
kill "$program"

uptime
awk -F '\t' -v began="$began" -v from="$scroll_began" -v to="$scroll_ended" '
  function least(a, b) { return b > 0 && b < a ? b : a }
  NR == 2 { first = $1 + $2 / 1e3 }
  NR > 1 && $1 >= from && $1 <= to { print least($2, $3), $2, $3 > "/dev/stderr"; frames++ }
  END {
    printf "cold start to first frame: %.2f s\n", first - began
    printf "frames while scrolling: %d in %.1f s\n", frames, to - from
  }' "$work/frames.tsv" 2>"$work/scroll"
report() {
  cut -d ' ' -f "$2" "$work/scroll" | sort -g |
    awk -v name="$1" '{ v[NR] = $1; if ($1 > 8) above++ }
      END { printf "%s p50 %.2f, p99 %.2f, max %.2f ms, %d above 8 ms\n", name,
        v[int(NR * 0.5 + 0.5)], v[int(NR * 0.99 + 0.5)], v[NR], above }'
}
report 'window (wall clock, without the swap of buffers):' 2
report 'thread (processor time, with swap and events):   ' 3
report 'the smaller of both, a bound of what is asked:   ' 1
