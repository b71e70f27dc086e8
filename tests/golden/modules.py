"""Goldens of the networks by themselves: data/modules/<name>/ is a piece of a diffusers folder with
a `case.safetensors` beside it (inputs, and what diffusers or transformers answers in f32)."""

import json
import math
import shutil
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

HERE = Path(__file__).resolve().parent
DATA = HERE / "data" / "modules"
STARTER = HERE.parent.parent / "models" / "starter"


def make() -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    shutil.rmtree(DATA, ignore_errors=True)
    text_encoders()
    two_text_encoders()
    unets()
    vaes()
    tiny_vae()
    starter()
    size = sum(file.stat().st_size for file in DATA.rglob("*") if file.is_file())
    print(f"modules: {size / 1e6:.2f} MB in {DATA}")


def randomise(model: torch.nn.Module, seed: int, small: tuple[str, ...] = ()) -> torch.nn.Module:
    """Weights that keep the size of what goes through, so that every layer shows in the result.
    Rounded to f16, as which they are stored. Layers named in `small` give so little that the eps of
    the normalisation after them shows."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            noise = torch.randn(weight.shape, generator=generator)
            if weight.dim() > 1:
                value = noise / math.sqrt(weight[0].numel())
            elif name.endswith("weight"):
                value = 1 + 0.3 * noise
            else:
                value = 0.2 * noise
            if name.startswith(small):
                value = value * 0.003
            weight.copy_(value.half().float())
    return model.eval()


def numbers(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def picture(height: int, width: int) -> torch.Tensor:
    """Smooth colours with one hard edge, in -1...1."""
    y = torch.linspace(0, 1, height)[:, None].expand(height, width)
    x = torch.linspace(0, 1, width)[None, :].expand(height, width)
    red = torch.sin(7 * x + 2 * y)
    green = torch.cos(5 * y - 3 * x * x)
    blue = torch.where(x + y > 0.9, 0.8, -0.6) * (1 - 0.3 * x)
    return torch.stack([red, green, blue])[None].contiguous()


def put(folder: Path, file: str, tensors: dict[str, torch.Tensor]) -> None:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)


def put_model(folder: Path, part: str, file: str, config: dict, weights: dict) -> None:
    put(folder, f"{part}/{file}", {name: weight.half() for name, weight in weights.items()})
    text = json.dumps(config, indent=1, sort_keys=True)
    (folder / part / "config.json").write_text(text + "\n")


@torch.no_grad()
def text_encoders() -> None:
    def case(name: str, seed: int, prefix: str, **config) -> None:
        config = CLIPTextConfig(vocab_size=60, bos_token_id=58, eos_token_id=59, **config)
        model = randomise(CLIPTextModel(config), seed)
        generator = torch.Generator().manual_seed(seed)
        ids = torch.randint(0, 58, (2, config.max_position_embeddings), generator=generator)
        ids[:, 0] = 58
        ids[0, 5:] = 59
        ids[1, -1] = 59
        weights = {}
        for key, weight in model.state_dict().items():
            if "position_ids" not in key:
                weights[prefix + key.removeprefix("text_model.")] = weight
        stored = config.to_dict() | {"architectures": ["CLIPTextModel"]}
        put_model(DATA / name, "text_encoder", "model.safetensors", stored, weights)
        answer = model(ids).last_hidden_state
        put(DATA / name, "case.safetensors", {"ids": ids.to(torch.int64), "text": answer})

    case(
        "text-quick-gelu", 1, "", hidden_act="quick_gelu", max_position_embeddings=12,
        hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
    )
    case(
        "text-gelu", 2, "text_model.", hidden_act="gelu", max_position_embeddings=77,
        hidden_size=16, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4,
        layer_norm_eps=1e-4,
    )  # fmt: skip


@torch.no_grad()
def two_text_encoders() -> None:
    """As SDXL has them: the penultimate layer of both, and pooled text of the second. Once with the old id
    for the end of a text (2: the largest id there), once with its own."""

    def put_one(name: str, folder: str, model, config, cls: str) -> None:
        weights = {k: w for k, w in model.state_dict().items() if "position_ids" not in k}
        stored = config.to_dict() | {"architectures": [cls]}
        put_model(DATA / name, folder, "model.safetensors", stored, weights)

    def case(name: str, seed: int, end: int, eos_token_id: int) -> None:
        sizes = dict(vocab_size=60, max_position_embeddings=9, bos_token_id=58, num_hidden_layers=3)
        config = CLIPTextConfig(
            hidden_act="quick_gelu", hidden_size=12, intermediate_size=20, num_attention_heads=3,
            eos_token_id=eos_token_id, **sizes,
        )  # fmt: skip
        first = randomise(CLIPTextModel(config), seed)
        config_2 = CLIPTextConfig(
            hidden_act="gelu", hidden_size=16, intermediate_size=24, num_attention_heads=2,
            projection_dim=10, eos_token_id=eos_token_id, **sizes,
        )  # fmt: skip
        second = randomise(CLIPTextModelWithProjection(config_2), seed + 1)
        put_one(name, "text_encoder", first, config, "CLIPTextModel")
        put_one(name, "text_encoder_2", second, config_2, "CLIPTextModelWithProjection")
        generator = torch.Generator().manual_seed(seed)
        ids = torch.randint(1, end, (3, 9), generator=generator)
        ids[:, 0] = 58
        for row, at in enumerate([4, 8, 1]):
            ids[row, at] = end
            # The second encoder's padding is id 0, so that the end is there once.
            ids[row, at + 1 :] = 0
        of_second = second(ids, output_hidden_states=True)
        tensors = {
            "ids": ids,
            "first": first(ids, output_hidden_states=True).hidden_states[-2],
            "second": of_second.hidden_states[-2],
            "pooled": of_second.text_embeds,
        }
        put(DATA / name, "case.safetensors", tensors)

    case("text-two", 3, 59, 2)
    case("text-two-new", 5, 40, 40)


@torch.no_grad()
def unets() -> None:
    def case(name: str, seed: int, batch: int, size, tokens: int, small=(), **config) -> None:
        more = config.pop("more", {})
        model = randomise(UNet2DConditionModel(**config), seed, small)
        latent = numbers(seed + 100, batch, model.config.in_channels, *size)
        text = numbers(seed + 200, batch, tokens, model.config.cross_attention_dim)
        put_model(
            DATA / name, "unet", "diffusion_pytorch_model.safetensors",
            dict(model.config) | {"_class_name": "UNet2DConditionModel"}, model.state_dict(),
        )  # fmt: skip
        put(DATA / name, "case.safetensors", unet_case(model, latent, text, [999.0, 417.5, 1.0], **more))

    # As Stable Diffusion 1.x, small: projections are convolutions, one number of heads for all.
    case(
        "unet-conv", 11, 2, (8, 12), 7,
        ("conv_in.", "down_blocks.0.resnets.0.conv2.", "down_blocks.0.attentions.0.proj_in."),
        in_channels=4, out_channels=4, block_out_channels=(8, 16), layers_per_block=2,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=20, attention_head_dim=2, norm_num_groups=4,
    )
    # As Stable Diffusion 2.x for inpainting: linear projections, heads a level, nine channels; and
    # everything else at a value that is not the usual one.
    case(
        "unet-inpaint", 12, 1, (12, 8), 5,
        in_channels=9, out_channels=4, block_out_channels=(8, 12), layers_per_block=[2, 1],
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=12, attention_head_dim=[2, 5], norm_num_groups=2, norm_eps=1e-3,
        use_linear_projection=True, transformer_layers_per_block=[1, 2], downsample_padding=0,
        flip_sin_to_cos=False, freq_shift=1, time_embedding_dim=20,
    )
    # Three levels, other block types up than down, no attention in the middle, and sizes that do
    # not halve evenly (10 and 6 to 5 and 3 to 3 and 2).
    case(
        "unet-mixed", 13, 2, (10, 6), 9,
        in_channels=3, out_channels=3, block_out_channels=(6, 9, 12), layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        mid_block_type="UNetMidBlock2D",
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=8, attention_head_dim=3, norm_num_groups=3,
    )
    # Nothing in the middle, and other depths of transformers up than down.
    case(
        "unet-no-mid", 14, 1, (6, 6), 4,
        in_channels=4, out_channels=8, block_out_channels=(8, 8), layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"), mid_block_type=None,
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=8, attention_head_dim=2, norm_num_groups=8,
        transformer_layers_per_block=[1, 1], reverse_transformer_layers_per_block=[2, 1],
    )


    # As SDXL: pooled text and sizes are added to the time embedding, transformers of several blocks.
    case(
        "unet-xl", 15, 2, (8, 12), 5,
        in_channels=4, out_channels=4, block_out_channels=(6, 12), layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=10, attention_head_dim=[1, 3], norm_num_groups=3,
        transformer_layers_per_block=[1, 2], use_linear_projection=True,
        addition_embed_type="text_time", addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=7 + 6 * 4,
        more=dict(pooled=numbers(315, 2, 7), sizes=[1024.0, 768.0, 64.0, 0.0, 96.0, 64.0]),
    )  # fmt: skip
    # As a latent consistency model: the guidance scale is read by the network.
    case(
        "unet-lcm", 16, 1, (6, 6), 4,
        in_channels=4, out_channels=4, block_out_channels=(6,), layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",), up_block_types=("CrossAttnUpBlock2D",),
        cross_attention_dim=8, attention_head_dim=2, norm_num_groups=3, time_cond_proj_dim=9,
        more=dict(guidance=8.5),
    )  # fmt: skip


def unet_case(
    model, latent, text, timesteps: list[float], pooled=None, sizes=None, guidance=None
) -> dict[str, torch.Tensor]:
    tensors = {"latent": latent, "text": text, "timesteps": torch.tensor(timesteps)}
    more = {}
    if pooled is not None:
        tensors |= {"pooled": pooled, "sizes": torch.tensor(sizes)}
        time_ids = torch.tensor([sizes] * len(pooled))
        more["added_cond_kwargs"] = {"text_embeds": pooled, "time_ids": time_ids}
    if guidance is not None:
        tensors["guidance"] = torch.tensor([guidance])
        embed = StableDiffusionPipeline.get_guidance_scale_embedding
        width = model.config.time_cond_proj_dim
        more["timestep_cond"] = embed(None, torch.tensor([guidance - 1]), embedding_dim=width)
    for index, timestep in enumerate(timesteps):
        tensors[f"answer.{index}"] = model(latent, torch.tensor(timestep), text, **more).sample
    return tensors


@torch.no_grad()
def vaes() -> None:
    def case(name: str, seed: int, size, legacy=False, small=(), loud=1.0, **config) -> None:
        levels = len(config["block_out_channels"])
        model = AutoencoderKL(
            down_block_types=["DownEncoderBlock2D"] * levels,
            up_block_types=["UpDecoderBlock2D"] * levels,
            **config,
        )
        model = randomise(model, seed, small)
        # Everything inside grows, and the last normalisation makes it small again.
        for part in [model.encoder, model.decoder]:
            for at, weight in part.named_parameters():
                if at.endswith(("conv_in.weight", "conv2.weight", "to_out.0.weight")):
                    weight.copy_((weight * loud).half().float())
        weights = model.state_dict()
        if legacy:
            weights = {legacy_name(name): weight for name, weight in weights.items()}
            weights = {
                name: weight[:, :, None, None] if "proj_attn.weight" in name else weight
                for name, weight in weights.items()
            }
        put_model(
            DATA / name, "vae", "diffusion_pytorch_model.safetensors",
            dict(model.config) | {"_class_name": "AutoencoderKL"}, weights,
        )  # fmt: skip
        largest = []
        for module in model.modules():
            module.register_forward_hook(lambda *args: largest.append(top(args[2])))
        tensors = vae_case(model, picture(*size), seed)
        if loud != 1.0:
            tensors["largest"] = torch.tensor([max(largest)])
        put(DATA / name, "case.safetensors", tensors)

    def top(output) -> float:
        return output.abs().max().item() if isinstance(output, torch.Tensor) else 0.0

    def legacy_name(name: str) -> str:
        for new, old in [("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")]:
            name = name.replace(f"attentions.0.{new}.", f"attentions.0.{old}.")
        return name

    case(
        "vae", 21, (24, 16), small=("encoder.conv_in.", "decoder.conv_in."),
        block_out_channels=[8, 12], norm_num_groups=4, layers_per_block=2,
    )  # fmt: skip
    # As SDXL's: numbers inside leave the range of f16, and what comes out does not.
    case(
        "vae-large", 25, (16, 16), loud=30_000.0, block_out_channels=[6, 10],
        norm_num_groups=2, scaling_factor=0.13025, force_upcast=True,
    )
    case(
        "vae-legacy", 22, (16, 24), legacy=True, block_out_channels=[6, 10],
        norm_num_groups=2, latent_channels=2,
    )
    case(
        "vae-plain", 23, (20, 12), block_out_channels=[5, 10, 15], norm_num_groups=5,
        latent_channels=3, mid_block_add_attention=False, use_quant_conv=False,
        use_post_quant_conv=False, scaling_factor=0.7, shift_factor=0.1,
    )  # fmt: skip


@torch.no_grad()
def tiny_vae() -> None:
    model = AutoencoderTiny(
        encoder_block_out_channels=(6, 6, 6), decoder_block_out_channels=(5, 5, 5),
        num_encoder_blocks=(1, 2, 1), num_decoder_blocks=(2, 1, 1), latent_channels=3,
    )  # fmt: skip
    model = randomise(model, 24)
    put_model(
        DATA / "vae-tiny", "vae", "diffusion_pytorch_model.safetensors",
        dict(model.config) | {"_class_name": "AutoencoderTiny"}, model.state_dict(),
    )  # fmt: skip
    image = picture(24, 16)
    latent = model.encode(image).latents
    noisy = latent + 0.3 * numbers(124, *latent.shape)
    decoded = model.decode(noisy).sample
    tensors = {"image": image, "latent": latent, "noisy": noisy, "decoded": decoded}
    put(DATA / "vae-tiny", "case.safetensors", tensors)


def vae_case(model, image: torch.Tensor, seed: int) -> dict[str, torch.Tensor]:
    shift = model.config.shift_factor or 0.0
    scale = model.config.scaling_factor
    latent = (model.encode(image).latent_dist.mode() - shift) * scale
    # Not what was just encoded: the decoder is tested by itself.
    noisy = latent + 0.3 * numbers(seed + 100, *latent.shape)
    decoded = model.decode(noisy / scale + shift).sample
    return {"image": image, "latent": latent, "noisy": noisy, "decoded": decoded}


@torch.no_grad()
def starter() -> None:
    """The built-in model; its weights are where they always are."""
    f32 = {"torch_dtype": torch.float32}
    folder = DATA / "starter"
    encoder = CLIPTextModel.from_pretrained(STARTER / "text_encoder", dtype=torch.float32).eval()
    window = encoder.config.max_position_embeddings
    generator = torch.Generator().manual_seed(31)
    ids = torch.randint(2, encoder.config.vocab_size, (2, window), generator=generator)
    ids[:, 0] = 0
    ids[0, 6:] = 1
    ids[1, -1] = 1
    text = encoder(ids).last_hidden_state
    put(folder, "text.safetensors", {"ids": ids, "text": text})

    unet = UNet2DConditionModel.from_pretrained(STARTER / "unet", **f32).eval()
    latent = numbers(32, 2, unet.config.in_channels, 12, 16)
    put(folder, "unet.safetensors", unet_case(unet, latent, text, [901.0, 100.0]))

    vae = AutoencoderKL.from_pretrained(STARTER / "vae", **f32).eval()
    put(folder, "vae.safetensors", vae_case(vae, picture(48, 64), 33))
