"""Sample pictures of the domain at 768 pixels (the guide's at 512), each with the mask of its subject (white = subject)."""

from __future__ import annotations

import json
import random
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import backgrounds
from settings import arguments, parser
from sprites import HERE, PEOPLE_SEED, drawings_of, icon_svg, render

SCALE = 3
"""half pixels to a unit of the canvas, which is 512 wide"""
GUIDE, GUIDE_SCALE = "portrait-city", 2
"""the first that people see: so small that today's model draws a quarter of its side"""
PEOPLE = 6000

# name, background and its seed, what the person wears (the first such of `PEOPLE`), side and corner on the canvas
PORTRAITS = [
    ("portrait-city", "in the city", 11, dict(set="toon", hair="long wavy hair", cloth="dress", cc="red"), 470, (21, 42)),
    ("portrait-meadow", "in a green meadow", 5, dict(set="toon", hair="spiky hair", hc="black", cloth="t-shirt"), 460, (26, 52)),
    ("portrait-room", "in a living room", 8, dict(set="personas", hair="bob hair", hc="blond"), 460, (26, 52)),
    ("portrait-sea", "at sunset over the sea", 3, dict(set="personas", beard=True, acc="glasses", hc="brown"), 460, (26, 52)),
    ("portrait-snow", "in the snowy mountains", 12, dict(set="toon", hair="hair bun", cloth="turtleneck", cc="blue"), 460, (26, 52)),
]  # fmt: skip
# the same with a drawing: its set and name there
DRAWINGS = [
    ("cat-beach", "on the beach", 4, ("fluent-emoji", "cat-face"), 300, (110, 190)),
    ("castle-mountains", "in the snowy mountains", 6, ("noto", "castle"), 300, (106, 176)),
    ("runner-meadow", "in a green meadow", 2, ("fluent-emoji", "woman-running-facing-right-medium-light"), 380, (66, 96)),
    ("dancer-night", "in the city at night", 9, ("noto", "man-dancing"), 400, (56, 86)),
]  # fmt: skip


def people(packages: Path) -> list[dict]:
    """What they wear, and their drawings."""
    with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as lines:
        command = ["node", HERE / "people.mjs", packages, str(PEOPLE), str(PEOPLE_SEED), lines.name]
        subprocess.run(command, check=True)
        return [json.loads(line) for line in lines]


def save(out: Path, name: str, kind: str, seed: int, svg: str, side: int, corner: tuple[int, int]) -> None:
    """Paints twice as large and halves, as for the training; sides and corners are in units of the canvas."""
    scale = GUIDE_SCALE if name == GUIDE else SCALE
    backgrounds.Brush.scale, before = scale, backgrounds.Brush.scale
    scene = backgrounds.KINDS[kind][0](random.Random(seed)).reduce(2)
    backgrounds.Brush.scale = before
    sprite = Image.fromarray(np.array(render(svg, side * scale // 2)))
    place = tuple(v * scale // 2 for v in corner)
    mask = Image.new("L", scene.size, 0)
    mask.paste(sprite.getchannel("A").point(lambda v: 255 if v > 127 else 0), place)
    scene.paste(sprite, place, sprite)
    scene.save(out / f"{name}.png", optimize=True)
    mask.save(out / f"{name}-subject.png", optimize=True)


def main(given: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("out", type=Path, help="folder to write")
    options.add_argument("--packages", type=Path, help="folder of node_modules (default: the work folder)")
    args = arguments(options, given)
    args.out.mkdir(parents=True, exist_ok=True)
    packages = args.packages or args.work
    everybody = people(packages)
    for name, kind, seed, wears, side, corner in PORTRAITS:
        svg = next(person["svg"] for person in everybody if wears.items() <= person["m"].items())
        save(args.out, name, kind, seed, svg, side, corner)
    for name, kind, seed, (drawing_set, icon), side, corner in DRAWINGS:
        save(args.out, name, kind, seed, icon_svg(drawings_of(packages, drawing_set), icon), side, corner)
    print(f"{len(PORTRAITS) + len(DRAWINGS)} pictures in {args.out}")


if __name__ == "__main__":
    main()
