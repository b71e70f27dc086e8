"""Clicks by Overpaint against MobileSAM's own Python, in turn: same weights, same photograph, same threads.

    PYTHONPATH=MobileSAM python tests/golden/segment_anything.py --weights FILE.safetensors
    PYTHONPATH=MobileSAM:tests/golden python benches/selection/clicks_compared.py BENCH PHOTO FILE.safetensors [ROUNDS]

BENCH is what `cargo bench --bench selection --no-run` made. Theirs looks at a picture as their predictor does: scaled,
normalised, padded, encoded; and a click ends with the mask in the picture's size. Prints medians and ours by theirs.
Where the photograph's longer side is 1024 pixels, so that neither scales it, the embeddings are compared too.
"""

import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np
import torch
from mobile_sam import SamPredictor
from mobile_sam.modeling import Sam
from PIL import Image
from segment_anything import networks

THREADS = int(os.environ.get("THREADS", "2"))


def clock(run, times: int) -> float:
    """Median seconds."""
    taken = []
    for step in range(times):
        begun = time.perf_counter()
        run(step)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def main() -> None:
    bench, photo, weights = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    torch.set_num_threads(THREADS)
    sam = Sam(**networks())
    sam.eval()
    predictor = SamPredictor(sam)
    picture = np.asarray(Image.open(photo).convert("RGB"))
    height, width = picture.shape[:2]
    place = lambda step: np.array([(step % 20 + 1) / 22 * width, ((step % 20 + 1) / 22 * 7 % 1) * height])
    yes, both = np.array([1]), np.array([1, 0])

    def click(step: int) -> None:
        predictor.predict(place(step)[None], yes, multimask_output=True)

    def two(step: int) -> None:
        predictor.predict(np.stack([place(step), place(step + 7)]), both, multimask_output=False)

    def box(step: int) -> None:
        a, b = place(step), place(step + 9)
        corners = np.concatenate([np.minimum(a, b), np.maximum(a, b)])
        predictor.predict(box=corners, multimask_output=False)

    keys = ["look_s", "click_ms", "two_ms", "box_ms"]
    ours, theirs = {key: [] for key in keys}, {key: [] for key in keys}
    with torch.no_grad():
        predictor.set_image(picture)
        for _ in range(rounds):
            said = subprocess.run(
                [bench, photo, weights, "--json"], check=True, capture_output=True, text=True,
                env={**os.environ, "RAYON_NUM_THREADS": str(THREADS)},
            )
            answer = json.loads(said.stdout)
            embedding = np.array(answer.pop("embedding"))
            for key, value in answer.items():
                ours[key].append(value)
            theirs["look_s"].append(clock(lambda _: predictor.set_image(picture), 5))
            for key, run in [("click_ms", click), ("two_ms", two), ("box_ms", box)]:
                theirs[key].append(1000 * clock(run, 20))
            print({key: (ours[key][-1], theirs[key][-1]) for key in keys}, os.getloadavg()[0], flush=True)
    if max(width, height) == 1024:
        wanted = predictor.features.numpy().ravel()
        print("embedding off by", np.abs(embedding - wanted).max() / np.abs(wanted).max())
    for key in keys:
        ratios = [a / b for a, b in zip(ours[key], theirs[key])]
        print(key, statistics.median(ours[key]), statistics.median(theirs[key]), f"{statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
