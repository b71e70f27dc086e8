"""One peer in its own process: loads a part of a model, says so, then runs once for each line on
standard input. Every answer is one line of JSON on standard output.

    worker.py torch|openvino f32|bf16 STAGE MODEL NUMBERS THREADS

NUMBERS is what `overpaint bench --dump` wrote for STAGE: the inputs, and our output, which the
first run's is compared with. For STAGE edit it is SIDE of the square work picture instead, and a
line on standard input says how often each part runs.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

from answers import forget_peak_rss, peak_rss_bytes, say

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, DDIMScheduler, LCMScheduler, UNet2DConditionModel
from safetensors.torch import load_file
from transformers import CLIPTextModel, CLIPTextModelWithProjection

BACKEND, PRECISION, STAGE, MODEL, NUMBERS, THREADS = sys.argv[1:7]
MODEL, THREADS = Path(MODEL), int(THREADS)
GUIDANCE = 7.0
# Where OpenVINO's model is written to by a process that does nothing else.
WRITTEN = sys.argv[7] if len(sys.argv) > 7 else None
# What the weights are read as: OpenVINO narrows them itself, but for those that do not fit into memory beside it.
READ_AS = torch.bfloat16 if (BACKEND, PRECISION) == ("torch", "bf16") else torch.float32
READ_AS = torch.float16 if WRITTEN else READ_AS
INDEX = json.loads((MODEL / "model_index.json").read_text())
# As FastSD CPU runs them: LCM's scheduler, the tiny autoencoder, no guidance.
IS_FEW_STEPS = INDEX["scheduler"][1] == "LCMScheduler"
IS_TINY = INDEX["vae"][1] == "AutoencoderTiny"


def autoencoder():
    kind = AutoencoderTiny if IS_TINY else AutoencoderKL
    return kind.from_pretrained(MODEL / "vae", torch_dtype=READ_AS)


class Text(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = CLIPTextModel.from_pretrained(MODEL / "text_encoder", dtype=READ_AS)

        # SDXL, with two encoders, reads the last layer but one.
        self.penultimate = (MODEL / "text_encoder_2").exists()

    def forward(self, ids):
        if self.penultimate:
            return self.inner(ids, output_hidden_states=True).hidden_states[-2]
        return self.inner(ids).last_hidden_state


class Text2(torch.nn.Module):
    def __init__(self):
        super().__init__()
        folder = MODEL / "text_encoder_2"
        self.inner = CLIPTextModelWithProjection.from_pretrained(folder, dtype=READ_AS)

    def forward(self, ids):
        return self.inner(ids).text_embeds


class Encode(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = autoencoder()
        self.scale = self.inner.config.scaling_factor
        del self.inner.decoder

    def forward(self, picture):
        if IS_TINY:
            return self.inner.encoder(picture) * self.scale
        moments = self.inner.quant_conv(self.inner.encoder(picture))
        return moments.chunk(2, dim=1)[0] * self.scale


class Decode(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = autoencoder()
        self.scale = self.inner.config.scaling_factor
        del self.inner.encoder

    def forward(self, latent):
        if IS_TINY:
            return self.inner.decoder(latent / self.scale)
        return self.inner.decoder(self.inner.post_quant_conv(latent / self.scale))


class Unet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = UNet2DConditionModel.from_pretrained(MODEL / "unet", torch_dtype=READ_AS)

    def forward(self, latent, timestep, text, pooled=None, sizes=None):
        added = None
        if pooled is not None:
            added = {"text_embeds": pooled, "time_ids": sizes.expand(latent.shape[0], -1)}
        return self.inner(latent, timestep, text, added_cond_kwargs=added, return_dict=False)[0]


STAGES = {"text": Text, "text2": Text2, "encode": Encode, "decode": Decode, "unet": Unet}


def of_torch(stage, inputs):
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[PRECISION]
    module = STAGES[stage]().eval().to(dtype)
    module = module.to(memory_format=torch.channels_last)

    def run(*inputs):
        narrow = [x.to(dtype) if x.is_floating_point() and x.dim() > 0 else x for x in inputs]
        return module(*narrow).float()

    return run


def model_of(stage, inputs):
    """A stage as OpenVINO's model of those shapes."""
    import openvino

    example = tuple(x.to(READ_AS) if x.is_floating_point() and x.dim() > 0 else x for x in inputs)
    if WRITTEN:
        # Half precision is slow here: it is traced with a corner of the latent, and has its shape afterwards.
        example = (example[0][..., :8, :8], *example[1:])
    converted = openvino.convert_model(STAGES[stage]().eval(), example_input=example)
    shapes = [openvino.PartialShape(list(x.shape)) for x in inputs]
    converted.reshape(dict(zip(converted.inputs, shapes)))
    return converted


def written_model(stage, inputs):
    """The same from a file in half precision, as OpenVINO's own exporter writes it. A process of its own writes it:
    SDXL's weights in f32 and what OpenVINO makes of them do not fit beside each other."""
    import openvino

    path = MODEL / f"openvino-{stage}-{'x'.join(map(str, inputs[0].shape))}.xml"
    if not path.exists():
        subprocess.run([sys.executable, *sys.argv, str(path)], check=True, stdout=subprocess.DEVNULL)
    read = openvino.Core().read_model(path)
    # What goes in and comes out stays f32, as the other peers have it.
    around = openvino.preprocess.PrePostProcessor(read)
    for index, x in enumerate(inputs):
        if x.is_floating_point() and x.dim() > 0:
            around.input(index).tensor().set_element_type(openvino.Type.f32)
    around.output(0).tensor().set_element_type(openvino.Type.f32)
    return around.build()


def of_openvino(stage, inputs):
    import openvino

    is_large = stage == "unet" and (MODEL / "text_encoder_2").exists()
    converted = written_model(stage, inputs) if is_large else model_of(stage, inputs)
    compiled = openvino.Core().compile_model(
        converted,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": PRECISION,
            "INFERENCE_NUM_THREADS": THREADS,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
        },
    )
    request = compiled.create_infer_request()

    def run(*inputs):
        answer = request.infer([x.numpy() for x in inputs])
        return torch.from_numpy(next(iter(answer.values())).copy()).float()

    return run


def given(stage, numbers):
    if stage in ("text", "text2"):
        return [numbers["ids"].long()]
    if stage == "unet":
        more = [numbers[name] for name in ["pooled", "sizes"] if name in numbers]
        return [numbers["latent"], numbers["timestep"][0], numbers["text"], *more]
    return [numbers["picture" if stage == "encode" else "latent"]]


def prepared_edit(load):
    """The parts of an edit, and what runs them as an edit does. Its inputs are noise: how long it
    takes does not depend on them, and the numbers of each part are compared by the other stages."""
    side = int(NUMBERS)
    noise = torch.Generator().manual_seed(7)
    unet_config = UNet2DConditionModel.load_config(MODEL / "unet")
    channels, width = unet_config["in_channels"], unet_config["cross_attention_dim"]
    predictions = 1 if IS_FEW_STEPS else 2
    ids = torch.randint(0, 2000, (predictions, 77), generator=noise)
    picture = torch.rand(1, 3, side, side, generator=noise) * 2 - 1
    latent = torch.randn(1, 4, side // 8, side // 8, generator=noise)
    beside = torch.randn(1, channels - 4, side // 8, side // 8, generator=noise)
    both = torch.cat([torch.cat([latent, beside], 1)] * predictions)
    inputs = {
        "text": [ids],
        "encode": [picture],
        "unet": [both, torch.tensor(501.0), torch.randn(predictions, 77, width, generator=noise)],
        "decode": [latent],
    }
    if "addition_embed_type" in unet_config:
        sys.exit("an edit of SDXL is not measured yet; measure its stages")
    parts = {stage: load(stage, inputs[stage]) for stage in inputs}
    kind = LCMScheduler if IS_FEW_STEPS else DDIMScheduler
    scheduler = kind.from_pretrained(MODEL / "scheduler")

    def run(asked):
        text = inputs["unet"][2]
        for _ in range(asked["text_encodes"]):
            text = parts["text"](ids)
        for _ in range(asked["picture_encodes"]):
            parts["encode"](picture)
        scheduler.set_timesteps(asked["steps"])
        x = latent
        for timestep in scheduler.timesteps:
            seen = torch.cat([torch.cat([x, beside], 1)] * predictions)
            noise = parts["unet"](seen, timestep.float(), text)
            if predictions == 2:
                without, with_text = noise.chunk(2)
                noise = without + GUIDANCE * (with_text - without)
            x = scheduler.step(noise, timestep, x).prev_sample
        return parts["decode"](x)

    return run


def main():
    torch.set_num_threads(THREADS)
    if WRITTEN:
        import openvino

        with torch.inference_mode():
            model = model_of(STAGE, given(STAGE, load_file(NUMBERS)))
            # Its weights are in half precision already; the frequencies of the time embedding must not be.
            return openvino.save_model(model, WRITTEN, compress_to_fp16=False)
    began = time.perf_counter()
    load = {"torch": of_torch, "openvino": of_openvino}[BACKEND]
    wanted = None
    with torch.inference_mode(BACKEND == "torch"):
        if STAGE == "edit":
            run = prepared_edit(load)
        else:
            numbers = load_file(NUMBERS)
            inputs, wanted = given(STAGE, numbers), numbers["output"]
            part = load(STAGE, inputs)
            run = lambda _asked: part(*inputs)
        say(loaded=time.perf_counter() - began, load_peak_rss_bytes=peak_rss_bytes())
        forget_peak_rss()
        for line in sys.stdin:
            asked = json.loads(line)
            began = time.perf_counter()
            answer = run(asked)
            said = {"seconds": time.perf_counter() - began, "run_peak_rss_bytes": peak_rss_bytes()}
            if wanted is not None:
                difference = (wanted - answer).double().norm() / answer.double().norm()
                said["relative_l2"] = float(difference)
            say(**said)


main()
