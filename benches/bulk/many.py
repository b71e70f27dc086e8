"""Makes a folder of many small photographs: many.py FOLDER COUNT.

Every one differs in colour and in what is drawn; every third carries a camera's thumbnail in its EXIF block.
The same arguments give the same files. Needs Pillow.
"""

import io
import random
import sys
from pathlib import Path

from PIL import Image, ImageDraw

SIZE = (640, 480)


def drawn(rng):
    """A plain scene."""
    sky, ground, thing = (tuple(rng.randrange(256) for _ in range(3)) for _ in range(3))
    picture = Image.new("RGB", SIZE, sky)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 320, *SIZE), fill=ground)
    x, y, r = rng.randrange(160, 480), rng.randrange(140, 340), rng.randrange(60, 130)
    draw.ellipse((x - r, y - r, x + r, y + r), fill=thing)
    return picture


def with_thumbnail(picture):
    """An EXIF block with a thumbnail of 160 pixels."""
    small = io.BytesIO()
    picture.resize((160, 120)).save(small, "JPEG", quality=80)
    data = small.getvalue()
    ifd1 = 8 + 2 + 4
    at = ifd1 + 2 + 2 * 12 + 4
    block = b"MM\0*\0\0\0\x08" + b"\0\0" + ifd1.to_bytes(4, "big") + b"\0\x02"
    for tag, value in ((0x0201, at), (0x0202, len(data))):
        block += tag.to_bytes(2, "big") + b"\0\x04\0\0\0\x01" + value.to_bytes(4, "big")
    return b"Exif\0\0" + block + b"\0\0\0\0" + data


def main():
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        picture = drawn(random.Random(number))
        exif = {"exif": with_thumbnail(picture)} if number % 3 == 0 else {}
        picture.save(folder / f"{number:05}.jpg", quality=85, **exif)


if __name__ == "__main__":
    main()
