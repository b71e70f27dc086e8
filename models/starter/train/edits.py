"""Pairs of scenes: a picture as it was, and as a prompt asks for it.

Both show the same sprite at the same place; one thing is another: the background, the filter, a
person's colour of hair or clothes, or the thing itself. `unet.py` learns from them that what the
prompt says wins over what the picture shows, and that the rest stays.

As a command: a contact sheet of pairs with the captions of the later ones, to look at.
"""

from __future__ import annotations

import functools
import random
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

import backgrounds
import filters
from backgrounds import SIDE
from parts import FILLS, read_svgs
from scenes import Scene, SceneMaker, half_size, held_out, in_chunks, place, subject_of
from settings import arguments, parser
from sprites import PERSON_SIDE, render
from words import GLOSSY, Labels, caption

OTHER_BACKGROUND, OTHER_FILTER = 0.55, 0.2
"""shares of what is another; the rest is another colour of a person, or another thing"""
PART_FIELDS = {"hair": "hc", "clothes": "cc"}


@dataclass(frozen=True)
class Edit:
    before: Scene
    after: Scene


class EditMaker(SceneMaker):
    """Draws pairs from the sprites of a work folder."""

    def __init__(self, work: Path, people: str = "people"):
        super().__init__(work, people)
        self.svgs = read_svgs(work, people)

    def draw_edit(self, r: random.Random) -> Edit:
        """A pair for training: neither picture shows a held-out pair of subject and background."""
        labels, row = self.choose(r)
        sprite = self.sprite(labels, row)
        placement = None if sprite is None else place(labels, r)
        while True:
            earlier, earlier_sprite = self._change(labels, row, sprite, r)
            if earlier and not (subject_of(earlier) and held_out(subject_of(earlier), earlier.background)):
                break
        # the same stream for both: a background that stays is the same to the pixel
        seed = r.random()
        before = self.compose(earlier, row, earlier_sprite, placement, random.Random(seed))
        return Edit(before, self.compose(labels, row, sprite, placement, random.Random(seed)))

    def _change(self, labels: Labels, row, sprite, r: random.Random) -> tuple[Labels | None, Image.Image | None]:
        """Labels and sprite of the earlier picture; no labels where the lot can change nothing here."""
        lot = r.random()
        if lot < OTHER_BACKGROUND:
            return replace(labels, background=backgrounds.draw_background(r)), sprite
        if lot < OTHER_BACKGROUND + OTHER_FILTER:
            other = None if labels.filter and r.random() < 0.5 else r.choice(list(filters.FILTERS))
            return replace(labels, filter=other), sprite
        if labels.person:
            return self._recoloured(labels, row, r)
        if labels.thing:
            thing = r.choice(list(self.drawings))
            other, style = r.choice(self.drawings[thing])
            changed = replace(labels, thing=thing, glossy=style == GLOSSY)
            return changed, self.sprite(changed, other)
        return None, None

    def _recoloured(self, labels: Labels, row: int, r: random.Random) -> tuple[Labels | None, Image.Image | None]:
        person, part = labels.person, r.choice(list(PART_FIELDS))
        colour = person.hair_colour if part == "hair" else person.cc
        if colour is None:
            return None, None
        fills = FILLS[part]
        other = r.choice([name for name in fills if name != colour])
        svg = re.sub(f"#{fills[colour]}", f"#{fills[other]}", self.svgs[row], flags=re.IGNORECASE)
        return replace(labels, person=replace(person, **{PART_FIELDS[part]: other})), Image.fromarray(render(svg, PERSON_SIDE))


def draw_edits(work: Path, count: int, seed: int, people: str = "people"):
    """Yields (pictures (n, 2, 128, 128, 3) u8 before and after, labels of the later ones), `count` in all."""
    yield from in_chunks(_draw_chunk, work, count, seed, people)


@functools.lru_cache(maxsize=2)
def _maker(work: Path, people: str) -> EditMaker:
    return EditMaker(work, people)


def _draw_chunk(job):
    work, people, seed, size = job
    r, maker = random.Random(seed), _maker(work, people)
    drawn = [maker.draw_edit(r) for _ in range(size)]
    pictures = np.stack([[half_size(edit.before.picture), half_size(edit.after.picture)] for edit in drawn])
    return pictures, [edit.after.labels for edit in drawn]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("sheet", type=Path, help="PNG to write")
    args = arguments(options)
    r, maker = random.Random(args.seed), EditMaker(args.work)
    sheet = Image.new("RGB", (SIDE * 6, SIDE * 4))
    for i in range(12):
        edit = maker.draw_edit(r)
        for k, scene in enumerate((edit.before, edit.after)):
            sheet.paste(scene.picture, (i % 6 * SIDE, (i // 6 * 2 + k) * SIDE))
        print(caption(edit.after.labels, r))
    sheet.save(args.sheet)


if __name__ == "__main__":
    main()
