"""Writes the files under tests/golden/data/carried: one of each kind, with all the data beside its
pixels that the kind has a place for, and TIFFs of rarer pixels, as other programs write them.

Run with any Python that has Pillow, and ExifTool in the path: python tests/golden/carried.py
tests/it/carried.rs and src/raster/file/tests_carried.rs say what must come out of each file.
"""

import struct
import subprocess
import zlib
from pathlib import Path

from PIL import Image, PngImagePlugin

OUT = Path(__file__).parent / "data" / "carried"
OUT.mkdir(parents=True, exist_ok=True)
W, H = 23, 17


def plane(channel):
    """The pattern of pictures.py."""
    values = [(7 * x + 13 * y + 61 * channel) % 97 * 255 // 96 for y in range(H) for x in range(W)]
    return Image.frombytes("L", (W, H), bytes(values))


RGB = Image.merge("RGB", [plane(c) for c in range(3)])
DPI = (300, 240)


def tell(name, *arguments):
    path = OUT / name
    subprocess.run(["exiftool", "-q", "-overwrite_original", *arguments, path], check=True)


WORDS = ["-XMP-dc:Creator=Zoë", "-XMP-dc:Rights=© 貓"]
CAMERA = ["-EXIF:Artist=Zoe", "-EXIF:Copyright=(c) Zoe", "-EXIF:ImageDescription=Hills",
          "-EXIF:UserComment=Grandma, 80th birthday", "-EXIF:GPSLatitude=25.5",
          "-EXIF:GPSLatitudeRef=N", "-EXIF:DateTimeOriginal=2026:01:02 03:04:05"]

info = PngImagePlugin.PngInfo()
info.add_text("Source", "plain")
info.add_text("Comment", "packed", zip=True)
info.add_itxt("Title", "保留", lang="zh", tkey="標題", zip=True)
info.add(b"gAMA", struct.pack(">I", 100_000))
info.add(b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000))
RGB.save(OUT / "all.png", pnginfo=info, dpi=DPI)
tell("all.png", *WORDS, *CAMERA)

RGB.save(OUT / "all.jpg", quality=92, dpi=DPI, comment=b"a comment")
tell("all.jpg", *WORDS, *CAMERA, "-IPTC:Caption-Abstract=Hills at dusk", "-Comment=a comment")

RGB.save(OUT / "all.webp", lossless=True)
tell("all.webp", *WORDS, *CAMERA, "-EXIF:XResolution=300", "-EXIF:YResolution=240", "-EXIF:ResolutionUnit=inches")

RGB.save(OUT / "all.tif", dpi=DPI)
tell("all.tif", *WORDS, *CAMERA, "-IPTC:Caption-Abstract=Hills at dusk")

RGB.save(OUT / "all.bmp", dpi=DPI)

RGB.quantize(64).save(OUT / "all.gif", comment=b"a comment")
tell("all.gif", *WORDS)

# TIFFs of rarer pixels
RGB.save(OUT / "jpeg.tif", compression="jpeg", quality=95)
RGB.save(OUT / "zstd.tif", compression="zstd")
RGB.quantize(64).save(OUT / "palette.tif")
Image.merge("LA", [plane(0), plane(1)]).save(OUT / "grey-alpha.tif")
plane(0).point(lambda v: 255 * (v > 127), "1").save(OUT / "bilevel.tif", compression="group4")
plane(0).convert("F").save(OUT / "float.tif")

print(sum(f.stat().st_size for f in OUT.iterdir()), "bytes in", len(list(OUT.iterdir())), "files")
