"""Sample pictures of the domain at 512 pixels, each with the mask of its subject (white = subject)."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

import backgrounds
from parts import read_svgs
from scenes import SceneMaker
from settings import arguments, parser
from sprites import render

# place, seed, what the person wears (the first such in people.json), side, corner
PEOPLE = [
    ("city", 11, dict(set="toon", hair="long wavy hair", cloth="dress", cc="red"), 470, (21, 42)),
    ("green meadow", 5, dict(set="toon", hair="spiky hair", hc="black", cloth="t-shirt"), 460, (26, 52)),
    ("living room", 8, dict(set="personas", hair="bob hair", hc="blond"), 460, (26, 52)),
]


def paint_large(kind: str, seed: int) -> Image.Image:
    """The background at its canvas size, softened as much as halving would."""
    painted = backgrounds.KINDS[kind][0](random.Random(seed))
    return painted.filter(ImageFilter.GaussianBlur(0.7))


def save(out: Path, name: str, background: Image.Image, sprite: Image.Image, place: tuple[int, int]) -> None:
    mask = Image.new("L", background.size, 0)
    mask.paste(sprite.getchannel("A").point(lambda v: 255 if v > 127 else 0), place)
    background.paste(sprite, place, sprite)
    background.save(out / f"{name}.png", optimize=True)
    mask.save(out / f"{name}-subject.png", optimize=True)


def main(given: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("out", type=Path, help="folder to write")
    args = arguments(options, given)
    args.out.mkdir(parents=True, exist_ok=True)
    maker, svgs = SceneMaker(args.work), read_svgs(args.work, "people")
    for place, seed, wears, side, corner in PEOPLE:
        fitting = [i for i, p in enumerate(maker.wearing) if all(getattr(p, k) == v for k, v in wears.items())]
        if not fitting:  # a tiny work folder has few people
            fitting = [i for i, p in enumerate(maker.wearing) if p.set == wears["set"]]
        sprite = Image.fromarray(np.array(render(svgs[fitting[0]], side)))
        kind = next(kind for kind in backgrounds.KINDS if kind.endswith(place))
        save(args.out, f"portrait-{place.split()[-1]}", paint_large(kind, seed), sprite, corner)
    row = next(row for row, style in maker.drawings["cat"] if style)
    cat = Image.fromarray(np.asarray(maker.things[row])).resize((300, 300), Image.LANCZOS)
    save(args.out, "cat-beach", paint_large("on the beach", 4), cat, (110, 190))
    print(f"{len(PEOPLE) + 1} pictures in {args.out}")


if __name__ == "__main__":
    main()
