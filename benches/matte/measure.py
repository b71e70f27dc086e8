#!/usr/bin/env python3
"""Seconds and peak memory of `select` and `background`, and cut-outs to look at.

    python3 benches/matte/measure.py BINARY PHOTOS OUT

PHOTOS holds the five photographs of README.md. Prints a table for astronaut.png enlarged to 1, 12 and 24
megapixels, and writes to OUT each photograph before green and before white, and cut out.
Needs Pillow.
"""

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image

PHOTOS = ["astronaut.png", "chelsea.png", "coffee.png", "camera.png", "hopper.jpg"]


def run(binary: str, *args: str) -> dict:
    done = subprocess.run([binary, *args, "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    binary, photos, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    print("| megapixels | what | seconds | whole command | peak MB |\n|---|---|---|---|---|")
    source = Image.open(photos / "astronaut.png").convert("RGB")
    for megapixels in (1, 12, 24):
        height = round((megapixels * 1e6 / 1.5) ** 0.5)
        large = out / f"{megapixels}.png"
        width = round(height * 1.5)
        source.resize((width, height), Image.BICUBIC).save(large, compress_level=1)
        mask = out / "mask.png"
        said = run(binary, "select", str(large), "-o", str(mask))
        line(megapixels, "select", said["seconds"]["select"], said)
        for put in ("white", "blur", str(photos / "coffee.png"), "nothing"):
            said = run(binary, "background", str(large), "-o", str(out / "out.png"), "--put", put, "--mask", str(mask))
            line(megapixels, Path(put).name, said["seconds"]["background"], said)
    for name in PHOTOS:
        stem = Path(name).stem
        for word, put in (("green", "#00b140"), ("white", "white"), ("cut", "nothing")):
            run(binary, "background", str(photos / name), "-o", str(out / f"{stem}-{word}.png"), "--put", put)


def line(megapixels: int, what: str, seconds: float, said: dict) -> None:
    whole, peak = said["seconds"]["total"], (said["peak_rss_bytes"] or 0) / 1e6
    print(f"| {megapixels} | {what} | {seconds:.2f} | {whole:.2f} | {peak:.0f} |", flush=True)


if __name__ == "__main__":
    main()
