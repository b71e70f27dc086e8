"""Trains U-Net and text encoder together on the latents of the work folder.

Predicts the velocity v = sqrt(alpha) noise - sqrt(1 - alpha) picture (Salimans and Ho 2022, arXiv
2202.00512): where there is much noise, and that is where a prompt decides, the network then has to
say the picture. One that predicts the noise must there repeat its input to within a percent before
a word can matter, and in hours this small network did not learn to. A tenth of the captions is dropped for
classifier-free guidance (Ho and Salimans 2022).

The first part (`--coarse`) of the schedule trains on latents of half the side, averaged: three times the
pictures a second, enough to learn which words are which things, colours and places.

Where img2img begins, the noise is not pure: x = picture before + sigma * noise is, seen from the picture
that the prompt asks for, after + sigma * (noise + (before - after) / sigma). A network that has only met
pure noise takes the rest of the old picture for the truth, whatever the prompt says: at strength 0.6 (sigma
2) hardly a background changed. So a part of the noise in training is of that kind, and the network learns
to read the prompt where the two differ, and to keep what they share.

The matrices inside learn by Muon (muon.py), the rest by AdamW. Going on from trained weights, 60 steps of 32 pictures at
half the side whose rate fell to 0, the same pictures and noise for both: the errors of steps 31 to 40 were 0.290 with Muon and
0.303 with AdamW for all, of the last ten 0.256 and 0.259. Such a step took 4.6 instead of 2.9 seconds of processor time; at the
full side, where the pictures cost more, the addition is the same.

The learning rate falls linearly to 0, over --steps or within --finish-in minutes: end it so before
an export, samples of a constant rate are much worse. Exported is a moving average whose length
grows with the run since the full side began (Karras et al. 2023, arXiv 2312.02696, "power function"
profile).

Resumes from ck.pt (written every five minutes and at the end); without one it starts from the
model in --start, or from nothing, and from text_encoder.pt where there is one. Step k draws its
pictures and noise from (seed, k) alone, so an interrupted run and an uninterrupted one see the same.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from net import (
    alphas_cumprod, reduced, load_text_encoder, load_unet, new_text_encoder, new_unet, token_ids, train_tokenizer,
    TRAIN_STEPS, WINDOW,
)  # fmt: skip
from muon import Muon
from settings import Every, arguments, parser

LEARNING_RATE, WARM_UP = 5e-4, 30
DROPPED_CAPTIONS = 0.1
NOISE_BIAS = 0.8
"""training steps are 1000 * u ** NOISE_BIAS of an even u: 58 % of them in the noisier half"""
COARSE_BATCH = 2
"""how many times the pictures a step has at half the side"""
EDITED, FIRST_SIGMAS = 0.6, (1.0, 10.0)
"""share of the noise with an earlier picture in it, and the sigmas between which its denoising began: strengths of about a half to 0.9"""
AVERAGE_EVERY, AVERAGE_POWER = 10, 6.94
"""a moving average about a tenth of the run long"""


class Latents:
    """All latK.npy of a work folder, read from disk as needed, and the captions of each picture."""

    def __init__(self, work: Path):
        paths = sorted(path for path in work.glob("lat*.npy") if ".tmp" not in path.name)
        if not paths:
            raise SystemExit("no latents: run latents.py first")
        self.files = [np.load(path, mmap_mode="r") for path in paths]
        self.starts = np.cumsum([0, *(len(f) for f in self.files)])
        self.captions = [text for path in paths for text in json.loads(path.with_suffix(".json").read_text())]
        if len(self.captions) != self.starts[-1]:
            raise SystemExit("latents and captions differ in number: delete the odd file and run latents.py")

    def __len__(self) -> int:
        return len(self.captions)

    def every_caption(self) -> list[str]:
        return [text for texts in self.captions for text in texts]

    def rows(self, rows: np.ndarray) -> torch.Tensor:
        files = np.searchsorted(self.starts, rows, side="right") - 1
        return torch.from_numpy(np.stack([self.files[f][i - self.starts[f]] for f, i in zip(files, rows)])).float()


def tokenizer_of(work: Path, start: Path | None, captions: Callable[[], list[str]]) -> Tokenizer:
    """The work folder's; else that of the model to start from; else learned from the captions."""
    path = work / "tokenizer.json"
    if not path.exists():
        if start:
            shutil.copy(start / "tokenizer" / "tokenizer.json", path)
        else:
            train_tokenizer(captions()).save(str(path))
    return Tokenizer.from_file(str(path))


class Training:
    """The networks, their optimiser and moving average, and where they stand.

    `ema` of the checkpoint lists the U-Net's parameters, then the text encoder's.
    """

    def __init__(self, args, tokenizer: Tokenizer):
        self.args, self.path = args, args.work / "ck.pt"
        torch.manual_seed(args.seed)
        fresh = self.path.exists() or args.start is None
        self.unet = (new_unet() if fresh else load_unet(args.start / "unet")).to(args.device).train()
        self.unet.to(memory_format=torch.channels_last)
        text_encoder = new_text_encoder(tokenizer) if fresh else load_text_encoder(args.start / "text_encoder")
        reader = args.work / "text_encoder.pt"
        if reader.exists():
            text_encoder.load_state_dict(torch.load(reader, weights_only=True))
        self.text_encoder = text_encoder.to(args.device).train()
        self.parameters = [*self.unet.parameters(), *self.text_encoder.parameters()]
        self.optimisers = self.new_optimisers()
        self.average = [p.detach().clone() for p in self.parameters]
        self.step, self.minutes, self.share, self.coarse_steps = 0, 0.0, 0.0, 0
        """`share`: how much of the schedule is done; `coarse_steps`: how many steps half the side had"""
        self.workers = ThreadPoolExecutor(args.threads) if args.device == "cpu" else None
        self.optimisers[0].workers = self.workers
        alphas = alphas_cumprod().float()
        self.sigmas = ((1 - alphas) / alphas).sqrt()
        self.signal, self.noise = alphas.sqrt().to(args.device), (1 - alphas).sqrt().to(args.device)
        if self.path.exists():
            self.resume()

    def new_optimisers(self) -> tuple[Muon, torch.optim.AdamW]:
        """Muon for the matrices between the first and the last layer; AdamW for these two, embeddings, biases and norms."""
        inner, rest = [], []
        for network in (self.unet, self.text_encoder):
            for name, parameter in network.named_parameters():
                outer = any(part in name for part in ("conv_in", "conv_out", "embed"))
                (rest if outer or parameter.ndim < 2 else inner).append(parameter)
        adam = torch.optim.AdamW(rest, LEARNING_RATE, betas=(0.9, 0.99), weight_decay=1e-2, fused=True)
        return Muon(inner, LEARNING_RATE), adam

    def resume(self) -> None:
        kept = torch.load(self.path, map_location=self.args.device, weights_only=True)
        self.unet.load_state_dict(kept["un"])
        self.text_encoder.load_state_dict(kept["te"])
        for optimiser, state in zip(self.optimisers, kept["optimisers"], strict=True):
            optimiser.load_state_dict(state)
        self.average, self.step, self.minutes = kept["ema"], kept["step"], kept["minutes"]
        self.share, self.coarse_steps = kept["share"], kept["coarse_steps"]
        print(f"goes on at step {self.step}, {self.minutes:.0f} minutes")

    def save(self, minutes: float) -> None:
        state = dict(un=self.unet.state_dict(), te=self.text_encoder.state_dict())
        state |= dict(optimisers=[optimiser.state_dict() for optimiser in self.optimisers])
        state |= dict(ema=self.average, step=self.step, minutes=self.minutes + minutes)
        state |= dict(share=self.share, coarse_steps=self.coarse_steps)
        torch.save(state, self.path.with_suffix(".tmp"))
        os.replace(self.path.with_suffix(".tmp"), self.path)

    def errors(self, clean: torch.Tensor, noise: torch.Tensor, t: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        """The error of each picture of a part of the batch; adds its part of the batch's gradient."""
        signal, level = self.signal[t, None, None, None], self.noise[t, None, None, None]
        with reduced(self.args.device):
            states = self.text_encoder(words).last_hidden_state
            said = self.unet(signal * clean + level * noise, t, encoder_hidden_states=states).sample
        error = ((said.float() - (signal * noise - level * clean)) ** 2).mean((1, 2, 3))
        (error.sum() / self.batch).backward()
        return error.detach()

    @property
    def coarse(self) -> bool:
        return self.share < self.args.coarse

    @property
    def batch(self) -> int:
        return self.args.batch * (COARSE_BATCH if self.coarse else 1)

    def draw(self, latents: Latents, ids: torch.Tensor, empty: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Clean latents, noise, training steps and tokens of this step, on the device."""
        batch, rng = self.batch, np.random.default_rng([self.args.seed, self.step])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        rows = rng.integers(0, len(latents), batch)
        before, clean = latents.rows(rows).unbind(1)
        if self.coarse:
            before, clean = F.avg_pool2d(before, 2), F.avg_pool2d(clean, 2)
        noise = torch.randn(clean.shape, generator=generator)
        # one from each of as many strata as there are pictures: a batch of steps spread evenly
        even = (torch.arange(batch) + torch.rand(batch, generator=generator)) / batch
        t = (TRAIN_STEPS * even**NOISE_BIAS).long().clamp(max=TRAIN_STEPS - 1)
        edited = torch.rand(batch, generator=generator) < EDITED
        noise += edited[:, None, None, None] * (before - clean) / self.first_sigmas(t, generator)[:, None, None, None]
        words = ids[rows, rng.integers(0, ids.shape[1], batch)]
        words[torch.rand(batch, generator=generator) < DROPPED_CAPTIONS] = empty
        clean, noise = (x.to(self.args.device, memory_format=torch.channels_last) for x in (clean, noise))
        return clean, noise, t.to(self.args.device), words.to(self.args.device)

    def first_sigmas(self, t: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Sigmas at which a denoising that is now at `t` may have begun; even in the logarithm."""
        low, high = (math.log(sigma) for sigma in FIRST_SIGMAS)
        drawn = torch.exp(low + (high - low) * torch.rand(len(t), generator=generator))
        return torch.maximum(drawn, self.sigmas[t])

    def one_step(self, latents: Latents, ids: torch.Tensor, empty: torch.Tensor) -> torch.Tensor:
        """Returns the mean error, still on the device."""
        batch = self.draw(latents, ids, empty)
        if self.workers is None:
            error = self.errors(*batch)
        else:
            # every n-th picture in a thread of its own: threads then wait for each other once a step,
            # not at every operation, which matters where other programs want the processor too
            count = min(self.args.threads, self.batch)
            parts = [tuple(x[k::count] for x in batch) for k in range(count)]
            error = torch.cat(list(self.workers.map(lambda part: self.errors(*part), parts)))
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = LEARNING_RATE * min(1, (self.step + 1) / WARM_UP) * max(0.0, 1 - self.share)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.step += 1
        self.coarse_steps += self.coarse
        if self.step % AVERAGE_EVERY == 0:
            age = max(self.step - self.coarse_steps, AVERAGE_EVERY) if not self.coarse else self.step
            decay = (1 - AVERAGE_EVERY / age) ** (1 + AVERAGE_POWER)
            with torch.no_grad():
                torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], 1 - decay)
        return error.mean()


def main(given: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--start", type=Path, help="model folder to start from where there is no ck.pt")
    options.add_argument("--steps", type=int, default=45000, help="steps of the whole schedule")
    options.add_argument("--stop-at", type=int, help="stop at this step of the schedule; run again to go on")
    options.add_argument("--finish-in", type=float, help="minutes in which to finish what is left of the schedule")
    options.add_argument("--batch", type=int, default=16)
    options.add_argument("--coarse", type=float, default=0.45, help="share of the schedule at half the side")
    args = arguments(options, given)
    torch.set_num_threads(1 if args.device == "cpu" else args.threads)  # see Training.one_step
    latents = Latents(args.work)
    tokenizer = tokenizer_of(args.work, args.start, latents.every_caption)
    ids = torch.from_numpy(token_ids(tokenizer, latents.every_caption())).view(len(latents), -1, WINDOW)
    empty = torch.from_numpy(token_ids(tokenizer, [""]))[0]
    training = Training(args, tokenizer)
    print(f"{len(latents)} scenes, {tokenizer.get_vocab_size()} tokens, from step {training.step}, {training.share:.0%} done")
    if training.share >= 1:
        print("the schedule is finished: export.py; for another one move ck.pt away and give the export to --start")
    started, first, running, pictures = time.time(), training.step, None, 0
    due_save, due_print = Every(300), Every(60)
    share_before, last = training.share, args.stop_at or math.inf
    while training.share < 1 and training.step < last:
        pictures += training.batch
        error = training.one_step(latents, ids, empty)
        minutes = (time.time() - started) / 60
        if args.finish_in:
            training.share = share_before + (1 - share_before) * min(1.0, minutes / args.finish_in)
        else:
            training.share = training.step / args.steps
        running = error if running is None else running.lerp(error, 0.02)
        if due_print() or training.share >= 1:
            pace = pictures / (time.time() - started)
            print(
                f"step {training.step} ({training.share:.1%}) loss {running.item():.4f} {pace:.1f} pictures/s", flush=True
            )
        if due_save():
            training.save(minutes)
    if training.step > first:
        training.save((time.time() - started) / 60)


if __name__ == "__main__":
    main()
