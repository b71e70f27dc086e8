"""Trains U-Net and text encoder together on the latents of the work folder.

Predicts the noise, weighted by min(SNR, 5) / SNR (Hang et al. 2023, "Efficient Diffusion Training
via Min-SNR Weighting Strategy"); a tenth of the captions is dropped for classifier-free guidance
(Ho and Salimans 2022). bf16 arithmetic, f32 weights, and a moving average, which is what is exported.

Resumes from ck.pt (written every five minutes and at the end); without one it starts from the
model in --start, or from nothing. Step k draws its pictures and noise from (seed, k) alone, so an
interrupted run and an uninterrupted one see the same.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from net import (
    alphas_cumprod, bf16, load_text_encoder, load_unet, new_text_encoder, new_unet, token_ids, train_tokenizer,
    TRAIN_STEPS,
)  # fmt: skip
from settings import Every, arguments, parser

LEARNING_RATE, WARM_UP, CONSTANT_SHARE = 4e-4, 500, 0.6
DROPPED_CAPTIONS, SNR_CAP = 0.1, 5.0
AVERAGE_EVERY, AVERAGE_DECAY = 10, 0.9995


class Latents:
    """All latK.npy of a work folder, read from disk as needed, with the tokens of their captions."""

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

    def rows(self, rows: np.ndarray) -> torch.Tensor:
        files = np.searchsorted(self.starts, rows, side="right") - 1
        return torch.from_numpy(np.stack([self.files[f][i - self.starts[f]] for f, i in zip(files, rows)])).float()


def tokenizer_of(work: Path, start: Path | None, captions: list[str]) -> Tokenizer:
    """The work folder's; else that of the model to start from; else learned from the captions."""
    path = work / "tokenizer.json"
    if not path.exists():
        if start:
            shutil.copy(start / "tokenizer" / "tokenizer.json", path)
        else:
            train_tokenizer(captions).save(str(path))
    return Tokenizer.from_file(str(path))


def learning_rate(step: int, steps: int) -> float:
    """Warm-up, constant for 60 % of the steps, then a cosine down to 2 %."""
    share = min(1.0, step / steps)
    decline = 1.0
    if share > CONSTANT_SHARE:
        turn = math.pi * (share - CONSTANT_SHARE) / (1 - CONSTANT_SHARE)
        decline = 0.5 * (1 + math.cos(turn)) * 0.98 + 0.02
    return LEARNING_RATE * min(1, (step + 1) / WARM_UP) * decline


class Training:
    """The networks, their optimiser and moving average, and where they stand.

    The keys of the checkpoint are those of the first recipe (`ema` lists the U-Net's parameters,
    then the text encoder's), so that a work folder of either can be continued by this script.
    """

    def __init__(self, args, tokenizer: Tokenizer):
        self.args, self.path = args, args.work / "ck.pt"
        torch.manual_seed(args.seed)
        fresh = self.path.exists() or args.start is None
        self.unet = (new_unet() if fresh else load_unet(args.start / "unet")).to(args.device).train()
        self.unet.to(memory_format=torch.channels_last)
        text_encoder = new_text_encoder(tokenizer) if fresh else load_text_encoder(args.start / "text_encoder")
        self.text_encoder = text_encoder.to(args.device).train()
        self.parameters = [*self.unet.parameters(), *self.text_encoder.parameters()]
        self.optimiser = torch.optim.AdamW(self.parameters, LEARNING_RATE, betas=(0.9, 0.99), weight_decay=1e-2)
        self.average = [p.detach().clone() for p in self.parameters]
        self.step, self.minutes = 0, 0.0
        alphas = alphas_cumprod().float().to(args.device)
        self.signal, self.noise = alphas.sqrt(), (1 - alphas).sqrt()
        snr = alphas / (1 - alphas)
        self.weight = snr.clamp(max=SNR_CAP) / snr
        if self.path.exists():
            self.resume()

    def resume(self) -> None:
        kept = torch.load(self.path, map_location=self.args.device, weights_only=True)
        self.unet.load_state_dict(kept["un"])
        self.text_encoder.load_state_dict(kept["te"])
        self.optimiser.load_state_dict(kept["o"])
        self.average, self.step, self.minutes = kept["ema"], kept["step"], kept["done"]
        print(f"goes on at step {self.step}, {self.minutes:.0f} minutes")

    def save(self, minutes: float) -> None:
        state = dict(un=self.unet.state_dict(), te=self.text_encoder.state_dict(), o=self.optimiser.state_dict())
        state |= dict(ema=self.average, step=self.step, done=self.minutes + minutes)
        torch.save(state, self.path.with_suffix(".tmp"))
        os.replace(self.path.with_suffix(".tmp"), self.path)

    def one_step(self, latents: Latents, ids: torch.Tensor, empty: torch.Tensor) -> torch.Tensor:
        """Returns the unweighted loss, still on the device."""
        args = self.args
        rng = np.random.default_rng([args.seed, self.step])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        rows = rng.integers(0, len(latents), args.batch)
        clean = latents.rows(rows)
        noise = torch.randn(clean.shape, generator=generator)
        t = torch.randint(0, TRAIN_STEPS, (args.batch,), generator=generator).to(args.device)
        words = ids[rows].clone()
        words[torch.rand(args.batch, generator=generator) < DROPPED_CAPTIONS] = empty
        clean, noise = (x.to(args.device, memory_format=torch.channels_last) for x in (clean, noise))
        noisy = self.signal[t, None, None, None] * clean + self.noise[t, None, None, None] * noise
        with bf16(args.device):
            states = self.text_encoder(words.to(args.device)).last_hidden_state
            said = self.unet(noisy, t, encoder_hidden_states=states).sample
        error = ((said.float() - noise) ** 2).mean((1, 2, 3))
        (error * self.weight[t]).mean().backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, args.steps)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        if self.step % AVERAGE_EVERY == 0:
            decay = min(AVERAGE_DECAY, (1 + self.step) / (10 + self.step)) ** AVERAGE_EVERY
            with torch.no_grad():
                torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], 1 - decay)
        return error.detach().mean()


def main(given: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--start", type=Path, help="model folder to start from where there is no ck.pt")
    options.add_argument("--steps", type=int, default=45000, help="steps of the whole schedule")
    options.add_argument("--stop-at", type=int, help="stop at this step of the schedule; run again to go on")
    options.add_argument("--minutes", type=float, default=math.inf, help="stop after this long; run again to go on")
    options.add_argument("--batch", type=int, default=16)
    args = arguments(options, given)
    torch.set_num_threads(args.threads)
    latents = Latents(args.work)
    tokenizer = tokenizer_of(args.work, args.start, latents.captions)
    ids = torch.from_numpy(token_ids(tokenizer, latents.captions))
    empty = torch.from_numpy(token_ids(tokenizer, [""]))[0]
    training = Training(args, tokenizer)
    print(f"{len(latents)} scenes, {tokenizer.get_vocab_size()} tokens, from step {training.step} of {args.steps}")
    started, first, running = time.time(), training.step, None
    due_save, due_print = Every(300), Every(60)
    last = args.steps if args.stop_at is None else min(args.steps, args.stop_at)
    while training.step < last and (minutes := (time.time() - started) / 60) < args.minutes:
        error = training.one_step(latents, ids, empty)
        running = error if running is None else running.lerp(error, 0.005)
        if due_print() or training.step == last:
            pace = (training.step - first) * args.batch / (time.time() - started)
            print(f"step {training.step} loss {running.item():.4f} {pace:.1f} pictures/s", flush=True)
        if due_save():
            training.save(minutes)
    if training.step > first:
        training.save((time.time() - started) / 60)


if __name__ == "__main__":
    main()
