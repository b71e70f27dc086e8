"""The judges of the evaluator: small classifiers trained on rendered scenes only.

One small convolutional trunk with one head per attribute. A part of the scenes that it learns from
went through the model's autoencoder, so that the autoencoder's blur does not read as an error of
the U-Net. It sees every pair of subject and background, those held out too: else it would learn that
they do not happen, and judge by that what the model makes of them. Its people are the training
scenes' (`people.npy`); its own accuracy is measured on fresh scenes of other people
(`people_check.npy`) that went through the autoencoder.

Writes judge.pt (and judge_scenes.npz, reused while --scenes is the same) into the work folder.
"""

from __future__ import annotations

import json
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import filters
from backgrounds import COLOURS, KINDS
from net import decode, encode, load_autoencoder, to_tensor
from scenes import draw_many
from settings import STARTER, Every, arguments, parser
from words import CLOTHES, GLOSSY, HAIR, THINGS, Labels

HAIR_COLOURS = ["black", "brown", "blond", "red", "gray", "blue", "pink"]
CLOTHES_COLOURS = ["red", "blue", "green", "yellow", "purple", "pink", "orange", "black", "white"]
ATTRIBUTES: dict[str, list[str]] = {
    "thing": [*THINGS, "person", "nothing"],
    "hair style": list(HAIR),
    "hair colour": HAIR_COLOURS,
    "clothes": list(CLOTHES),
    "clothes colour": CLOTHES_COLOURS,
    "background": list(KINDS),
    "background colour": list(COLOURS),
    "filter": ["none", *filters.FILTERS, GLOSSY],
}
COLOURLESS_FILTERS = ("pencil sketch", "black and white", "sepia", "neon")
UNKNOWN = -1


def targets(labels: Labels) -> list[int]:
    """Per attribute the class of `labels`, or `UNKNOWN` where the picture cannot show it."""
    person, colourless = labels.person, labels.filter in COLOURLESS_FILTERS
    answer: dict[str, str | None] = {
        "thing": "person" if person else labels.thing or "nothing",
        "background": labels.background.kind,
        "filter": labels.filter or (GLOSSY if labels.glossy else "none"),
    }
    if labels.background.kind == "plain" and not colourless:
        answer["background colour"] = labels.background.colours[0]
    if person:
        answer |= {"hair style": person.hair, "clothes": person.cloth}
        if not colourless:
            answer |= {"hair colour": person.hair_colour, "clothes colour": person.cc}
    return [
        classes.index(answer[name]) if answer.get(name) is not None else UNKNOWN
        for name, classes in ATTRIBUTES.items()
    ]


class _Block(nn.Module):
    def __init__(self, inside: int, outside: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inside, outside, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(outside),
            nn.ReLU(),
            nn.Conv2d(outside, outside, 3, padding=1, bias=False),
            nn.BatchNorm2d(outside),
        )
        self.short = nn.Conv2d(inside, outside, 1, stride=2)

    def forward(self, x):
        return F.relu(self.body(x) + self.short(x))


class Judge(nn.Module):
    """Pictures (n, 3, 128, 128) in -1..1 to logits per attribute."""

    def __init__(self, widths=(32, 64, 128, 192)):
        super().__init__()
        stem = nn.Sequential(
            nn.Conv2d(3, widths[0], 6, stride=4, padding=1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()
        )
        self.trunk = nn.Sequential(stem, *(_Block(a, b) for a, b in zip(widths, widths[1:])))
        features = widths[-1] * 2
        self.heads = nn.ModuleList(nn.Linear(features, len(classes)) for classes in ATTRIBUTES.values())

    def forward(self, x) -> list[torch.Tensor]:
        # contiguous: on the CPU, torch 2.15 corrupts memory in the batch norm of a channels-last input
        x = self.trunk(x.contiguous())
        x = F.dropout(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1), 0.1, self.training)
        return [head(x) for head in self.heads]


def judge_pictures(judge: Judge, pictures: np.ndarray, device: str) -> np.ndarray:
    """(n, attributes): the class that each head names."""
    judge.eval()
    with torch.inference_mode():
        parts = [judge(to_tensor(pictures[i : i + 100], device)) for i in range(0, len(pictures), 100)]
    return np.concatenate([torch.stack([head.argmax(1) for head in p], 1).cpu().numpy() for p in parts])


def accuracy(named: np.ndarray, wanted: np.ndarray) -> dict[str, tuple[float, int]]:
    """Per attribute the share that is right, and of how many."""
    score = {}
    for k, name in enumerate(ATTRIBUTES):
        known = wanted[:, k] != UNKNOWN
        if known.any():
            score[name] = float((named[known, k] == wanted[known, k]).mean()), int(known.sum())
    return score


def load_judge(work, device: str) -> Judge:
    judge = Judge().to(device)
    judge.load_state_dict(torch.load(work / "judge.pt", map_location=device, weights_only=True))
    return judge.eval()


def _scenes(args, vae, count: int, seed: int, people: str, share_decoded: float) -> tuple[np.ndarray, np.ndarray]:
    pictures, wanted, due = [], [], Every(60)
    for chunk, labels in draw_many(args.work, count, seed, people, every_pair=True):
        through = int(len(chunk) * share_decoded)
        if through:
            blurred = decode(vae, encode(vae, chunk[:through], args.device), args.device)
            chunk = np.concatenate([blurred, chunk[through:]])
        pictures.append(chunk)
        wanted += [targets(one) for one in labels]
        if due():
            print(f"{len(wanted)} of {count} scenes", flush=True)
    return np.concatenate(pictures), np.array(wanted)


def _augment(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mirrored, moved by up to 6 pixels, made a little lighter or darker, blurred or noisy."""

    def lot(low: float, high: float, *shape: int) -> torch.Tensor:
        return (torch.rand(*shape, generator=generator) * (high - low) + low).to(x.device)

    if lot(0, 1, 1) < 0.5:
        x = x.flip(3)
    dy, dx = (int(v) for v in lot(0, 13, 2))
    x = F.pad(x, (6, 6, 6, 6), mode="replicate")[:, :, dy : dy + 128, dx : dx + 128]
    if lot(0, 1, 1) < 0.3:
        x = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    x = x * lot(0.85, 1.15, len(x), 1, 1, 1) + lot(-0.08, 0.08, len(x), 3, 1, 1)
    return x + torch.randn(x.shape, generator=generator).to(x.device) * lot(0, 0.1, len(x), 1, 1, 1)


def train(args, pictures: np.ndarray, wanted: np.ndarray) -> Judge:
    torch.manual_seed(args.seed)
    judge = Judge().to(args.device)
    steps, due, batch = int(args.epochs * len(pictures) / args.batch), Every(60), args.batch
    optimiser = torch.optim.AdamW(judge.parameters(), lr=2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps, pct_start=0.1)
    generator, rng, started = torch.Generator().manual_seed(args.seed), np.random.default_rng(args.seed), time.time()
    order = np.concatenate([rng.permutation(len(pictures)) for _ in range(int(args.epochs) + 1)])
    answers = torch.from_numpy(wanted)
    for step in range(steps):
        rows = order[step * batch : (step + 1) * batch]
        x = _augment(to_tensor(pictures[rows], args.device), generator)
        heads = judge(x)
        goal = answers[rows].to(args.device)
        losses = [
            F.cross_entropy(head.float(), goal[:, k], ignore_index=UNKNOWN, label_smoothing=0.05)
            for k, head in enumerate(heads)
            if (goal[:, k] != UNKNOWN).any()
        ]
        loss = sum(losses)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        schedule.step()
        if due() or step + 1 == steps:
            print(f"step {step + 1}/{steps} loss {loss.item():.3f} {time.time() - started:.0f} s", flush=True)
    return judge


def main(given: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--scenes", type=int, default=24000)
    options.add_argument("--check-scenes", type=int, default=2000)
    options.add_argument("--decoded", type=float, default=0.5, help="share of scenes through the autoencoder")
    options.add_argument("--epochs", type=float, default=14)
    options.add_argument("--batch", type=int, default=64)
    args = arguments(options, given)
    torch.set_num_threads(args.threads)
    folder = args.work / "vae" if (args.work / "vae").exists() else STARTER / "vae"
    vae, cache = load_autoencoder(folder, args.device), args.work / "judge_scenes.npz"
    kept = np.load(cache) if cache.exists() else {"wanted": ()}
    if len(kept["wanted"]) == args.scenes:
        pictures, wanted = kept["pictures"], kept["wanted"]
    else:
        pictures, wanted = _scenes(args, vae, args.scenes, 31_000 + args.seed, "people", args.decoded)
        np.savez(cache, pictures=pictures, wanted=wanted)
    judge = train(args, pictures, wanted)
    fresh, answers = _scenes(args, vae, args.check_scenes, 77_000 + args.seed, "people_check", 1.0)
    plain = answers[:, list(ATTRIBUTES).index("filter")] == 0
    named = judge_pictures(judge, fresh, args.device)
    own = {"all": accuracy(named, answers), "unfiltered": accuracy(named[plain], answers[plain])}
    torch.save(judge.state_dict(), args.work / "judge.pt")
    (args.work / "judge.json").write_text(json.dumps(own, indent=1))
    for name, (share, count) in own["all"].items():
        print(f"{name:18} {share:6.1%} of {count}   unfiltered {own['unfiltered'].get(name, (0, 0))[0]:6.1%}")


if __name__ == "__main__":
    main()
