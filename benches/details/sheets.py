#!/usr/bin/env python3
"""Sheets of results without and with kept details, and how like the original their fine detail is.

    python3 sheets.py BINARY PHOTOS FOLDER      # needs numpy, scipy, pillow

Four samples, and astronaut.png and coffee.png of the folder PHOTOS (pictures of scikit-image's data), with the
built-in model at five strengths, whole and masked (samples: their subject; photos: an ellipse in the middle).
FOLDER gets a sheet for each: above without details, below with them, strengths from left to right. What
is in FOLDER already is not made again.
"""
import subprocess
import sys
from pathlib import Path

from PIL import Image, ImageDraw

from measure import alike

SAMPLES = Path(__file__).resolve().parents[2] / "assets/samples"
STRENGTHS = ["0.2", "0.3", "0.45", "0.6", "0.8"]
PROMPT = "in the city at night"


def ellipse(picture, to):
    with Image.open(picture) as opened:
        width, height = opened.size
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).ellipse((width // 4, height // 5, width * 3 // 4, height * 4 // 5), fill=255)
    mask.save(to)
    return to


def results(binary, picture, mask, keep, folder):
    kind = "masked" if mask else "whole"
    out = folder / f"{picture.stem}-{kind}-{keep}.png"
    files = [out.with_name(f"{out.stem}-{s}.png") for s in STRENGTHS]
    if not all(file.exists() for file in files):
        masked = ["--mask", str(mask)] if mask else []
        subprocess.run([binary, "edit", str(picture), "-o", str(out), "--prompt", PROMPT, "--seed", "1", *masked,
                        "--strengths", ",".join(STRENGTHS), "--keep-details", keep], check=True, capture_output=True)
    return files


def main():
    binary, photos, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    samples = [(p, SAMPLES / f"{p.stem}-subject.png") for p in sorted(SAMPLES.glob("*.png")) if "subject" not in p.stem]
    shown = [photos / "astronaut.png", photos / "coffee.png"]
    for picture, subject in samples + [(p, ellipse(p, folder / f"{p.stem}-mask.png")) for p in shown]:
        for mask in (None, subject):
            rows = [results(binary, picture, mask, keep, folder) for keep in ("off", "auto")]
            images = [[Image.open(file).convert("RGB") for file in row] for row in rows]
            width, height = images[0][0].size
            sheet = Image.new("RGB", (width * len(STRENGTHS), height * 2))
            for y, row in enumerate(images):
                for x, image in enumerate(row):
                    sheet.paste(image, (x * width, y * height))
            name = f"{picture.stem}-{'masked' if mask else 'whole'}"
            sheet.save(folder / f"{name}.sheet.png")
            numbers = [" ".join("%.2f" % alike(picture, file) for file in row) for row in rows]
            print(f"{name:24} off {numbers[0]}   auto {numbers[1]}", flush=True)


if __name__ == "__main__":
    main()
