#!/usr/bin/env python3
"""How much narrower edges become by a second pass, whether tiles leave seams, and whether threads change bytes.

    python3 measure.py BINARY [FOLDER]          # needs Pillow and numpy; pictures are left in FOLDER

Edges: in the part that was drawn anew, along rows and columns, monotone changes of at least 48 levels of
luma; the width is that from 10 % to 90 % of the change. An edge of the quick result is compared with the
steepest one of the fine result within 6 pixels of it.
Seams: mean gradient across the borders of the last pass's tiles, over the mean gradient elsewhere; and that
over the same of the fine result, which was drawn in one piece, because pictures are not even themselves.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "assets/samples/portrait-city.png"
SUBJECT = ROOT / "assets/samples/portrait-city-subject.png"
PLACES = ["on the beach", "at sunset over the sea", "in the starry night sky", "in the snowy mountains",
          "in a green meadow", "in the forest", "in the desert", "underwater", "in space", "in the city at night"]
LEAST_CHANGE = 48


def edit(binary, out, place, seed, *more):
    command = [binary, "edit", PICTURE, "-o", out, "--mask", SUBJECT, "--mask-mode", "not-masked",
               "--prompt", f"woman, {place}", "--strength", "0.9", "--seed", str(seed), "--json", *more]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def luma(path):
    return np.asarray(Image.open(path).convert("L")).astype(float)


def edges(line):
    """(middle, width) of every monotone change of at least LEAST_CHANGE."""
    found, start = [], 0
    step = np.sign(np.diff(line))
    for i in range(1, len(step) + 1):
        if i < len(step) and (step[i] == step[start] or step[i] == 0):
            continue
        piece = line[start:i + 1]
        change = piece[-1] - piece[0]
        if abs(change) >= LEAST_CHANGE:
            share = (piece - piece[0]) / change
            at = np.interp([0.1, 0.5, 0.9], share, np.arange(len(piece)))
            found.append((start + at[1], max(at[2] - at[0], 0.8)))
        start = i
    return found


def narrower(quick, fine, drawn):
    """Widths in the quick result and in the fine one, edge by edge."""
    pairs = []
    for before, after, inside in ((quick, fine, drawn), (quick.T, fine.T, drawn.T)):
        for y in range(0, len(before), 4):
            there = edges(after[y])
            for middle, width in edges(before[y]):
                if not inside[y, max(int(middle) - 8, 0):int(middle) + 9].all():
                    continue
                near = [w for m, w in there if abs(m - middle) <= 6]
                if near:
                    pairs.append((width, min(near)))
    return pairs


def seam(picture, tiles, factor, drawn):
    """Gradient across the tiles' borders over that elsewhere."""
    across = np.abs(np.diff(picture, axis=1))
    inside = drawn[:, 1:] & drawn[:, :-1]
    on_border = np.zeros_like(inside)
    for x in {round(v * factor) for t in tiles for v in (t["x"], t["x"] + t["width"])}:
        if 1 < x < picture.shape[1] - 1:
            on_border[:, x - 1:x + 1] = True
    return across[inside & on_border].mean() / across[inside & ~on_border].mean()


def main():
    binary = sys.argv[1]
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    drawn = np.asarray(Image.open(SUBJECT).convert("L")) == 0
    ratios, seams = [], []
    for seed, place in enumerate(PLACES, 1):
        name = folder / place.replace(" ", "-")
        edit(binary, f"{name}-quick.png", place, seed)
        events = edit(binary, f"{name}-fine.png", place, seed, "--second-pass", "2")
        quick, fine = luma(f"{name}-quick.png"), luma(f"{name}-fine.png")
        pairs = narrower(quick, fine, drawn)
        before, after = np.median(pairs, axis=0) if pairs else (float("nan"),) * 2
        ratios.append(before / after)
        own = edit(binary, f"{name}-own.png", place, seed, "--second-pass", "own")
        last = next(e for e in own if e["event"] == "planned")["later_passes"][-1]
        work = last["layout"]["work"]["width"]
        factor = luma(f"{name}-own.png").shape[1] / work * 4
        places = (last["tiles"], factor, drawn)
        seams.append(seam(luma(f"{name}-own.png"), *places) / seam(fine, *places))
        seconds = [e["seconds"]["total"] for e in events if e["event"] == "done"]
        print(f"{place:26} edges {len(pairs):4}: {before:5.2f} -> {after:5.2f} px, {ratios[-1]:.2f} times narrower;"
              f" seams {seams[-1]:.3f}; {seconds[0]:.1f} s", flush=True)
    print(f"median {np.nanmedian(ratios):.2f} times narrower, worst {np.nanmin(ratios):.2f};"
          f" seams (geometric mean) {np.exp(np.mean(np.log(seams))):.3f}, worst {np.max(seams):.3f}")
    one, two = folder / "one.png", folder / "two.png"
    for path, threads in ((one, 1), (two, 2)):
        edit(binary, path, PLACES[0], 7, "--second-pass", "own", "--no-metadata", "--threads", threads)
    print("1 and 2 threads:", "the same bytes" if one.read_bytes() == two.read_bytes() else "DIFFERENT BYTES")


if __name__ == "__main__":
    main()
