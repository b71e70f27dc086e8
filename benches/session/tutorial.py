"""The story of benches/session/tutorial.sh: python3 tutorial.py BINARY OUT_FOLDER WORK_FOLDER."""

import json
import os
import shutil
import time
from pathlib import Path

from desktop import different_pixels, play, run
from session import LANGUAGE, TEXTS, THEME, Session, check, white_share

PHOTOS = Path(os.environ["PHOTOS"])


class Tutorial(Session):
    """The window with the astronaut's photograph."""

    def __init__(self, binary, out, work):
        super().__init__(binary, out, work)
        self.photo = work / "astronaut.png"

    def settled(self, message, seconds=60):
        """Waits until nothing is looked for and nothing is put behind any more."""
        busy = [TEXTS["ui-selecting"], TEXTS["ui-background-waits"]]

        def quiet():
            names = [name for _, name, _ in self.nodes()]
            return names and not any(name in busy for name in names)

        time.sleep(0.5)
        # Twice, because controls that come and go hide others from one look.
        self.wait(lambda: quiet() and quiet(), seconds, message)
        time.sleep(0.5)

    def changed(self, name, least):
        """The picture as a file; more than `least` of its pixels are others than the photograph's."""
        made = self.exported(name)
        changed = different_pixels(self.photo, made) / (512 * 512)
        check(changed > least, f"{name}: {changed:.3f} of the picture changed")
        return made, changed

    def kept(self, made, mask, stays):
        """How many pixels well inside what is to stay are not those of the photograph."""
        inside = self.work / "inside.png"
        threshold = ["-threshold", "99%"] if stays else ["-threshold", "0", "-negate"]
        run("convert", mask, *threshold, "-morphology", "Erode", "Disk:24", inside)
        check(white_share(inside) > 0.02, "nothing is far from what changes")
        for name, picture in [("before", self.photo), ("after", made)]:
            run("convert", picture, "-alpha", "off", inside, "-compose", "Multiply", "-composite",
                self.work / f"kept-{name}.png")
        return different_pixels(self.work / "kept-before.png", self.work / "kept-after.png")

    def back(self, times):
        """Undoes."""
        for _ in range(times):
            self.undo_on_canvas()
        time.sleep(0.5)


def opened(s):
    """The photograph is open; nothing is painted."""
    s.data.mkdir(parents=True)
    preferences = {"theme": THEME, "language": {"en": "English", "zh-TW": "TraditionalChinese"}[LANGUAGE]}
    (s.data / "preferences.json").write_text(json.dumps(preferences))
    shutil.copy(PHOTOS / "astronaut.png", s.photo)
    s.start(s.photo)
    s.wait_for(TEXTS["ui-canvas"], role="canvas")
    s.key("Escape")
    time.sleep(1)
    s.shot("opened")


def task(name, words, least, stays, whole=True):
    """A step: the task is pressed, words are written (the whole prompt or into its gap), Generate, accepted, undone."""

    def step(s):
        s.click(TEXTS[f"ui-task-{name}"])
        s.settled("the subject is not selected")
        s.shot(f"{name}-task")
        if whole:
            # A prompt that is there stays; only an empty one gets the task's words and gap.
            s.key("ctrl+a")
        s.write(words)
        s.shot(f"{name}-words")
        mask = s.mask(f"{name}-mask") if name != "style" else None
        s.key("ctrl+Return")
        s.wait(lambda: s.find(TEXTS["ui-accept"], "push button"), 300, "the run does not end")
        time.sleep(0.5)
        s.shot(f"{name}-result")
        s.click(TEXTS["ui-accept"], role="push button")
        time.sleep(0.5)
        made, changed = s.changed(name, least)
        said = f"{name}: {changed:.0%} of the pixels changed"
        if mask:
            other = s.kept(made, mask, stays)
            check(other == 0, f"{name}: {other} pixels changed that were not to")
            said += ", away from the edge the others kept every bit"
        s.say(said)
        s.back(1)

    return step


def put(name, least, path=None):
    """A step: something is put behind the subject without a model, and undone."""

    def step(s):
        s.command(TEXTS[f"ui-put-{name}"] if LANGUAGE == "en" else ENGLISH[name])
        if path:
            s.wait_for(TEXTS["ui-path-title"], role="entry")
            s.fill_path(path)
        s.settled("nothing was put behind")
        s.wait_for(TEXTS["ui-layer-hide"])
        s.shot(f"put-{name}")
        _, changed = s.changed(f"put-{name}", least)
        s.say(f"put {name} behind: {changed:.0%} of the pixels changed")
        s.back(1)

    return step


ENGLISH = {"colour": "Background: colour", "blur": "Background: blur", "picture": "Background: picture"}


def end(s):
    """Nothing is asked twice: the program ends."""
    s.key("ctrl+q")
    if s.find(TEXTS["ui-quit-discard"]):
        s.click(TEXTS["ui-quit-discard"])
    s.ended()


def main():
    """Every step after the other."""
    play(Tutorial, [
        opened, task("background", "on the beach", 0.3, True, whole=False), put("colour", 0.3), put("blur", 0.3),
        put("picture", 0.3, PHOTOS / "coffee.png"), task("hair", "woman with red hair", 0.01, False),
        task("clothes", "woman, wearing a green dress", 0.02, False), task("style", "woman, watercolour", 0.5, False),
        end], "The tutorial's story works.")


if __name__ == "__main__":
    main()
