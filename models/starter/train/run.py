"""The whole pipeline, one stage after the other; each goes on where it was interrupted.

    sprites  autoencoder  decoder  latents  text_encoder  unet  judges  fidelity  evaluate  export  samples

With --tiny: every stage with very small numbers in a fresh work folder, on the CPU in minutes,
then checks that could fail (see `check`). The pictures it makes are noise; the path is the real one.
"""

from __future__ import annotations

import importlib
import json
import random
import shutil
import tempfile
import time
from pathlib import Path

from settings import DEFAULT_WORK, arguments, parser

TINY = {
    "sprites": ["--people", "200", "--check-people", "60"],
    "autoencoder": ["--scenes", "60", "--steps", "12", "--batch", "4"],
    "decoder": ["--scenes", "20", "--steps", "6", "--batch", "2"],
    "latents": ["--scenes", "80", "--files", "1"],
    "text_encoder": ["--steps", "3", "--batch", "4"],
    "unet": ["--steps", "12", "--batch", "2"],
    "judges": ["--scenes", "80", "--check-scenes", "40", "--epochs", "1", "--batch", "16"],
    "fidelity": ["--count", "8", "--blurred"],
    "evaluate": ["--checkpoint", "--count", "16", "--steps", "2"],
    "export": ["--scenes", "12"],
    "samples": [],
}


def stage(name: str, args, more: list[str]) -> None:
    """Runs a script in this process: importing torch anew for each takes longer than a tiny stage."""
    common = ["--work", str(args.work), "--device", args.device]
    common += ["--seed", str(args.seed), "--threads", str(args.threads)]
    print(f"--- {name} {' '.join(more)}", flush=True)
    started = time.time()
    importlib.import_module(name).main([*common, *more])
    print(f"    {time.time() - started:.0f} s", flush=True)


def everything(args, options: dict[str, list[str]]) -> None:
    for name in TINY:
        more = list(options.get(name, []))
        if name in ("sprites", "samples"):
            more += ["--packages", str(args.packages)]
        if name == "fidelity":
            more += [str(args.work / "vae")]
        if name in ("export", "samples"):
            more += [str(args.out if name == "export" else args.out / "samples")]
        stage(name, args, more)


def check_decoder(args) -> None:
    """The decoder alone moves, and an interrupted training of it ends where an uninterrupted one does."""
    import torch
    from safetensors.torch import load

    weights, ends = args.work / "vae" / "diffusion_pytorch_model.safetensors", []
    start = weights.read_bytes()
    for interruption in ([], ["--stop-at", "3"]):
        weights.write_bytes(start)
        (args.work / "decoder.pt").unlink()
        if interruption:
            stage("decoder", args, TINY["decoder"] + interruption)
        stage("decoder", args, TINY["decoder"])
        ends.append(load(weights.read_bytes()))  # not load_file: it maps a file that is written anew
    for name, before in load(start).items():
        torch.testing.assert_close(ends[0][name], ends[1][name], rtol=1e-4, atol=1e-6, msg=name)
        assert torch.equal(before, ends[0][name]) == name.startswith(("encoder.", "quant_conv.")), name


def check_muon() -> None:
    """An update has all directions alike, those of its gradient; a kernel's is that of its matrix, however it lies in memory."""
    import torch
    from muon import Muon, orthogonalised

    for shape in ((40, 90), (90, 40)):
        matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
        left, _, right = torch.linalg.svd(matrix, full_matrices=False)
        along = (left.T @ orthogonalised(matrix) @ right.T).diagonal()
        assert 0.6 < along.min() and along.max() < 1.3, along
    kernel = torch.randn((8, 3, 3, 3), generator=torch.Generator().manual_seed(2))
    weights = [kernel.clone(), kernel.clone(memory_format=torch.channels_last), kernel.flatten(1).clone()]
    for weight in weights:
        weight.grad = torch.sin(7 * weight)
        Muon([weight], 0.1).step()
        torch.testing.assert_close(weight.reshape(kernel.shape), weights[0])
    assert (weights[0] - kernel).abs().mean() > 0.01


def check_fidelity(args) -> None:
    """A picture is at distance 0 from itself, and a blurred one farther than one that is off by one level of 255."""
    import numpy as np
    from fidelity import blurred, distance
    from judges import load_judge
    from scenes import draw_many

    judge = load_judge(args.work, args.device)
    pictures = np.concatenate([chunk for chunk, _ in draw_many(args.work, 8, 1, "people_check")])
    assert distance(judge, pictures, pictures, args.device) == 0
    off = distance(judge, pictures, np.where(pictures < 255, pictures + 1, 254), args.device)
    assert 0 < off < distance(judge, pictures, blurred(pictures), args.device)


def check(args) -> None:
    """What `--tiny` promises; raises where it does not hold."""
    import torch
    from tokenizers import Tokenizer
    from transformers import CLIPTextModel

    from evaluate import SUBJECT
    from net import load_unet, token_ids
    from sampling import Model
    from scenes import SceneMaker, held_out, subject_of

    # an interrupted training ends where an uninterrupted one does
    straight = torch.load(args.work / "ck.pt", weights_only=True)
    (args.work / "ck.pt").unlink()
    stage("unet", args, [*TINY["unet"], "--stop-at", "5"])
    stage("unet", args, TINY["unet"])
    resumed = torch.load(args.work / "ck.pt", weights_only=True)
    assert straight["step"] == resumed["step"] == 12
    for a, b in zip(straight["ema"], resumed["ema"], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    for name, weights in straight["un"].items():
        torch.testing.assert_close(weights, resumed["un"][name], rtol=1e-4, atol=1e-6)

    # the exported weights are the moving average in f16, and load as diffusers and transformers load them
    model, unet = Model.in_training(args.work, "cpu"), load_unet(args.out / "unet")
    for (name, a), b in zip(unet.named_parameters(), model.unet.parameters(), strict=True):
        torch.testing.assert_close(a, b.half().float(), msg=name)
    CLIPTextModel.from_pretrained(args.out / "text_encoder")

    # the exported tokenizer frames a prompt as the training did
    exported = Tokenizer.from_file(str(args.out / "tokenizer" / "tokenizer.json"))
    for text in ("cat, in the forest", "貓，在森林裡"):
        ids = exported.encode(text).ids
        assert ids == token_ids(model.tokenizer, [text])[0][: len(ids)].tolist(), text

    # no training scene shows a held-out pair, and some pairs are held out
    r, maker = random.Random(1), SceneMaker(args.work)
    labels = [maker.draw(r).labels for _ in range(200)]
    assert not any(subject_of(one) and held_out(subject_of(one), one.background) for one in labels)
    places = {one.background for one in labels}
    assert any(held_out(thing, place) for thing in maker.drawings for place in places)

    check_muon()
    check_fidelity(args)
    check_decoder(args)

    # every task was judged
    report = json.loads((args.work / "evaluation" / "report.json").read_text())
    assert {"text", "text, rendered", "text, shuffled", "whole", "inverse", "part"} <= set(report)
    assert set(SUBJECT) <= set(report["text"])
    preview = json.loads((args.out / "preview.json").read_text())
    assert len(preview["latent_to_rgb"]) == 4 and len(preview["bias"]) == 3


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--packages", type=Path, default=DEFAULT_WORK, help="folder of node_modules")
    options.add_argument("--out", type=Path, help="where the model goes (default: WORK/export)")
    options.add_argument("--tiny", action="store_true")
    args = arguments(options)
    started = time.time()
    if args.tiny:
        args.work = Path(tempfile.mkdtemp(prefix="overpaint-tiny-"))
    args.out = args.out or args.work / "export"
    everything(args, TINY if args.tiny else {"evaluate": ["--checkpoint"]})
    if args.tiny:
        check(args)
        shutil.rmtree(args.work)
    print(f"done in {time.time() - started:.0f} s")


if __name__ == "__main__":
    main()
