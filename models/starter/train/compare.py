"""Compares two sets of weights in a minute: how well each predicts fresh scenes behind noise.

Both see the same scenes, steps and noise, once with the scene's own caption and once with another
scene's. Lower is better; what another's caption costs is what the captions are used for. It is no
substitute for `evaluate.py`: it says whether weights moved in the right direction, where there is
no time to draw hundreds of pictures.

By default `ck.pt` of the work folder against the exported model beside these scripts.
"""

from __future__ import annotations

import random
from pathlib import Path

import torch

from net import TRAIN_STEPS, alphas_cumprod, encode, reduced, token_ids
from sampling import Model, sigma_table
from scenes import draw_many
from settings import STARTER, arguments, parser
from words import caption

RANGES = 4
SCENE_SEED = 990_001
"""no file of latents uses it (`latents.FIRST_SEED`)"""


@torch.inference_mode()
def errors(model: Model, noisy: torch.Tensor, clean: torch.Tensor, t: torch.Tensor, captions: list[str]):
    """The mean square error of the predicted velocity of each picture, on the CPU, whatever the model says itself.

    It is that of the clean latents times 1 + signal to noise.
    """
    ids, sigmas = torch.from_numpy(token_ids(model.tokenizer, captions)).to(model.device), sigma_table().float()[t]
    parts = []
    for rows in torch.arange(len(t)).split(12):
        with reduced(model.device):
            states = model.text_encoder(ids[rows]).last_hidden_state
        sigma = sigmas[rows][:, None, None, None].to(model.device)
        said = model.clean(noisy[rows].to(model.device), t[rows].to(model.device), sigma, states).cpu()
        parts.append(((said - clean[rows]) ** 2).mean((1, 2, 3)) * (1 + 1 / sigmas[rows] ** 2))
    return torch.cat(parts)


def compare(args, models: dict[str, Model]) -> list[str]:
    pictures, captions = [], []
    r = random.Random(SCENE_SEED)
    for chunk, labels in draw_many(args.work, args.count, SCENE_SEED):
        pictures.append(encode(next(iter(models.values())).vae, chunk, args.device))
        captions += [caption(one, r) for one in labels]
    clean, generator = torch.cat(pictures), torch.Generator().manual_seed(args.seed)
    t = (TRAIN_STEPS * (torch.arange(args.count) + 0.5) / args.count).long()
    noise = torch.randn(clean.shape, generator=generator)
    left = alphas_cumprod().float()[t][:, None, None, None]
    noisy = left.sqrt() * clean + (1 - left).sqrt() * noise
    half = args.count // 2
    others = captions[half:] + captions[:half]
    own = {name: errors(model, noisy, clean, t, captions) for name, model in models.items()}
    other = {name: errors(model, noisy, clean, t, others) for name, model in models.items()}
    lines = ["| steps | weights | own caption | another's | of |", "|---|---|---|---|---|"]
    for rows in (*torch.arange(args.count).chunk(RANGES), torch.arange(args.count)):
        for name in models:
            scores = f"{own[name][rows].mean():.5f} | {other[name][rows].mean():.5f} | {len(rows)}"
            lines.append(f"| {t[rows[0]]} to {t[rows[-1]]} | {name} | {scores} |")
    return lines


def main(given: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--old", type=Path, default=STARTER, help="exported model (default: %(default)s)")
    options.add_argument("--new", type=Path, help="another exported model (default: ck.pt of the work folder)")
    options.add_argument("--count", type=int, default=200, help="scenes")
    args = arguments(options, given)
    torch.set_num_threads(args.threads)
    old = Model.exported(args.old, args.device)
    new = Model.exported(args.new, args.device) if args.new else Model.in_training(args.work, args.device)
    print("\n".join(compare(args, {"old": old, "new": new})))


if __name__ == "__main__":
    main()
