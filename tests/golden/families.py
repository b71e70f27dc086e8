"""Small random models of every family, as diffusers folders, and pictures that diffusers' own pipelines
make with them, from text to pixels.

`make_goldens.py families` calls `make()`. Writes `data/families/<part>/`, each a piece of a diffusers
folder; `data/families/cases.json`, which says which pieces make a model, how the pipeline was called and
how we are to be; and `data/families/pictures.safetensors`. `src/engine/diffusion/engine/tests/families.rs`
compares. Weights are f16 in the files and f32 in both programs.
"""

import json
import shutil
import tempfile
from pathlib import Path

import diffusers
import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    DDIMScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionInstructPix2PixPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLInpaintPipeline,
    UNet2DConditionModel,
)
from diffusers.schedulers import scheduling_euler_ancestral_discrete as ancestral
from diffusers.schedulers import scheduling_lcm as lcm
from modules import picture, randomise
from runs import STABLE_DIFFUSION, bytes_to_unicode
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

DATA = Path(__file__).resolve().parent / "data" / "families"
WINDOW = 24
PROMPT = "a red dress in rain"
NEGATIVE = "dark, blurry"


# --- models --------------------------------------------------------------------------------------


def put_tokenizer(part, folder, pad):
    """CLIP's tokenizer over single letters: as in CLIP's, `!` is id 0 and the end is the largest id."""
    letters = bytes_to_unicode()
    names = [*letters, *(c + "</w>" for c in letters), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(
        vocab={name: i for i, name in enumerate(names)}, merges=[], pad_token=pad,
        model_max_length=WINDOW,
    )  # fmt: skip
    tokenizer.save_pretrained(DATA / part / folder)
    return len(names)


def put(part, folder, model):
    model.half().save_pretrained(DATA / part / folder)


def put_text(part, folder, seed, cls=CLIPTextModel, **config):
    vocabulary = 514
    config = CLIPTextConfig(
        vocab_size=vocabulary, max_position_embeddings=WINDOW, hidden_size=8, intermediate_size=16,
        num_attention_heads=2, num_hidden_layers=2,
        # The end's id as SDXL's files have it: it stands for the largest.
        bos_token_id=0, eos_token_id=2, pad_token_id=1, **config,
    )  # fmt: skip
    put(part, folder, randomise(cls(config), seed))


def put_unet(part, seed, channels=4, **config):
    defaults = dict(
        sample_size=16, in_channels=channels, out_channels=4, block_out_channels=(4, 4),
        layers_per_block=1, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), norm_num_groups=2,
        cross_attention_dim=8, attention_head_dim=2,
    )  # fmt: skip
    put(part, "unet", randomise(UNet2DConditionModel(**(defaults | config)), seed))


def put_scheduler(part, cls, **config):
    cls(**STABLE_DIFFUSION, **config).save_pretrained(DATA / part / "scheduler")


LEADING = dict(timestep_spacing="leading", steps_offset=1)
DDIM = dict(LEADING, clip_sample=False, set_alpha_to_one=False)


def put_sd1():
    put_tokenizer("sd1", "tokenizer", "<|endoftext|>")
    put_text("sd1", "text_encoder", 41, hidden_act="quick_gelu")
    put_unet("sd1", 42)
    vae = AutoencoderKL(
        block_out_channels=(4, 8), down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=4, norm_num_groups=2,
        sample_size=32, scaling_factor=0.7,
    )  # fmt: skip
    put("sd1", "vae", randomise(vae, 43))
    put_scheduler("sd1", DDIMScheduler, **DDIM)
    put_unet("sd1-inpaint", 44, channels=9)
    put_unet("pix2pix", 45, channels=8)
    put_unet("lcm", 46, time_cond_proj_dim=8)
    put_scheduler("lcm", LCMScheduler, original_inference_steps=50)
    tiny = AutoencoderTiny(
        encoder_block_out_channels=(6, 6), decoder_block_out_channels=(6, 6),
        num_encoder_blocks=(1, 1), num_decoder_blocks=(1, 1),
    )  # fmt: skip
    put("taesd", "vae", randomise(tiny, 47))


def put_sd2():
    put_tokenizer("sd2", "tokenizer", "!")
    put_text("sd2", "text_encoder", 51, hidden_act="gelu")
    linear = dict(use_linear_projection=True, attention_head_dim=(1, 2))
    put_unet("sd2", 52, **linear)
    put_scheduler("sd2", DDIMScheduler, prediction_type="v_prediction", **DDIM)
    put_unet("sd2-inpaint", 53, channels=9, **linear)
    put_scheduler("sd2-inpaint", DDIMScheduler, **DDIM)


def put_xl():
    put_tokenizer("sdxl", "tokenizer_2", "!")
    put_text("sdxl", "text_encoder_2", 62, CLIPTextModelWithProjection, hidden_act="gelu", projection_dim=6)
    xl = dict(
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), transformer_layers_per_block=(1, 2),
        cross_attention_dim=16, attention_head_dim=(1, 2), use_linear_projection=True,
        addition_embed_type="text_time", addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=6 + 6 * 4,
    )  # fmt: skip
    put_unet("sdxl", 63, **xl)
    put_scheduler("sdxl", EulerDiscreteScheduler, **LEADING)
    put_unet("sdxl-inpaint", 64, channels=9, **xl)
    put_scheduler("turbo", EulerAncestralDiscreteScheduler, timestep_spacing="trailing")


def index_of(parts):
    """`model_index.json` of a model that is put together of those parts."""
    index = dict(
        _class_name="StableDiffusionPipeline", _diffusers_version=diffusers.__version__, feature_extractor=[None, None],
        safety_checker=[None, None], requires_safety_checker=False, image_encoder=[None, None],
    )  # fmt: skip
    text = {"text_encoder": "CLIPTextModel", "text_encoder_2": "CLIPTextModelWithProjection"}
    for part in parts:
        for folder in sorted(path.name for path in (DATA / part).iterdir() if path.is_dir()):
            if folder.startswith("tokenizer"):
                index[folder] = ["transformers", "CLIPTokenizer"]
            elif folder in text:
                index[folder] = ["transformers", text[folder]]
            elif folder == "scheduler":
                config = json.loads((DATA / part / folder / "scheduler_config.json").read_text())
                index[folder] = ["diffusers", config["_class_name"]]
            else:
                config = json.loads((DATA / part / folder / "config.json").read_text())
                index[folder] = ["diffusers", config["_class_name"]]
    if "text_encoder_2" in index:
        index["_class_name"] = "StableDiffusionXLPipeline"
        index["force_zeros_for_empty_prompt"] = True
        for name in ["feature_extractor", "safety_checker", "requires_safety_checker"]:
            del index[name]
        index["feature_extractor"] = [None, None]
    return index


def assemble(parts, folder):
    for part in parts:
        shutil.copytree(DATA / part, folder, dirs_exist_ok=True)
    (folder / "model_index.json").write_text(json.dumps(index_of(parts)))


# --- our noise -----------------------------------------------------------------------------------


def step_noise(seed, index, shape):
    """What `NoiseSource::step` gives: a stream of its own for each step of the whole schedule."""
    mersenne = np.random.MT19937()
    mersenne._legacy_seeding(np.array([1, 1, seed, 0, index, 0], dtype=np.uint32))
    count = int(np.prod(shape))
    assert count % 16 == 0
    bits = mersenne.random_raw(count) & 0xFFFFFF
    uniform = torch.from_numpy((bits * 2.0**-24).astype(np.float32)).reshape(-1, 2, 8)
    radius = torch.sqrt(-2 * torch.log(1 - uniform[:, 0]))
    angle = 2 * torch.pi * uniform[:, 1]
    return torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], 1).reshape(shape)


# --- runs ----------------------------------------------------------------------------------------


class Cases:
    def __init__(self):
        self.cases, self.pictures = [], {}

    @torch.no_grad()
    def run(self, name, parts, pipeline, sampler, *, seed, size=(32, 32), strength=0.6, steps=10,
            guidance=3.5, image_guidance=1.5, negative=NEGATIVE, mask=None, scheduler=None):  # fmt: skip
        image = picture(*size)
        with tempfile.TemporaryDirectory() as folder:
            assemble(parts, Path(folder))
            pipe = pipeline.from_pretrained(folder, torch_dtype=torch.float32)
        pipe.set_progress_bar_config(disable=True)
        if scheduler is not None:
            known = {k: v for k, v in pipe.scheduler.config.items() if not k.startswith("_")}
            pipe.scheduler = scheduler.from_config(known)
        executed = min(int(steps * strength), steps)
        noises = iter(range(steps - executed, steps))
        for module in [ancestral, lcm]:
            module.randn_tensor = lambda shape, **_: step_noise(seed, next(noises), shape)

        def encoded(pixels):
            scale = pipe.vae.config.scaling_factor
            if isinstance(pipe.vae, AutoencoderTiny):
                return pipe.vae.encode(pixels).latents * scale
            # The pipelines would draw from the distribution; we take its mode.
            return pipe.vae.encode(pixels).latent_dist.mode() * scale

        options = dict(
            prompt=PROMPT, negative_prompt=negative, num_inference_steps=steps,
            guidance_scale=guidance, generator=torch.Generator("cpu").manual_seed(seed),
            output_type="pt",
        )  # fmt: skip
        if pipeline is StableDiffusionInstructPix2PixPipeline:
            options |= dict(image=image, image_guidance_scale=image_guidance)
        else:
            options |= dict(image=encoded(image), strength=strength)
        if mask is not None:
            top, bottom, left, right = mask
            region = torch.zeros(1, 1, *size)
            region[..., top:bottom, left:right] = 1
            options |= dict(mask_image=region, height=size[0], width=size[1])
            if pipeline in (StableDiffusionInpaintPipeline, StableDiffusionXLInpaintPipeline):
                options["masked_image_latents"] = encoded(image * (region < 0.5))
        result = pipe(**options).images
        result = torch.as_tensor(result)
        assert result.shape == (1, 3, *size), result.shape
        cut = ((result == 0) | (result == 1)).float().mean()
        print(f"{name}: mean {result.mean():.3f}, deviation {result.std():.3f}, cut {cut:.3f}")
        assert result.std() > 0.05 and cut < 0.5
        self.pictures[name] = result.half()
        self.pictures[f"picture.{size[1]}x{size[0]}"] = image
        self.cases.append(
            dict(
                name=name, parts=parts, index=index_of(parts), sampler=sampler, seed=seed,
                width=size[1], height=size[0], strength=strength, steps=steps, guidance=guidance,
                image_guidance=image_guidance, prompt=PROMPT, negative=negative or "", mask=mask,
            )
        )  # fmt: skip


def make_runs():
    cases = Cases()
    run = cases.run
    img2img, inpaint = StableDiffusionImg2ImgPipeline, StableDiffusionInpaintPipeline
    xl_img2img, xl_inpaint = StableDiffusionXLImg2ImgPipeline, StableDiffusionXLInpaintPipeline
    euler = dict(scheduler=EulerDiscreteScheduler)
    middle = (8, 24, 6, 26)

    run("sd1.img2img", ["sd1"], img2img, "ddim", seed=1)
    run("sd1.inpaint", ["sd1"], inpaint, "ddim", seed=2, strength=0.7, mask=middle)
    run("sd1.inpaint.euler", ["sd1"], inpaint, "euler", seed=3, strength=0.8, mask=middle, **euler)
    run("sd1.inpaint9", ["sd1", "sd1-inpaint"], inpaint, "ddim", seed=4, strength=0.7, mask=middle)
    run("sd1.taesd", ["sd1", "taesd"], img2img, "euler", seed=5, **euler)
    run(
        "sd1.pix2pix", ["sd1", "pix2pix"], StableDiffusionInstructPix2PixPipeline, "euler", seed=6,
        strength=1.0, guidance=5.0, image_guidance=1.6, **euler,
    )  # fmt: skip
    run("sd1.lcm", ["sd1", "lcm"], img2img, "lcm", seed=7, steps=6, strength=0.7, guidance=8.0)

    run("sd2.img2img", ["sd1", "sd2"], img2img, "euler", seed=8, **euler)
    run("sd2.inpaint", ["sd1", "sd2"], inpaint, "ddim", seed=9, strength=0.7, mask=middle)
    run("sd2.inpaint9", ["sd1", "sd2", "sd2-inpaint"], inpaint, "ddim", seed=10, strength=0.7, mask=middle)

    xl = ["sd1", "sdxl"]
    run("sdxl.square", xl, xl_img2img, "euler", seed=11)
    run("sdxl.wide", xl, xl_img2img, "euler", seed=12, size=(32, 48))
    run("sdxl.no-negative", xl, xl_img2img, "euler", seed=13, negative=None)
    run("sdxl.inpaint", xl, xl_inpaint, "euler", seed=14, strength=0.7, mask=middle)
    run("sdxl.inpaint9", [*xl, "sdxl-inpaint"], xl_inpaint, "euler", seed=15, strength=0.7, mask=middle)
    run("sdxl.turbo", [*xl, "turbo"], xl_img2img, "euler_a", seed=16, steps=4, strength=0.5, guidance=1.0)

    text = json.dumps(cases.cases, indent=1)
    (DATA / "cases.json").write_text(text + "\n")
    tensors = {name: tensor.contiguous() for name, tensor in cases.pictures.items()}
    save_file(tensors, DATA / "pictures.safetensors")


def make():
    torch.set_num_threads(1)
    shutil.rmtree(DATA, ignore_errors=True)
    put_sd1()
    put_sd2()
    put_xl()
    make_runs()
    size = sum(file.stat().st_size for file in DATA.rglob("*") if file.is_file())
    print(f"families: {size / 1e3:.0f} kB in {DATA}")


if __name__ == "__main__":
    make()
