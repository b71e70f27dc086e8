"""The 18 procedural backgrounds, painted at `CANVAS` pixels and halved for smooth edges."""

from __future__ import annotations

import math
import random

import numpy as np
from PIL import Image, ImageDraw

from words import Background

SIDE = 256
"""side of a finished scene"""
CANVAS = 2 * SIDE

RGB = tuple[int, int, int]
COLOURS: dict[str, RGB] = {
    "red": (214, 48, 49), "blue": (52, 120, 220), "green": (46, 160, 80), "yellow": (250, 205, 60),
    "orange": (245, 140, 40), "purple": (130, 80, 190), "pink": (250, 150, 190), "teal": (30, 160, 160),
    "white": (250, 250, 250), "gray": (150, 152, 156), "black": (25, 25, 30), "brown": (130, 88, 55),
}  # fmt: skip


class Brush:
    """A canvas with the few shapes that the backgrounds share."""

    scale = 1
    """pixels to a unit of the canvas: the same picture, larger (samples.py)"""

    def __init__(self, r: random.Random, image: Image.Image):
        self.r, self.image, self.draw = r, image, Enlarged(ImageDraw.Draw(image), self.scale)

    @classmethod
    def plain(cls, r: random.Random, colour: RGB, spread: int = 14) -> Brush:
        side = CANVAS * cls.scale
        return cls(r, Image.new("RGB", (side, side), jitter(r, colour, spread)))

    @classmethod
    def gradient(cls, r: random.Random, top: RGB, bottom: RGB) -> Brush:
        return cls(r, gradient(jitter(r, top), jitter(r, bottom), CANVAS * cls.scale))

    def disc(self, x: float, y: float, radius: float, fill: RGB) -> None:
        self.draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=fill)

    def discs(self, count: int, radii: list[int], fill: RGB) -> None:
        for _ in range(count):
            x, y = self.anywhere(), self.anywhere()
            self.disc(x, y, self.r.choice(radii), fill)

    def anywhere(self, margin: int = 0) -> int:
        return self.r.randint(margin, CANVAS - margin)

    def hill(self, y: float, amplitude: float, fill: RGB, waves: int = 3) -> None:
        """Fills everything below a sum of sines around the height `y`."""
        phase = [self.r.uniform(0, 6.28) for _ in range(waves)]
        rate = [self.r.uniform(0.6, 2.2) for _ in range(waves)]

        def height(x: int) -> float:
            wave = sum(math.sin(f * x / CANVAS * 6.28 + p) for f, p in zip(rate, phase))
            return y + amplitude * wave / waves

        edge = [(x, height(x)) for x in range(0, CANVAS + 8, 8)]
        self.draw.polygon([*edge, (CANVAS, CANVAS), (0, CANVAS)], fill=fill)

    def cloud(self, x: float, y: float, size: float) -> None:
        white = (255, 255, 255)
        for dx, dy, radius in ((-0.9, 0, 0.5), (-0.3, -0.3, 0.65), (0.4, -0.15, 0.55), (0.9, 0.05, 0.42)):
            self.disc(x + size * dx, y + size * dy, size * radius, white)
        base = [x - 1.3 * size, y, x + 1.25 * size, y + 0.48 * size]
        self.draw.rounded_rectangle(base, radius=0.24 * size, fill=white)


class Enlarged:
    """The shapes of an ImageDraw, in units of so many pixels."""

    def __init__(self, draw: ImageDraw.ImageDraw, scale: int):
        self.draw, self.scale = draw, scale

    def __getattr__(self, shape: str):
        return lambda where, *radius, **how: self._drawn(shape, where, radius, how)

    def _drawn(self, shape: str, where: list, radius: tuple, how: dict) -> None:
        if self.scale != 1:
            pairs = where if isinstance(where[0], tuple) else list(zip(where[::2], where[1::2]))
            where = [(x * self.scale, y * self.scale) for x, y in pairs]
            radius = tuple(r * self.scale for r in radius)
            how = how | {name: how[name] * self.scale for name in ("width", "radius") if name in how}
        getattr(self.draw, shape)(where, *radius, **how)


def jitter(r: random.Random, colour: RGB, spread: int = 14) -> RGB:
    red, green, blue = (min(255, max(0, v + r.randint(-spread, spread))) for v in colour)
    return red, green, blue


def gradient(top: RGB, bottom: RGB, height: int) -> Image.Image:
    """As wide as the canvas, and so high, in pixels."""
    t = np.linspace(0, 1, height)[:, None]
    column = np.array(top)[None] * (1 - t) + np.array(bottom)[None] * t
    return Image.fromarray(np.repeat(column[:, None], CANVAS * Brush.scale, axis=1).astype(np.uint8))


def beach(r):
    b = Brush.gradient(r, (110, 190, 250), (200, 235, 255))
    horizon = r.randint(int(0.4 * CANVAS), int(0.55 * CANVAS))
    b.disc(b.anywhere(40), 60, r.randint(28, 44), (255, 240, 150))
    b.draw.rectangle([0, horizon, CANVAS, CANVAS], fill=jitter(r, (30, 140, 200)))
    b.hill(horizon + r.randint(50, 90), 12, (235, 250, 250))
    b.hill(horizon + r.randint(95, 120), 12, jitter(r, (240, 215, 150)))
    return b.image


def sunset(r):
    horizon = r.randint(int(0.5 * CANVAS), int(0.65 * CANVAS))
    b = Brush.plain(r, (95, 45, 95))
    b.image.paste(gradient(jitter(r, (90, 50, 130)), jitter(r, (255, 150, 70)), horizon * b.scale), (0, 0))
    sea = b.image.getpixel((0, b.image.height - 1))
    x, radius = b.anywhere(90), r.randint(45, 70)
    b.disc(x, horizon, radius, (255, 225, 120))
    b.draw.rectangle([0, horizon, CANVAS, CANVAS], fill=sea)
    for i in range(9):
        y, half = horizon + 8 + i * (CANVAS - horizon) // 9, radius * (1.1 - 0.09 * i)
        b.draw.rectangle([x - half, y, x + half, y + 6], fill=(255, 180, 100))
    return b.image


def starry_night(r):
    b = Brush.gradient(r, (8, 10, 40), (40, 40, 100))
    b.discs(r.randint(50, 90), [1, 1, 2, 3], (255, 255, 230))
    b.disc(b.anywhere(60), r.randint(50, 120), r.randint(26, 40), (250, 240, 190))
    return b.image


def snowy_mountains(r):
    b = Brush.gradient(r, (150, 195, 235), (225, 240, 252))
    foot = int(0.72 * CANVAS)
    for _ in range(3):
        x, half, top = r.randint(-40, CANVAS + 40), r.randint(150, 260), r.randint(90, 190)
        b.draw.polygon([(x - half, foot), (x, top), (x + half, foot)], fill=jitter(r, (110, 130, 160)))

        def slope(across: float, down: float):
            return x + half * across, top + (foot - top) * down

        cap = [slope(-0.33, 0.33), (x, top), slope(0.33, 0.33), slope(0.12, 0.24), slope(-0.06, 0.36)]
        b.draw.polygon(cap, fill=(250, 252, 255))
    b.hill(int(0.68 * CANVAS), 16, (245, 249, 255))
    return b.image


def meadow(r):
    b = Brush.gradient(r, (110, 185, 245), (205, 235, 255))
    for _ in range(r.randint(1, 3)):
        b.cloud(b.anywhere(30), r.randint(50, 150), r.randint(26, 46))
    b.hill(int(r.uniform(0.5, 0.6) * CANVAS), 26, jitter(r, (120, 195, 90)))
    b.hill(int(r.uniform(0.66, 0.78) * CANVAS), 20, jitter(r, (85, 170, 70)))
    for _ in range(r.randint(6, 16)):
        petals = r.choice([(255, 255, 255), (255, 220, 60), (240, 110, 150)])
        b.disc(b.anywhere(), r.randint(int(0.82 * CANVAS), CANVAS), 5, petals)
    return b.image


def forest(r):
    b = Brush.gradient(r, (170, 215, 190), (120, 175, 130))
    for colour, ground, trees in (((90, 150, 110), 0.62, 8), ((45, 110, 70), 0.78, 7)):
        foot = int(ground * CANVAS)
        for _ in range(trees):
            x, half, tall, needles = b.anywhere(), r.randint(38, 62), r.randint(170, 250), jitter(r, colour, 10)
            b.draw.rectangle([x - 7, foot - 20, x + 7, foot + 20], fill=(95, 65, 45))
            for k in range(3):
                width, base = half * (1 - 0.22 * k), foot - k * tall * 0.27
                tip = foot - tall * (0.5 + 0.25 * k)
                b.draw.polygon([(x - width, base), (x, tip), (x + width, base)], fill=needles)
    b.hill(int(0.76 * CANVAS), 10, jitter(r, (80, 135, 60)))
    return b.image


def desert(r):
    b = Brush.gradient(r, (120, 195, 245), (255, 235, 195))
    b.hill(int(0.55 * CANVAS), 34, jitter(r, (230, 185, 110)))
    b.hill(int(0.7 * CANVAS), 28, jitter(r, (215, 160, 85)))
    for _ in range(r.randint(1, 3)):
        x, foot, tall = b.anywhere(20), r.randint(int(0.66 * CANVAS), int(0.8 * CANVAS)), r.randint(70, 120)
        # a cactus: the stem, then the upright and the level part of its two arms
        for left, top, right, bottom, radius in (
            (-11, 1.0, 11, 0.0, 11), (-36, 0.7, -20, 0.35, 8), (-36, 0.45, 0, 0.32, 7),
            (20, 0.8, 36, 0.4, 8), (0, 0.53, 36, 0.4, 7),
        ):  # fmt: skip
            box = [x + left, foot - tall * top, x + right, foot - tall * bottom]
            b.draw.rounded_rectangle(box, radius, fill=(60, 140, 80))
    return b.image


def underwater(r):
    b = Brush.gradient(r, (40, 170, 220), (10, 60, 130))
    for _ in range(r.randint(10, 20)):
        x, y, radius = b.anywhere(), b.anywhere(), r.randint(5, 15)
        b.draw.ellipse([x - radius, y - radius, x + radius, y + radius], outline=(190, 235, 255), width=3)
    b.hill(int(0.86 * CANVAS), 12, jitter(r, (225, 205, 150)))
    for _ in range(r.randint(3, 6)):
        x, tall, weed = b.anywhere(), r.randint(70, 150), r.choice([(40, 150, 90), (220, 90, 120), (60, 170, 110)])
        stem = [(x + 10 * math.sin(t / 14), CANVAS - 20 - t) for t in range(0, tall, 6)]
        b.draw.line(stem, fill=weed, width=12)
    return b.image


def _city(r, night: bool):
    sky = ((18, 22, 60), (70, 60, 120)) if night else ((125, 190, 240), (215, 238, 252))
    b = Brush.gradient(r, *sky)
    walls = [(30, 34, 70)] if night else [(150, 165, 185), (180, 150, 130), (125, 140, 165), (200, 190, 175)]
    x = -10
    while x < CANVAS:
        width, top = r.randint(48, 88), r.randint(110, 300)
        b.draw.rectangle([x, top, x + width, CANVAS], fill=jitter(r, r.choice(walls), 10))
        for wy in range(top + 14, CANVAS - 70, 26):
            for wx in range(x + 9, x + width - 12, 19):
                lit = r.random() < 0.55
                pane = ((255, 220, 120) if lit else (45, 50, 90)) if night else (225, 240, 250)
                b.draw.rectangle([wx, wy, wx + 9, wy + 13], fill=pane)
        x += width + r.randint(0, 6)
    b.draw.rectangle([0, CANVAS - 64, CANVAS, CANVAS], fill=(38, 38, 46) if night else (110, 112, 118))
    for k in range(0, CANVAS, 70):
        b.draw.rectangle([k, CANVAS - 36, k + 36, CANVAS - 30], fill=(240, 230, 160))
    return b.image


def city(r):
    return _city(r, night=False)


def city_at_night(r):
    return _city(r, night=True)


def living_room(r):
    b = Brush.plain(r, r.choice([(245, 225, 195), (200, 220, 235), (220, 235, 210), (240, 210, 215)]), 8)
    box, floor = b.draw.rectangle, int(0.74 * CANVAS)
    box([0, floor, CANVAS, CANVAS], fill=jitter(r, (165, 110, 70), 12))
    box([0, floor - 10, CANVAS, floor], fill=(250, 248, 240))
    window = r.choice([40, CANVAS - 190])
    box([window, 60, window + 150, 230], fill=(255, 255, 255))
    box([window + 10, 70, window + 140, 220], fill=(150, 205, 245))
    box([window + 70, 70, window + 80, 220], fill=(255, 255, 255))
    box([window + 10, 140, window + 140, 148], fill=(255, 255, 255))
    picture = CANVAS - 150 if window < 200 else 60
    box([picture, 90, picture + 90, 190], fill=(120, 80, 50))
    box([picture + 8, 98, picture + 82, 182], fill=jitter(r, r.choice(list(COLOURS.values()))))
    sofa, cloth = r.randint(60, CANVAS - 260), jitter(r, r.choice([(90, 130, 180), (190, 90, 80), (110, 150, 110)]), 10)
    for left, top, right, bottom, radius in ((0, -70, 220, 40, 20), (-18, -30, 24, 44, 14), (196, -30, 238, 44, 14)):
        b.draw.rounded_rectangle([sofa + left, floor + top, sofa + right, floor + bottom], radius, fill=cloth)
    return b.image


def brick_wall(r):
    b, brick = Brush.plain(r, (215, 205, 195), 0), jitter(r, (178, 84, 62), 12)
    for row, y in enumerate(range(0, CANVAS, 38)):
        for x in range(-80, CANVAS, 82):
            left = x + 41 * (row % 2)
            b.draw.rectangle([left + 3, y + 3, left + 79, y + 35], fill=jitter(r, brick, 10))
    return b.image


def wooden_table(r):
    base = jitter(r, (176, 122, 74))
    b = Brush.plain(r, base, 0)
    for x in range(0, CANVAS, 86):
        board = jitter(r, base, 12)
        b.draw.rectangle([x, 0, x + 83, CANVAS], fill=board)
        b.draw.rectangle([x + 83, 0, x + 86, CANVAS], fill=(95, 62, 38))
        for _ in range(5):
            grain = x + r.randint(6, 76)
            line = [(grain + 4 * math.sin(t / 60 + x), t) for t in range(0, CANVAS + 16, 16)]
            b.draw.line(line, fill=tuple(max(0, v - 18) for v in board), width=3)
    return b.image


def outer_space(r):
    b = Brush.plain(r, (12, 8, 28), 6)
    b.discs(70, [1, 2, 2], (230, 230, 255))
    for _ in range(r.randint(1, 3)):
        x, y, radius = b.anywhere(), b.anywhere(), r.randint(30, 70)
        planet = jitter(r, r.choice([(220, 120, 70), (90, 150, 220), (200, 90, 160), (120, 200, 150)]), 12)
        b.disc(x, y, radius, planet)
        shine = [x - radius * 0.6, y - radius * 0.7, x + radius * 0.1, y]
        b.draw.ellipse(shine, fill=tuple(min(255, v + 25) for v in planet))
        if r.random() < 0.5:
            ring = [x - radius * 1.7, y - radius * 0.35, x + radius * 1.7, y + radius * 0.35]
            b.draw.ellipse(ring, outline=(235, 215, 170), width=7)
    return b.image


def plain(r, colour):
    return Brush.plain(r, COLOURS[colour], 8).image


def two_colour_gradient(r, top, bottom):
    return Brush.gradient(r, COLOURS[top], COLOURS[bottom]).image


def stripes(r, ground, stripe):
    b, width, colour = Brush.plain(r, COLOURS[ground], 8), r.choice([32, 48, 64]), jitter(r, COLOURS[stripe], 8)
    for x in range(-CANVAS, 2 * CANVAS, 2 * width):
        b.draw.polygon([(x, 0), (x + width, 0), (x + width + CANVAS, CANVAS), (x + CANVAS, CANVAS)], fill=colour)
    return b.image


def polka_dots(r, ground, dot):
    b, pitch, colour = Brush.plain(r, COLOURS[ground], 8), r.choice([56, 72, 90]), jitter(r, COLOURS[dot], 8)
    for row, y in enumerate(range(0, CANVAS + pitch, pitch)):
        for x in range(0, CANVAS + pitch, pitch):
            b.disc(x + pitch // 2 * (row % 2), y, pitch * 0.26, colour)
    return b.image


KINDS = {
    "plain": (plain, 5.0), "gradient": (two_colour_gradient, 2.0), "on the beach": (beach, 2.0),
    "at sunset over the sea": (sunset, 2.0), "in the starry night sky": (starry_night, 2.0),
    "in the snowy mountains": (snowy_mountains, 2.0), "in a green meadow": (meadow, 2.0),
    "in the forest": (forest, 2.0), "in the desert": (desert, 2.0), "underwater": (underwater, 2.0),
    "in the city": (city, 1.5), "in the city at night": (city_at_night, 1.5),
    "in a living room": (living_room, 2.0), "brick wall background": (brick_wall, 1.0),
    "on a wooden table": (wooden_table, 2.0), "striped": (stripes, 1.0), "polka dot": (polka_dots, 1.0),
    "in outer space": (outer_space, 2.0),
}  # fmt: skip
"""how each kind is painted, and its share of the training scenes"""


def draw_background(r: random.Random) -> Background:
    """A kind by its share, with its colours."""
    kind = r.choices(list(KINDS), [share for _, share in KINDS.values()])[0]
    count = {"plain": 1, "gradient": 2, "striped": 2, "polka dot": 2}.get(kind, 0)
    return Background(kind, tuple(r.sample(list(COLOURS), count)))


def paint(background: Background, r: random.Random) -> Image.Image:
    """`background` at `SIDE` pixels."""
    return KINDS[background.kind][0](r, *background.colours).resize((SIDE, SIDE), Image.BOX)
