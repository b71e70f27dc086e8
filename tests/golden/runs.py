"""Reference results for sampling: noise, schedules, samplers over full runs, whole edits.

Made with torch and diffusers; the Rust tests beside `src/engine/diffusion` compare with them.
`make_goldens.py runs` calls `make()`. Writes `data/noise.safetensors`, `data/schedules.json`,
`data/samplers.safetensors`, `data/tiny/` (a random model of a few kilobytes) and
`data/runs.safetensors`. The starter's run has to be made anew whenever `models/starter` changes.
"""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    UNet2DConditionModel,
)
from diffusers.schedulers import scheduling_euler_ancestral_discrete as ancestral
from diffusers.schedulers import scheduling_lcm as lcm
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import CLIPTextConfig, CLIPTextModel

HERE = Path(__file__).resolve().parent
DATA = HERE / "data"
ROOT = HERE.parent.parent
TINY = DATA / "tiny"
STARTER = ROOT / "models" / "starter"

STABLE_DIFFUSION = dict(
    num_train_timesteps=1000,
    beta_start=0.00085,
    beta_end=0.012,
    beta_schedule="scaled_linear",
)


def seeded(seed):
    return torch.Generator("cpu").manual_seed(seed)


# --- noise ---------------------------------------------------------------------------------------


def make_noise():
    """`<seed>.<size>.<call>`: consecutive calls of one generator."""
    tensors = {}
    for seed in [0, 1, 42, 2**32 - 1, 2**32 + 5, 2**63 + 17]:
        for size in [1, 5, 15, 16, 17, 31, 64, 1001]:
            generator = seeded(seed)
            for call in range(3):
                tensors[f"{seed}.{size}.{call}"] = torch.randn(size, generator=generator)
    tensors["7.4096.0"] = torch.randn((1, 4, 32, 32), generator=seeded(7)).flatten()
    save_file(tensors, DATA / "noise.safetensors")


# --- schedules -----------------------------------------------------------------------------------


def full(scheduler):
    """Sigmas of all timesteps of training, growing."""
    alpha_bars = scheduler.alphas_cumprod
    return (((1 - alpha_bars) / alpha_bars) ** 0.5).numpy()


def euler_case(config, count, karras=False):
    if karras:
        # diffusers takes the ends of the spacing, Karras and k-diffusion those of the model;
        # only with linspace these are the same.
        config = dict(config, timestep_spacing="linspace")
    scheduler = EulerDiscreteScheduler(**config, use_karras_sigmas=karras)
    scheduler.set_timesteps(count)
    return dict(
        kind="karras" if karras else "model",
        config=config,
        count=count,
        timesteps=scheduler.timesteps.tolist(),
        sigmas=scheduler.sigmas.tolist(),
        noise_scale=float(scheduler.init_noise_sigma),
    )


def ddim_case(config, count):
    scheduler = DDIMScheduler(**config)
    scheduler.set_timesteps(count)
    sigmas = full(scheduler)
    final = float(scheduler.final_alpha_cumprod)
    stride = len(sigmas) // count
    aims = [t - stride for t in scheduler.timesteps.tolist()]
    first = float(sigmas[scheduler.timesteps[0]])
    return dict(
        kind="ddim",
        config=config,
        count=count,
        timesteps=scheduler.timesteps.tolist(),
        sigmas=[float(sigmas[t]) for t in scheduler.timesteps],
        targets=[float(sigmas[t]) if t >= 0 else math.sqrt((1 - final) / final) for t in aims],
        noise_scale=math.sqrt(first**2 + 1),
    )


def lcm_case(config, count):
    scheduler = LCMScheduler(**config)
    scheduler.set_timesteps(count)
    sigmas = [float(full(scheduler)[t]) for t in scheduler.timesteps]
    return dict(
        kind="lcm",
        config=config,
        count=count,
        timesteps=scheduler.timesteps.tolist(),
        sigmas=[*sigmas, 0.0],
        noise_scale=math.sqrt(sigmas[0] ** 2 + 1),
    )


def make_schedules():
    spacings = [
        dict(timestep_spacing="leading", steps_offset=1),
        dict(timestep_spacing="leading", steps_offset=0),
        dict(timestep_spacing="trailing"),
        dict(timestep_spacing="linspace"),
    ]
    curves = [
        STABLE_DIFFUSION,
        dict(STABLE_DIFFUSION, rescale_betas_zero_snr=True),
        dict(beta_schedule="linear"),
        dict(beta_schedule="squaredcos_cap_v2"),
        dict(num_train_timesteps=60, trained_betas=np.linspace(0.01, 0.2, 60).round(4).tolist()),
    ]
    cases = []
    for curve in curves:
        for spacing in spacings:
            for count in [1, 2, 7, 20, 30, 50]:
                cases.append(euler_case({**curve, **spacing}, count))
                # DDIM's last zero-SNR level is infinite in diffusers; ours is that of Euler.
                if not curve.get("rescale_betas_zero_snr"):
                    cases.append(ddim_case({**curve, **spacing, "set_alpha_to_one": count % 2 == 0}, count))
        for count in [2, 7, 20, 50]:
            cases.append(euler_case(curve, count, karras=True))
    cases.append(euler_case(STABLE_DIFFUSION, 9))
    cases.append(ddim_case(STABLE_DIFFUSION, 9))
    cases.append(euler_case(dict(STABLE_DIFFUSION, final_sigmas_type="sigma_min"), 9))
    for count in [1, 2, 4, 6, 7, 8, 30, 50]:
        cases.append(lcm_case(STABLE_DIFFUSION, count))
        cases.append(lcm_case(dict(STABLE_DIFFUSION, original_inference_steps=100), count))
    short = json.loads(json.dumps(cases), parse_float=lambda text: float(f"{float(text):.7g}"))
    (DATA / "schedules.json").write_text(json.dumps(short, separators=(",", ":")) + "\n")


# --- samplers ------------------------------------------------------------------------------------

SHAPE = (1, 4, 8, 8)


def toy(scaled, timestep):
    """Stands in for a network; the same formula is in `sampler/tests.rs`."""
    return torch.tanh(0.8 * scaled + 0.2) * math.cos(float(timestep) / 700) + 0.1


def levels(config, count, schedule):
    """Timesteps and sigmas (with the last one) as our schedule has them."""
    case = euler_case(config, count, karras=schedule == "karras")
    return torch.tensor(case["timesteps"]), torch.tensor(case["sigmas"])


def run_scheduler(scheduler, latents, begin):
    scheduler.set_begin_index(begin)
    for timestep in scheduler.timesteps[begin:]:
        scaled = scheduler.scale_model_input(latents, timestep)
        latents = scheduler.step(toy(scaled, timestep), timestep, latents).prev_sample
    return latents


def sampler_run(sampler, schedule, prediction, spacing, begin):
    """One run over the last steps from `begin`; its clean start, noises and end."""
    count = 11
    config = dict(STABLE_DIFFUSION, prediction_type=prediction, **spacing)
    clean = torch.randn(SHAPE, generator=seeded(1))
    noise = torch.randn(SHAPE, generator=seeded(2))
    fresh = [torch.randn(SHAPE, generator=seeded(100 + i)) for i in range(count)]
    timesteps, sigmas = levels(config, count, schedule)
    if sampler == "euler":
        scheduler = EulerDiscreteScheduler(**config)
    elif sampler == "euler_a":
        scheduler = EulerAncestralDiscreteScheduler(**config)
        left = iter(fresh[begin:])
        ancestral.randn_tensor = lambda *_, **__: next(left)
    elif sampler == "dpmpp_2m":
        # k-diffusion's DPM++ 2M: second order, midpoint, first order only in the first and the
        # last step, which goes to 0, on any sigmas and timesteps that are given.
        scheduler = DPMSolverMultistepScheduler(
            **config,
            algorithm_type="dpmsolver++",
            solver_order=2,
            solver_type="midpoint",
            lower_order_final=True,
            euler_at_final=False,
            final_sigmas_type="zero",
        )
    elif sampler == "lcm":
        scheduler = LCMScheduler(**config)
        left = iter(fresh[begin:])
        lcm.randn_tensor = lambda *_, **__: next(left)
    else:
        scheduler = DDIMScheduler(**config, clip_sample=False, set_alpha_to_one=False)
    scheduler.set_timesteps(count)
    if sampler not in ("ddim", "lcm"):
        scheduler.timesteps, scheduler.sigmas = timesteps, sigmas
    if sampler in ("euler", "euler_a"):
        first = clean + noise * sigmas[begin] if begin else noise * scheduler.init_noise_sigma
    elif begin:
        first = scheduler.add_noise(clean, noise, scheduler.timesteps[begin : begin + 1].long())
        if sampler == "dpmpp_2m":
            # add_noise looks the sigma up by timestep; ours is given.
            sigma = sigmas[begin]
            first = (clean + noise * sigma) / (sigma**2 + 1) ** 0.5
    else:
        first = noise
    if sampler == "ddim":
        latents = first
        for timestep in scheduler.timesteps[begin:]:
            latents = scheduler.step(toy(latents, timestep), timestep, latents).prev_sample
        return latents
    return run_scheduler(scheduler, first, begin)


def make_samplers():
    tensors = {
        "clean": torch.randn(SHAPE, generator=seeded(1)),
        "noise": torch.randn(SHAPE, generator=seeded(2)),
    }
    for i in range(11):
        tensors[f"fresh.{i}"] = torch.randn(SHAPE, generator=seeded(100 + i))
    spacings = dict(
        leading=dict(timestep_spacing="leading", steps_offset=1),
        trailing=dict(timestep_spacing="trailing"),
        linspace=dict(timestep_spacing="linspace"),
    )
    for sampler in ["euler", "euler_a", "dpmpp_2m", "ddim", "lcm"]:
        for schedule in ["model", "karras"] if sampler not in ("ddim", "lcm") else ["model"]:
            for prediction in ["epsilon", "v_prediction", "sample"]:
                if sampler == "euler_a" and prediction == "sample":
                    continue  # diffusers refuses it
                for name, spacing in spacings.items():
                    if (schedule == "karras" or sampler == "lcm") and name != "linspace":
                        continue  # they have levels of their own
                    for begin in [0, 5]:
                        key = f"{sampler}.{schedule}.{prediction}.{name}.{begin}"
                        tensors[key] = sampler_run(sampler, schedule, prediction, spacing, begin)
    save_file({k: v.contiguous() for k, v in tensors.items()}, DATA / "samplers.safetensors")


# --- a tiny model --------------------------------------------------------------------------------

WINDOW = 16


def bytes_to_unicode():
    """The visible stand-ins of bytes in byte-level BPE (GPT-2)."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in seen]
    return [chr(b) for b in seen] + [chr(256 + i) for i in range(len(others))]


def write_tokenizer(folder):
    starter = json.loads((STARTER / "tokenizer" / "tokenizer.json").read_text())
    letters = bytes_to_unicode()
    names = ["<|startoftext|>", "<|endoftext|>", *letters, *(c + "</w>" for c in letters)]
    starter["model"]["vocab"] = {name: i for i, name in enumerate(names)}
    starter["model"]["merges"] = []
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(starter, ensure_ascii=False))
    (folder / "special_tokens_map.json").write_text(
        json.dumps(dict(bos_token="<|startoftext|>", eos_token="<|endoftext|>", pad_token="!"))
    )
    return len(names)


def unet_of(in_channels):
    unet = UNet2DConditionModel(
        sample_size=16,
        in_channels=in_channels,
        out_channels=4,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        norm_num_groups=4,
        cross_attention_dim=16,
        attention_head_dim=2,
    )
    # As made, the answer hardly depends on anything; a model's has unit size.
    with torch.no_grad():
        unet.conv_out.weight *= 4
    return unet.half()


def write_tiny():
    torch.manual_seed(5)
    vocabulary = write_tokenizer(TINY / "tokenizer")
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=WINDOW,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=2,
            initializer_range=0.5,
        )
    )
    text.half().save_pretrained(TINY / "text_encoder")
    unet_of(4).save_pretrained(TINY / "unet")
    # The parts in which an inpainting model differs lie beside the others.
    unet_of(9).save_pretrained(TINY / "unet9")
    AutoencoderKL(
        block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=32,
        scaling_factor=0.7,
    ).half().save_pretrained(TINY / "vae")
    scheduler = dict(STABLE_DIFFUSION, timestep_spacing="leading", steps_offset=1, clip_sample=False)
    DDIMScheduler(**scheduler, set_alpha_to_one=False).save_pretrained(TINY / "scheduler")
    DDIMScheduler(**scheduler, prediction_type="v_prediction").save_pretrained(TINY / "scheduler9")
    index = dict(_class_name="StableDiffusionPipeline")
    (TINY / "model_index.json").write_text(json.dumps(index) + "\n")


class Model:
    """The parts of a diffusers folder in f32."""

    def __init__(self, folder, inpainting=False):
        f32 = dict(torch_dtype=torch.float32)
        suffix = "9" if inpainting else ""
        self.text = CLIPTextModel.from_pretrained(folder / "text_encoder", **f32).eval()
        self.unet = UNet2DConditionModel.from_pretrained(folder / f"unet{suffix}", **f32).eval()
        self.vae = AutoencoderKL.from_pretrained(folder / "vae", **f32).eval()
        self.config = dict(DDIMScheduler.load_config(folder / f"scheduler{suffix}"))
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer" / "tokenizer.json"))
        special = json.loads((folder / "tokenizer" / "special_tokens_map.json").read_text())
        self.start, self.end, self.pad = (
            self.tokenizer.token_to_id(special[key]) for key in ["bos_token", "eos_token", "pad_token"]
        )

    def window(self, text):
        size = self.text.config.max_position_embeddings
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        ids = [self.start, *ids, self.end]
        assert len(ids) <= size, text
        return ids + [self.pad] * (size - len(ids))

    def encode(self, windows):
        """Windows encoded one by one and joined along the tokens."""
        parts = [self.text(torch.tensor([self.window(w)]))[0] for w in windows]
        return torch.cat(parts, 1)

    def latents(self, picture):
        return self.vae.encode(picture).latent_dist.mode() * self.vae.config.scaling_factor

    def decode(self, latents):
        picture = self.vae.decode(latents / self.vae.config.scaling_factor).sample
        return (picture / 2 + 0.5).clamp(0, 1)

    def pipeline(self, cls, scheduler):
        pipe = cls(
            vae=self.vae,
            text_encoder=self.text,
            tokenizer=None,
            unet=self.unet,
            scheduler=scheduler,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipe.set_progress_bar_config(disable=True)
        return pipe


def scheduler_of(cls, config, **more):
    known = {k: v for k, v in config.items() if not k.startswith("_")}
    return cls.from_config(known, **more)


def guided_run(model, texts, guidance, levels, start, original=None, noise=None, held=None):
    """DPM++ 2M or Euler, written out, with the known latent blended into the prediction."""
    timesteps, sigmas, multistep = levels
    x, old = start, None
    both = torch.cat(texts)
    for i, timestep in enumerate(timesteps):
        sigma, following = float(sigmas[i]), float(sigmas[i + 1])
        scaled = x / (sigma**2 + 1) ** 0.5
        negative, positive = model.unet(torch.cat([scaled] * 2), timestep, both).sample.chunk(2)
        answer = negative + guidance * (positive - negative)
        if model.config["prediction_type"] == "v_prediction":
            clean = (scaled - sigma * answer) / (sigma**2 + 1) ** 0.5
        else:
            clean = x - sigma * answer
        if held is not None:
            clean = clean * (1 - held) + original * held
        if not multistep or old is None or following == 0:
            bent = clean
        else:
            ratio = math.log(float(sigmas[i - 1]) / sigma) / math.log(sigma / following)
            bent = clean + (clean - old) / (2 * ratio)
        x = following / sigma * x + (1 - following / sigma) * bent
        old = clean
    return x


def picture_of(path, size):
    picture = Image.open(path).convert("RGB").resize((size, size), Image.LANCZOS)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]


@torch.no_grad()
def make_runs():
    tensors = {}
    picture = picture_of(ROOT / "assets/samples/portrait-meadow.png", 32)
    tensors["tiny.picture"] = picture
    image = picture.float() / 255 * 2 - 1
    model = Model(TINY)
    positive = model.encode(["woman, red dress", ", in the city"])
    negative = model.encode(["night", ""])
    clean = model.latents(image)
    tensors["tiny.encoded"] = clean

    def pipeline_run(name, scheduler, strength, steps, seed):
        pipe = model.pipeline(StableDiffusionImg2ImgPipeline, scheduler)
        latents = pipe(
            image=clean,
            prompt_embeds=positive,
            negative_prompt_embeds=negative,
            strength=strength,
            num_inference_steps=steps,
            guidance_scale=3.5,
            generator=seeded(seed),
            output_type="latent",
        ).images
        tensors[name] = model.decode(latents)

    ddim = scheduler_of(DDIMScheduler, model.config)
    pipeline_run("tiny.img2img.ddim", ddim, 0.6, 10, 11)
    pipeline_run("tiny.img2img.euler", scheduler_of(EulerDiscreteScheduler, model.config), 0.75, 12, 12)

    # Inpainting with the classic blend, hard mask: the right half changes.
    timesteps, sigmas = levels(STABLE_DIFFUSION, 10, "karras")
    noise = torch.randn(clean.shape, generator=seeded(13))
    held = torch.ones(1, 1, 16, 16)
    held[..., 8:] = 0
    for name, multistep in [("euler", False), ("dpmpp_2m", True)]:
        latents = guided_run(
            model,
            [negative, positive],
            3.5,
            (timesteps[3:], sigmas[3:], multistep),
            clean + noise * sigmas[3],
            clean,
            noise,
            held,
        )
        tensors[f"tiny.inpaint.{name}"] = model.decode(latents)

    # A model that sees the mask, through diffusers' own pipeline, which holds nothing.
    inpainting = Model(TINY, inpainting=True)
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 8:24, 5:27] = 1
    tensors["tiny.mask"] = mask
    pipe = inpainting.pipeline(StableDiffusionInpaintPipeline, scheduler_of(DDIMScheduler, inpainting.config))
    latents = pipe(
        image=clean,
        mask_image=mask,
        masked_image_latents=inpainting.latents(image * (mask < 0.5)),
        height=32,
        width=32,
        prompt_embeds=positive,
        negative_prompt_embeds=negative,
        strength=0.7,
        num_inference_steps=10,
        guidance_scale=3.5,
        generator=seeded(14),
        output_type="latent",
    ).images
    tensors["tiny.sees_mask.ddim"] = inpainting.decode(latents)

    # The starter, as its defaults have it.
    starter = Model(STARTER)
    picture = picture_of(ROOT / "assets/samples/portrait-meadow.png", 128)
    tensors["starter.picture"] = picture
    clean = starter.latents(picture.float() / 255 * 2 - 1)
    texts = [starter.encode([""]), starter.encode(["woman with black long hair, in the city at night"])]
    timesteps, sigmas = levels(STABLE_DIFFUSION, 20, "karras")
    noise = torch.randn(clean.shape, generator=seeded(15))
    latents = guided_run(
        starter, texts, 4.0, (timesteps[8:], sigmas[8:], True), clean + noise * sigmas[8]
    )
    tensors["starter.img2img.dpmpp_2m"] = starter.decode(latents).half()
    save_file({k: v.contiguous() for k, v in tensors.items()}, DATA / "runs.safetensors")


def make():
    torch.set_num_threads(1)  # small work, and a busy machine makes waiting threads spin
    DATA.mkdir(parents=True, exist_ok=True)
    make_noise()
    make_schedules()
    make_samplers()
    shutil.rmtree(TINY, ignore_errors=True)
    write_tiny()
    make_runs()


if __name__ == "__main__":
    make()
