"""Makes a folder of 200 files for a batch: photographs and drawn scenes, augmented, 0.3 to 24 megapixels,
some of them broken. The same arguments give the same bytes.

    python make_pictures.py OUT --photos FOLDER --samples assets/samples [--count 200] [--seed 23]
"""

import argparse
import io
import math
import random
from pathlib import Path

from PIL import Image, ImageEnhance, ImageOps

PHOTOS = ["astronaut.png", "camera.png", "chelsea.png", "coffee.png", "hopper.jpg"]
SAMPLES = ["cat-beach.png", "portrait-city.png", "portrait-meadow.png", "portrait-room.png"]
FORMATS = ["jpg", "jpg", "jpg", "jpg", "png", "webp", "tif"]
ORIENTATION = 0x0112
DESCRIPTION = 0x010E


def augmented(picture, rng):
    width, height = picture.size
    keep = rng.uniform(0.8, 1.0)
    left, top = (rng.uniform(0, 1 - keep) * side for side in (width, height))
    picture = picture.crop((int(left), int(top), int(left + width * keep), int(top + height * keep)))
    if rng.random() < 0.5:
        picture = ImageOps.mirror(picture)
    picture = ImageEnhance.Brightness(picture).enhance(rng.uniform(0.8, 1.2))
    picture = ImageEnhance.Color(picture).enhance(rng.uniform(0.7, 1.3))
    megapixels = math.exp(rng.uniform(math.log(0.3), math.log(24)))
    scale = math.sqrt(megapixels * 1e6 / (picture.width * picture.height))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.BICUBIC), megapixels


def encoded(picture, ending, rng, title):
    exif = Image.Exif()
    exif[DESCRIPTION] = title
    if ending == "jpg" and rng.random() < 0.3:
        exif[ORIENTATION] = rng.choice([3, 6, 8])
    out = io.BytesIO()
    kind = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "tif": "TIFF"}[ending]
    options = {"quality": 90} if ending in ("jpg", "webp") else {}
    if ending == "png":
        options["compress_level"] = 1
    picture.save(out, kind, exif=exif, **options)
    return out.getvalue()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=23)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rng = random.Random(args.seed)
    sources = [args.photos / name for name in PHOTOS] + [args.samples / name for name in SAMPLES]
    sources = [Image.open(path).convert("RGB") for path in sources]
    # One empty, one text, one unreadable, and six torn: at the end of the list of names.
    whole = args.count - 9
    total = 0.0
    for number in range(whole + 7):
        picture, megapixels = augmented(sources[number % len(sources)], rng)
        ending = FORMATS[rng.randrange(len(FORMATS))]
        data = encoded(picture, ending, rng, f"picture {number}")
        name = f"{number:03}.{ending}"
        if number >= whole + 1:
            name, data = f"torn-{number}.{ending}", data[: len(data) // 2]
        elif number == whole:
            name = f"closed.{ending}"
        else:
            total += megapixels
        (args.out / name).write_bytes(data)
    next(args.out.glob("closed.*")).chmod(0)
    (args.out / "empty.jpg").write_bytes(b"")
    (args.out / "words.png").write_bytes(b"This is no picture.\n")
    print(f"{len(list(args.out.iterdir()))} files, {whole} whole pictures of {total / whole:.1f} megapixels on average")


if __name__ == "__main__":
    main()
