#!/usr/bin/env python3
"""The same requests on this machine, on a real ComfyUI and on stable-diffusion.cpp's server: are the pictures the same?

    python parity.py make MODEL.safetensors      # random weights of Stable Diffusion 1.5's size, 2.1 GB
    python parity.py run BINARY MODEL.safetensors [--comfy URL] [--sdapi URL]

With PYTHONPATH=tests/golden, torch and diffusers. The servers run on the processor, computing in f32, with the file in
their folder of checkpoints:

    python main.py --cpu --force-fp32 --listen 127.0.0.1 --port 8199 --disable-all-custom-nodes
    sd-server -m MODEL.safetensors --type f32 --rng cpu --listen-port 8198

Prints, for each request and server, the difference of the results from ours in levels of 255: mean and largest, in all
and where the mask holds. `--rng cpu` has torch's generator; the other ones of that server and a GPU's draw other noise,
as does a sampler that draws between steps wherever it does so from another generator.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

HERE = Path(__file__).resolve().parent
SAMPLE = HERE / "../../assets/samples/portrait-city.png"
SIDE = 256
# Name, arguments.
REQUESTS = [
    ("strength 0.5 of 8", ["--strength", "0.5", "--steps", "8"]),
    ("strength 1 of 4", ["--strength", "1", "--steps", "4"]),
    ("with a mask, 0.75 of 8", ["--strength", "0.75", "--steps", "8", "--mask", "MASK"]),
    ("what the mask shows stays", ["--strength", "0.75", "--steps", "8", "--mask", "MASK", "--mask-mode", "not-masked"]),
    ("guidance off", ["--strength", "0.5", "--steps", "8", "--guidance", "1"]),
]
COMMON = ["--prompt", "a red dress, snow", "--negative", "night", "--seed", "5", "--sampler", "euler", "--schedule", "karras",
          "--work-size", f"{SIDE}x{SIDE}", "--keep-details", "off", "--feather", "0", "--grow", "0", "--no-metadata"]


def make(path):
    """Weights that keep the size of what goes through, in the original naming, in f16."""
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from safetensors.torch import save_file
    from transformers import CLIPTextConfig, CLIPTextModel

    from checkpoints import File, half_state, original_unet, original_vae
    from modules import randomise

    depths = [1, 1, 1, 0]
    unet = UNet2DConditionModel(
        sample_size=64, block_out_channels=[320, 640, 1280, 1280], cross_attention_dim=768, attention_head_dim=8)
    vae = AutoencoderKL(
        block_out_channels=[128, 256, 512, 512], layers_per_block=2, scaling_factor=0.18215,
        down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4)
    text = CLIPTextModel(CLIPTextConfig(
        hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, hidden_act="quick_gelu",
        max_position_embeddings=77, vocab_size=49408, projection_dim=768, bos_token_id=49406, eos_token_id=49407))
    parts = {"unet": unet, "vae": vae, "text": text}
    for index, model in enumerate(parts.values()):
        randomise(model, index)
    with torch.no_grad():
        # As trained ones, it is sure of its latents: some servers sample them.
        vae.quant_conv.weight[4:] = 0
        vae.quant_conv.bias[4:] = -30
    states = {part: half_state(model) for part, model in parts.items()}
    file = File()
    for name, weight in states["unet"].items():
        file.add("unet", name, "model.diffusion_model." + original_unet(name, 2, depths), weight)
    for name, weight in states["vae"].items():
        original = "first_stage_model." + original_vae(name, 4)
        linear = ".attn_1." in original and weight.dim() == 2
        file.add("vae", name, original, weight, "square" if linear else "")
    for name, weight in states["text"].items():
        file.add("text", name, "cond_stage_model.transformer." + name, weight)
    save_file(file.weights, path)


def edit(args, room, name, engine, more):
    out = room / f"{name}.png"
    command = [args.binary, "edit", room / "in.png", "-o", out, *COMMON, *more]
    if engine:
        command += ["--engine", engine, "--model", args.there or Path(args.model).name]
    else:
        command += ["--model", args.model, "--precision", "f32"]
    command = [room / "mask.png" if word == "MASK" else word for word in command]
    said = subprocess.run(command, capture_output=True, text=True)
    if said.returncode:
        sys.exit(f"{name}: {said.stderr}")
    return np.asarray(Image.open(out).convert("RGB")).astype(np.int16), said.stderr.strip()


def run(args):
    room = Path(tempfile.mkdtemp())
    picture = Image.open(SAMPLE).convert("RGB").resize((SIDE, SIDE))
    picture.save(room / "in.png")
    mask = Image.new("L", (SIDE, SIDE), 0)
    ImageDraw.Draw(mask).rectangle([64, 64, 191, 191], fill=255)
    mask.save(room / "mask.png")
    servers = [(name, url) for name, url in (("ComfyUI", args.comfy), ("sdapi", args.sdapi)) if url]
    shown = np.asarray(mask) > 0
    print("| request | server | mean | largest | where it is held, largest |\n|---|---|---|---|---|")
    for number, (title, more) in enumerate(REQUESTS[args.skip:]):
        ours, _ = edit(args, room, f"{number}-ours", None, more)
        for name, url in servers:
            theirs, notes = edit(args, room, f"{number}-{name}", url, more)
            apart = np.abs(ours - theirs)
            held = "–"
            if "--mask" in more:
                kept = shown if "not-masked" in more else ~shown
                held = max(np.abs(np.asarray(picture).astype(np.int16) - theirs)[kept].max(), apart[kept].max())
            print(f"| {title} | {name} | {apart.mean():.3f} | {apart.max()} | {held} |", flush=True)
            if notes and args.notes:
                print(notes)
    print(f"pictures: {room}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    does = parser.add_subparsers(dest="does", required=True)
    does.add_parser("make").add_argument("model")
    runs = does.add_parser("run")
    runs.add_argument("binary")
    runs.add_argument("model")
    runs.add_argument("--there", help="what the model is called there")
    runs.add_argument("--comfy")
    runs.add_argument("--sdapi")
    runs.add_argument("--notes", action="store_true")
    runs.add_argument("--skip", type=int, default=0, help="how many of the first requests are not run")
    args = parser.parse_args()
    if args.does == "make":
        make(args.model)
    else:
        run(args)


main()
