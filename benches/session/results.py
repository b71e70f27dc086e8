"""Nothing is destroyed, and tomorrow it opens as it was left: python3 results.py BINARY OUT_FOLDER WORK_FOLDER.

A photograph is painted on; Ctrl+S asks and is cancelled; three variations, one accepted; a project is saved;
the program ends and starts again: the same pixels, settings and results, and running the layer again gives the
same bytes. Another picture is closed unsaved and comes back whole."""

import hashlib
import json
import time
import zipfile

from desktop import different_pixels, play
from session import LANGUAGE, ROOT, TEXTS, THEME, Session, check

PHOTO = ROOT / "../shared/vision/photos/hopper.jpg"
STROKE = [(0.42, 0.62), (0.50, 0.70), (0.58, 0.62), (0.50, 0.78)]
COUNT = 3


def told(key, **arguments):
    """A text with its arguments."""
    text = TEXTS[key]
    for name, value in arguments.items():
        text = text.replace("{ $" + name + " }", str(value))
    return text


def sha(path):
    """What a file holds."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def manifest(project):
    """What a project says of itself."""
    with zipfile.ZipFile(project) as archive:
        return json.loads(archive.read("overpaint/project.json"))


def rounded(told):
    """Measured seconds are read to fewer digits than they are written with."""
    if isinstance(told, float):
        return round(told, 9)
    if isinstance(told, list):
        return [rounded(part) for part in told]
    return {name: rounded(part) for name, part in told.items()} if isinstance(told, dict) else told


def layers_of(project):
    """The bytes of its layers and results."""
    with zipfile.ZipFile(project) as archive:
        names = [name for name in archive.namelist() if "layer-" in name or "results/" in name]
        return {name: archive.read(name) for name in sorted(names)}


def open_photo(s):
    """The photograph, a prompt and a stroke."""
    s.data.mkdir(parents=True)
    language = {"en": "English", "zh-TW": "TraditionalChinese"}[LANGUAGE]
    preferences = {"theme": THEME, "language": language, "guide_dismissed": True,
                   "window": {"empty prompts": "true"}}
    (s.data / "preferences.json").write_text(json.dumps(preferences))
    s.photo = s.work / "hopper.jpg"
    s.photo.write_bytes(PHOTO.read_bytes())
    s.first_bytes = sha(s.photo)
    s.start(s.photo)
    s.canvas = s.wait_for(TEXTS["ui-canvas"], role="canvas")
    time.sleep(1)
    s.click(TEXTS["ui-prompt"], role="entry")
    s.write("a red scarf")
    s.drag(s.wait_for(TEXTS["ui-canvas"], role="canvas"), STROKE)
    s.wait_for(TEXTS["ui-generate-in"], role="push button")
    s.shot("stroke")


def save_after_the_stroke(s):
    """Nothing visible has changed, so that Ctrl+S leaves the file as it is."""
    s.key("ctrl+s")
    time.sleep(1.5)
    if s.find(TEXTS["ui-how-project"]):
        s.key("Escape")
    check(sha(s.photo) == s.first_bytes, "saving a stroke has changed the photograph")
    s.say("Ctrl+S after a stroke: the photograph's bytes are the same")


def cancel_saving(s):
    """With a layer Ctrl+S asks; cancelled, it leaves the file alone."""
    s.key("ctrl+s")
    s.wait_for(TEXTS["ui-how-project"])
    s.shot("how-to-save")
    s.key("Escape")
    s.wait_gone(TEXTS["ui-how-project"])
    check(sha(s.photo) == s.first_bytes, "a cancelled save has changed the photograph")
    s.say("Ctrl+S asked and was cancelled: the photograph's bytes are the same")


def variations(s):
    """Three results by one press; the first stays in view."""
    s.click(TEXTS["ui-variations"])
    s.key("ctrl+a")
    s.write(str(COUNT))
    s.key("Return")
    button = told("ui-generate-several", what=TEXTS["ui-generate-in"], count=COUNT)
    s.wait_for(button)
    s.shot("three-wanted")
    s.click(button, role="push button")
    s.wait_for(told("ui-result-number", number=1, of=1), seconds=600)
    s.shot("first-of-three")
    s.wait_for(told("ui-result-number", number=1, of=COUNT), seconds=600)
    s.wait_for(button)
    time.sleep(0.5)
    s.shot("three-results")
    seeds = [name for name in s.names(TEXTS["ui-result-seed"].split("{")[0].strip())]
    check(seeds, "no seed is seen")
    s.say(f"{COUNT} results by one press; {seeds[0]!r} is seen")


def look_at_them(s):
    """The grid, two side by side, one over the other."""
    for key, name in [("ctrl+g", "grid"), ("v", "pair"), ("s", "pair-wipe")]:
        s.key(key)
        time.sleep(1)
        s.shot(name)
    s.key("Escape")
    time.sleep(0.5)


def accept_one(s):
    """The second becomes a layer; the others stay."""
    s.key("period")
    s.wait_for(told("ui-result-number", number=2, of=COUNT))
    s.key("Return")
    s.wait_for(TEXTS["ui-layer-hide"])
    time.sleep(0.5)
    s.shot("accepted")
    s.before = s.exported("before-restart")


def save_project(s):
    """A project beside the photograph, which stays as it was."""
    s.key("ctrl+s")
    s.click(TEXTS["ui-how-project"])
    s.project = s.work / "hopper.ora"
    s.wait(s.project.is_file, 30, "no project was written")
    time.sleep(1)
    check(sha(s.photo) == s.first_bytes, "saving a project has changed the photograph")
    about = manifest(s.project)
    check(len(about["layers"]) == 1, f"{len(about['layers'])} layers")
    check(len(about["results"]) == COUNT, f"{len(about['results'])} results")
    s.key("ctrl+q")
    code = s.ended()
    check(code == 0, f"the program ended with {code}")
    s.say("a project holds a layer and the results; the program has ended")


def start_again(s):
    """The same pixels, settings, results."""
    s.start(s.project)
    s.wait_for(TEXTS["ui-layer-hide"])
    time.sleep(1)
    s.shot("opened-again")
    different = different_pixels(s.before, s.exported("after-restart"))
    check(different == 0, f"{different} pixels are others")
    second = s.work / "second.ora"
    s.command("save as")
    s.fill_path(second)
    time.sleep(1)
    first, again = manifest(s.project), manifest(second)
    for told_of in (first, again):
        # At first it was that of the photograph, which is asked about.
        told_of["about"].pop("may_replace")
    for part in ["about", "layers", "results"]:
        check(rounded(first[part]) == rounded(again[part]),
              f"{part} came back otherwise: {first[part]} and {again[part]}")
    check(layers_of(s.project) == layers_of(second), "layers or results have other bytes")
    s.say("opened again: 0 pixels differ; settings, layers and results are the same, byte for byte")


def run_layer_again(s):
    """Mask and recipe come back, and with them the same bytes."""
    s.click(TEXTS["ui-layer-redo"])
    name = manifest(s.project)["layers"][0]["name"]
    s.wait_for(told("ui-chip-redoing", name=name))
    time.sleep(0.5)
    s.shot("layer-to-be-run-again")
    button = told("ui-generate-several", what=TEXTS["ui-generate-layer"], count=COUNT)
    s.click(button, role="push button")
    s.wait(lambda: s.names(TEXTS["editor-again-same"]), 600, "it is not said that it is the same")
    s.shot("the-same-again")
    s.wait_for(button, seconds=600)
    third = s.work / "third.ora"
    s.command("save as")
    s.fill_path(third)
    time.sleep(1)
    kept = layers_of(third)
    layer = next(kept[name] for name in kept if "layer-" in name)
    again = [name for name in kept if "results/" in name and kept[name] == layer]
    check(len(again) == 2, f"{len(again)} results have the layer's bytes: it, and it again")
    s.say("the layer run again gives the same bytes, and says so")


def close_another(s):
    """Closed unsaved, it stays under “Recently closed” and comes back whole."""
    s.command("open the sample")
    s.wait_for(told("ui-generate-several", what=TEXTS["ui-generate-whole"], count=COUNT))
    s.drag(s.wait_for(TEXTS["ui-canvas"], role="canvas"), STROKE)
    button = told("ui-generate-several", what=TEXTS["ui-generate-in"], count=COUNT)
    s.click(button, role="push button")
    s.wait_for(told("ui-result-number", number=1, of=COUNT), seconds=600)
    s.wait_for(button, seconds=600)
    mask = s.mask("closed-before")
    s.key("ctrl+w")
    s.click(TEXTS["ui-unsaved-discard"])
    s.wait_gone(TEXTS["ui-unsaved-discard"])
    time.sleep(1)
    s.key("ctrl+shift+t")
    s.wait_for(button, seconds=30)
    time.sleep(1)
    s.shot("reopened")
    check(different_pixels(mask, s.mask("closed-after")) == 0, "the mask is another")
    s.key("ctrl+g")
    s.wait_for(told("ui-grid-about", count=COUNT))
    s.shot("reopened-results")
    s.key("Escape")
    s.say("closed unsaved and opened again: the same mask, and its results")


def main():
    """Every step after the other."""
    play(Session, [open_photo, save_after_the_stroke, variations, look_at_them, accept_one, cancel_saving,
         save_project, start_again, run_layer_again, close_another], "Nothing was lost.")


if __name__ == "__main__":
    main()
