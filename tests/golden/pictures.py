"""Writes the odd picture files under tests/golden/data/pictures, as other programs write them.

Run with any Python that has Pillow and numpy: python tests/golden/pictures.py
The tests in src/raster/file/tests.rs say what must come out of each file.
"""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

OUT = Path(__file__).parent / "data" / "pictures"
OUT.mkdir(parents=True, exist_ok=True)
W, H = 23, 17


def ramp(channels, top, w=W, h=H):
    """value(x, y, c) = ((7 x + 13 y + 61 c) mod 97) * top / 96, rounded down; restated in Rust."""
    y, x, c = np.mgrid[0:h, 0:w, 0:channels]
    values = ((7 * x + 13 * y + 61 * c) % 97) * top // 96
    return values.astype(np.uint16 if top > 255 else np.uint8)


def save(image, name, **options):
    image.save(OUT / name, **options)


def png(name, colour_type, depth, rows, extra=()):
    """A PNG by hand: Pillow writes no 16-bit RGB."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    raw = b"".join(b"\0" + bytes(row) for row in rows)
    header = struct.pack(">IIBBBBB", W, H, depth, colour_type, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    for kind, body in extra:
        data += chunk(kind, body)
    (OUT / name).write_bytes(data + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


def tiff(name, pixels, extra=None, photometric=None):
    """An uncompressed TIFF by hand: Pillow writes no 16-bit RGB."""
    h, w = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    bits = pixels.dtype.itemsize * 8
    data = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    if photometric is None:
        photometric = 1 if channels < 3 else 2
    tags = [(256, 3, [w]), (257, 3, [h]), (258, 3, [bits] * channels), (259, 3, [1]),
            (262, 3, [photometric]), (273, 4, [8]), (277, 3, [channels]), (278, 3, [h]),
            (279, 4, [len(data)])]
    if extra is not None:
        tags.append((338, 3, [extra]))
    if len(data) % 2:
        data += b"\0"
    at = 8 + len(data)
    after = at + 2 + 12 * len(tags) + 4
    entries, more = b"", b""
    for tag, kind, values in tags:
        code = "<" + ("H" if kind == 3 else "I") * len(values)
        body = struct.pack(code, *values)
        if len(body) > 4:
            field = struct.pack("<I", after + len(more))
            more += body + b"\0" * (len(body) % 2)
        else:
            field = body.ljust(4, b"\0")
        entries += struct.pack("<HHI", tag, kind, len(values)) + field
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    (OUT / name).write_bytes(b"II*\0" + struct.pack("<I", at) + data + directory + more)


def be16(pixels):
    return [row.astype(">u2").tobytes() for row in pixels]


# Kinds of pixels
save(Image.fromarray(ramp(1, 255)[..., 0], "L"), "grey8.png")
save(Image.fromarray(ramp(2, 255), "LA"), "grey8-alpha.png")
save(Image.fromarray(ramp(3, 255), "RGB"), "rgb8.png")
save(Image.fromarray(ramp(4, 255), "RGBA"), "rgba8.png")
save(Image.fromarray(ramp(1, 65535)[..., 0]), "grey16.png")
png("grey16-alpha.png", 4, 16, be16(ramp(2, 65535)))
png("rgb16.png", 2, 16, be16(ramp(3, 65535)))
png("rgba16.png", 6, 16, be16(ramp(4, 65535)))
palette = Image.fromarray((ramp(1, 255)[..., 0] // 64), "P")
palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 250, 240, 230])
save(palette, "palette.png", transparency=bytes([255, 128, 0, 255]))
save(Image.fromarray(ramp(1, 255)[..., 0] > 127), "bilevel.png")
tiff("rgb16.tif", ramp(3, 65535))
tiff("rgba16.tif", ramp(4, 65535), extra=2)
tiff("rgba8-premultiplied.tif", (ramp(4, 255) // [2, 2, 2, 1] // [1, 1, 1, 128] * [1, 1, 1, 128]).astype(np.uint8), extra=1)
tiff("grey16.tif", ramp(1, 65535)[..., 0])
tiff("cmyk.tif", ramp(4, 255), photometric=5)
save(Image.fromarray(ramp(3, 255), "RGB"), "rgb8-lzw.tif", compression="tiff_lzw")
save(Image.fromarray(ramp(3, 255), "RGB"), "two-pages.tif", save_all=True,
     append_images=[Image.fromarray(ramp(3, 255)[::-1].copy(), "RGB")])
save(Image.fromarray(ramp(1, 255)[..., 0].astype(np.float32)), "float.tif")
save(Image.fromarray(ramp(3, 255), "RGB"), "rgb8.bmp")
save(palette.convert("RGB").quantize(4), "palette.bmp")
save(Image.fromarray(ramp(4, 255), "RGBA"), "rgba8.webp", lossless=True, exact=True)
save(Image.fromarray(ramp(3, 255), "RGB"), "lossy.webp", quality=80)

# JPEG: eight orientations of the same upright picture, progressive, grey, CMYK
upright = Image.new("RGB", (32, 16), (20, 20, 20))
upright.paste((230, 30, 30), (0, 0, 8, 8))  # red at the top left
upright.paste((30, 230, 30), (24, 0, 32, 8))  # green at the top right
upright.paste((30, 30, 230), (0, 8, 8, 16))  # blue at the bottom left
T = Image.Transpose
turned = {1: None, 2: T.FLIP_LEFT_RIGHT, 3: T.ROTATE_180, 4: T.FLIP_TOP_BOTTOM, 5: T.TRANSPOSE,
          6: T.ROTATE_90, 7: T.TRANSVERSE, 8: T.ROTATE_270}
for number, turn in turned.items():
    stored = upright if turn is None else upright.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = number
    exif[0x010F] = "A camera"
    save(stored, f"orientation-{number}.jpg", quality=95, exif=exif, subsampling=0)
big = Image.fromarray(ramp(3, 255, 64, 48), "RGB")
save(big, "progressive.jpg", quality=90, progressive=True)
save(Image.fromarray(ramp(1, 255)[..., 0], "L"), "grey.jpg", quality=100)
save(Image.fromarray(ramp(4, 255), "CMYK"), "cmyk.jpg")

# Profiles
srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def matrix_profile(name, primaries, gamma):
    """A version 2 display profile: three colorants (D50) and one gamma."""
    fixed = lambda v: struct.pack(">i", round(v * 65536))
    xyz = lambda v: b"XYZ \0\0\0\0" + b"".join(map(fixed, v))
    text = name.encode() + b"\0"
    desc = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + b"\0" * (8 + 3 + 67)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    tags = [(b"desc", desc), (b"cprt", b"text\0\0\0\0none\0"), (b"wtpt", xyz((0.9642, 1.0, 0.8249)))]
    tags += [(key, xyz(value)) for key, value in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries)]
    tags += [(key, curve) for key in (b"rTRC", b"gTRC", b"bTRC")]
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for key, data in tags:
        data += b"\0" * (-len(data) % 4)
        table += key + struct.pack(">II", at + len(body), len(data))
        body += data
    header = struct.pack(">I4sI4s4s4s12s4s4sIIIIIiii", at + len(body), b"none", 0x02400000, b"mntr",
                         b"RGB ", b"XYZ ", b"\x07\xe8\0\1\0\1\0\0\0\0\0\0", b"acsp", b"APPL", 0, 0, 0, 0, 0,
                         0xF6D6, 0x10000, 0xD32D)
    return header.ljust(128, b"\0") + table + body


adobe = matrix_profile("like Adobe RGB", [(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087),
                                          (0.14919, 0.06322, 0.74457)], 2.19921875)
(OUT / "adobe.icc").write_bytes(adobe)
save(Image.fromarray(ramp(3, 255), "RGB"), "adobe.png", icc_profile=adobe)
save(Image.fromarray(ramp(3, 255), "RGB"), "adobe.tif", icc_profile=adobe)
save(big, "adobe.jpg", icc_profile=adobe)
save(Image.fromarray(ramp(3, 255), "RGB"), "adobe.webp", icc_profile=adobe, lossless=True)
save(Image.fromarray(ramp(1, 255)[..., 0], "L"), "grey-with-rgb-profile.png", icc_profile=adobe)
save(Image.fromarray(ramp(3, 255), "RGB"), "damaged-profile.png", icc_profile=b"no profile at all" * 20)

# Texts
PROMPT = 'a "cat", 貓: on\nthe beach\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 23x17'
info = PngImagePlugin.PngInfo()
info.add_text("parameters", PROMPT)
info.add_text("Comment", "kept, plain")
info.add_itxt("Title", "保留", zip=True)
save(Image.fromarray(ramp(3, 255), "RGB"), "texts.png", pnginfo=info)
exif = Image.Exif()
exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + PROMPT.encode("utf_16_be")
save(Image.fromarray(ramp(3, 255), "RGB"), "comment.jpg", exif=exif)
save(Image.fromarray(ramp(3, 255), "RGB"), "comment.webp", exif=exif)

# Moving
frames = [Image.fromarray(ramp(3, 255)), Image.fromarray(ramp(3, 255)[::-1].copy())]
frames[0].save(OUT / "animated.png", save_all=True, append_images=frames[1:])
frames[0].save(OUT / "animated.webp", save_all=True, append_images=frames[1:])
frames[0].save(OUT / "animated.gif", save_all=True, append_images=frames[1:])

# Sizes
save(Image.fromarray(ramp(3, 255, 1, 1), "RGB"), "one.png")
tall = Image.fromarray(ramp(3, 255, 1, 4000), "RGB")
save(tall, "tall.png")
exif = Image.Exif()
exif[0x0112] = 6
save(tall, "tall-turned.png", exif=exif)

print(sum(f.stat().st_size for f in OUT.iterdir()), "bytes in", len(list(OUT.iterdir())), "files")
