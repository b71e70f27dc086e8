#!/usr/bin/env bash
# The same model as diffusers folder, as one file and as pickle: the same bytes out, for every family.
# bash one_file.sh OVERPAINT [MODELS], after python checkpoints.py MODELS.
# The guidance is given, because the usual one is by family, which widths tell and those of small folders do not.
set -euo pipefail
overpaint=$1
models=${2:-/tmp/overpaint-checkpoints}
room=$(mktemp -d)
picture=$(dirname "$0")/../../assets/samples/portrait-city.png
failed=0
for folder in "$models"/*/; do
  family=$(basename "$folder")
  for kind in "" .safetensors .ckpt; do
    "$overpaint" edit "$picture" -o "$room/$family${kind:-.folder}.png" --model "$models/$family$kind" \
      --prompt "red dress" --negative "night" --guidance 7 --seed 5 --steps 4 --strength 0.6 --work-size 64x64 \
      --keep-details off --no-metadata --precision f32 > /dev/null
  done
  if cmp -s "$room/$family.folder.png" "$room/$family.safetensors.png" &&
    cmp -s "$room/$family.folder.png" "$room/$family.ckpt.png"; then
    echo "$family: the same bytes ($(sha256sum < "$room/$family.folder.png" | cut -c1-16))"
  else
    echo "$family: DIFFERENT"
    failed=1
  fi
done
rm -r "$room"
exit $failed
