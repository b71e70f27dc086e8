#!/usr/bin/env python3
"""The memory that is forecast before a run against the most that it took: python3 measure.py OVERPAINT FOLDER [sd15|sdxl …]

Full-size models of random weights are made in FOLDER by `overpaint bench --export` (SD 1.5 2.1 GB, SDXL 6.9 GB) and kept.
One step of a whole picture each, the work size as the picture. Ends with 1 where a forecast is more than 15 % off."""

import json
import subprocess
import sys
from pathlib import Path

CASES = {"sd15": [512, 768], "sd21": [768], "sdxl": [1024]}
GIB = 1 << 30


def run(command: list[str]) -> list[dict]:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def main() -> None:
    overpaint, folder, *models = sys.argv[1:]
    room = Path(folder)
    room.mkdir(parents=True, exist_ok=True)
    off = False
    print("| model | picture | forecast GiB | measured GiB | off by |\n|---|---|---|---|---|")
    for model in models or ["sd15"]:
        there = room / model
        if not (there / "model_index.json").is_file():
            subprocess.run([overpaint, "bench", "--model", f"random:{model}", "--stage", "text", "--repeats", "1",
                            "--export", str(there)], check=True, stdout=subprocess.DEVNULL)
        for side in CASES[model]:
            picture = room / f"{side}.ppm.png"
            write_png(picture, side)
            events = run([overpaint, "edit", str(picture), "-o", str(room / "out.png"), "--model", str(there),
                          "--prompt", "x", "--steps", "2", "--strength", "0.5", "--seed", "1", "--json",
                          "--work-size", f"{side}x{side}", "--second-pass", "off"])
            said = next(event for event in events if event["event"] == "planned")["forecast"]["bytes"]
            took = next(event for event in events if event["event"] == "done")["peak_rss_bytes"]
            error = said / took - 1
            off |= abs(error) > 0.15
            print(f"| {model} | {side}² | {said / GIB:.2f} | {took / GIB:.2f} | {100 * error:+.0f} % |", flush=True)
    sys.exit(int(off))


def write_png(path: Path, side: int) -> None:
    """A grey picture with a slope, without any library."""
    import struct
    import zlib

    rows = b"".join(b"\0" + bytes((x * 255 // side) for x in range(side)) for _ in range(side))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


main()
