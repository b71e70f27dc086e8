"""The five picture filters of the domain, on `backgrounds.SIDE` pixels."""

from __future__ import annotations

import random

import numpy as np
from PIL import Image, ImageFilter


def pixel_art(image, r):
    cells = r.choice([32, 40])
    small = image.resize((cells, cells), Image.BOX).quantize(24).convert("RGB")
    return small.resize(image.size, Image.NEAREST)


def pencil_sketch(image, r):
    """White paper, darkened where brightness differs from its surroundings."""
    grey = image.convert("L")
    edges = np.abs(_floats(grey) - _floats(grey.filter(ImageFilter.GaussianBlur(4))))
    paper = np.clip(255 - edges * 4.5, 0, 255).astype(np.uint8)
    return Image.fromarray(paper).convert("RGB")


def black_and_white(image, r):
    return image.convert("L").convert("RGB")


def sepia(image, r):
    grey = _floats(image.convert("L"))[..., None] / 255
    return Image.fromarray((np.clip(grey * np.array([1.07, 0.86, 0.62]), 0, 1) * 255).astype(np.uint8))


def neon(image, r):
    """Edges in their own saturated colour on black, with a glow around them."""
    pixels = _floats(image)
    edges = np.abs(pixels - _floats(image.filter(ImageFilter.GaussianBlur(2)))).max(-1, keepdims=True)
    tint = pixels / (pixels.max(-1, keepdims=True) + 1e-3)
    lines = Image.fromarray((np.clip(edges / 255 * 6, 0, 1) * tint * 255).astype(np.uint8))
    glow = _floats(lines.filter(ImageFilter.GaussianBlur(4)))
    return Image.fromarray(np.clip(_floats(lines) + glow * 1.2 + 10, 0, 255).astype(np.uint8))


def _floats(image: Image.Image) -> np.ndarray:
    return np.asarray(image, dtype=np.float32)


FILTERS = {
    "pixel art": pixel_art, "pencil sketch": pencil_sketch, "black and white": black_and_white,
    "sepia": sepia, "neon": neon,
}  # fmt: skip


def apply(name: str, image: Image.Image, r: random.Random) -> Image.Image:
    return FILTERS[name](image, r)
