"""Renders pairs of scenes (see edits.py) and encodes them: lat0.npy, lat1.npy, ... (n, 2, 4, 32, 32; before
and after; f16, scaled) and in .json the captions of each later one.

A scene has several captions, so that the same picture is met in both languages and with different
things left unsaid.

Files of fresh scenes until there are --files of them, or one more with --one; training reads them all.
"""

from __future__ import annotations

import json
import os
import random
import time

import numpy as np
import torch

from edits import draw_edits
from net import encode, load_autoencoder
from settings import Every, arguments, parser
from words import caption

FIRST_SEED = 5000
CAPTIONS = 8
"""captions of one scene"""


def write_file(args, k: int) -> None:
    vae, started, due = load_autoencoder(args.work / "vae", args.device), time.time(), Every(30)
    latents, captions, r = [], [], random.Random(f"captions {FIRST_SEED + k}")
    # two processes render while this one encodes
    for pairs, labels in draw_edits(args.work, args.scenes, FIRST_SEED + k):
        encoded = encode(vae, pairs.reshape(-1, *pairs.shape[2:]), args.device).half().numpy()
        latents.append(encoded.reshape(*pairs.shape[:2], *encoded.shape[1:]))
        captions += [[caption(one, r) for _ in range(CAPTIONS)] for one in labels]
        if due():
            print(f"{len(captions)} of {args.scenes}, {len(captions) / (time.time() - started):.0f}/s", flush=True)
    temporary = args.work / f"lat{k}.tmp.npy"
    np.save(temporary, np.concatenate(latents))
    # the captions first: a file of latents without its captions must never be seen
    (args.work / f"lat{k}.json").write_text(json.dumps(captions, ensure_ascii=False))
    os.replace(temporary, args.work / f"lat{k}.npy")
    print(f"lat{k}.npy: {len(captions)} scenes")


def main(given: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--scenes", type=int, default=40000, help="pairs in one file")
    options.add_argument("--files", type=int, default=4)
    options.add_argument("--one", action="store_true", help="at most one more file")
    args = arguments(options, given)
    torch.set_num_threads(args.threads)
    missing = [k for k in range(args.files) if not (args.work / f"lat{k}.npy").exists()]
    for k in missing[: 1 if args.one else None]:
        write_file(args, k)
    if not missing:
        print(f"{args.files} files of latents are there already")


if __name__ == "__main__":
    main()
