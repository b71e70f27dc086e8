"""Masks of a person's hair or clothes: where the avatar changes when that colour does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from scenes import Scene
from sprites import PERSON_SIDE, render
from words import Person

# the fills that people.mjs asks for
FILLS = {
    "hair": {
        "black": "221c1c", "brown": "6b4226", "blond": "e8c56b", "red": "c2452d", "gray": "b9b9bd",
        "blue": "4a7fd6", "pink": "f08ab8",
    },
    "clothes": {
        "red": "d8343a", "blue": "2f6fd6", "green": "2f9e57", "yellow": "f2c230", "purple": "8250c8",
        "pink": "f28ab5", "orange": "f08a2c", "black": "26262b", "white": "f4f4f2",
    },
}  # fmt: skip
BRUSH = 9
"""the painted region reaches (BRUSH - 1) / 2 pixels of 256 over the part's edge, as a hand would paint it"""


def read_svgs(work: Path, people: str) -> list[str]:
    return [json.loads(line)["svg"] for line in (work / f"{people}.jsonl").read_text().splitlines()]


def part_mask(svg: str, person: Person, part: str, scene: Scene) -> Image.Image | None:
    """The region of `part` (`hair`, `clothes`) in `scene`: L, 0 or 255; None where there is nothing to see."""
    colour = person.hair_colour if part == "hair" else person.cc
    if colour is None:
        return None
    fill = FILLS[part][colour]
    recoloured = re.sub(f"#{fill}", "#00ffff" if colour != "blue" else "#ffff00", svg, flags=re.IGNORECASE)
    before, after = (render(text, PERSON_SIDE).astype(np.int16) for text in (svg, recoloured))
    changed = np.abs(before - after).max(-1) > 24
    if changed.mean() < 0.01:
        return None
    layer = scene.placement.layer(Image.fromarray((changed * 255).astype(np.uint8)))
    return layer.filter(ImageFilter.MaxFilter(BRUSH)).point(lambda v: 255 if v > 127 else 0)
