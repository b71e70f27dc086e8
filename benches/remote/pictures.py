"""Small pictures, each another one, as PNG."""

import struct
import zlib


def png(width, height, pixel):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(v for x in range(width) for v in pixel(x, y)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def make(folder, count, side=128):
    folder.mkdir(parents=True)
    for i in range(count):
        shade = i * 255 // max(count - 1, 1)
        picture = png(side, side, lambda x, y: (x * 255 // side, y * 255 // side, shade))
        (folder / f"{i:03}.png").write_bytes(picture)
