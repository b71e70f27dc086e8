"""Makes tests/golden/data/vision/segment_anything.json: what MobileSAM's own Python answers with weights by a
formula, for src/engine/vision/segment_anything/tests.rs. 40 MB of weights are no golden; a formula is the same on
both sides.

    git clone https://github.com/ChaoningZhang/MobileSAM && pip install torch torchvision timm numpy safetensors
    PYTHONPATH=MobileSAM python tests/golden/segment_anything.py

With `--weights FILE.safetensors` it writes those weights for the program instead, `--weights FILE.pt` as PyTorch does.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from mobile_sam.modeling import MaskDecoder, PromptEncoder, TwoWayTransformer
from mobile_sam.modeling.tiny_vit_sam import TinyViT

OUT = Path(__file__).parent / "data/vision/segment_anything.json"
SIDE = 1024


def seed_of(name: str) -> int:
    """FNV-1a, 64 bits."""
    hashed = 0xCBF29CE484222325
    for byte in name.encode():
        hashed = ((hashed ^ byte) * 0x100000001B3) % 2**64
    return hashed


def numbers(name: str, count: int) -> np.ndarray:
    """-1…1: splitmix64 of the name's hash and the place."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed_of(name)) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(40)).astype(np.float64) / 2.0**23 - 1.0).astype(np.float32)


def weight(name: str, shape: tuple) -> np.ndarray:
    values = numbers(name, int(np.prod(shape))).reshape(shape)
    if name.endswith("running_var"):
        return np.float32(1.0) + np.float32(0.5) * values
    if name.endswith(("bias", "running_mean", "attention_biases")):
        return np.float32(0.1) * values
    if name.endswith("gaussian_matrix"):
        return values
    if len(shape) == 1:
        return np.float32(1.0) + np.float32(0.1) * values
    fan_in = int(np.prod(shape[1:]))
    return values * np.float32((3.0 / fan_in) ** 0.5)


def fill(module: torch.nn.Module, prefix: str) -> None:
    state = module.state_dict()
    for name, value in state.items():
        if not value.dtype.is_floating_point or name.endswith("attention_bias_idxs"):
            continue
        state[name] = torch.from_numpy(weight(f"{prefix}.{name}", tuple(value.shape)))
    module.load_state_dict(state)
    module.eval()


def spread(values: torch.Tensor, count: int) -> list:
    """That many of the values, evenly spread."""
    flat = values.flatten().double().numpy()
    step = len(flat) // count
    return [float(flat[i * step]) for i in range(count)]


def networks() -> dict:
    """The encoder, the prompt encoder and the mask decoder, by the names of MobileSAM's file."""
    encoder = TinyViT(
        img_size=SIDE, in_chans=3, num_classes=1000, embed_dims=[64, 128, 160, 320], depths=[2, 2, 6, 2],
        num_heads=[2, 4, 5, 10], window_sizes=[7, 7, 14, 7], mlp_ratio=4.0, drop_rate=0.0, drop_path_rate=0.0,
        use_checkpoint=False, mbconv_expand_ratio=4.0, local_conv_size=3, layer_lr_decay=0.8,
    )
    prompts = PromptEncoder(
        embed_dim=256, image_embedding_size=(64, 64), input_image_size=(SIDE, SIDE), mask_in_chans=16
    )
    decoder = MaskDecoder(
        num_multimask_outputs=3,
        transformer=TwoWayTransformer(depth=2, embedding_dim=256, mlp_dim=2048, num_heads=8),
        transformer_dim=256, iou_head_depth=3, iou_head_hidden_dim=256,
    )
    made = {"image_encoder": encoder, "prompt_encoder": prompts, "mask_decoder": decoder}
    for name, module in made.items():
        fill(module, name)
    return made


def weights_of(made: dict) -> dict:
    """All weights, as MobileSAM's own file names them."""
    return {
        f"{prefix}.{name}": value.contiguous()
        for prefix, module in made.items()
        for name, value in module.state_dict().items()
    }


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--weights", type=Path)
    to = arguments.parse_args().weights
    torch.set_num_threads(2)
    made = networks()
    if to is not None:
        if to.suffix == ".pt":
            torch.save(weights_of(made), to)
        else:
            from safetensors.torch import save_file

            save_file(weights_of(made), to)
        return
    encoder, prompts, decoder = made.values()
    shapes = {
        name: list(value.shape) for name, value in weights_of(made).items() if value.dtype.is_floating_point
    }
    cases = []
    with torch.no_grad():
        # As it is shown to the encoder: normalised.
        picture = torch.from_numpy(numbers("picture", 3 * SIDE * SIDE).reshape(1, 3, SIDE, SIDE))
        embedding = encoder(picture)
        for points, labels, box in [
            ([[500.0, 375.0]], [1], None),
            ([[500.0, 375.0], [100.5, 900.25]], [1, 0], None),
            ([], [], [200.0, 100.0, 800.0, 700.0]),
            ([[500.0, 375.0], [30.0, 40.0]], [1, 0], [200.0, 100.0, 800.0, 700.0]),
        ]:
            at = (torch.tensor([points]), torch.tensor([labels])) if points else None
            sparse, dense = prompts(
                points=at, boxes=torch.tensor([box]) if box else None, masks=None
            )
            found = {"points": points, "labels": labels, "box": box}
            for many in (False, True):
                masks, scores = decoder(
                    image_embeddings=embedding, image_pe=prompts.get_dense_pe(),
                    sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense, multimask_output=many,
                )
                key = "many" if many else "one"
                found[key] = {"scores": scores.flatten().tolist(), "logits": spread(masks, 256)}
            cases.append(found)
    OUT.write_text(json.dumps({"weights": shapes, "embedding": spread(embedding, 512), "cases": cases}))
    print(OUT, OUT.stat().st_size, "bytes; embedding", float(embedding.abs().mean()))
    for case in cases:
        print(case["one"]["scores"], np.abs(case["one"]["logits"]).mean())


if __name__ == "__main__":
    main()
