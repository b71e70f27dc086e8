#!/usr/bin/env python3
"""Compares `overpaint erase` with OpenCV's Telea and Navier–Stokes on photographs with known truth.

    python3 -m venv venv && venv/bin/pip install -r benches/erase/requirements.txt
    venv/bin/python benches/erase/measure.py quality BINARY OUT [--photos FOLDER]
    venv/bin/python benches/erase/measure.py speed BINARY OUT [--times N]
    venv/bin/python benches/erase/measure.py cancel BINARY OUT

The photographs come with scikit-image and scikit-learn; `--photos` adds those of a folder by name.
None is committed. The hole is painted over before anybody sees the picture, so its truth cannot be
looked up. `quality` writes a table and sheets: hole, truth, ours, Telea, Navier–Stokes.
"""

import argparse
import json
import resource
import signal
import subprocess
import time
from pathlib import Path

import cv2
import numpy as np
import skimage.data
import sklearn.datasets
from PIL import Image
from skimage.metrics import structural_similarity

SKIMAGE = Path(skimage.data.__file__).parent
SKLEARN = Path(sklearn.datasets.__file__).parent / "images"
PHOTOS = {
    **{name: SKIMAGE / f"{name}.png" for name in
       ["astronaut", "brick", "camera", "chelsea", "coffee", "grass", "gravel", "motorcycle_left"]},
    "rocket": SKIMAGE / "rocket.jpg",
    "retina": SKIMAGE / "retina.jpg",
    "flower": SKLEARN / "flower.jpg",
    "china": SKLEARN / "china.jpg",
}
# Photograph, shape, centre and half axes as shares of width and height, and of the shorter side.
HOLES = [
    ("astronaut", "ellipse", .12, .45, .07, .10), ("astronaut", "stroke", .75, .70, .30, .03),
    ("brick", "ellipse", .50, .50, .12, .12), ("brick", "rectangle", .30, .70, .10, .18),
    ("camera", "ellipse", .75, .62, .05, .10), ("camera", "ellipse", .20, .90, .08, .05),
    ("chelsea", "ellipse", .62, .75, .07, .09), ("chelsea", "stroke", .40, .35, .35, .025),
    ("coffee", "ellipse", .85, .30, .06, .09), ("coffee", "stroke", .30, .80, .30, .04),
    ("grass", "ellipse", .50, .50, .12, .12), ("gravel", "rectangle", .45, .50, .12, .10),
    ("motorcycle_left", "ellipse", .15, .55, .05, .07), ("rocket", "ellipse", .75, .55, .06, .08),
    ("rocket", "rectangle", .30, .80, .05, .06), ("hopper", "ellipse", .80, .30, .09, .07),
    ("flower", "ellipse", .20, .70, .06, .08), ("china", "ellipse", .25, .62, .05, .07),
    ("china", "stroke", .60, .75, .40, .03), ("retina", "ellipse", .62, .35, .05, .05),
]
WAYS = ["ours", "telea", "ns"]


def hole_of(shape, kind, cx, cy, a, b):
    height, width = shape
    y, x = np.mgrid[0:height, 0:width]
    side, cx, cy = min(height, width), cx * width, cy * height
    if kind == "ellipse":
        return ((x - cx) / (a * side)) ** 2 + ((y - cy) / (b * side)) ** 2 < 1
    if kind == "rectangle":
        return (abs(x - cx) < a * side) & (abs(y - cy) < b * side)
    wave = 0.09 * side * np.sin((x - cx) / (a * side) * 2)
    return (abs(y - cy - wave) < b * side) & (abs(x - cx) < a * side)


def erase(binary, picture, mask, out, *more):
    """Runs it; the seconds and bytes that it says it took."""
    command = [binary, "erase", picture, "--mask", mask, "-o", out, "--json", *more]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = json.loads(done.stdout.splitlines()[-1])
    # On a machine that is shared, wall-clock time says little.
    said["cpu"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return said


def laplacian(picture):
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(float)
    return abs(cv2.Laplacian(grey, cv2.CV_64F))


def patch_distance(picture, mask, side=7):
    """Mean distance (RMS) of patches in the hole to the most alike one of the surroundings."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(grey, (side, side))
    inside = np.lib.stride_tricks.sliding_window_view(mask, (side, side))
    of_hole = windows[inside.all(axis=(2, 3))].reshape(-1, side * side)
    around = windows[~inside.any(axis=(2, 3))].reshape(-1, side * side)
    random = np.random.default_rng(1)
    of_hole = of_hole[random.permutation(len(of_hole))[:200]]
    around = around[random.permutation(len(around))[:20000]]
    squares = (around ** 2).sum(1)
    best = [np.sqrt(max((squares - 2 * around @ p + p @ p).min(), 0) / side ** 2) for p in of_hole]
    return float(np.mean(best)) if best else float("nan")


def periodic(folder, binary):
    """RMSE of ours and Telea's where the picture repeats itself exactly."""
    tile = np.array(Image.open(SKIMAGE / "brick.png").convert("RGB"))[100:148, 100:160]
    truth = np.tile(tile, (8, 8, 1))
    mask = hole_of(truth.shape[:2], "ellipse", .5, .5, .2, .15)
    return [row["rmse"] for row in compare(truth, mask, folder, "periodic", binary)[1][:2]]


def compare(truth, mask, folder, name, binary):
    holed = truth.copy()
    holed[mask] = [255, 0, 255]
    paths = [folder / f"{name}-{part}.png" for part in ("in", "mask", "ours")]
    mask8 = mask.astype(np.uint8) * 255
    Image.fromarray(holed).save(paths[0])
    Image.fromarray(mask8).save(paths[1])
    said = erase(binary, *paths)
    results = [
        np.array(Image.open(paths[2]).convert("RGB")),
        cv2.inpaint(holed, mask8, 5, cv2.INPAINT_TELEA),
        cv2.inpaint(holed, mask8, 5, cv2.INPAINT_NS),
    ]
    ys, xs = np.nonzero(mask)
    box = (slice(max(ys.min() - 30, 0), ys.max() + 30), slice(max(xs.min() - 30, 0), xs.max() + 30))
    rows = []
    for result in results:
        assert (result[~mask] == truth[~mask]).all(), "something outside the hole changed"
        rows.append({
            "rmse": float(np.sqrt(((result[mask].astype(float) - truth[mask]) ** 2).mean())),
            "ssim": float(structural_similarity(truth[box], result[box], channel_axis=2)),
            "laplacian": float(laplacian(result)[mask].mean() / laplacian(truth)[mask].mean()),
            "patch": patch_distance(result, mask),
        })
    return [holed[box], truth[box], *(r[box] for r in results)], rows, said


def sheet(lines, path, side=230):
    tiles = [[Image.fromarray(t) for t in line] for line in lines]
    tiles = [[t.resize((max(t.width * side // t.height, 1), side), Image.LANCZOS) for t in line] for line in tiles]
    width = max(sum(t.width + 4 for t in line) for line in tiles)
    made = Image.new("RGB", (width, (side + 4) * len(tiles)), "white")
    for y, line in enumerate(tiles):
        x = 0
        for tile in line:
            made.paste(tile, (x, y * (side + 4)))
            x += tile.width + 4
    made.save(path)


def quality(args):
    photos = dict(PHOTOS)
    if args.photos:
        photos |= {p.stem: p for p in Path(args.photos).iterdir() if p.stem not in photos}
    print("| # | photograph | hole % | RMSE ours / Telea / NS | SSIM | \\|Laplacian\\| ratio | patch distance |")
    print("|---|---|---|---|---|---|---|")
    lines, every = [], []
    for i, (name, *hole) in enumerate(HOLES):
        if name not in photos:
            print(f"| {i} | {name} | not found: give --photos | | | | |")
            continue
        picture = Image.open(photos[name]).convert("RGB")
        if name == "retina":
            picture.thumbnail((700, 700), Image.LANCZOS)
        truth = np.array(picture)
        mask = hole_of(truth.shape[:2], *hole)
        tiles, rows, _ = compare(truth, mask, args.out, f"{i:02}-{name}", args.binary)
        lines.append(tiles)
        every.append(rows)
        cell = lambda key, form: " / ".join(format(row[key], form) for row in rows)
        print(f"| {i} | {name} | {100 * mask.mean():.1f} | {cell('rmse', '.1f')} | {cell('ssim', '.3f')} | "
              f"{cell('laplacian', '.2f')} | {cell('patch', '.1f')} |", flush=True)
    mean = lambda way, key: float(np.nanmean([rows[way][key] for rows in every]))
    cells = [" / ".join(f"{mean(way, key):.3g}" for way in range(3)) for key in ("rmse", "ssim", "laplacian", "patch")]
    print("| | **mean** | | " + " | ".join(cells) + " |")
    nearer = [abs(r[0]["laplacian"] - 1) < abs(r[1]["laplacian"] - 1) for r in every]
    print(f"\nRMSE ours / Telea: {mean(0, 'rmse') / mean(1, 'rmse'):.3f} (at most 1.15)")
    print(f"|Laplacian| ratio nearer 1 than Telea's: {sum(nearer)} of {len(nearer)} (at least 80 %)")
    ours, telea = periodic(args.out, args.binary)
    print(f"Periodic texture: RMSE {ours:.2f} against {telea:.2f}, {ours / telea:.2f} (at most 0.5)")
    for part in range(0, len(lines), 5):
        sheet(lines[part:part + 5], args.out / f"sheet-{part // 5}.png")


def large(megapixels):
    """A photograph tiled with mirrors to that size, at a scale at which it stays a photograph."""
    picture = Image.open(PHOTOS["china"]).convert("RGB")
    side = (megapixels * 1e6 / 1.5) ** 0.5
    picture = picture.resize((int(1.5 * side), int(side)), Image.LANCZOS)
    grain = np.random.default_rng(3).normal(0, 3, (picture.height, picture.width, 1))
    return (np.array(picture) + grain).clip(0, 255).astype(np.uint8)


def round_hole(shape, share):
    height, width = shape
    half = (share * height * width) ** 0.5 / 2
    y, x = np.mgrid[0:height, 0:width]
    return (abs(x - width * .45) < half) & (abs(y - height * .5) < half)


def prepare(args, megapixels, share):
    picture = large(megapixels)
    paths = [args.out / f"{megapixels}mp{part}.png" for part in ("", "-mask", "-out")]
    Image.fromarray(picture).save(paths[0], compress_level=1)
    mask = round_hole(picture.shape[:2], share).astype(np.uint8) * 255
    Image.fromarray(mask).save(paths[1], compress_level=1)
    return paths


def speed(args):
    print("| MP | hole % | seconds erasing | whole command | its CPU seconds | peak memory |")
    print("|---|---|---|---|---|---|")
    for megapixels in (1, 12, 24):
        for percent in (.1, 1, 5, 20):
            paths = prepare(args, megapixels, percent / 100)
            said = [erase(args.binary, *paths) for _ in range(args.times)]
            best = min(said, key=lambda done: done["seconds"]["erase"])
            print(f"| {megapixels} | {percent} | {best['seconds']['erase']:.2f} | {best['seconds']['total']:.2f} | {best['cpu']:.1f} | "
                  f"{best['peak_rss_bytes'] / 2 ** 20:.0f} MiB |", flush=True)


def cancel(args):
    """How long it goes on after Ctrl-C, at several moments of a large erasure."""
    paths = prepare(args, 12, .05)
    for after in (0.3, 0.6, 1, 1.5, 2, 3, 4, 6):
        command = [args.binary, "erase", paths[0], "--mask", paths[1], "-o", paths[2]]
        running = subprocess.Popen([str(c) for c in command], stderr=subprocess.DEVNULL)
        time.sleep(after)
        begun = time.monotonic()
        running.send_signal(signal.SIGINT)
        code = running.wait()
        print(f"Ctrl-C after {after} s: ended {1000 * (time.monotonic() - begun):.0f} ms later, exit code {code}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["quality", "speed", "cancel"])
    parser.add_argument("binary", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--photos")
    parser.add_argument("--times", type=int, default=1)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    arguments.binary = arguments.binary.resolve()
    {"quality": quality, "speed": speed, "cancel": cancel}[arguments.what](arguments)
