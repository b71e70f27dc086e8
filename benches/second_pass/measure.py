#!/usr/bin/env python3
"""What a second pass gives and takes. Needs Pillow and numpy; pictures are left in FOLDER.

    python3 measure.py edges BINARY [FOLDER]        # how much narrower edges become; the bytes of 1 and 2 threads
    python3 measure.py tiles BENCH FOLDER [COUNT [MODEL PICTURE STEPS GUIDANCE]]    # whether tiles show
    python3 measure.py forecast BINARY FOLDER       # what is forecast, and what runs take

BINARY is the program; BENCH the bench `tiles` (`cargo bench --bench tiles --no-run` says where it is).

Edges: in the part that was drawn anew, along rows and columns, monotone changes of at least 48 levels of
luma; the width is that from 10 % to 90 % of the change. An edge of the quick result is compared with the
steepest one of the fine result within 6 pixels of it.

Tiles: COUNT edits up to the picture's own size, each with another prompt and seed, once with the tiles where
they are planned and once half a tile further. Energy is the sum of squared differences of neighbouring pixels
across a border, two pixels to both sides of it. It is divided by that of columns (rows) near by which lie as the
border does to the grid of the latent and are no border (their geometric mean): "near". And by that of the very
same columns of the other picture, which has no border there: "same place"; what the pictures show cancels out
in it. Geometric means are taken, over the borders of a picture and over pictures: one horizon on a border would
outweigh all other borders in a sum.
Half a tile further the picture's mean must stay: by how much it moves, and the mean of the absolute
difference. What lies in FOLDER already is not made again.

Forecast: after one run to learn from, each edit is forecast and run; the best of a few runs counts for
time, because others use the machine too.
"""

import json
import os
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


NEAR = range(1, 7)
AROUND = range(-2, 3)


def energies(picture, drawn):
    """Squared differences across each border between columns, of what was drawn; its index is the column behind."""
    both = drawn[:, 1:] & drawn[:, :-1]
    squares = np.where(both, np.diff(picture, axis=1) ** 2, 0).sum(axis=0)
    return np.concatenate([[0], squares])


def borders(tiles, key, size, factor, length):
    ends = {v for t in tiles for v in (t[key], t[key] + t[size])}
    return {v * factor for v in ends if 0 < v * factor < length}


def ratios(here, there, at, others, factor):
    """Logarithms of ratios of energies: of each border to near by, and to the other picture at the same place."""
    near, same = [], []
    far_from = lambda x, all_of: min((abs(x - other) for other in all_of), default=999) > 4
    for x in at:
        band = lambda energy, x: np.log(1 + np.mean([energy[x + o] for o in AROUND if 0 < x + o < len(energy)]))
        refs = [x + sign * k * factor for k in NEAR for sign in (-1, 1)]
        refs = [r for r in refs if 2 < r < len(here) - 2 and far_from(r, at)]
        if refs:
            near.append(band(here, x) - np.mean([band(here, r) for r in refs]))
        if far_from(x, others):
            same.append(band(here, x) - band(there, x))
    return near, same


def of_borders(planned, shifted, said, drawn):
    """(near, same place) of one pair of pictures, both ways and both directions."""
    near, same = [], []
    factor = said["vae_factor"]
    for key, size, turn in (("x", "width", lambda a: a), ("y", "height", lambda a: a.T)):
        a, b, inside = turn(planned), turn(shifted), turn(drawn)
        places = [borders(said[name], key, size, factor, a.shape[1]) for name in ("planned", "shifted")]
        energy = [energies(a, inside), energies(b, inside)]
        for i in (0, 1):
            n, s = ratios(energy[i], energy[1 - i], places[i], places[1 - i], factor)
            near, same = near + n, same + s
    return np.exp(np.mean(near)), np.exp(np.mean(same))


def spread(values):
    """Geometric mean and its 95 % interval (bootstrap)."""
    logs = np.log(values)
    draw = np.random.default_rng(1).choice(logs, (10_000, len(logs))).mean(axis=1)
    low, high = np.exp(np.percentile(draw, [2.5, 97.5]))
    return f"{np.exp(logs.mean()):.3f} (95 %: {low:.3f} to {high:.3f}; worst {np.max(values):.3f})"


def tiles(bench, folder, count=10, model="starter", picture=PICTURE, steps=20, guidance=5):
    drawn = np.asarray(Image.open(SUBJECT).convert("L")) == 0
    mask = SUBJECT
    size = Image.open(picture).size
    if size != drawn.shape[::-1]:
        drawn, mask = np.ones(size[::-1], bool), "-"
    found = []
    for seed in range(1, int(count) + 1):
        place = PLACES[(seed - 1) % len(PLACES)]
        out = folder / f"tiles-{seed}"
        command = [bench, model, picture, mask, out, f"woman, {place}", seed, steps, guidance]
        told = Path(f"{out}.json")
        if not told.exists():
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
            told.write_text(done.stdout.splitlines()[-1])
        said = json.loads(told.read_text())
        pictures = [luma(f"{out}-{name}.png") for name in ("planned", "shifted")]
        near, same = of_borders(*pictures, said, drawn)
        found.append((near, same, said["mean_difference"], said["mean_absolute_difference"]))
        print(f"{seed:3} {place:26} {len(said['planned'])} tiles: near {near:.3f}, same place {same:.3f};"
              f" mean moves by {said['mean_difference']:+.2f}, absolute {said['mean_absolute_difference']:.2f} of 255",
              flush=True)
    near, same, mean, absolute = np.array(found).T
    print(f"energy at borders over that near by: {spread(near)}")
    print(f"energy at borders over the same place without one: {spread(same)}")
    print(f"half a tile further the mean moves by {np.abs(mean).max():.2f} of 255 at most;"
          f" mean absolute difference {absolute.mean():.2f}, at most {absolute.max():.2f}")


SIZES = {"512": (512, 512), "12 MP": (4000, 3000), "24 MP": (6000, 4000)}
RUNS = {"512": ["off", "2", "own"], "12 MP": ["off", "2", "4"], "24 MP": ["off", "2", "4"]}


def forecast(binary, folder, again=3):
    env = {**os.environ, "XDG_DATA_HOME": str(folder / "measured")}
    source, subject = Image.open(PICTURE).convert("RGB"), Image.open(SUBJECT).convert("L")
    for turn in range(int(again) + 1):
        for name, size in SIZES.items():
            picture, mask = folder / f"{size[0]}.png", folder / f"{size[0]}-mask.png"
            if not mask.exists():
                source.resize(size, Image.LANCZOS).save(picture, compress_level=1)
                subject.resize(size, Image.NEAREST).save(mask)
            for second in RUNS[name]:
                command = [binary, "edit", picture, "-o", folder / "out.png", "--mask", mask, "--mask-mode", "not-masked",
                           "--prompt", f"woman, {PLACES[0]}", "--strength", "0.9", "--seed", "1", "--json",
                           "--second-pass", second]
                done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True, env=env)
                events = {e["event"]: e for e in map(json.loads, done.stdout.splitlines())}
                said, took = events["planned"]["forecast"], events["result"]["seconds"]["total"]
                peak = events["done"]["peak_rss_bytes"]
                print(f"{turn} {name:6} {second:4} {said['passes']} passes {said['tiles']:3} tiles:"
                      f" {said['seconds']:6.1f} s forecast, {took:6.1f} s ({said['seconds'] / took:.2f});"
                      f" {said['bytes'] / 1e6:5.0f} MB forecast, {peak / 1e6:5.0f} MB ({said['bytes'] / peak:.2f});"
                      f" load {os.getloadavg()[0]:.1f}", flush=True)


def compare_edges(binary, folder):
    drawn = np.asarray(Image.open(SUBJECT).convert("L")) == 0
    found = []
    for seed, place in enumerate(PLACES, 1):
        name = folder / place.replace(" ", "-")
        edit(binary, f"{name}-quick.png", place, seed)
        events = edit(binary, f"{name}-fine.png", place, seed, "--second-pass", "2")
        quick, fine = luma(f"{name}-quick.png"), luma(f"{name}-fine.png")
        pairs = narrower(quick, fine, drawn)
        before, after = np.median(pairs, axis=0) if pairs else (float("nan"),) * 2
        found.append(before / after)
        seconds = [e["seconds"]["total"] for e in events if e["event"] == "done"]
        print(f"{place:26} edges {len(pairs):4}: {before:5.2f} -> {after:5.2f} px, {found[-1]:.2f} times narrower;"
              f" {seconds[0]:.1f} s", flush=True)
    print(f"median {np.nanmedian(found):.2f} times narrower, worst {np.nanmin(found):.2f}")
    one, two = folder / "one.png", folder / "two.png"
    for path, threads in ((one, 1), (two, 2)):
        edit(binary, path, PLACES[0], 7, "--second-pass", "own", "--no-metadata", "--threads", threads)
    print("1 and 2 threads:", "the same bytes" if one.read_bytes() == two.read_bytes() else "DIFFERENT BYTES")


def main():
    what, program = {"edges": compare_edges, "tiles": tiles, "forecast": forecast}[sys.argv[1]], sys.argv[2]
    folder = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    what(program, folder, *sys.argv[4:])


if __name__ == "__main__":
    main()
