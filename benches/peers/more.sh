#!/usr/bin/env bash
# Builds the peers that have to be built, beside the environment that setup.sh has made: candle's own
# models, as candle is and with AVX-512 in its products, and stable-diffusion.cpp (needs cmake and a C++
# compiler). Some twenty minutes on two cores.
#
#   bash benches/peers/more.sh [FOLDER]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/overpaint-peers}
export CARGO_TARGET_DIR=$folder/candle-target
manifest=$here/candle/Cargo.toml
binary=$CARGO_TARGET_DIR/release/overpaint-peer-candle
cargo build --release --locked --manifest-path "$manifest"
cp "$binary" "$folder/candle"
cargo build --release --locked --manifest-path "$manifest" --features x86-v4
cp "$binary" "$folder/candlev4"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check stable-diffusion-cpp-python
