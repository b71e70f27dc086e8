"""Small random models of every family in both layouts: python checkpoints.py [FOLDER]

Writes for each family FOLDER/<family>/ (diffusers' save_pretrained), FOLDER/<family>.safetensors and
FOLDER/<family>.ckpt (the original naming in one file, f16), and
data/checkpoint_names.json.gz: which original weight each of diffusers' comes from, and diffusers' configurations.
The original names are made by the table below and checked with diffusers' own converters, which
must give back every weight bit by bit.
"""

import gzip
import json
import shutil
import sys
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    EulerDiscreteScheduler,
    UNet2DConditionModel,
)
from diffusers.loaders import single_file_utils as single
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from modules import randomise

HERE = Path(__file__).resolve().parent
NAMES = HERE / "data" / "checkpoint_names.json.gz"

UNET_RESNET = {
    "norm1.": "in_layers.0.",
    "conv1.": "in_layers.2.",
    "time_emb_proj.": "emb_layers.1.",
    "norm2.": "out_layers.0.",
    "conv2.": "out_layers.3.",
    "conv_shortcut.": "skip_connection.",
}


def original_unet(name: str, layers: int, levels: list[int]) -> str:
    """The original name of a U-Net's weight; `levels` are its transformers' depths, 0 for none."""
    for ours, theirs in {
        "conv_in.": "input_blocks.0.0.",
        "time_embedding.linear_1.": "time_embed.0.",
        "time_embedding.linear_2.": "time_embed.2.",
        "add_embedding.linear_1.": "label_emb.0.0.",
        "add_embedding.linear_2.": "label_emb.0.2.",
        "conv_norm_out.": "out.0.",
        "conv_out.": "out.2.",
    }.items():
        if name.startswith(ours):
            return theirs + name[len(ours):]
    parts = name.split(".")

    def inside(kind: str, rest: str) -> str:
        if kind == "resnets":
            for ours, theirs in UNET_RESNET.items():
                if rest.startswith(ours):
                    return theirs + rest[len(ours):]
        return rest

    if parts[0] == "mid_block":
        place = {"resnets.0": 0, "attentions.0": 1, "resnets.1": 2}[".".join(parts[1:3])]
        return f"middle_block.{place}." + inside(parts[1], ".".join(parts[3:]))
    level, kind, index = int(parts[1]), parts[2], int(parts[3])
    rest = inside(kind, ".".join(parts[4:]))
    if parts[0] == "down_blocks":
        block = 1 + level * (layers + 1) + index
        if kind == "downsamplers":
            return f"input_blocks.{block + layers}.0.op." + rest[len("conv."):]
        return f"input_blocks.{block}.{int(kind == 'attentions')}.{rest}"
    block = level * (layers + 1) + index
    if kind == "upsamplers":
        has_attention = levels[::-1][level] > 0
        return f"output_blocks.{block + layers}.{2 if has_attention else 1}.conv." + rest[len("conv."):]
    return f"output_blocks.{block}.{int(kind == 'attentions')}.{rest}"


def original_vae(name: str, levels: int) -> str:
    name = name.replace("conv_shortcut.", "nin_shortcut.").replace("conv_norm_out.", "norm_out.")
    for index in (0, 1):
        name = name.replace(f"mid_block.resnets.{index}.", f"mid.block_{index + 1}.")
    for ours, theirs in {
        "group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out",
    }.items():
        name = name.replace(f"mid_block.attentions.0.{ours}.", f"mid.attn_1.{theirs}.")
    for level in range(levels):
        name = name.replace(f"encoder.down_blocks.{level}.resnets.", f"encoder.down.{level}.block.")
        name = name.replace(f"encoder.down_blocks.{level}.downsamplers.0.", f"encoder.down.{level}.downsample.")
        up = levels - 1 - level
        name = name.replace(f"decoder.up_blocks.{level}.resnets.", f"decoder.up.{up}.block.")
        name = name.replace(f"decoder.up_blocks.{level}.upsamplers.0.", f"decoder.up.{up}.upsample.")
    return name


OPEN_CLIP = {
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
}
OPEN_CLIP_LAYER = {
    "layer_norm1.": "ln_1.",
    "layer_norm2.": "ln_2.",
    "mlp.fc1.": "mlp.c_fc.",
    "mlp.fc2.": "mlp.c_proj.",
    "self_attn.out_proj.": "attn.out_proj.",
}


class File:
    """A checkpoint in one file, and where each of diffusers' weights lies in it."""

    def __init__(self) -> None:
        self.weights: dict[str, torch.Tensor] = {}
        self.places: dict[str, dict[str, list]] = {}

    def add(self, part: str, name: str, original: str, weight: torch.Tensor, how: str = "") -> None:
        if how == "transposed":
            stored = weight.T.contiguous()
        elif how == "square":  # a linear layer as a 1×1 convolution
            stored = weight[:, :, None, None].contiguous()
        else:
            stored = weight.contiguous()
        self.weights[original] = stored
        self.places.setdefault(part, {})[name] = [original, how, list(weight.shape)]

    def add_part_of(self, part: str, name: str, original: str, weight: torch.Tensor, index: int) -> None:
        self.weights.setdefault(original, torch.empty(0, *weight.shape[1:], dtype=weight.dtype))
        self.weights[original] = torch.cat([self.weights[original], weight])
        self.places.setdefault(part, {})[name] = [original, f"{index}/3", list(weight.shape)]

    def add_open_clip(self, part: str, prefix: str, state: dict[str, torch.Tensor]) -> None:
        for letter_index, letter in enumerate("qkv"):
            for name, weight in state.items():
                if f"self_attn.{letter}_proj." in name:
                    layer, kind = name.split(".")[3], name.split(".")[-1]
                    original = f"{prefix}transformer.resblocks.{layer}.attn.in_proj_{kind}"
                    self.add_part_of(part, name, original, weight, letter_index)
        for name, weight in state.items():
            if name in OPEN_CLIP:
                self.add(part, name, prefix + OPEN_CLIP[name], weight)
            elif name == "text_projection.weight":
                self.add(part, name, prefix + "text_projection", weight, "transposed")
            elif ".layers." in name:
                layer, rest = name.split(".layers.")[1].split(".", 1)
                for ours, theirs in OPEN_CLIP_LAYER.items():
                    if rest.startswith(ours):
                        original = f"{prefix}transformer.resblocks.{layer}.{theirs}{rest[len(ours):]}"
                        self.add(part, name, original, weight)


def text_config(width: int, layers: int, act: str) -> CLIPTextConfig:
    return CLIPTextConfig(
        hidden_size=width, intermediate_size=2 * width, num_hidden_layers=layers,
        num_attention_heads=width // 64, hidden_act=act, max_position_embeddings=77,
        vocab_size=49408, projection_dim=width, bos_token_id=49406, eos_token_id=49407,
    )


def half_state(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    state = {name: weight.half() for name, weight in model.state_dict().items()}
    # transformers 5 left out what files of all programs have.
    is_text = any(name.startswith(("embeddings.", "encoder.layers.")) for name in state)
    return {f"text_model.{name}" if is_text and not name.startswith("text_projection") else name: weight
            for name, weight in state.items() if not name.endswith("position_ids")}


# Those whose names the tests compare with; the others differ from them in one shape.
KEPT = ["sd1", "sd2-v", "xl-inpaint"]

FAMILIES = {
    # in_channels, depths of transformers (0: none) by level, prediction
    "sd1": (4, [1, 1, 1, 0], "epsilon"),
    "sd1-inpaint": (9, [1, 1, 1, 0], "epsilon"),
    "pix2pix": (8, [1, 1, 1, 0], "epsilon"),
    "sd2-v": (4, [1, 1, 1, 0], "v_prediction"),
    "sd2-inpaint": (9, [1, 1, 1, 0], "epsilon"),
    "xl": (4, [0, 2, 3], "epsilon"),
    "xl-inpaint": (9, [0, 2, 3], "epsilon"),
}


def family(name: str, folder: Path) -> dict:
    in_channels, depths, prediction = FAMILIES[name]
    kind = name[:3].rstrip("-")
    levels = len(depths)
    channels = [32, 64, 64, 64][:levels] if kind != "xl" else [64, 64, 128]
    xl, sd2 = kind == "xl", kind == "sd2"
    seed = sorted(FAMILIES).index(name)
    widths = {"xl": 64 + 128, "sd2": 64}.get(kind, 64)
    unet = UNet2DConditionModel(
        sample_size={"sd2-v": 96, "xl": 128, "xl-inpaint": 128}.get(name, 64),
        in_channels=in_channels, block_out_channels=channels, layers_per_block=2,
        down_block_types=["CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths],
        up_block_types=["CrossAttnUpBlock2D" if depth else "UpBlock2D" for depth in depths[::-1]],
        transformer_layers_per_block=[max(depth, 1) for depth in depths],
        cross_attention_dim=widths, norm_num_groups=32,
        attention_head_dim=[max(1, c // 64) for c in channels] if xl or sd2 else 8,
        use_linear_projection=xl or sd2,
        **(dict(addition_embed_type="text_time", addition_time_embed_dim=256,
                projection_class_embeddings_input_dim=128 + 6 * 256) if xl else {}),
    )
    vae = AutoencoderKL(
        block_out_channels=[32, 32, 64, 64], layers_per_block=2, norm_num_groups=32,
        down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
        sample_size=256, scaling_factor=0.13025 if xl else 0.18215,
    )
    parts = {"unet": unet, "vae": vae}
    if sd2:
        parts["text_encoder"] = CLIPTextModel(text_config(64, 2, "gelu"))
    else:
        parts["text_encoder"] = CLIPTextModel(text_config(64, 2, "quick_gelu"))
    if xl:
        parts["text_encoder_2"] = CLIPTextModelWithProjection(text_config(128, 3, "gelu"))
    for index, model in enumerate(parts.values()):
        randomise(model, 10 * seed + index)
    if sd2 and prediction == "epsilon":
        # Training leaves so little spread there, by which such models are told.
        with torch.no_grad():
            unet.get_parameter("up_blocks.3.attentions.2.transformer_blocks.0.norm1.bias").mul_(0.125)
    states = {part: half_state(model) for part, model in parts.items()}

    file = File()
    for ours, weight in states["unet"].items():
        file.add("unet", ours, "model.diffusion_model." + original_unet(ours, 2, depths), weight)
    for ours, weight in states["vae"].items():
        original = "first_stage_model." + original_vae(ours, 4)
        linear = ".attn_1." in original and weight.dim() == 2
        file.add("vae", ours, original, weight, "square" if linear else "")
    if xl:
        for ours, weight in states["text_encoder"].items():
            file.add("text_encoder", ours, "conditioner.embedders.0.transformer." + ours, weight)
        file.add_open_clip("text_encoder_2", "conditioner.embedders.1.model.", states["text_encoder_2"])
    elif sd2:
        file.add_open_clip("text_encoder", "cond_stage_model.model.", states["text_encoder"])
        # The layer that training never used.
        for original, weight in list(file.weights.items()):
            if ".resblocks.1." in original:
                file.weights[original.replace(".resblocks.1.", ".resblocks.2.")] = weight.clone()
    else:
        for ours, weight in states["text_encoder"].items():
            file.add("text_encoder", ours, "cond_stage_model.transformer." + ours, weight)
    check(file, states, parts)
    return write(name, folder, file, states, parts, prediction)


def check(file: File, states: dict, parts: dict) -> None:
    """diffusers' converters give back what the file was made from."""
    unet = single.convert_ldm_unet_checkpoint(dict(file.weights), dict(parts["unet"].config))
    same(states["unet"], unet)
    vae = single.convert_ldm_vae_checkpoint(dict(file.weights), dict(parts["vae"].config))
    same(states["vae"], vae)
    for part, prefix in [("text_encoder", "cond_stage_model.transformer."),
                         ("text_encoder", "conditioner.embedders.0.transformer.")]:
        if any(name.startswith(prefix) for name in file.weights):
            text = single.convert_ldm_clip_checkpoint(dict(file.weights), remove_prefix=prefix)
            same(states[part], text)
    for part, prefix in [("text_encoder", "cond_stage_model.model."),
                         ("text_encoder_2", "conditioner.embedders.1.model.")]:
        if any(name.startswith(prefix) for name in file.weights):
            text = single.convert_open_clip_checkpoint(parts[part], dict(file.weights), prefix=prefix)
            text = {name if name.startswith("text_") else f"text_model.{name}": w for name, w in text.items()}
            text = {name: w for name, w in text.items() if name in states[part]}
            same(states[part], text)


def same(wanted: dict, got: dict) -> None:
    lacking = wanted.keys() ^ got.keys()
    assert not lacking, sorted(lacking)[:5]
    for name, weight in wanted.items():
        assert torch.equal(weight, got[name].reshape(weight.shape)), name


def write(name: str, folder: Path, file: File, states: dict, parts: dict, prediction: str) -> dict:
    here = folder / name
    shutil.rmtree(here, ignore_errors=True)
    configs = {}
    for part, model in parts.items():
        (here / part).mkdir(parents=True)
        model.save_config(here / part) if hasattr(model, "save_config") else model.config.save_pretrained(here / part)
        configs[f"{part}/config.json"] = json.loads((here / part / "config.json").read_text())
        stem = "model" if part.startswith("text") else "diffusion_pytorch_model"
        save_file({k: w.contiguous() for k, w in states[part].items()}, here / part / f"{stem}.safetensors")
    kind = EulerDiscreteScheduler if name.startswith("xl") else DDIMScheduler
    extra = {} if kind is EulerDiscreteScheduler else {"clip_sample": False, "set_alpha_to_one": False}
    scheduler = kind(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1,
                     timestep_spacing="leading", prediction_type=prediction, **extra)
    scheduler.save_pretrained(here / "scheduler")
    if kind is EulerDiscreteScheduler:
        # As Stability AI's own folders have it, left from another scheduler.
        path = here / "scheduler/scheduler_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "set_alpha_to_one": False}))
    configs["scheduler/scheduler_config.json"] = json.loads((here / "scheduler/scheduler_config.json").read_text())
    middle = "XL" if name.startswith("xl") else ""
    task = "Inpaint" if "inpaint" in name else "InstructPix2Pix" if name == "pix2pix" else ""
    index = {"_class_name": f"StableDiffusion{middle}{task}Pipeline", "unet": ["diffusers", "UNet2DConditionModel"]}
    configs["model_index.json"] = index
    (here / "model_index.json").write_text(json.dumps(index))
    write_tokenizers(here, name)
    if prediction == "v_prediction":
        key = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"
        assert file.weights[key].float().std() > 0.09
    save_file(file.weights, folder / f"{name}.safetensors", {"format": "pt"})
    # As PyTorch Lightning left them, with what is no weight beside them.
    beside = {"epoch": 3, "global_step": 10, "lr": 1e-4, "state_dict": dict(file.weights)}
    torch.save(beside, folder / f"{name}.ckpt")
    shapes = {name: list(weight.shape) for name, weight in file.weights.items()}
    return {"configs": configs, "places": file.places, "shapes": shapes}


def write_tokenizers(here: Path, name: str) -> None:
    """CLIP's, as every such folder has it."""
    merges = gzip.decompress((HERE.parent.parent / "assets/clip/merges.txt.gz").read_bytes()).decode()
    letters = [chr(c) for c in [*range(33, 127), *range(161, 173), *range(174, 256), *range(256, 324)]]
    tokens = letters + [f"{c}</w>" for c in letters] + [line.replace(" ", "") for line in merges.splitlines()]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    folders = {"tokenizer": "!" if name.startswith("sd2") else "<|endoftext|>"}
    if name.startswith("xl"):
        folders["tokenizer_2"] = "!"
    for folder, pad in folders.items():
        (here / folder).mkdir()
        (here / folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}))
        (here / folder / "merges.txt").write_text("#version: 0.2\n" + merges)
        special = {"bos_token": tokens[-2], "eos_token": tokens[-1], "unk_token": tokens[-1], "pad_token": pad}
        (here / folder / "special_tokens_map.json").write_text(json.dumps(special))


def save_pickle() -> None:
    """What torch.save writes, with everything that its reader must know."""
    whole = torch.arange(6.0).reshape(2, 3)
    deep = {
        "part": whole[1, 1:],
        "turned": whole.T,
        "half": torch.tensor([1.5]).half(),
        "bf16": torch.tensor([-2.5]).bfloat16(),
        "double": torch.tensor([0.25]).double(),
    }
    parameter = torch.nn.Parameter(whole)
    beside = {"epoch": 3, "lr": 1e-4, "names": ["a", ("b", None, True, -1, 2**40)], "seed": 70000}
    state = {"w": parameter, "deep": deep, "ids": torch.arange(3)}
    torch.save({**beside, "state_dict": state}, HERE / "data" / "saved.ckpt")


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "/tmp/overpaint-checkpoints")
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    all_names = {name: family(name, folder) for name in FAMILIES}
    kept = {name: all_names[name] for name in KEPT}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    NAMES.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    save_pickle()
    print(f"{folder}; {NAMES}: {NAMES.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
