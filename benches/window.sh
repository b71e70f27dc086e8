# Sourced by what measures a real window. $work is a folder that goes when the script ends, and with it the processes
# of $started. Needs Xvfb and openbox.
work=$(mktemp -d)
started=()
trap 'kill "${started[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT

# A display of WIDTHxHEIGHT.
display() {
  Xvfb -displayfd 9 -screen 0 "$1x24" 9>"$work/display" 2>/dev/null &
  started+=($!)
  until [ -s "$work/display" ]; do sleep 0.1; done
  export DISPLAY=:$(cat "$work/display")
}

# A display of 1920×1080 with a window manager.
desktop() {
  display 1920x1080
  openbox 2>/dev/null &
  started+=($!)
  sleep 1
}
