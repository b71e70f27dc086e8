"""Sampling as the editor does it by default: DPM-Solver++ (2M) on Karras' sigmas, guidance 4, 20 steps.

Lu et al. 2022 (arXiv 2211.01095), algorithm 2; Karras et al. 2022 (arXiv 2206.00364), equation 5.
Works in the variance-exploding form x = z + sigma * noise. Strength below 1 runs the last
int(steps * strength) of the steps, as diffusers does; a mask holds the predicted clean latent
outside of it to the known one after each step.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from tokenizers import Tokenizer
from transformers import CLIPTextModel

from net import (
    alphas_cumprod, reduced, load_autoencoder, load_text_encoder, load_unet, new_text_encoder, new_unet, token_ids,
)  # fmt: skip

RHO = 7.0


@dataclass
class Model:
    vae: AutoencoderKL
    text_encoder: CLIPTextModel
    unet: UNet2DConditionModel
    tokenizer: Tokenizer
    device: str
    velocity: bool = True
    """says the velocity (see unet.py); else the noise"""

    @classmethod
    def exported(cls, folder: Path, device: str) -> Model:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer" / "tokenizer.json"))
        text_encoder, unet = load_text_encoder(folder / "text_encoder"), load_unet(folder / "unet")
        schedule = json.loads((folder / "scheduler" / "scheduler_config.json").read_text())
        velocity = schedule["prediction_type"] == "v_prediction"
        return cls._ready(folder / "vae", text_encoder, unet, tokenizer, device, velocity)

    @classmethod
    def in_training(cls, work: Path, device: str) -> Model:
        """The moving average in the work folder's ck.pt."""
        tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
        text_encoder, unet = new_text_encoder(tokenizer), new_unet()
        kept = torch.load(work / "ck.pt", map_location="cpu", weights_only=True)
        text_encoder.load_state_dict(kept["te"])  # buffers, then the average of the parameters
        with torch.no_grad():
            for parameter, average in zip([*unet.parameters(), *text_encoder.parameters()], kept["ema"], strict=True):
                parameter.copy_(average)
        return cls._ready(work / "vae", text_encoder, unet, tokenizer, device)

    @classmethod
    def _ready(cls, vae_folder, text_encoder, unet, tokenizer, device, velocity=True) -> Model:
        unet = unet.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)
        text_encoder = text_encoder.eval().requires_grad_(False).to(device)
        return cls(load_autoencoder(vae_folder, device), text_encoder, unet, tokenizer, device, velocity)

    def clean(self, noisy: torch.Tensor, t, sigma, states: torch.Tensor) -> torch.Tensor:
        """The latents behind `noisy` = (clean + sigma * noise) / sqrt(1 + sigma ** 2), as predicted."""
        with reduced(self.device):
            said = self.unet(noisy, t, encoder_hidden_states=states).sample.float()
        spread = (1 + sigma**2) ** 0.5
        return (noisy - sigma * said) / spread if self.velocity else noisy * spread - sigma * said


@dataclass(frozen=True)
class Settings:
    steps: int = 20
    guidance: float = 4.0
    strength: float = 1.0
    seed: int = 1
    batch: int = 10


def sigma_table() -> torch.Tensor:
    alphas = alphas_cumprod()
    return ((1 - alphas) / alphas).sqrt()


def karras_sigmas(steps: int) -> torch.Tensor:
    """`steps` falling sigmas between the model's largest and smallest, then 0."""
    table = sigma_table()
    low, high = table[0] ** (1 / RHO), table[-1] ** (1 / RHO)
    sigmas = (high + torch.linspace(0, 1, steps, dtype=torch.float64) * (low - high)) ** RHO
    return torch.cat([sigmas, torch.zeros(1, dtype=torch.float64)])


def timestep_of(sigma: float) -> float:
    """The (fractional) training step whose noise is `sigma`: linear in the logarithm between the table's entries."""
    table = sigma_table().log()
    wanted = torch.tensor(sigma, dtype=torch.float64).log()
    above = int(torch.searchsorted(table, wanted).clamp(1, len(table) - 1))
    share = (wanted - table[above - 1]) / (table[above] - table[above - 1])
    return above - 1 + float(share.clamp(0, 1))


def noise_for(count: int, seed: int, shape=(4, 32, 32)) -> torch.Tensor:
    """Picture i has its own stream, whatever the batch."""
    rows = [torch.randn(shape, generator=torch.Generator().manual_seed(seed * 100_003 + i)) for i in range(count)]
    return torch.stack(rows)


@torch.inference_mode()
def sample(
    model: Model,
    prompts: list[str],
    settings: Settings,
    source: torch.Tensor | None = None,
    mask: torch.Tensor | None = None,
) -> torch.Tensor:
    """Scaled latents (n, 4, 32, 32) for `prompts`.

    `source`: scaled latents to start from (needed below strength 1 and with a mask).
    `mask` (n, 1, 32, 32): 1 where the latent may change.
    """
    noise = noise_for(len(prompts), settings.seed)
    known = torch.zeros_like(noise) if source is None else source
    free = torch.ones_like(noise[:, :1]) if mask is None else mask
    parts = []
    for i in range(0, len(prompts), settings.batch):
        rows = slice(i, i + settings.batch)
        batch = (x[rows].to(model.device) for x in (noise, known, free))
        parts.append(_sample_batch(model, prompts[rows], settings, *batch).cpu())
    return torch.cat(parts)


def _sample_batch(model, prompts, settings, noise, known, free) -> torch.Tensor:
    ids = torch.from_numpy(token_ids(model.tokenizer, [*prompts, *[""] * len(prompts)])).to(model.device)
    with reduced(model.device):
        states = model.text_encoder(ids).last_hidden_state
    sigmas = karras_sigmas(settings.steps)
    executed = min(int(settings.steps * settings.strength), settings.steps)
    sigmas = sigmas[settings.steps - executed :].tolist()
    pure = settings.strength >= 1
    x = noise * sigmas[0] + (known * (1 - free) if pure else known)
    previous = step_before = None
    for sigma, following in zip(sigmas, sigmas[1:]):
        scaled = (x / (sigma**2 + 1) ** 0.5).repeat(2, 1, 1, 1)
        asked, unasked = model.clean(scaled, timestep_of(sigma), sigma, states).chunk(2)
        clean = unasked + settings.guidance * (asked - unasked)
        clean = free * clean + (1 - free) * known
        if following == 0:
            return clean
        step = torch.tensor(sigma / following).log().item()
        straight = clean
        if previous is not None:
            ratio = step_before / step
            straight = clean + (clean - previous) / (2 * ratio)
        x = (following / sigma) * x + (1 - following / sigma) * straight
        previous, step_before = clean, step
    return clean
