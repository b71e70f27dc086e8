#!/usr/bin/env bash
# The whole loop in a real window, by mouse and keyboard, with the built-in model: first start, guide,
# brush, lasso, invert, Generate with preview, strength comparison, accept, hide layer, undo, save,
# kill -9, restore, export. Every step is checked; the first that fails says so and ends with 1.
#
#   bash benches/session/run.sh [BINARY] [OUT_FOLDER]
#
# Environment: SIZE=1280x720 (of the screen), THEME=dark|light, LANGUAGE_OF_UI=en|zh-TW.
#   STORY=session|results|tutorial|getting|owned|batch|servers: which file of this folder is played. results: nothing is destroyed, and tomorrow it
#   opens as it was left; tutorial: the five tasks of the tutorial on a photograph; getting: from no model to a picture
#   (MODEL_FOLDER: a small diffusers folder that stands for Stable Diffusion 1.5; SAM_FOLDER: one with MobileSAM's file);
#   owned: with the models of other programs; batch: a folder through all its phases; servers: with
#   models of a ComfyUI (a scripted one, or the real one at COMFY_URL with COMFY_MODEL).
# OUT_FOLDER keeps a screenshot of every step.
# Needs Xvfb, openbox, xdotool, ImageMagick, and for the accessibility tree, by which controls are
# found: dbus, at-spi2-core, python3-gi, gir1.2-atspi-2.0.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/release/overpaint}")
out=${2:-$(mktemp -d)}
mkdir -p "$out"
out=$(realpath "$out")
. benches/window.sh

display "${SIZE:-1280x720}"
# No title bars: the window is as large as the screen.
mkdir "$work/openbox"
cat >"$work/openbox/rc.xml" <<'XML'
<openbox_config xmlns="http://openbox.org/3.4/rc"><applications>
<application class="*"><decor>no</decor><maximized>yes</maximized></application>
</applications><mouse></mouse></openbox_config>
XML
openbox --config-file "$work/openbox/rc.xml" 2>/dev/null &
started+=($!)

echo "screenshots: $out"
# Not any python3: the one of the system knows the accessibility bus.
dbus-run-session -- /usr/bin/python3 -B "benches/session/${STORY:-session}.py" "$binary" "$out" "$work" \
  2> >(grep -v -e dbus-daemon -e SpiRegistry -e Deprecat >&2)
