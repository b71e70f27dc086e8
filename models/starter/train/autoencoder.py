"""Trains the autoencoder (vae/ in the work folder) on rendered scenes, 64-pixel crops.

Loss: absolute error, the same of the gradients (sharp edges) and of the picture at a quarter of
its size (right colours), and a light pull of the latents to a normal distribution. The moving
average is what is saved. Resumes from autoencoder.pt; does nothing where vae/ is whole already.
"""

from __future__ import annotations

import os
import time

import numpy as np
import torch
import torch.nn.functional as F

from net import decode, encode, new_autoencoder, reduced, to_tensor
from scenes import draw_many
from settings import Every, arguments, parser

CROP, KL_WEIGHT, LEARNING_RATE = 64, 2e-4, 1.2e-3


def rendered(args, name: str, count: int, people: str, seed: int) -> np.ndarray:
    """`count` scenes at 128 px, kept as NAME.npy."""
    path = args.work / f"{name}.npy"
    if not path.exists():
        np.save(path, np.concatenate([chunk for chunk, _ in draw_many(args.work, count, seed, people)]))
    return np.load(path, mmap_mode="r")


def gradients(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return x[..., 1:, :] - x[..., :-1, :], x[..., :, 1:] - x[..., :, :-1]


def loss_of(vae, x: torch.Tensor) -> tuple[torch.Tensor, float]:
    with reduced(x.device.type):
        latent = vae.encode(x).latent_dist
        z = latent.sample()
        y = vae.decode(z).sample
    y, error = y.float(), F.l1_loss
    slope = sum(error(a, b) for a, b in zip(gradients(y), gradients(x)))
    level = error(F.avg_pool2d(y, 4), F.avg_pool2d(x, 4))
    kl = latent.kl().mean() / z[0].numel()
    absolute = error(y, x)
    return absolute + 0.5 * slope + 0.5 * level + KL_WEIGHT * kl, absolute.item()


def crops(pictures: np.ndarray, batch: int, seed: list[int]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    cut = []
    for row in rng.integers(0, len(pictures), batch):
        y, x = rng.integers(0, pictures.shape[1] - CROP + 1, 2)
        cut.append(pictures[row, y : y + CROP, x : x + CROP])
    picked = np.stack(cut)
    return picked[:, :, ::-1] if rng.random() < 0.5 else picked


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Decibels, the mean over pictures."""
    error = ((a.astype(np.float32) - b.astype(np.float32)) / 255).reshape(len(a), -1)
    return float(np.mean(-10 * np.log10((error**2).mean(1) + 1e-10)))


def main(given: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--scenes", type=int, default=12000)
    options.add_argument("--steps", type=int, default=8000)
    options.add_argument("--batch", type=int, default=16)
    args = arguments(options, given)
    torch.set_num_threads(args.threads)
    if (args.work / "vae" / "config.json").exists():
        print("vae/ is there already")
        return
    pictures = rendered(args, "autoencoder_scenes", args.scenes, "people", 1000 + args.seed)
    check = np.array(rendered(args, "autoencoder_check", 100, "people_check", 9000 + args.seed))
    torch.manual_seed(args.seed)
    vae = new_autoencoder().to(args.device, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(vae.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.99), weight_decay=1e-4)
    average, start = {k: v.clone() for k, v in vae.state_dict().items()}, 0
    checkpoint = args.work / "autoencoder.pt"

    def save() -> None:
        state = dict(vae=vae.state_dict(), optimiser=optimiser.state_dict(), average=average, step=step + 1)
        torch.save(state, checkpoint.with_suffix(".tmp"))
        os.replace(checkpoint.with_suffix(".tmp"), checkpoint)

    if checkpoint.exists():
        kept = torch.load(checkpoint, map_location=args.device, weights_only=True)
        vae.load_state_dict(kept["vae"])
        optimiser.load_state_dict(kept["optimiser"])
        average, start = kept["average"], kept["step"]
        print(f"goes on at step {start}")
    due_save, due_print, started = Every(300), Every(30), time.time()
    for step in range(start, args.steps):
        warm, left = min(1, (step + 1) / 200), 0.5 * (1 + np.cos(np.pi * step / args.steps))
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * warm * (left * 0.97 + 0.03)
        torch.manual_seed(args.seed * 1_000_003 + step)
        x = to_tensor(crops(pictures, args.batch, [args.seed, step]), args.device)
        loss, absolute = loss_of(vae, x)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        decay = min(0.999, (1 + step) / (10 + step))
        with torch.no_grad():
            for k, v in vae.state_dict().items():
                average[k].lerp_(v, 1 - decay)
        if due_print() or step + 1 == args.steps:
            print(f"step {step + 1}/{args.steps} l1 {absolute:.4f} {time.time() - started:.0f} s", flush=True)
        if due_save():
            save()
    vae.load_state_dict(average)
    vae.eval()
    vae.register_to_config(scaling_factor=1.0)
    spread = encode(vae, check, args.device).std().item()
    vae.register_to_config(scaling_factor=1 / spread)
    again = decode(vae, encode(vae, check, args.device), args.device)
    print(f"check scenes {psnr(again, check):.1f} dB, scaling factor {1 / spread:.4f}")
    vae.to("cpu").save_pretrained(args.work / "vae")


if __name__ == "__main__":
    main()
