#!/usr/bin/env bash
# Hashes of a fixed set of 20 edits with the built-in model, to see that a change changed no byte.
#   bash benches/hashes.sh target/release/overpaint > before.txt
# A line is the SHA-256 of the file (written without metadata), the ISA and what was edited. An ISA that
# the processor has not is said and left out. Compare only lines of one machine.
set -euo pipefail
binary=$(realpath "${1:?usage: hashes.sh BINARY}")
samples=$(realpath "$(dirname "$0")/../assets/samples")
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# 16 bits a channel: a gradient of 96 × 64, and the same as a mask with hard and soft parts.
python3 - "$work" <<'PY'
import struct, sys, zlib

def png(path, width, height, depth, colour, pixel):
    rows = b"".join(
        b"\0" + b"".join(pixel(x, y) for x in range(width)) for y in range(height)
    )
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    open(path, "wb").write(b"\x89PNG\r\n\x1a\n" + data)

folder = sys.argv[1]
png(f"{folder}/deep.png", 96, 64, 16, 2,
    lambda x, y: struct.pack(">HHH", x * 682, y * 1023, (x * y * 10) % 65536))
png(f"{folder}/deep-mask.png", 96, 64, 8, 0,
    lambda x, y: bytes([255 if 24 <= x < 64 and 16 <= y < 48 else max(0, 4 * (x - 64))]))
PY

edit() { # ISA precision name picture arguments…
    local isa=$1 precision=$2 name=$3 picture=$4
    shift 4
    local out="$work/out.png" said
    if said=$(OVERPAINT_CPU=$isa "$binary" edit "$picture" --output "$out" --no-metadata --device cpu \
        --precision "$precision" --seed 7 "$@" 2>&1 >/dev/null); then
        printf '%s  %s %s %s\n' "$(sha256sum < "$out" | cut -d' ' -f1)" "$isa" "$precision" "$name"
    else
        printf 'failed  %s %s %s: %s\n' "$isa" "$precision" "$name" "${said##*$'\n'}"
    fi
}

cat_=$samples/cat-beach.png cat_mask=$samples/cat-beach-subject.png
room=$samples/portrait-room.png room_mask=$samples/portrait-room-subject.png
deep=$work/deep.png deep_mask=$work/deep-mask.png
p=(--prompt "a cat on a beach")
edit portable f32 deep-masked "$deep" "${p[@]}" --mask "$deep_mask" --steps 4 --strength 0.5
edit portable f32 deep-whole "$deep" "${p[@]}" --steps 2 --strength 1
for isa in avx2 avx512; do
    edit $isa f32 cat-euler "$cat_" "${p[@]}" --steps 8 --strength 0.6 --sampler euler
    edit $isa f32 cat-masked "$cat_" "${p[@]}" --mask "$cat_mask" --steps 8 --strength 0.7 --sampler dpmpp_2m
    edit $isa f32 cat-kept "$cat_" "${p[@]}" --mask "$cat_mask" --mask-mode not-masked --steps 6 --strength 0.9 --sampler euler_a
    edit $isa f32 room-ddim "$room" "${p[@]}" --mask "$room_mask" --steps 6 --strength 1 --sampler ddim --fill noise
    edit $isa f32 deep-masked "$deep" "${p[@]}" --mask "$deep_mask" --steps 6 --strength 0.4
done
for isa in avx512bf16 amx; do
    edit $isa bf16 cat-euler "$cat_" "${p[@]}" --steps 8 --strength 0.6 --sampler euler
    edit $isa bf16 cat-masked "$cat_" "${p[@]}" --mask "$cat_mask" --steps 8 --strength 0.7 --schedule karras
    edit $isa bf16 room-kept "$room" "${p[@]}" --mask "$room_mask" --mask-mode not-masked --steps 6 --strength 0.9 --guidance 1
    edit $isa bf16 deep-whole "$deep" "${p[@]}" --steps 6 --strength 0.8 --sampler ddim
done
