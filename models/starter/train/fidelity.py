"""What an autoencoder loses of a picture: PSNR, and how far it moves what the judges see in it.

The second is LPIPS (Zhang et al. 2018, arXiv 1801.03924) with every weight 1 and the trunk of the judges (`judges.py`)
in place of VGG: at each place of each level the features are scaled to length 1, and the mean square distance between
the picture's and its copy's is summed over features and levels. 0 is the same picture; what it is worth shows beside
another autoencoder's, or beside `--blurred`: the picture averaged over 2 x 2 pixels and drawn large again.

Fresh scenes of other people than the training's, the same for each folder that is named.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from autoencoder import psnr
from judges import Judge, load_judge
from net import decode, encode, load_autoencoder, to_tensor
from scenes import draw_many
from settings import STARTER, arguments, parser

SCENE_SEED = 88_000
"""not the judges' (31,000 and 77,000), not the training's of the autoencoder"""


@torch.inference_mode()
def features(judge: Judge, pictures: np.ndarray, device: str) -> list[torch.Tensor]:
    """Per level of the trunk (n, channels, h, w), each place of length 1."""
    x, levels = to_tensor(pictures, device).contiguous(), []
    for layer in judge.trunk:
        x = layer(x)
        levels.append(F.normalize(x, dim=1))
    return levels


def distance(judge: Judge, pictures: np.ndarray, copies: np.ndarray, device: str) -> float:
    """The mean over the pictures; from 0 to twice the number of levels, as features are not negative."""
    sums = []
    for i in range(0, len(pictures), 50):
        pairs = zip(*(features(judge, x[i : i + 50], device) for x in (pictures, copies)), strict=True)
        sums.append(sum(((a - b) ** 2).sum(1).mean((1, 2)) for a, b in pairs))
    return torch.cat(sums).mean().item()


def blurred(pictures: np.ndarray) -> np.ndarray:
    n, h, w, c = pictures.shape
    means = pictures.reshape(n, h // 2, 2, w // 2, 2, c).mean((2, 4)).round().astype(np.uint8)
    return means.repeat(2, 1).repeat(2, 2)


def main(given: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("vae", type=Path, nargs="*", default=[STARTER / "vae"], help="folders (default: %(default)s)")
    options.add_argument("--blurred", action="store_true", help="the blurred pictures too")
    options.add_argument("--count", type=int, default=300, help="scenes")
    args = arguments(options, given)
    torch.set_num_threads(args.threads)
    judge = load_judge(args.work, args.device)
    drawn = draw_many(args.work, args.count, SCENE_SEED, "people_check")
    pictures = np.concatenate([chunk for chunk, _ in drawn])
    copies = {"blurred": blurred(pictures)} if args.blurred else {}
    for folder in args.vae:
        vae = load_autoencoder(folder, args.device)
        copies[str(folder)] = decode(vae, encode(vae, pictures, args.device), args.device)
    print("| autoencoder | PSNR | distance | of |", "|---|---|---|---|", sep="\n")
    for name, copy in copies.items():
        far = distance(judge, pictures, copy, args.device)
        print(f"| {name} | {psnr(pictures, copy):.2f} dB | {far:.4f} | {len(pictures)} |")


if __name__ == "__main__":
    main()
