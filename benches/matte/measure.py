#!/usr/bin/env python3
"""Seconds and peak memory of `select` and `background`, and cut-outs to look at.

    python3 benches/matte/measure.py BINARY PHOTOS OUT [RUNS]

PHOTOS holds the five photographs of README.md. Prints a table for astronaut.png enlarged to 1, 12 and 24
megapixels, as PNG and as JPEG: medians of RUNS (5) runs; seconds of the processor (user + system) of the whole
command, which a busy machine hardly changes, beside those of the clock. Writes to OUT each photograph before green
and before white, and cut out. Where PHOTOS holds NAME.320.mask.png, the answer of the reference to the photograph at
320 × 320, says how far the selection from the full photograph agrees. Needs Pillow; Linux.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image

PHOTOS = ["astronaut.png", "chelsea.png", "coffee.png", "camera.png", "hopper.jpg"]


def run(binary: str, *args: str) -> dict:
    """What a command said, with what it cost."""
    began = time.monotonic()
    child = subprocess.Popen([binary, *args, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    lines = child.stdout.read().strip().splitlines()
    _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"{args}: status {status}")
    return json.loads(lines[-1]) | {
        "clock": time.monotonic() - began,
        "processor": used.ru_utime + used.ru_stime,
        "system": used.ru_stime,
        "peak": used.ru_maxrss * 1024 / 1e6,
    }


def main() -> None:
    binary, photos, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    runs = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    out.mkdir(parents=True, exist_ok=True)
    print(f"load before: {os.getloadavg()}; medians of {runs}")
    print("| megapixels | file | what | processor s | of which system | clock s | of it the work | peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    source = Image.open(photos / "astronaut.png").convert("RGB")
    mask = out / "mask.png"
    for megapixels in (1, 12, 24):
        height = round((megapixels * 1e6 / 1.5) ** 0.5)
        picture = source.resize((round(height * 1.5), height), Image.BICUBIC)
        for kind in ("jpg", "png"):
            large = out / f"{megapixels}.{kind}"
            picture.save(large, quality=92, compress_level=1)
            select = ("select", str(large), "-o", str(mask))
            line(megapixels, kind, "select", [run(binary, *select) for _ in range(runs)])
        for put in ("white", "blur", str(photos / "coffee.png"), "nothing"):
            command = ("background", str(large), "-o", str(out / "out.png"), "--put", put, "--mask", str(mask))
            line(megapixels, kind, Path(put).name, [run(binary, *command) for _ in range(runs)])
    print(f"load behind: {os.getloadavg()}")
    for name in PHOTOS:
        stem = Path(name).stem
        for word, put in (("green", "#00b140"), ("white", "white"), ("cut", "nothing")):
            run(binary, "background", str(photos / name), "-o", str(out / f"{stem}-{word}.png"), "--put", put)
        reference = photos / f"{stem}.320.mask.png"
        if reference.is_file():
            run(binary, "select", str(photos / name), "-o", str(out / f"{stem}-mask.png"))
            print(f"{stem}: intersection over union {agreement(out / f'{stem}-mask.png', reference):.3f}", flush=True)


def agreement(mask: Path, reference: Path) -> float:
    """Intersection over union of what is more subject than not, at the size of the reference."""
    wanted = Image.open(reference).convert("L")
    made = Image.open(mask).convert("L").resize(wanted.size, Image.BOX)
    pairs = [(a > 127, b > 127) for a, b in zip(made.tobytes(), wanted.tobytes())]
    return sum(a and b for a, b in pairs) / sum(a or b for a, b in pairs)


def line(megapixels: int, kind: str, what: str, runs: list) -> None:
    def median(of) -> float:
        return statistics.median(of(one) for one in runs)

    work = median(lambda one: one["seconds"].get("select", one["seconds"].get("background", 0.0)))
    print(
        f"| {megapixels} | {kind} | {what} | {median(lambda one: one['processor']):.2f} "
        f"| {median(lambda one: one['system']):.2f} | {median(lambda one: one['clock']):.2f} | {work:.2f} "
        f"| {median(lambda one: one['peak']):.0f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
