"""How much of a JPEG stays as it was when a small part of it is edited and the file is written again.

    python3 -m venv V && V/bin/pip install jpeglib pillow numpy
    V/bin/python benches/project/jpeg_blocks.py OVERPAINT PHOTO...

Each photograph is written as JPEGs of several kinds by another program (one that is a JPEG already is taken as it
is too), something small is erased with OVERPAINT, and the quantised DCT coefficients of both files are compared
block by block. A block counts as unchanged where none of the pixels that go into it changed, those included by
which a decoder smooths coarser chroma. Prints the share of unchanged blocks whose 64 coefficients are all the
same, for luma and chroma, and the largest difference of any coefficient in them.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import jpeglib
import numpy as np
from PIL import Image, ImageDraw

KINDS = [("q75 4:2:0", 75, 2), ("q90 4:2:0", 90, 2), ("q92 4:2:2", 92, 1), ("q92 4:4:4", 92, 0), ("q98 4:4:4", 98, 0)]


def blocks_touched(mask, shape, step):
    """Which blocks of a channel, whose samples are `step` pixels (down, across), have a changed pixel near."""
    rows, columns = shape
    touched = np.zeros(shape, bool)
    ys, xs = np.nonzero(mask)
    # A decoder's filter for chroma reaches one sample further.
    for reach_y in (-1, 0, 1):
        for reach_x in (-1, 0, 1):
            y = np.clip((ys // step[0] + reach_y) // 8, 0, rows - 1)
            x = np.clip((xs // step[1] + reach_x) // 8, 0, columns - 1)
            touched[y, x] = True
    return touched


def compare(before, after, mask):
    a, b = jpeglib.read_dct(str(before)), jpeglib.read_dct(str(after))
    same_tables = np.array_equal(a.qt, b.qt)
    told = []
    full = a.Y.shape[:2]
    for name in ("Y", "Cb", "Cr"):
        one, two = getattr(a, name), getattr(b, name)
        if one is None:
            continue
        if one.shape != two.shape:
            told.append(f"{name} has another size")
            continue
        step = tuple(max(1, round(full[i] / one.shape[i])) for i in (0, 1))
        kept = ~blocks_touched(mask, one.shape[:2], step)
        difference = np.abs(one.astype(int) - two.astype(int))[kept]
        same = (difference.reshape(len(difference), -1).max(axis=1) == 0).mean()
        told.append(f"{name} {same:.4f} of {kept.sum()} (at most {difference.max()})")
    return ("same tables; " if same_tables else "OTHER TABLES; ") + ", ".join(told)


def main():
    overpaint, photos = sys.argv[1], [Path(p) for p in sys.argv[2:]]
    with tempfile.TemporaryDirectory() as room:
        room = Path(room)
        for photo in photos:
            files = []
            if photo.suffix == ".jpg":
                files.append(("as it is", photo))
            picture = Image.open(photo).convert("RGB")
            for kind, quality, sampling in KINDS:
                file = room / f"{photo.stem}-{quality}-{sampling}.jpg"
                picture.save(file, quality=quality, subsampling=sampling)
                files.append((kind, file))
            w, h = picture.size
            mask = Image.new("L", (w, h), 0)
            r = min(w, h) // 12
            ImageDraw.Draw(mask).ellipse((w // 2 - r, h // 2 - r, w // 2 + r, h // 2 + r), fill=255)
            mask.save(room / "mask.png")
            for kind, file in files:
                out = room / "out.jpg"
                out.unlink(missing_ok=True)
                command = [overpaint, "erase", str(file), "--mask", str(room / "mask.png"), "-o", str(out)]
                subprocess.run(command, check=True, capture_output=True)
                # What was changed, before it was encoded again.
                lossless = room / "out.png"
                lossless.unlink(missing_ok=True)
                command[-1] = str(lossless)
                subprocess.run(command, check=True, capture_output=True)
                # The decoder is ours: pixels of the original as it sees them, by a mask that changes nothing.
                was = np.asarray(Image.open(file).convert("RGB")).astype(int)
                now = np.asarray(Image.open(lossless).convert("RGB")).astype(int)
                # Decoders differ by a step or two; what is erased differs by more, or lies in the mask.
                changed = np.abs(was - now).max(axis=2) > 6
                changed |= np.asarray(mask) > 0
                grown = Image.fromarray((changed * 255).astype(np.uint8))
                print(f"{photo.name}, {kind}: {compare(file, out, np.asarray(grown) > 0)}", flush=True)


if __name__ == "__main__":
    main()
