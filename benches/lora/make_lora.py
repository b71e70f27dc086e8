"""Makes a LoRA of full size with random numbers for a diffusers folder, in kohya's naming.

    python make_lora.py MODEL OUT.safetensors [RANK]

It changes what kohya's scripts change by default: all linear layers of the U-Net's transformers, and those of the
text encoder. Needs numpy and safetensors.
"""

import sys
from pathlib import Path

import numpy
from safetensors import safe_open
from safetensors.numpy import save_file

PARTS = {
    "lora_unet": ("unet/diffusion_pytorch_model.safetensors", ("attentions.",)),
    "lora_te": ("text_encoder/model.safetensors", ("self_attn.", "mlp.")),
}


def main():
    model, out = Path(sys.argv[1]), Path(sys.argv[2])
    rank = int(sys.argv[3]) if len(sys.argv) > 3 else 16
    numbers = numpy.random.default_rng(21)
    tensors = {}
    for prefix, (file, inside) in PARTS.items():
        with safe_open(model / file, "numpy") as weights:
            for name in weights.keys():
                shape = weights.get_slice(name).get_shape()
                if len(shape) < 2 or not name.endswith(".weight") or not any(part in name for part in inside):
                    continue
                stem = f"{prefix}_{name.removesuffix('.weight').replace('.', '_')}"
                ends = [1] * (len(shape) - 2)
                down = numbers.standard_normal((rank, shape[1], *ends)) * 0.02
                up = numbers.standard_normal((shape[0], rank, *ends)) * 0.02
                tensors[f"{stem}.lora_down.weight"] = down.astype(numpy.float16)
                tensors[f"{stem}.lora_up.weight"] = up.astype(numpy.float16)
                tensors[f"{stem}.alpha"] = numpy.array(rank, numpy.float16)
    save_file(tensors, out)
    print(f"{len(tensors) // 3} layers, {out.stat().st_size / 1e6:.0f} MB")


main()
