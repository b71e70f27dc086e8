#!/usr/bin/env python3
"""Correlation of fine detail (what a Gaussian of 2.5 px takes away of luma) of results with their original.

    python3 measure.py original.png result.png …    # needs numpy, scipy, pillow
    python3 measure.py --run BINARY                 # makes the results of issue 17 and measures them
"""
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

SAMPLES = Path(__file__).resolve().parents[2] / "assets/samples"
NIGHT = "in the city at night"
NAMED = {"portrait-city": "a portrait in the city", "portrait-meadow": "a portrait in a meadow",
         "portrait-room": "a portrait in a room", "cat-beach": "a cat at the beach"}


def fine(path):
    luma = np.asarray(Image.open(path).convert("RGB"), np.float32) @ np.float32([0.299, 0.587, 0.114])
    return luma - gaussian_filter(luma, 2.5, mode="nearest")


def alike(original, result):
    before, after = fine(original).ravel(), fine(result).ravel()
    return before @ after / np.sqrt((before @ before) * (after @ after))


def run(binary):
    """Each line: the lowest, mean and highest of three seeds."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.png"
        for name, named in NAMED.items():
            picture = SAMPLES / f"{name}.png"
            for prompt, strength in [(NIGHT, "0.2"), (NIGHT, "0.3"), (NIGHT, "0.4"), (named, "0.3")]:
                found = []
                for seed in "123":
                    subprocess.run([binary, "edit", str(picture), "-o", str(out), "--prompt", prompt, "--strength",
                                    strength, "--seed", seed], check=True, capture_output=True)
                    found.append(alike(picture, out))
                print(f"{name:16} {strength} {prompt:24} {min(found):.3f} {np.mean(found):.3f} {max(found):.3f}",
                      flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--run":
        run(sys.argv[2])
    else:
        for path in sys.argv[2:]:
            print(path, "%.2f" % alike(sys.argv[1], path))
