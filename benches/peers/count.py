"""Parameters, tensors and FLOPs of an exported model as PyTorch counts them, for the tests of
src/engine/diffusion/random_model: nothing is computed, so this takes seconds.

    PYTHON benches/peers/count.py FOLDER [SIDE]
"""

import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPTextConfig, CLIPTextModel


def count(name, module, run):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        run()
    numbers = sum(parameter.numel() for parameter in module.parameters())
    print(f"{name}: {len(module.state_dict())} tensors, {numbers} numbers, {counter.get_total_flops()} FLOPs")


def main():
    folder = Path(sys.argv[1])
    side = int(sys.argv[2]) if len(sys.argv) > 2 else 512
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(folder / "unet")).eval()
        vae = AutoencoderKL.from_config(AutoencoderKL.load_config(folder / "vae")).eval()
        factor = 2 ** (len(vae.config.block_out_channels) - 1)
        latent = torch.zeros(2, unet.config.in_channels, side // factor, side // factor)
        text = torch.zeros(2, 77, unet.config.cross_attention_dim)
        count("unet, batch of 2", unet, lambda: unet(latent, torch.zeros(()), text))
        picture = torch.zeros(1, 3, side, side)
        count("encode", vae, lambda: vae.encode(picture).latent_dist.mean)
        count("decode", vae, lambda: vae.decode(latent[:1, :4]))
        if (folder / "text_encoder").exists():
            encoder = CLIPTextModel(CLIPTextConfig.from_pretrained(folder / "text_encoder")).eval()
            count("text, 2 windows", encoder, lambda: encoder(torch.zeros(2, 77, dtype=torch.long)))


main()
