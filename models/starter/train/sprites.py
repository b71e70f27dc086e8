"""Things and people as RGBA pictures in the work folder.

    icons.npy, icons.json            every drawing of every thing: (thing, drawing set)
    people.npy, .json, .jsonl        the people of the training scenes: what they wear, and their SVG
    people_check.npy, .json, .jsonl  other people, for the evaluator alone
"""

from __future__ import annotations

import io
import json
import subprocess
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image

from scenes import STYLE_OF_SET
from settings import arguments, parser
from words import THINGS

THING_SIDE, PERSON_SIDE = 224, 176
PEOPLE_SEED, CHECK_SEED = 77, 991
HERE = Path(__file__).resolve().parent

ICON_OF_THING = {
    "cat": "cat-face", "dog": "dog-face", "tiger": "tiger-face", "cow": "cow-face", "pig": "pig-face",
    "monkey": "monkey-face", "horse": "horse-face", "bee": "honeybee", "whale": "spouting-whale", "sheep": "ewe",
    "rabbit": "rabbit-face", "mouse": "mouse-face", "baby chick": "front-facing-baby-chick",
    "dragon": "dragon-face", "tree": "deciduous-tree", "pine tree": "evergreen-tree", "moon": "crescent-moon",
    "globe": "globe-showing-americas", "orange": "tangerine", "corn": "ear-of-corn", "cheese": "cheese-wedge",
    "ice cream": "soft-ice-cream",
    "donut": "doughnut", "coffee": "hot-beverage", "wine": "wine-glass", "gem": "gem-stone",
    "sneaker": "running-shoe", "high heel": "high-heeled-shoe", "gift": "wrapped-gift", "car": "automobile",
    "snowman": "snowman-without-snow", "heart": "red-heart", "smiling face": "smiling-face-with-smiling-eyes",
    "cool face": "smiling-face-with-sunglasses", "santa": "santa-claus",
}  # fmt: skip
"""where the sets' name differs from the caption's (spaces become hyphens anyway)"""


def render(svg: str, side: int) -> np.ndarray:
    """`svg` as (side, side, 4) u8, not premultiplied."""
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side))
    image = Image.open(io.BytesIO(png)).convert("RGBA")
    return np.asarray(image if image.size == (side, side) else image.resize((side, side), Image.LANCZOS))


def drawings_of(packages: Path, set_name: str) -> dict:
    return json.loads((packages / "node_modules/@iconify-json" / set_name / "icons.json").read_text())


def icon_svg(drawing_set: dict, name: str) -> str:
    icon = drawing_set["icons"][name]
    width, height = (icon.get(k, drawing_set.get(k, 16)) for k in ("width", "height"))
    box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
    namespaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {namespaces} viewBox="{box}" width="{THING_SIDE}" height="{THING_SIDE}">{icon["body"]}</svg>'


def _icon_name(drawing_set: dict, thing: str) -> str | None:
    wanted = ICON_OF_THING.get(thing, thing.replace(" ", "-"))
    for name in (wanted, f"{wanted}-face", wanted.replace("-face", "")):
        if name in drawing_set["icons"]:
            return name
        alias = drawing_set.get("aliases", {}).get(name)
        if alias and set(alias) <= {"parent"}:  # an alias that turns or flips is another picture
            return alias["parent"]
    return None


def render_things(work: Path, packages: Path) -> None:
    drawings, names = [], []
    for set_name in STYLE_OF_SET:
        drawing_set = drawings_of(packages, set_name)
        for thing in THINGS:
            if name := _icon_name(drawing_set, thing):
                drawings.append(render(icon_svg(drawing_set, name), THING_SIDE))
                names.append((thing, set_name))
    missing = set(THINGS) - {thing for thing, _ in names}
    if missing:
        raise SystemExit(f"no drawing of: {', '.join(sorted(missing))}")
    np.save(work / "icons.npy", np.stack(drawings))
    (work / "icons.json").write_text(json.dumps(names))
    print(f"{len(names)} drawings of {len(THINGS)} things")


def render_people(work: Path, packages: Path, name: str, count: int, seed: int) -> None:
    lines = work / f"{name}.jsonl"
    subprocess.run(["node", HERE / "people.mjs", packages, str(count), str(seed), lines], check=True)
    people = [json.loads(line) for line in lines.read_text().splitlines()]
    with Pool(2) as pool:
        pictures = pool.map(partial(render, side=PERSON_SIDE), [p["svg"] for p in people], chunksize=50)
    np.save(work / f"{name}.npy", np.stack(pictures))
    (work / f"{name}.json").write_text(json.dumps([p["m"] for p in people]))
    print(f"{name}: {len(people)} people")


def main(given: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--packages", type=Path, help="folder of node_modules (default: the work folder)")
    options.add_argument("--people", type=int, default=6000)
    options.add_argument("--check-people", type=int, default=400)
    args = arguments(options, given)
    packages = args.packages or args.work
    args.work.mkdir(parents=True, exist_ok=True)
    if not (args.work / "icons.npy").exists():
        render_things(args.work, packages)
    for name, count, seed in (("people", args.people, PEOPLE_SEED), ("people_check", args.check_people, CHECK_SEED)):
        if not (args.work / f"{name}.npy").exists():
            render_people(args.work, packages, name, count, seed)


if __name__ == "__main__":
    main()
