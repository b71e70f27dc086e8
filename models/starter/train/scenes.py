"""Scenes: a person or a thing before a background, perhaps through a filter, with labels and masks.

5 % of the subject x background pairs are held out by hash and the model is never trained on them; the
evaluator asks only for those. A subject is a thing, or a person by hair style; a background is its English
caption, colours included.

As a command: a contact sheet of scenes with their captions, to look at.
"""

from __future__ import annotations

import functools
import hashlib
import json
import random
from dataclasses import dataclass, replace
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from PIL import Image

import backgrounds
import filters
from backgrounds import SIDE
from settings import arguments, parser
from words import GLOSSY, THINGS, Background, Labels, Person, caption

STYLE_OF_SET = {"twemoji": None, "noto": None, "fluent-emoji": GLOSSY}
"""drawing sets of the things that are used, and the style that a caption gives them"""
FILTER_SHARE = 0.25
PERSON_SHARE, THING_SHARE = 0.5, 0.45


def held_out(subject: str, background: Background) -> bool:
    digest = hashlib.sha256(f"{subject}|{background.english()}".encode()).digest()
    return digest[0] < 13  # 13 of 256: 5 %


def subject_of(labels: Labels) -> str | None:
    return labels.person.hair if labels.person else labels.thing


@dataclass(frozen=True)
class Placement:
    """Where a sprite stands in a scene of `SIDE` pixels."""

    side: int
    x: int
    y: int
    flipped: bool
    degrees: float = 0.0

    def layer(self, sprite: Image.Image) -> Image.Image:
        """The sprite (any mode) at its place on an empty picture of `SIDE` pixels."""
        sprite = sprite.resize((self.side, self.side), Image.LANCZOS)
        if self.flipped:
            sprite = sprite.transpose(Image.FLIP_LEFT_RIGHT)
        if self.degrees:
            sprite = sprite.rotate(self.degrees, Image.BICUBIC)
        layer = Image.new(sprite.mode, (SIDE, SIDE), 0)
        layer.paste(sprite, (self.x, self.y))
        return layer


@dataclass(frozen=True)
class Scene:
    picture: Image.Image
    """RGB, `SIDE` pixels"""
    subject: Image.Image
    """coverage of the subject: L, `SIDE` pixels, white = subject"""
    labels: Labels
    sprite: int | None
    """row of the sprite in its array"""
    placement: Placement | None


class SceneMaker:
    """Draws scenes from the sprites of a work folder (see `sprites.py`)."""

    def __init__(self, work: Path, people: str = "people", every_pair: bool = False):
        self.every_pair = every_pair
        self.things = np.load(work / "icons.npy", mmap_mode="r")
        self.people = np.load(work / f"{people}.npy", mmap_mode="r")
        self.wearing = [Person(**p) for p in json.loads((work / f"{people}.json").read_text())]
        self.drawings: dict[str, list[tuple[int, str | None]]] = {}
        for row, (thing, drawing_set) in enumerate(json.loads((work / "icons.json").read_text())):
            if thing in THINGS and drawing_set in STYLE_OF_SET:
                self.drawings.setdefault(thing, []).append((row, STYLE_OF_SET[drawing_set]))

    def choose(self, r: random.Random) -> tuple[Labels, int | None]:
        """What a scene for training shows, and the sprite's row: a held-out pair with `every_pair` only."""
        while True:
            background, lot = backgrounds.draw_background(r), r.random()
            if lot < PERSON_SHARE:
                row = r.randrange(len(self.wearing))
                labels = Labels(background, person=self.wearing[row])
            elif lot < PERSON_SHARE + THING_SHARE:
                thing = r.choice(list(self.drawings))
                row, style = r.choice(self.drawings[thing])
                labels = Labels(background, thing=thing, glossy=style == GLOSSY)
            else:
                row, labels = None, Labels(background)
            if self.every_pair or row is None or not held_out(subject_of(labels), background):
                break
        if r.random() < FILTER_SHARE:
            labels = replace(labels, filter=r.choice(list(filters.FILTERS)))
        return labels, row

    def draw(self, r: random.Random) -> Scene:
        """A scene for training."""
        labels, row = self.choose(r)
        return self.paint(labels, row, r)

    def paint(self, labels: Labels, row: int | None, r: random.Random) -> Scene:
        """The scene that `labels` describe, held out or not, with the sprite at `row`."""
        return self.compose(labels, row, self.sprite(labels, row), None, r)

    def sprite(self, labels: Labels, row: int | None) -> Image.Image | None:
        return None if row is None else Image.fromarray(np.asarray((self.people if labels.person else self.things)[row]))

    def compose(
        self, labels: Labels, row: int | None, sprite: Image.Image | None, placement: Placement | None, r: random.Random
    ) -> Scene:
        """`sprite` (RGBA) at `placement`, or where the lot falls, before the background of `labels`."""
        picture, cover = backgrounds.paint(labels.background, r), Image.new("L", (SIDE, SIDE))
        if sprite is not None:
            placement = placement or place(labels, r)
            layer = placement.layer(sprite)
            cover = layer.getchannel("A")
            picture.paste(layer, (0, 0), layer)
        if labels.filter:
            picture = filters.apply(labels.filter, picture, r)
        return Scene(picture, cover, labels, row, placement)


def place(labels: Labels, r: random.Random) -> Placement:
    """A lot's place for what `labels` show: people stand on the lower edge."""
    return _place_person(r) if labels.person else _place_thing(r)


def _place_person(r: random.Random) -> Placement:
    side = int(SIDE * r.uniform(0.72, 1.0))
    return Placement(side, int((SIDE - side) * r.uniform(0.2, 0.8)), SIDE - side, r.random() < 0.5)


def _place_thing(r: random.Random) -> Placement:
    side = int(SIDE * r.uniform(0.5, 0.85))
    room, flipped = SIDE - side, r.random() < 0.5
    degrees = r.uniform(-12, 12) if r.random() < 0.25 else 0.0
    return Placement(side, int(room * r.uniform(0.2, 0.8)), int(room * r.uniform(0.35, 0.95)), flipped, degrees)


def half_size(image: Image.Image) -> np.ndarray:
    """`image` at the model's 128 pixels (box average), u8."""
    return np.asarray(image.resize((SIDE // 2, SIDE // 2), Image.BOX))


def draw_many(work: Path, count: int, seed: int, people: str = "people", every_pair: bool = False):
    """Yields (pictures at 128 px, labels) of about a hundred scenes, `count` in all."""
    yield from in_chunks(functools.partial(_draw_chunk, every_pair), work, count, seed, people)


def in_chunks(draw_chunk, work: Path, count: int, seed: int, people: str, processes: int = 2, chunk: int = 100):
    """What `draw_chunk((work, people, seed, size))` returns for each chunk of `count`, drawn in `processes`.

    Chunk k depends only on (`seed`, k), whatever the number of processes.
    """
    sizes = [min(chunk, count - start) for start in range(0, count, chunk)]
    jobs = [(work, people, f"{seed}/{k}", size) for k, size in enumerate(sizes)]
    with Pool(processes) as pool:
        yield from pool.imap(draw_chunk, jobs)


@functools.lru_cache(maxsize=2)
def _maker(work: Path, people: str, every_pair: bool) -> SceneMaker:
    return SceneMaker(work, people, every_pair)


def _draw_chunk(every_pair: bool, job):
    work, people, seed, size = job
    r, maker = random.Random(seed), _maker(work, people, every_pair)
    drawn = [maker.draw(r) for _ in range(size)]
    pictures = np.stack([half_size(scene.picture) for scene in drawn])
    return pictures, [scene.labels for scene in drawn]


def held_out_labels(maker: SceneMaker, count: int, seed: int) -> list[tuple[Labels, int]]:
    """`count` held-out scenes to ask for, with a sprite each: half people and half things, every fourth filtered."""
    r, found = random.Random(f"held out {seed}"), []
    while len(found) < count:
        background = backgrounds.draw_background(r)
        if len(found) // 2 % 2 == 0:
            row = r.randrange(len(maker.wearing))
            labels = Labels(background, person=maker.wearing[row])
        else:
            thing = r.choice(list(maker.drawings))
            row, _ = r.choice([d for d in maker.drawings[thing] if d[1] is None] or maker.drawings[thing])
            labels = Labels(background, thing=thing)
        if not held_out(subject_of(labels), background):
            continue
        if len(found) // 4 % 4 == 3:
            labels = replace(labels, filter=r.choice(list(filters.FILTERS)))
        found.append((labels, row))
    return found


def main() -> None:
    options = parser(__doc__)
    options.add_argument("sheet", type=Path, help="PNG to write")
    args = arguments(options)
    r, maker = random.Random(args.seed), SceneMaker(args.work)
    sheet = Image.new("RGB", (SIDE * 6, SIDE * 4))
    for i in range(24):
        scene = maker.draw(r)
        sheet.paste(scene.picture, (i % 6 * SIDE, i // 6 * SIDE))
        print(caption(scene.labels, r))
    sheet.save(args.sheet)


if __name__ == "__main__":
    main()
