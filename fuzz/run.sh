#!/usr/bin/env bash
# Runs one fuzz target quietly: run.sh TARGET [SECONDS]. Its last lines say how often it ran; what it found lies in
# fuzz/artifacts/TARGET.
set -euo pipefail
cd "$(dirname "$0")"
target=$1
seconds=${2:-3600}
built=${CARGO_TARGET_DIR:-target}/$(rustc -vV | sed -n 's/^host: //p')/release/$target
mkdir -p "artifacts/$target" "found/$target"
case $target in
  # Inputs of these are whole lists of weights.
  checkpoint | lora) most=131072 ;;
  *) most=32768 ;;
esac
# The machine's own models are no part of it.
time env HOME=/nonexistent HF_HOME=/nonexistent nice -n 19 "$built" "found/$target" "corpus/$target" -max_total_time="$seconds" -rss_limit_mb=1024 \
  -malloc_limit_mb=1024 -timeout=300 -max_len="$most" -artifact_prefix="artifacts/$target/" -print_final_stats=1
