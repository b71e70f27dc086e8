"""What the model can do, judged by judge.pt (see judges.py) on held-out scenes.

Four tasks on the same held-out subject x background pairs, half people and half things, prompts
half English and half Chinese, one in four with a filter:

    text     prompt to picture
    whole    a rendered scene at strength 0.6; the prompt names the same subject and another background
    inverse  the person is kept by a mask, everything else is drawn anew at strength 1
    part     hair or clothes by mask at strength 1; the prompt names another colour

Controls: `rendered` judges the scenes that the renderer draws of the same labels, after the
autoencoder (the judges' own ceiling); `shuffled` judges the model's pictures by the labels of other
prompts (what guessing scores); `source` judges the untouched sources of the editing tasks.

Subject and colours are judged on the prompts without filter; a person counts as kept where hair
colour and clothes colour both are (those that the picture can show); a plain background is right
only in its colour too.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageFilter

import backgrounds
from judges import ATTRIBUTES, CLOTHES_COLOURS, HAIR_COLOURS, UNKNOWN, judge_pictures, load_judge, targets
from net import decode, encode
from parts import part_mask, read_svgs
from sampling import Model, Settings, sample
from scenes import Scene, SceneMaker, half_size, held_out_labels
from settings import STARTER, arguments, parser
from words import Labels, caption

COLUMN = {name: k for k, name in enumerate(ATTRIBUTES)}
SUBJECT = ("thing", "hair style", "hair colour", "clothes", "clothes colour")


class Task:
    """Prompts with what their pictures should show, and the pictures: (n, 128, 128, 3) u8."""

    def __init__(self, wanted: list[Labels], chinese: list[bool]):
        r = random.Random(0)
        self.prompts = [caption(labels, r, c, complete=True) for labels, c in zip(wanted, chinese)]
        self.wanted = np.array([targets(w) for w in wanted])
        self.sources: np.ndarray | None = None
        self.masks: np.ndarray | None = None
        self.asked: np.ndarray | None = None
        """the column of the attribute that each prompt changes"""
        self.pictures: np.ndarray | None = None

    def edit(self, sources: list[Image.Image], masks: list[Image.Image] | None) -> None:
        self.sources = np.stack([half_size(s) for s in sources])
        self.masks = None if masks is None else np.stack([half_size(m) for m in masks])

    def run(self, model: Model, settings: Settings) -> None:
        source = mask = None
        if self.sources is not None:
            source = encode(model.vae, self.sources, model.device)
        if self.masks is not None:
            # a latent pixel any part of which may change, may change
            mask = F.max_pool2d(torch.from_numpy((self.masks > 127).astype(np.float32))[:, None], 4)
        drawn = decode(model.vae, sample(model, self.prompts, settings, source, mask), model.device)
        if self.masks is not None:
            drawn = np.stack([_composite(s, d, m) for s, d, m in zip(self.sources, drawn, self.masks)])
        self.pictures = drawn


def _composite(source: np.ndarray, drawn: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """`drawn` inside the mask, a ramp of two pixels around it, `source` beyond."""
    soft = np.asarray(Image.fromarray(mask).filter(ImageFilter.GaussianBlur(1.5)))
    alpha = np.where(mask > 127, 255, soft).astype(np.float32)[..., None] / 255
    return np.round(drawn * alpha + source * (1 - alpha)).astype(np.uint8)


def build_tasks(args, maker: SceneMaker) -> dict[str, Task]:
    r = random.Random(f"evaluation {args.seed}")
    found = held_out_labels(maker, args.count, args.seed)
    language = [i % 2 == 1 for i in range(len(found))]
    tasks = {"text": Task([labels for labels, _ in found], language)}
    unfiltered = [(labels, row) for labels, row in found if labels.filter is None]
    people = [(labels, row) for labels, row in unfiltered if labels.person]

    def elsewhere(labels: Labels, row: int) -> Scene:
        while (other := backgrounds.draw_background(r)).kind == labels.background.kind:
            pass
        return maker.paint(replace(labels, background=other), row, r)

    whole, before = Task([w for w, _ in unfiltered], language), [elsewhere(*pair) for pair in unfiltered]
    whole.edit([scene.picture for scene in before], None)
    inverse, before = Task([w for w, _ in people], language), [elsewhere(*pair) for pair in people]
    inverse.edit([s.picture for s in before], [s.subject.point(lambda v: 255 - v) for s in before])
    return tasks | {"whole": whole, "inverse": inverse, "part": _part_task(args, maker, people, language, r)}


def _part_task(args, maker, people, language, r: random.Random) -> Task:
    svgs, wanted, sources, masks, asked = read_svgs(args.work, "people_check"), [], [], [], []
    for labels, row in people:
        person, scene = labels.person, maker.paint(labels, row, r)
        hair = person.hair_colour is not None and len(wanted) // 2 % 2 == 0
        mask = part_mask(svgs[row], person, "hair" if hair else "clothes", scene)
        if mask is None:
            continue
        if hair:
            changed = replace(person, hc=r.choice([c for c in HAIR_COLOURS if c != person.hc]))
        else:
            changed = replace(person, cc=r.choice([c for c in CLOTHES_COLOURS if c != person.cc]))
        wanted.append(replace(labels, person=changed))
        sources.append(scene.picture)
        masks.append(mask)
        asked.append(COLUMN["hair colour" if hair else "clothes colour"])
    task = Task(wanted, language)
    task.edit(sources, masks)
    task.asked = np.array(asked)
    return task


def share(right: np.ndarray) -> dict:
    """The share that is right, and of how many; `None` of none."""
    return {"right": round(float(np.mean(right)), 4) if len(right) else None, "of": len(right)}


def background_right(named: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    kind, colour = COLUMN["background"], COLUMN["background colour"]
    same = named[:, kind] == wanted[:, kind]
    return same & ((wanted[:, colour] == UNKNOWN) | (named[:, colour] == wanted[:, colour]))


def subject_right(named: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Things by name; people by the colours of hair and clothes that they show."""
    person = ATTRIBUTES["thing"].index("person")
    is_person = wanted[:, COLUMN["thing"]] == person
    right = named[:, COLUMN["thing"]] == wanted[:, COLUMN["thing"]]
    for name in ("hair colour", "clothes colour"):
        k = COLUMN[name]
        right &= ~is_person | (wanted[:, k] == UNKNOWN) | (named[:, k] == wanted[:, k])
    return right


def score_text(named: np.ndarray, wanted: np.ndarray, languages: np.ndarray) -> dict:
    filtered = wanted[:, COLUMN["filter"]] != 0
    score = {}
    for name in SUBJECT:
        known = ~filtered & (wanted[:, COLUMN[name]] != UNKNOWN)
        if name == "thing":
            known &= wanted[:, COLUMN[name]] != ATTRIBUTES["thing"].index("person")
        score[name] = share(named[known, COLUMN[name]] == wanted[known, COLUMN[name]])
    score["background"] = share(background_right(named, wanted)[~filtered])
    kind = COLUMN["background"]
    score["background, filtered"] = share(named[filtered, kind] == wanted[filtered, kind])
    same = named[:, COLUMN["filter"]] == wanted[:, COLUMN["filter"]]
    score["filter"] = share(same[filtered])
    score["no filter where none is asked"] = share(same[~filtered])
    for language, rows in (("English", ~languages), ("Chinese", languages)):
        score[f"background, {language}"] = share(background_right(named, wanted)[~filtered & rows])
        score[f"subject, {language}"] = share(subject_right(named, wanted)[~filtered & rows])
    return score


def shuffled(wanted: np.ndarray, seed: int) -> np.ndarray:
    """Per attribute the answers of other prompts that have one; a plain background moves with its colour."""
    rng, mixed = np.random.default_rng(seed), wanted.copy()
    for name, k in COLUMN.items():
        rows = np.flatnonzero(wanted[:, k] != UNKNOWN)
        if len(rows) > 1 and name != "filter":
            mixed[rows, k] = wanted[np.roll(rows, int(rng.integers(1, len(rows)))), k]
    filtered = np.flatnonzero(wanted[:, COLUMN["filter"]] > 0)
    if len(filtered) > 1:
        mixed[filtered, COLUMN["filter"]] = np.roll(wanted[filtered, COLUMN["filter"]], 1)
    return mixed


def evaluate(args, model: Model, maker: SceneMaker) -> dict:
    judge, report = load_judge(args.work, args.device), {}
    tasks = build_tasks(args, maker)
    languages = np.arange(args.count) % 2 == 1

    def named(pictures: np.ndarray) -> np.ndarray:
        return judge_pictures(judge, pictures, args.device)

    for name in args.tasks:
        task, started = tasks[name], time.time()
        strength = 0.6 if name == "whole" else 1.0
        task.run(model, Settings(args.steps, args.guidance, strength, args.seed))
        seen = named(task.pictures)
        if name == "text":
            report[name] = score_text(seen, task.wanted, languages)
            r = random.Random(f"controls {args.seed}")
            found = held_out_labels(maker, args.count, args.seed)
            drawn = np.stack([half_size(maker.paint(w, row, r).picture) for w, row in found])
            ceiling = named(decode(model.vae, encode(model.vae, drawn, args.device), args.device))
            report["text, rendered"] = score_text(ceiling, task.wanted, languages)
            report["text, shuffled"] = score_text(seen, shuffled(task.wanted, args.seed), languages)
        else:
            untouched = named(task.sources)
            report[name] = SCORES[name](seen, task)
            report[f"{name}, source"] = SCORES[name](untouched, task)
        write_sheet(args.out / f"{name}.png", task, args.sheet)
        write_report(args.out, report)  # after each task: one that is stopped early keeps what it has
        print(f"{name}: {len(task.prompts)} pictures, {time.time() - started:.0f} s", flush=True)
    return report


def _score_whole(named, task) -> dict:
    background, subject = background_right(named, task.wanted), subject_right(named, task.wanted)
    return {"background new": share(background), "subject kept": share(subject), "both": share(background & subject)}


def _score_inverse(named, task) -> dict:
    return {"background": share(background_right(named, task.wanted))}


def _score_part(named, task) -> dict:
    asked = task.asked
    rows = np.arange(len(asked))
    right = named[rows, asked] == task.wanted[rows, asked]
    parts = {name: share(right[asked == COLUMN[name]]) for name in ("hair colour", "clothes colour")}
    return {"asked colour": share(right), **parts}


SCORES = {"whole": _score_whole, "inverse": _score_inverse, "part": _score_part}


def write_sheet(path: Path, task: Task, count: int) -> None:
    """Rows of pictures; above each the source where there is one. The prompts go into a .txt beside it."""
    columns, pictures = 8, task.pictures[:count]
    rows = []
    for i in range(0, len(pictures), columns):
        for stack in ([task.sources] if task.sources is not None else []) + [pictures]:
            line = np.concatenate(list(stack[i : i + columns][: len(pictures) - i]), 1)
            rows.append(np.pad(line, ((0, 4), (0, columns * 128 - line.shape[1]), (0, 0)), constant_values=255))
    Image.fromarray(np.concatenate(rows)).save(path)
    path.with_suffix(".txt").write_text("\n".join(f"{i}: {p}" for i, p in enumerate(task.prompts[:count])) + "\n")


def table(report: dict) -> str:
    lines = ["| task | what | right | of |", "|---|---|---|---|"]
    for task, score in report.items():
        for what, one in score.items():
            if one["of"]:
                lines.append(f"| {task} | {what} | {one['right']:.0%} | {one['of']} |")
    return "\n".join(lines)


def write_report(folder: Path, report: dict) -> None:
    (folder / "report.json").write_text(json.dumps(report, indent=1))
    (folder / "report.md").write_text(table(report) + "\n")


def main(given: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--model", type=Path, default=STARTER, help="exported model to judge (default: %(default)s)")
    options.add_argument("--checkpoint", action="store_true", help="judge the moving average in ck.pt instead")
    options.add_argument("--count", type=int, default=200, help="held-out prompts")
    options.add_argument("--tasks", nargs="+", default=["text", "whole", "inverse", "part"])
    options.add_argument("--steps", type=int, default=20)
    options.add_argument("--guidance", type=float, default=4.0)
    options.add_argument("--sheet", type=int, default=40, help="pictures on a contact sheet")
    options.add_argument("--out", type=Path, help="folder of the report and sheets (default: WORK/evaluation)")
    args = arguments(options, given)
    torch.set_num_threads(args.threads)
    args.out = args.out or args.work / "evaluation"
    args.out.mkdir(parents=True, exist_ok=True)
    model = Model.in_training(args.work, args.device) if args.checkpoint else Model.exported(args.model, args.device)
    report = evaluate(args, model, SceneMaker(args.work, "people_check"))
    print(table(report))


if __name__ == "__main__":
    main()
