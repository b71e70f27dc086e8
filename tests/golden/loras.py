"""LoRAs in every naming on the small models of `families.py`, and the weights that diffusers makes of
them: python loras.py

Writes data/loras/<case>.safetensors (the LoRA) and data/loras/<case>.fused.safetensors (every weight
that it changes, as `load_lora_weights` and `fuse_lora` at 0.7 leave it, in f32).
"""

import shutil
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from peft import LoraConfig
from safetensors.torch import save_file
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from modules import numbers

HERE = Path(__file__).resolve().parent
FAMILIES = HERE / "data" / "families"
DATA = HERE / "data" / "loras"
WEIGHT = 0.7
RANK = 2


def pipeline(xl: bool):
    text = CLIPTextModel.from_pretrained(FAMILIES / "sd1/text_encoder").float()
    shared = dict(vae=AutoencoderKL.from_pretrained(FAMILIES / "sd1/vae").float(), scheduler=DDIMScheduler(),
                  text_encoder=text, tokenizer=None)
    unet = UNet2DConditionModel.from_pretrained(FAMILIES / ("sdxl" if xl else "sd1") / "unet").float()
    if xl:
        second = CLIPTextModelWithProjection.from_pretrained(FAMILIES / "sdxl/text_encoder_2").float()
        return StableDiffusionXLPipeline(unet=unet, text_encoder_2=second, tokenizer_2=None, **shared)
    return StableDiffusionPipeline(unet=unet, safety_checker=None, feature_extractor=None, requires_safety_checker=False, **shared)


def parts(pipe) -> dict:
    found = {"unet": pipe.unet, "text_encoder": pipe.text_encoder}
    if getattr(pipe, "text_encoder_2", None) is not None:
        found["text_encoder_2"] = pipe.text_encoder_2
    return found


def layers(part: str, model: torch.nn.Module) -> dict:
    """What trainers change: attention and feed-forward, and in the U-Net convolutions."""
    kinds = (torch.nn.Linear, torch.nn.Conv2d)
    inside = ("attentions", "resnets", "samplers") if part == "unet" else ("layers",)
    return {name: layer for name, layer in model.named_modules()
            if isinstance(layer, kinds) and any(word in name for word in inside)}


def factors(name: str, layer: torch.nn.Module, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    out, *into = layer.weight.shape
    seed = seed * 1000 + sum(name.encode()) % 997
    down = 0.4 * numbers(seed, RANK, *into)
    up = 0.4 * numbers(seed + 1, out, RANK, *(1 for _ in into[1:]))
    return up, down


def original(name: str, unet: torch.nn.Module) -> str:
    """The name in the original numbering, in which LoRAs of SDXL are written."""
    per = unet.config.layers_per_block
    part, *rest = name.split(".")
    if part == "mid_block":
        place = {"resnets.0": 0, "attentions.0": 1, "resnets.1": 2}[".".join(rest[:2])]
        return ".".join([f"middle_block.{place}", *rest[2:]])
    level, kind, index = int(rest[0]), rest[1], int(rest[2])
    if part == "down_blocks":
        block = 1 + level * (per + 1) + (per if kind == "downsamplers" else index)
        return ".".join([f"input_blocks.{block}.{int(kind == 'attentions')}", *rest[3:]])
    block = level * (per + 1) + (per if kind == "upsamplers" else index)
    return ".".join([f"output_blocks.{block}.{int(kind == 'attentions')}", *rest[3:]])


def kohya(pipe, original_names: bool) -> dict:
    state = {}
    for part, model in parts(pipe).items():
        two = hasattr(pipe, "text_encoder_2")
        prefix = {"unet": "lora_unet", "text_encoder": "lora_te1" if two else "lora_te", "text_encoder_2": "lora_te2"}[part]
        for name, layer in layers(part, model).items():
            written = name
            if part == "unet" and original_names:
                if "attentions" not in name:
                    continue  # diffusers knows no others in this numbering
                written = original(name, model)
            if part != "unet" and not written.startswith("text_model"):
                written = f"text_model.{written}"
            up, down = factors(name, layer, 1)
            at = f"{prefix}_{written.replace('.', '_')}"
            state |= {f"{at}.lora_up.weight": up, f"{at}.lora_down.weight": down, f"{at}.alpha": torch.tensor(1.0)}
    return state


def dotted(pipe) -> dict:
    """PEFT's naming."""
    state = {}
    for part, model in parts(pipe).items():
        for name, layer in layers(part, model).items():
            up, down = factors(name, layer, 2)
            if part != "unet" and not name.startswith("text_model"):
                name = f"text_model.{name}"
            state |= {f"{part}.{name}.lora_B.weight": up, f"{part}.{name}.lora_A.weight": down}
    return state


def processors(pipe) -> dict:
    """diffusers' naming until 2023: changes of attention alone, beside the layers."""
    state = {}
    for part, model in parts(pipe).items():
        for name, layer in layers(part, model).items():
            attention, dot, layer_name = name.removesuffix(".0").rpartition(".")
            up, down = factors(name, layer, 3)
            if part == "unet" and attention.endswith(("attn1", "attn2")):
                at = f"unet.{attention}.processor.{layer_name}_lora"
            elif part != "unet" and attention.endswith("self_attn"):
                text = "" if name.startswith("text_model") else "text_model."
                at = f"{part}.{text}{name}.lora_linear_layer"
            else:
                continue
            state |= {f"{at}.up.weight": up, f"{at}.down.weight": down}
    return state


def case(name: str, xl: bool, make) -> None:
    pipe = pipeline(xl)
    before = {part: {k: w.clone() for k, w in model.state_dict().items()} for part, model in parts(pipe).items()}
    state = {k: w.contiguous() for k, w in make(pipe).items()}
    DATA.mkdir(exist_ok=True, parents=True)
    path = DATA / f"{name}.safetensors"
    if state:
        save_file(state, path)
    pipe.load_lora_weights(DATA, weight_name=path.name)
    pipe.fuse_lora(components=list(parts(pipe)), lora_scale=WEIGHT)
    pipe.unload_lora_weights()
    fused = {}
    for part, model in parts(pipe).items():
        for key, weight in model.state_dict().items():
            if not torch.equal(weight, before[part][key]):
                fused[f"{part}/{key}"] = weight.contiguous()
    print(name, len(fused), "weights changed;", len(state), "in the file")
    save_file(fused, DATA / f"{name}.fused.safetensors")


def peft(pipe) -> dict:
    """Saved by diffusers itself, with α in the file's metadata."""
    kinds = {"unet": ["to_q", "to_v", "conv1", "proj_in"]}
    for part, targets in kinds.items():
        model = parts(pipe)[part]
        config = LoraConfig(r=RANK, lora_alpha=3, init_lora_weights=False, target_modules=targets)
        torch.manual_seed(5)
        model.add_adapter(config)
    from diffusers.training_utils import _collate_lora_metadata
    from peft import get_peft_model_state_dict
    layers = {f"{part}_lora_layers": get_peft_model_state_dict(parts(pipe)[part]) for part in kinds}
    metadata = _collate_lora_metadata({part: parts(pipe)[part] for part in kinds})
    pipe.save_lora_weights(DATA, weight_name="peft.safetensors", **layers, **metadata)
    for part in kinds:
        parts(pipe)[part].delete_adapters("default") if hasattr(parts(pipe)[part], "delete_adapters") else None
    return {}


def main() -> None:
    shutil.rmtree(DATA, ignore_errors=True)
    DATA.mkdir(parents=True)
    case("kohya", False, lambda pipe: kohya(pipe, False))
    case("kohya-xl", True, lambda pipe: kohya(pipe, False))
    case("kohya-xl-original", True, lambda pipe: kohya(pipe, True))
    case("dotted", False, dotted)
    case("processors", False, processors)
    case("peft", False, peft)
    print(f"{sum(f.stat().st_size for f in DATA.iterdir()) / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
