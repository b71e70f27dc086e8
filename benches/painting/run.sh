#!/usr/bin/env bash
# What painting costs: frames of one long stroke on a 24-megapixel picture in a real window of
# 1920×1080, while the engine runs. Also the cold start and the opening of the picture.
#
#   bash benches/painting/run.sh [BINARY] [FRAME_TIMES]
#
# WORK_AREA=1 shows crop box and feather band meanwhile, as the key A does.
# Needs Xvfb, openbox, xdotool and ImageMagick. FRAME_TIMES keeps the program's own lines.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/release/overpaint}")
. benches/window.sh
times=$(realpath "${2:-$work/frames.tsv}")

convert -size 750x500 plasma:tomato-steelblue -seed 1 -resize 6000x4000! \
  -attenuate 0.3 +noise Gaussian -quality 92 "$work/large.jpg"

desktop

began=$(date +%s.%N)
"$binary" --data-dir "$work/data" --frame-times "$times" "$work/large.jpg" &
started+=($!)
window=$(timeout 60 xdotool search --sync --onlyvisible --name 'Overpaint$' | tail -1)
sleep 3
xdotool windowactivate --sync "$window" windowsize "$window" 1920 1080 windowmove "$window" 0 0
sleep 3

# A first dab, so that the runs are of a part; then words, and enough runs for the whole stroke.
xdotool mousemove 600 500 mousedown 1 mousemove 640 520 mouseup 1
sleep 1
xdotool mousemove 1760 200 click 1
sleep 0.5
xdotool type --delay 60 'woman with long hair'
for _ in $(seq 16); do
  xdotool key ctrl+Return
  sleep 0.15
done
sleep 1

if [ -n "${WORK_AREA:-}" ]; then
  xdotool mousemove 640 520 click 2 key a
  sleep 1
fi

# One stroke of 1800 places, sixty a second at most, in a spiral over most of the picture.
stroke_began=$(date +%s.%N)
{
  echo mousemove 840 560
  echo mousedown 1
  awk 'BEGIN { for (i = 0; i < 1800; i++) { a = i / 18; r = 60 + i * 0.2;
    printf "mousemove %d %d\nsleep 0.016\n", 820 + 1.5 * r * cos(a), 560 + r * sin(a) } }'
  echo mouseup 1
} | xdotool -
stroke_ended=$(date +%s.%N)
kill "${started[-1]}"
unset 'started[-1]'

uptime
awk -F '\t' -v began="$began" -v from="$stroke_began" -v to="$stroke_ended" '
  function least(a, b) { return b > 0 && b < a ? b : a }
  NR == 2 { first = $1 + $2 / 1e3 }
  NR > 1 && $5 > 0 && !shown { shown = $1 + $2 / 1e3 }
  NR > 1 && $1 >= from && $1 <= to {
    print least($2, $3), $2, $3, $5 > "/dev/stderr"
    frames++; running += $6; if ($5 > texels) texels = $5
  }
  END {
    printf "cold start to first frame: %.2f s\n", first - began
    printf "picture on the screen: %.2f s after that\n", shown - first
    printf "frames of the stroke: %d in %.1f s, %d while a job ran, at most %d texels sent in one\n", \
      frames, to - from, running, texels
  }' "$times" 2>"$work/stroke"
report() {
  cut -d ' ' -f "$2" "$work/stroke" | sort -g |
    awk -v name="$1" '{ v[NR] = $1 }
      END { printf "%s p50 %.2f, p99 %.2f, max %.2f ms\n", name,
        v[int(NR * 0.5 + 0.5)], v[int(NR * 0.99 + 0.5)], v[NR] }'
}
report 'window (wall clock, without the swap of buffers):' 2
report 'thread (processor time, with swap and events):   ' 3
report 'the smaller of both, a bound of what is asked:   ' 1
