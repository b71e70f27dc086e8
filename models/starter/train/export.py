"""Writes the moving average in ck.pt as a diffusers folder in f16.

With --mean-with the weights are the mean of these and an exported model's, that this training started from: where
both lie in one valley of the error, the middle is often lower than either (Wortsman et al. 2022, "Model soups", arXiv
2203.05482); `compare.py --new OUT` says whether.

Beside the weights: preview.json (latent to RGB by least squares, and the default settings) and
words.json (the vocabulary in both languages).
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler, __version__

from net import BETA_END, BETA_START, END, START, TRAIN_STEPS, WINDOW, add_frame, encode, load_autoencoder, to_tensor
from sampling import Model
from scenes import SceneMaker, half_size
from settings import arguments, parser
from words import tables

LIMIT_MB = 48
DEFAULTS = dict(steps=20, strength=0.6, guidance=4.0, sampler="dpmpp_2m", schedule="karras", native_size=128)


def write_json(path: Path, content: dict, indent: int = 2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=indent))


def latent_to_rgb(vae, pictures: np.ndarray, device: str) -> tuple[np.ndarray, np.ndarray, float]:
    """The affine map from scaled latents to RGB in 0..1 with the least square error.

    Returns the 4 x 3 matrix, the 3 offsets and the map's quality in dB against the pictures at a
    quarter of their side.
    """
    latents = encode(vae, pictures, device).permute(0, 2, 3, 1).reshape(-1, 4)
    wanted = (F.avg_pool2d(to_tensor(pictures), 4) + 1).permute(0, 2, 3, 1).reshape(-1, 3) / 2
    columns = torch.cat([latents, torch.ones(len(latents), 1)], 1).double()
    solution = torch.linalg.lstsq(columns, wanted.double()).solution
    error = (columns @ solution - wanted).pow(2).mean()
    return solution[:4].numpy(), solution[4].numpy(), float(-10 * torch.log10(error))


def write_preview(model: Model, work: Path, out: Path, count: int) -> None:
    r, maker = random.Random("preview"), SceneMaker(work)
    pictures = np.stack([half_size(maker.draw(r).picture) for _ in range(count)])
    matrix, bias, quality = latent_to_rgb(model.vae, pictures, model.device)
    note = "rgb in 0..1 = latent(scaled) @ latent_to_rgb + bias"
    content = dict(latent_to_rgb=matrix.tolist(), bias=bias.tolist(), note=note, defaults=DEFAULTS)
    write_json(out / "preview.json", content, 1)
    print(f"preview {quality:.1f} dB")


def write_tokenizer(model: Model, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    add_frame(model.tokenizer)
    model.tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    tokens = dict(bos_token=START, eos_token=END, unk_token=END, pad_token=END)
    write_json(folder / "special_tokens_map.json", tokens)
    kind = dict(tokenizer_class="CLIPTokenizer", model_max_length=WINDOW)
    write_json(folder / "tokenizer_config.json", kind | tokens)


def write_index(out: Path) -> None:
    parts = dict(
        feature_extractor=[None, None],
        requires_safety_checker=False,
        safety_checker=[None, None],
        scheduler=["diffusers", "DDIMScheduler"],
        text_encoder=["transformers", "CLIPTextModel"],
        tokenizer=["transformers", "CLIPTokenizer"],
        unet=["diffusers", "UNet2DConditionModel"],
        vae=["diffusers", "AutoencoderKL"],
    )
    kind = dict(_class_name="StableDiffusionPipeline", _diffusers_version=__version__)
    write_json(out / "model_index.json", kind | parts)


def export(model: Model, work: Path, out: Path, scenes: int) -> None:
    write_preview(model, work, out, scenes)  # before the weights become f16
    for name in ("unet", "text_encoder", "vae"):
        network = getattr(model, name).half().to("cpu", memory_format=torch.contiguous_format)
        network.save_pretrained(out / name)
    write_tokenizer(model, out / "tokenizer")
    DDIMScheduler(
        beta_start=BETA_START,
        beta_end=BETA_END,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        num_train_timesteps=TRAIN_STEPS,
        prediction_type="v_prediction",
    ).save_pretrained(out / "scheduler")
    write_index(out)
    write_json(out / "words.json", tables(), 1)
    size = sum(f.stat().st_size for f in out.rglob("*.safetensors")) / 1e6
    print(f"{out}: {size:.1f} MB of weights")
    if size > LIMIT_MB:
        raise SystemExit(f"more than {LIMIT_MB} MB")


def mix(model: Model, other: Model) -> None:
    """Takes the U-Net and the text encoder of `model` half of the way to those of `other`."""
    for name in ("unet", "text_encoder"):
        pairs = zip(getattr(model, name).parameters(), getattr(other, name).parameters(), strict=True)
        with torch.no_grad():
            for mine, theirs in pairs:
                mine.lerp_(theirs, 0.5)


def export_autoencoder(work: Path, out: Path) -> None:
    load_autoencoder(work / "vae", "cpu").to(memory_format=torch.contiguous_format).half().save_pretrained(out / "vae")


def main(given: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("out", type=Path, help="folder to write")
    options.add_argument("--scenes", type=int, default=150, help="scenes for the preview's least squares")
    options.add_argument("--mean-with", type=Path, help="exported model to take the mean with")
    options.add_argument("--autoencoder", action="store_true", help="it alone: what decoder.py made of it")
    args = arguments(options, given)
    torch.set_num_threads(args.threads)
    if args.autoencoder:
        export_autoencoder(args.work, args.out)
        return
    model = Model.in_training(args.work, args.device)
    if args.mean_with:
        mix(model, Model.exported(args.mean_with, args.device))
    export(model, args.work, args.out, args.scenes)


if __name__ == "__main__":
    main()
