"""Trains the decoder of vae/ in the work folder on, its encoder as it is.

Latents stay what they are, and with them the U-Net and its training. Whole pictures, not crops: a crop's
edge sees zeros where its latents come from a larger picture (it costs 2 dB), and the encoder need not run
again for each crop. The latents are made once.

Loss: absolute error, the same of the gradients at the full, half and quarter side (sharp edges), and the
logarithm of each picture's square error (what decibels are), so that a picture of few details counts too.
Convolutions move by Muon (muon.py), the rest by Adam. The learning rate falls linearly to 0, over
--steps or within --finish-in minutes; then the moving average's decoder, its last convolution solved by least
squares (`solve_last`), replaces the one in vae/.

Resumes from decoder.pt, written every two minutes. Step k draws its pictures from (seed, k) alone.
"""

from __future__ import annotations

import math
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

from autoencoder import gradients, psnr, rendered
from muon import Muon
from net import decode, encode, load_autoencoder, reduced, to_tensor
from settings import Every, arguments, parser

LEARNING_RATE, MUON_RATE, WARM_UP = 1.5e-4, 4e-4, 20
"""Adam's and Muon's; 5e-4 and 2e-3 gained nothing in a schedule of 100 steps, where these gained 0.5 dB"""
SCENE_SEED = 60_000
SOLVED = 400
"""scenes of the least squares"""
AVERAGE_POWER = 6.94
"""a moving average about a tenth of the run long, as in unet.py"""


def loss_of(y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    logarithm = ((y - x) ** 2).mean((1, 2, 3)).add(1e-5).log().mean()
    loss = F.l1_loss(y, x) + 0.03 * logarithm
    for _ in range(3):
        loss = loss + 0.5 * sum(F.l1_loss(a, b) for a, b in zip(gradients(y), gradients(x)))
        y, x = F.avg_pool2d(y, 2), F.avg_pool2d(x, 2)
    return loss


class Training:
    """The decoder, its optimisers and moving average, and where they stand."""

    def __init__(self, args):
        self.args, self.path = args, args.work / "decoder.pt"
        self.vae = load_autoencoder(args.work / "vae", args.device).to(memory_format=torch.contiguous_format)
        self.network = torch.nn.ModuleList([self.vae.decoder, self.vae.post_quant_conv]).requires_grad_(True)
        kernels = [p for p in self.network.parameters() if p.ndim == 4 and p.shape[2] > 1 and p.shape[0] > 3]
        others = [p for p in self.network.parameters() if not any(p is kernel for kernel in kernels)]
        adam = torch.optim.AdamW(others, LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0)
        self.optimisers = {"muon": Muon(kernels, MUON_RATE, weight_decay=0), "adam": adam}
        self.rates = {"muon": MUON_RATE, "adam": LEARNING_RATE}
        self.average = {k: v.detach().clone() for k, v in self.network.state_dict().items()}
        self.step, self.share = 0, 0.0
        if self.path.exists():
            self.resume()

    def resume(self) -> None:
        kept = torch.load(self.path, map_location=self.args.device, weights_only=True)
        self.network.load_state_dict(kept["network"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(kept[name])
        self.average, self.step, self.share = kept["average"], kept["step"], kept["share"]
        print(f"goes on at step {self.step}, {self.share:.0%} done")

    def save(self) -> None:
        state = dict(network=self.network.state_dict(), average=self.average, step=self.step, share=self.share)
        state |= {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()}
        torch.save(state, self.path.with_suffix(".tmp"))
        os.replace(self.path.with_suffix(".tmp"), self.path)

    def one_step(self, pictures: np.ndarray, latents: np.ndarray) -> float:
        rows = np.random.default_rng([self.args.seed, self.step]).integers(0, len(latents), self.args.batch)
        x = to_tensor(pictures[rows], self.args.device).contiguous()
        z = torch.from_numpy(latents[rows]).float().to(self.args.device) / self.vae.config.scaling_factor
        with reduced(self.args.device):
            y = self.vae.decode(z).sample
        loss = loss_of(y.float(), x)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for name, optimiser in self.optimisers.items():
            rate = self.rates[name] * min(1, (self.step + 1) / WARM_UP) * (1 - self.share)
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.step += 1
        share = (1 - 1 / self.step) ** (1 + AVERAGE_POWER)
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self.average[name].lerp_(value, 1 - share)
        return loss.item()

    def averaged(self):
        """The autoencoder with the moving average's decoder; ends the training of this object."""
        self.network.load_state_dict(self.average)
        return self.vae.eval().requires_grad_(False)


@torch.inference_mode()
def solve_last(vae, pictures: np.ndarray, latents: np.ndarray, device: str) -> None:
    """Sets the last convolution to the least squares of these scenes, each weighed by 1 / its square error.

    It is linear, so what decibels it can give need no training. Pulled a little to what it was.
    """
    seen, last = [], vae.decoder.conv_out
    hook = last.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    square = cross = 0
    for picture, latent in zip(pictures, latents):
        x, z = to_tensor(picture[None], device), torch.from_numpy(latent[None]).float().to(device)
        y = vae.decode(z / vae.config.scaling_factor).sample
        rows = F.pad(F.unfold(seen.pop(), 3, padding=1)[0], (0, 0, 0, 1), value=1.0)
        weight = 1 / ((y - x) ** 2).mean().double()
        square = square + weight * (rows @ rows.T).double()
        cross = cross + weight * (rows @ x[0].flatten(1).T).double()
    hook.remove()
    before = torch.cat([last.weight.flatten(1), last.bias[:, None]], 1).T.double()
    pull = 1e-4 * torch.diag(square.diagonal())
    after = torch.linalg.solve(square + pull, cross + pull @ before).T
    last.weight.copy_(after[:, :-1].reshape(last.weight.shape))
    last.bias.copy_(after[:, -1])


def scenes(args, vae) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of scenes (n, 128, 128, 3) u8 and their scaled latents (n, 4, 32, 32) f16."""
    pictures = rendered(args, "decoder_scenes", args.scenes, "people", SCENE_SEED + args.seed)
    path = args.work / "decoder_latents.npy"
    if not path.exists():
        np.save(path, encode(vae, np.array(pictures), args.device).half().numpy())
    return pictures, np.load(path)


def main(given: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--scenes", type=int, default=20000)
    options.add_argument("--steps", type=int, default=20000, help="steps of the whole schedule")
    options.add_argument("--stop-at", type=int, help="stop at this step of the schedule; run again to go on")
    options.add_argument("--finish-in", type=float, help="minutes in which to finish what is left of the schedule")
    options.add_argument("--batch", type=int, default=4)
    args = arguments(options, given)
    torch.set_num_threads(args.threads)
    before = load_autoencoder(args.work / "vae", args.device)
    pictures, latents = scenes(args, before)
    training = Training(args)
    if training.share >= 1:
        print("the schedule is finished: export.py; for another one move decoder.pt away")
        return
    check = np.array(rendered(args, "autoencoder_check", 100, "people_check", 9000 + args.seed))
    checked = encode(before, check, args.device)
    print(f"from step {training.step}: {psnr(decode(before, checked, args.device), check):.2f} dB", flush=True)
    started, share_before, running = time.time(), training.share, None
    due_save, due_print, last = Every(120), Every(60), args.stop_at or math.inf
    while training.share < 1 and training.step < last:
        loss = training.one_step(pictures, latents)
        seconds = time.time() - started
        if args.finish_in:
            training.share = share_before + (1 - share_before) * min(1.0, seconds / 60 / args.finish_in)
        else:
            training.share = training.step / args.steps
        running = loss if running is None else running + 0.05 * (loss - running)
        if due_print():
            print(f"step {training.step} ({training.share:.1%}) loss {running:.4f} {seconds:.0f} s", flush=True)
        if due_save():
            training.save()
    if training.share >= 1:
        vae = training.averaged()
        print(f"step {training.step}: {psnr(decode(vae, checked, args.device), check):.2f} dB", flush=True)
        solve_last(vae, np.array(pictures[:SOLVED]), latents[:SOLVED], args.device)
        print(f"last solved: {psnr(decode(vae, checked, args.device), check):.2f} dB", flush=True)
        vae.to("cpu").save_pretrained(args.work / "vae")
    training.save()  # last: cut before, it ends once more


if __name__ == "__main__":
    main()
