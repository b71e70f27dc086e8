#!/usr/bin/env bash
# Builds the fuzz targets with the stable toolchain, as `cargo fuzz build -s none -O` does with a nightly one.
# Binaries: $CARGO_TARGET_DIR (or fuzz/target)/x86_64-unknown-linux-gnu/release/<target>
set -euo pipefail
cd "$(dirname "$0")"
flags="--cfg fuzzing --check-cfg cfg(fuzzing)"
flags+=" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
flags+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
flags+=" -Cllvm-args=-sanitizer-coverage-trace-compares"
# A target of its own: what runs while building is not instrumented.
export CARGO_ENCODED_RUSTFLAGS="${flags// /$'\x1f'}"
exec cargo build --release --bins --target "$(rustc -vV | sed -n 's/^host: //p')" "$@"
