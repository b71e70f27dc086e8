#!/usr/bin/env python3
"""Makes the seed corpora from the tests' small valid files: fuzz/corpus/<target>/*. Standard library only."""

import gzip
import json
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests/golden/data"
CORPUS = ROOT / "fuzz/corpus"
LINE = b"\n----\n"


def put(target: str, name: str, data: bytes) -> None:
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def header(path: Path) -> dict:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length])


def lines(tensors: dict[str, tuple[str, list[int]]], about: dict[str, str] | None = None) -> bytes:
    text = [f"#{key}\t{value}" for key, value in (about or {}).items()]
    text += [f"{name}\t{kind}\t{','.join(map(str, shape))}" for name, (kind, shape) in tensors.items()]
    return "\n".join(text).encode()


def pickles() -> None:
    saved = DATA / "saved.ckpt"
    put("pickle", "saved", saved.read_bytes())
    with zipfile.ZipFile(saved) as archive:
        program = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        put("pickle", "program", archive.read(program))
    for protocol in range(2, 6):
        value = OrderedDict(state_dict={"a.b": 1.5, "c": [1, (2, 3), None, True]}, epoch=10**12)
        put("pickle", f"plain-{protocol}", pickle.dumps(value, protocol))


def tensors() -> None:
    for path in sorted((DATA / "loras").glob("*.safetensors")):
        entries = header(path)
        about = entries.pop("__metadata__", {})
        text = lines({name: (one["dtype"], one["shape"]) for name, one in entries.items()}, about)
        for family in range(3):
            put("lora", f"{path.stem}-{family}", bytes([family]) + text)
    tiny = {
        "lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight": ("F16", [4, 32, 1, 1]),
        "lora_unet_down_blocks_0_attentions_0_proj_in.lora_mid.weight": ("F16", [4, 4, 1, 1]),
        "lora_unet_down_blocks_0_attentions_0_proj_in.lora_up.weight": ("F16", [32, 4, 1, 1]),
        "lora_unet_down_blocks_0_attentions_0_proj_in.alpha": ("F32", []),
    }
    put("lora", "tucker", b"\0" + lines(tiny))
    small = {"a": [2, 3], "b.c": [4], "scalar": []}
    at, entries = 0, {"__metadata__": {"format": "pt", "modelspec.prediction_type": "v"}}
    for name, shape in small.items():
        size = 2
        for one in shape:
            size *= one
        entries[name] = {"dtype": "F16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(entries).encode()
    put("safetensors", "small", struct.pack("<Q", len(text)) + text + bytes(at))
    put("safetensors", "none", struct.pack("<Q", 2) + b"{}")
    with gzip.open(DATA / "checkpoint_names.json.gz") as file:
        families = json.load(file)
    for family, model in families.items():
        whole = {name: ("F16", shape) for name, shape in model["shapes"].items()}
        put("checkpoint", family, lines(whole, {"modelspec.title": "a turbo"}))
        # Without its autoencoder, and half of it: what is missing is said.
        for part in ("model.diffusion_model.", "first_stage_model."):
            put("checkpoint", f"{family}-{part}", lines({n: s for n, s in whole.items() if n.startswith(part)}))
    put("checkpoint", "as-it-is", struct.pack("<Q", 2) + b"{}\xff")


def libraries() -> None:
    paths = b"mine:\n    base_path: elsewhere\n    vae_approx: a\n    checkpoints: |\n        b\n        c # later\n"
    config = b'{"_class_name": "AutoencoderTiny", "_name_or_path": "madebyollin/taesdxl"}'
    yaml = b"model:\n  target: a\n  params:\n    parameterization: v\n    unet_config:\n"
    entries = header(DATA / "families/taesd/vae/diffusion_pytorch_model.safetensors")
    whole = {n: (one["dtype"], one["shape"]) for n, one in entries.items() if n != "__metadata__"}
    alone = {}
    for name, one in whole.items():
        part, _, number, rest = name.split(".", 3)
        if part == "decoder":
            alone[f"{int(number) + 1}.{rest}"] = one
    for name, tensors in (("whole", whole), ("alone", alone)):
        seed = [paths, config, lines(tensors), yaml, b'{"baseModel": "SDXL Lightning"}']
        put("library", name, LINE.join(seed))


def tokenizers() -> None:
    put("tokenizer", "clip", "a photo of a cat's 3 <|endoftext|> 貓 \u0301é".encode())
    vocabulary = {"<|startoftext|>": 0, "<|endoftext|>": 1, "a": 2, "b": 3, "ab": 4, "a</w>": 5, "ab</w>": 6, "b</w>": 7}
    merges = "#version: 0.2\na b\na b</w>\n"
    special = {"bos_token": "<|startoftext|>", "eos_token": {"content": "<|endoftext|>"}, "pad_token": "<|endoftext|>"}
    texts = [b"ab ab b", b"", json.dumps(vocabulary).encode(), merges.encode(), json.dumps(special).encode()]
    put("tokenizer", "vocabulary", LINE.join([*texts, b'{"add_prefix_space": false}']))
    for folder in (DATA / "tiny/tokenizer", ROOT / "models/starter/tokenizer"):
        whole = json.loads((folder / "tokenizer.json").read_text())
        model = whole["model"]
        known = model["vocab"]
        # A few words are enough, and quicker.
        names = list(known)[:40]
        model["vocab"] = {name: index for index, name in enumerate(names)} if isinstance(known, dict) else known[:40]
        if "merges" in model:
            model["merges"] = []
        texts = [b"a photo", json.dumps(whole).encode(), b"", b"", (folder / "special_tokens_map.json").read_bytes()]
        put("tokenizer", folder.parent.name, LINE.join(texts))


def pictures() -> None:
    for path in sorted((DATA / "carried").iterdir()):
        put("picture", path.name, path.read_bytes())
    jpeg = (DATA / "carried/all.jpg").read_bytes()
    at = jpeg.find(b"Exif\0\0")
    (length,) = struct.unpack(">H", jpeg[at - 2 : at])
    put("exif", "jpeg", jpeg[at + 6 : at - 2 + length])
    plain = b"II*\0" + struct.pack("<IHHHII", 8, 1, 0x112, 3, 1, 6) + bytes(4)
    put("exif", "turned", plain)
    png = (DATA / "carried/all.png").read_bytes()
    at = png.find(b"eXIf")
    if at > 0:
        (length,) = struct.unpack(">I", png[at - 4 : at])
        put("exif", "png", png[at + 4 : at + 4 + length])


def projects() -> None:
    for path in (ROOT / "tests/data/projects").glob("*.ora"):
        put("project", path.name, path.read_bytes())
        with zipfile.ZipFile(path) as archive:
            put("project", path.stem, archive.read("stack.xml"))
    layers = [
        {"file": f"data/layer-{id}.png", "id": id, "name": f"n{id}", "x": id, "y": -1, "visible": True, "opacity": 128}
        for id in range(2)
    ]
    manifest = {
        "version": 1,
        "base": "data/base.png",
        "mask": "overpaint/mask.png",
        "layers": layers,
        "about": {"a": 1},
        "results": [{"file": "overpaint/results/1.png", "x": 0, "y": 0, "note": None}],
    }
    stack = "".join(
        f'<layer name="n" src="{one["file"]}" x="{one["x"]}" y="{one["y"]}" opacity="0.5019607843137255" />'
        for one in reversed(layers)
    )
    stack = f'<image version="0.0.3" w="3" h="2"><stack>{stack}<layer src="data/base.png" x="0" y="0" /></stack></image>'
    put("project", "ours", stack.encode() + LINE + json.dumps(manifest).encode())


def journals() -> None:
    for path in (ROOT / "tests/data/journals").iterdir():
        data = path.read_bytes()
        if not data.startswith(b"OVPJRNL1"):
            continue
        put("crash_journal", path.name, data)
        at, records = 8, []
        while at + 8 <= len(data):
            (length,) = struct.unpack("<I", data[at : at + 4])
            records.append(zlib.decompress(data[at + 8 : at + 8 + length]))
            at += 8 + length
        put("crash_journal", f"{path.name}-records", LINE.join(records))
    put("batch_journal", "as-it-is", b"")
    put("batch_journal", "one", struct.pack("<I", 64)[:3] + b"\x04abcd")


def texts() -> None:
    a1111 = (
        "a cat, <lora:detail:0.8>\nNegative prompt: blurry\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, "
        'CFG scale: 7, Seed: 42, Size: 512x768, Model hash: abcdef1234, Model: dreamshaper_8, Denoising strength: 0.5, '
        'Lora hashes: "detail: 0123456789ab", Mask blur: 4, Version: v1.10.1'
    )
    put("infotext", "a1111", a1111.encode())
    ours = {"app": "overpaint", "format": 1, "model": "starter", "settings": {"prompt": "a", "steps": 9, "loras": []}}
    put("infotext", "ours", json.dumps(ours).encode())
    prompts = b"picture,prompt,negative,colour\na.png,\"a, b\",c,red\n"
    review = b"picture,decision,doubt\na.png,accept,0.5\n"
    for path in (ROOT / "benches/bulk").glob("*.toml"):
        put("recipe", path.stem, LINE.join([path.read_bytes(), prompts, review]))
    edit = b'version = 1\n[edit]\nprompt = "{colour} car"\nstrengths = [0.3, 0.6]\n[edit.lists]\ncolour = ["red", "blue"]\n'
    put("recipe", "edit", LINE.join([edit, prompts.replace(b",", b"\t"), review]))


for make in (pickles, tensors, libraries, tokenizers, pictures, projects, journals, texts):
    make()
for folder in sorted(CORPUS.iterdir()):
    print(folder.name, len(list(folder.iterdir())))
