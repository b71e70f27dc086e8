"""The first five minutes of somebody with models: python3 owned.py BINARY OUT_FOLDER WORK_FOLDER.

`dreamshaper_8.safetensors` (random weights under that name, small, in the real file's layout) lies in Downloads, and an
A1111 folder holds 40 files: checkpoints of three families, LoRAs, and what is none. The checkpoint is chosen, a picture
is made with it, the folder is added, a model is searched and looked at, what its name says is said otherwise, and all of
it is there after a restart. Played with STORY=owned of run.sh."""

import gzip
import json
import os
import random
import shutil
import struct
import time

from desktop import Failed, different_pixels, play
from session import LANGUAGE, ROOT, TEXTS, THEME, Session, check

PHOTO = ROOT / "assets/samples/portrait-city.png"
# Name, family, what its metadata says.
CHECKPOINTS = [
    ("realisticVision_v60", "sd1"), ("deliberate_v3", "sd1"), ("revAnimated_v122", "sd1"),
    ("absoluteReality_v181", "sd1"), ("counterfeit_v30", "sd1"), ("dreamshaper_8LCM", "sd1"),
    ("epicphotogasm_lcm", "sd1"), ("meinamix_v11", "sd1"), ("v2-1_768-ema-pruned", "sd2-v"),
    ("illuminati_v11", "sd2-v"), ("juggernautXL_inpaint", "xl-inpaint"), ("realvisxl_lightning_inpaint", "xl-inpaint"),
    ("dreamshaperXL_turbo_inpaint", "xl-inpaint"),
]


def small_file(path, family, families, weights):
    """A checkpoint in original names, of small random weights."""
    header, at, sizes = {}, 0, []
    for name, shape in families[family]["shapes"].items():
        count = 1
        for side in shape:
            count *= side
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [at, at + 2 * count]}
        at += 2 * count
        sizes.append((name, shape, count))
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape, count in sizes:
            file.write(weights(name, shape, count))


def random_weights(name, shape, count):
    """Numbers that keep the size of what goes through a layer."""
    drawn = random.Random(name)
    fan_in = max(1, count // shape[0]) if len(shape) > 1 else 1
    scale = 0.2 if len(shape) < 2 else (3 / fan_in) ** 0.5
    middle = 1.0 if len(shape) == 1 and name.endswith("weight") else 0.0
    few = [struct.pack("<e", middle + scale * drawn.uniform(-1, 1)) for _ in range(256)]
    return b"".join(drawn.choices(few, k=count))


def files(work):
    """Downloads and the folder of AUTOMATIC1111."""
    with gzip.open(ROOT / "tests/golden/data/checkpoint_names.json.gz") as file:
        families = json.load(file)
    downloads = work / "Downloads"
    downloads.mkdir()
    small_file(downloads / "dreamshaper_8.safetensors", "sd1", families, random_weights)
    webui = work / "stable-diffusion-webui"
    models, loras = webui / "models/Stable-diffusion", webui / "models/Lora"
    for folder in (models, loras, webui / "models/VAE"):
        folder.mkdir(parents=True)
    zeros = lambda name, shape, count: bytes(2 * count)
    for name, family in CHECKPOINTS:
        small_file(models / f"{name}.safetensors", family, families, zeros)
    kinds = sorted(path for path in (ROOT / "tests/golden/data/loras").glob("*.safetensors") if "fused" not in path.name)
    for number in range(20):
        shutil.copy(kinds[number % len(kinds)], loras / f"style_{number:02}.safetensors")
    (models / "half-a-download.safetensors").write_bytes((downloads / "dreamshaper_8.safetensors").read_bytes()[:200_000])
    (models / "login-page.safetensors").write_text("<!DOCTYPE html><html><head><title>Sign in</title>")
    (models / "not-fetched.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n")
    flux = json.dumps({"double_blocks.0.w": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}}).encode()
    (models / "flux1-dev.safetensors").write_bytes(struct.pack("<Q", len(flux)) + flux + b"\0\0")
    (models / "model.Q4.gguf").write_bytes(b"GGUF" + bytes(64))
    (webui / "models/VAE/vae-ft-mse.pt").write_bytes(b"PK\3\4")
    (models / "Put Stable Diffusion checkpoints here.txt").write_text("")
    count = sum(1 for path in webui.rglob("*") if path.is_file())
    check(count == 40, f"the folder holds {count} files")
    return downloads / "dreamshaper_8.safetensors", webui


class Owned(Session):
    """The window of somebody with models."""

    def model(self):
        """Where the model is chosen."""
        return self.wait_for(TEXTS["ui-model"], role="combo box")

    def open_list(self):
        self.click(TEXTS["ui-model"], role="combo box")
        self.wait_for(TEXTS["ui-models-again"])
        time.sleep(0.4)

    def choose(self, key, path):
        """Chooses a file or folder from the list of models."""
        self.open_list()
        self.shot("list-opened")
        self.click(TEXTS[key])
        self.wait_for(TEXTS["ui-path-title"], role="entry")
        self.key("ctrl+a")
        self.write(str(path))
        self.key("Return")
        self.wait_gone(TEXTS["ui-path-title"])

    def says(self, part, seconds=20):
        """Waits until something is said in the window."""
        return self.wait(lambda: self.names(part), seconds, f"nothing says “{part}”")


def start(s):
    s.data.mkdir(parents=True)
    language = {"en": "English", "zh-TW": "TraditionalChinese"}[LANGUAGE]
    preferences = {"theme": THEME, "language": language, "guide_dismissed": True, "window": {"empty prompts": "true"}}
    (s.data / "preferences.json").write_text(json.dumps(preferences))
    s.checkpoint, s.webui = files(s.work)
    # Only what is made here is found.
    os.environ["HOME"] = str(s.work)
    os.environ["HF_HOME"] = str(s.work / "no-cache")
    s.photo = s.work / "portrait.png"
    shutil.copy(PHOTO, s.photo)
    s.start(s.photo)
    s.wait_for(TEXTS["ui-canvas"], role="canvas")
    time.sleep(1.5)
    s.shot("started")


def own_file(s):
    """The file in Downloads is chosen and makes a picture."""
    began = time.monotonic()
    s.choose("ui-model-file", s.checkpoint)
    s.says("· dreamshaper_8")
    s.say(f"the checkpoint is chosen {time.monotonic() - began:.1f} s after the list was opened")
    s.shot("own-checkpoint")
    s.click(TEXTS["ui-prompt"], role="entry")
    s.write("a stone wall")
    s.click(TEXTS["ui-generate-whole"])
    s.wait_for(TEXTS["ui-accept"], 240)
    s.shot("first-result")
    s.click(TEXTS["ui-accept"])
    time.sleep(1)
    made = s.exported("made")
    check(different_pixels(s.photo, made) > 1000, "the picture changed")


def folder(s):
    """The folder of AUTOMATIC1111 is added; it is on its own in the home folder, so it was found before."""
    s.open_list()
    s.shot("list-of-models")
    names = [name for _, name, _ in s.nodes()]
    for name, _ in CHECKPOINTS:
        check(name in names, f"{name} is in the list")
    check(not any("style_" in name for name in names), "LoRAs are no models")


def searched(s):
    """One is searched, chosen, and what its name says is said otherwise."""
    s.click(TEXTS["ui-model-search"], role="entry")
    s.write("lcm")
    time.sleep(0.5)
    s.shot("searched")
    s.click("epicphotogasm_lcm")
    s.says("· epicphotogasm_lcm")
    s.open_list()
    s.says(TEXTS["model-told-name"])
    s.shot("told")
    s.click(TEXTS["ui-model-v"])
    s.says(TEXTS["model-told-hand"])
    s.click(TEXTS["ui-model-all-steps"])
    time.sleep(1)
    s.shot("told-by-hand")
    s.key("Escape")


def tomorrow(s):
    """After a restart all is there, and what was said."""
    s.kill()
    began = time.monotonic()
    s.start(s.photo)
    s.wait_for(TEXTS["ui-canvas"], role="canvas")
    s.say(f"model and window are there {time.monotonic() - began:.1f} s after the second start")
    # What was being done when it was killed is offered.
    s.wait_for(TEXTS["ui-recovery-later"])
    s.key("Escape")
    s.says("· epicphotogasm_lcm")
    s.open_list()
    s.says(TEXTS["model-told-hand"])
    s.shot("tomorrow")
    if not (s.data / "models-chosen.json").is_file():
        raise Failed("what was said is not remembered")
    s.key("Escape")


def small(s):
    """The list in the picker with a broken file: what is wrong is said."""
    s.choose("ui-model-file", s.webui / "models/Stable-diffusion/half-a-download.safetensors")
    time.sleep(1.5)
    s.shot("half-a-download")


if __name__ == "__main__":
    play(Owned, [start, own_file, folder, searched, tomorrow, small], "a model of one's own: every step did what it should")
