"""The shapes of the model, its tokenizer, and the noise of its training (Stable Diffusion's)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import CLIPTextConfig, CLIPTextModel

WINDOW = 32
"""tokens of a prompt, start and end included"""
START, END = "<|startoftext|>", "<|endoftext|>"
WIDTH = 192
TRAIN_STEPS = 1000
BETA_START, BETA_END = 0.00085, 0.012


def alphas_cumprod() -> torch.Tensor:
    """The share of the picture left at each of the 1000 steps ("scaled linear": linear in the root of beta)."""
    betas = torch.linspace(BETA_START**0.5, BETA_END**0.5, TRAIN_STEPS, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0)


def train_tokenizer(captions: list[str], size: int = 3000) -> Tokenizer:
    """A byte-level BPE that splits and ends words as CLIP's does, learned from the captions."""
    tokenizer = Tokenizer(models.BPE(unk_token=END, end_of_word_suffix="</w>", continuing_subword_prefix=""))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    words = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(words, "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(captions, trainer)
    add_frame(tokenizer)
    return tokenizer


def add_frame(tokenizer: Tokenizer) -> None:
    """Start token, text, end token: what CLIP's own post-processor does."""
    frame = [(START, tokenizer.token_to_id(START)), (END, tokenizer.token_to_id(END))]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{START} $A {END}", special_tokens=frame)


def token_ids(tokenizer: Tokenizer, captions: list[str]) -> np.ndarray:
    """(captions, `WINDOW`) i64: start token, text, then end tokens to the window's end."""
    ids = np.full((len(captions), WINDOW), tokenizer.token_to_id(END), dtype=np.int64)
    ids[:, 0] = tokenizer.token_to_id(START)
    for row, encoding in zip(ids, tokenizer.encode_batch(captions, add_special_tokens=False)):
        text = encoding.ids[: WINDOW - 2]
        row[1 : 1 + len(text)] = text
    return ids


def new_text_encoder(tokenizer: Tokenizer) -> CLIPTextModel:
    start, end = tokenizer.token_to_id(START), tokenizer.token_to_id(END)
    config = CLIPTextConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        num_hidden_layers=4,
        num_attention_heads=4,
        max_position_embeddings=WINDOW,
        hidden_act="quick_gelu",
        projection_dim=WIDTH,
        bos_token_id=start,
        eos_token_id=end,
        pad_token_id=end,
    )
    return CLIPTextModel(config)


def new_unet() -> UNet2DConditionModel:
    """19.1 M parameters; attention at 16 x 16, 8 x 8 and in the middle of a 32 x 32 latent."""
    return UNet2DConditionModel(
        sample_size=32,
        in_channels=4,
        out_channels=4,
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
        block_out_channels=(96, 160, 256),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    )


def new_autoencoder() -> AutoencoderKL:
    """A quarter of the side, 4 latent channels, no attention; scaling factor set after training."""
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(24, 64, 128),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=128,
        mid_block_add_attention=False,
    )


def load_autoencoder(folder: Path, device: str) -> AutoencoderKL:
    vae = AutoencoderKL.from_pretrained(folder, torch_dtype=torch.float32, low_cpu_mem_usage=False)
    return vae.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)


def load_text_encoder(folder: Path) -> CLIPTextModel:
    return CLIPTextModel.from_pretrained(folder, torch_dtype=torch.float32)


def load_unet(folder: Path) -> UNet2DConditionModel:
    return UNet2DConditionModel.from_pretrained(folder, torch_dtype=torch.float32, low_cpu_mem_usage=False)


def to_tensor(pictures: np.ndarray, device: str = "cpu") -> torch.Tensor:
    """(n, h, w, 3) u8 to (n, 3, h, w) f32 in -1..1."""
    x = torch.from_numpy(np.ascontiguousarray(pictures)).to(device).permute(0, 3, 1, 2)
    return x.to(torch.float32, memory_format=torch.channels_last) / 127.5 - 1


def to_pictures(x: torch.Tensor) -> np.ndarray:
    """The inverse of `to_tensor`, rounded and clamped."""
    return ((x.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def reduced(device: str):
    """bf16 arithmetic on a GPU, and on a CPU where OVERPAINT_BF16=1 asks for it.

    Measured: half as fast again as f32 on a Zen 4, a third slower on a Xeon without AMX.
    """
    wanted = device != "cpu" or os.environ.get("OVERPAINT_BF16") == "1"
    return torch.autocast(device, dtype=torch.bfloat16, enabled=wanted)


def encode(vae: AutoencoderKL, pictures: np.ndarray, device: str, batch: int = 50) -> torch.Tensor:
    """Scaled latents (the mean of their distribution) on the CPU, f32."""
    parts = []
    with torch.inference_mode():
        for i in range(0, len(pictures), batch):
            with reduced(device):
                latent = vae.encode(to_tensor(pictures[i : i + batch], device)).latent_dist.mean
            parts.append((latent.float() * vae.config.scaling_factor).cpu())
    return torch.cat(parts)


def decode(vae: AutoencoderKL, latents: torch.Tensor, device: str, batch: int = 50) -> np.ndarray:
    """Pictures (n, h, w, 3) u8 of scaled latents."""
    parts = []
    with torch.inference_mode():
        for z in latents.split(batch):
            with reduced(device):
                parts.append(to_pictures(vae.decode(z.to(device) / vae.config.scaling_factor).sample))
    return np.concatenate(parts)
