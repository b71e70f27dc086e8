"""Teaches the text encoder to read captions, before a picture is trained on: text_encoder.pt.

Linear heads on its last states must name what a caption says: the thing, hair and clothes and
their colours, the background, the filter. What a caption leaves unsaid they can only guess, as
anybody would. The same scene comes in English and in 正體中文, so both languages end in the same
states, and the U-Net learns a word of one from the pictures of both. It costs minutes, because no
picture is drawn; what is learned of captions only by drawing costs hours.

The heads read the first end token and one random token behind it: attention is causal, so every one
of these has seen the whole text, and the U-Net attends to all of them. Starts from the model in
--start, or from nothing.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from net import WIDTH, WINDOW, load_text_encoder, new_text_encoder, reduced, token_ids
from scenes import SceneMaker
from settings import Every, arguments, parser
from unet import Latents, tokenizer_of
from words import CLOTHES, COLOURS, FILTERS, HAIR, PATTERNS, PLACES, THINGS, WEARS, WHO, Labels, caption

LEARNING_RATE, WARM_UP = 1e-3, 50
NOTHING = "-"
READ: dict[str, list[str]] = {
    "thing": [*THINGS, "person", NOTHING],
    "who": [*WHO, NOTHING],
    "hair": [*HAIR, NOTHING],
    "hair colour": [*COLOURS, NOTHING],
    "clothes": [*CLOTHES, NOTHING],
    "clothes colour": [*COLOURS, NOTHING],
    "wears": [*WEARS, NOTHING],
    "beard": ["beard", NOTHING],
    "background": [*PLACES, *PATTERNS],
    "first colour": [*COLOURS, NOTHING],
    "second colour": [*COLOURS, NOTHING],
    "filter": [*FILTERS, NOTHING],
    "glossy": ["glossy", NOTHING],
}
"""what is read of a caption, and the answers"""


def answers(labels: Labels) -> list[int]:
    """Per entry of `READ` the index of what `labels` says."""
    person, colours = labels.person, [*labels.background.colours, None, None]
    says: dict[str, str | None] = {
        "thing": "person" if person else labels.thing,
        "background": labels.background.kind,
        "first colour": colours[0],
        "second colour": colours[1],
        "filter": labels.filter,
        "glossy": "glossy" if labels.glossy else None,
    }
    if person:
        says |= {"who": person.who, "hair": person.hair, "hair colour": person.hair_colour, "wears": person.acc}
        says |= {"clothes": person.cloth, "clothes colour": person.cc, "beard": "beard" if person.beard else None}
    return [among.index(says.get(name) or NOTHING) for name, among in READ.items()]


def read_states(states: torch.Tensor, ids: torch.Tensor, end: int, generator: torch.Generator) -> torch.Tensor:
    """(captions, 2, width): the states at the first end token and at a random one from there on."""
    first = (ids == end).int().argmax(1)
    later = first + (torch.rand(len(ids), generator=generator) * (WINDOW - first)).long()
    rows = torch.arange(len(ids))
    return torch.stack([states[rows, first], states[rows, later]], 1)


def main(given: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--start", type=Path, help="model folder to start from")
    options.add_argument("--steps", type=int, default=2400)
    options.add_argument("--batch", type=int, default=32)
    args = arguments(options, given)
    out = args.work / "text_encoder.pt"
    if out.exists() or (args.work / "ck.pt").exists():
        print("the text encoder is trained already")
        return
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    tokenizer = tokenizer_of(args.work, args.start, lambda: Latents(args.work).every_caption())
    encoder = load_text_encoder(args.start / "text_encoder") if args.start else new_text_encoder(tokenizer)
    heads = nn.ModuleList(nn.Linear(WIDTH, len(among)) for among in READ.values())
    network = nn.ModuleList([encoder.train(), heads])
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, betas=(0.9, 0.99), weight_decay=1e-2)
    r, generator = random.Random(f"captions {args.seed}"), torch.Generator().manual_seed(args.seed)
    maker, end, due, started = SceneMaker(args.work), encoder.config.eos_token_id, Every(30), time.time()
    for step in range(args.steps):
        labels = [maker.choose(r)[0] for _ in range(args.batch)]
        ids = torch.from_numpy(token_ids(tokenizer, [caption(one, r) for one in labels]))
        wanted = torch.from_numpy(np.array([answers(one) for one in labels]))
        with reduced(args.device):
            states = encoder(ids).last_hidden_state
        states = read_states(states.float(), ids, end, generator)
        said = [head(states).flatten(0, 1) for head in heads]
        losses = [F.cross_entropy(s, wanted[:, k].repeat_interleave(2)) for k, s in enumerate(said)]
        sum(losses).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * min(1, (step + 1) / WARM_UP) * (1 - step / args.steps)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if due() or step + 1 == args.steps:
            each = ", ".join(f"{name} {loss.item():.2f}" for name, loss in zip(READ, losses))
            print(f"step {step + 1}/{args.steps}, {time.time() - started:.0f} s: {each}", flush=True)
    torch.save(encoder.state_dict(), out)


if __name__ == "__main__":
    main()
