"""Click to select in a real window: STORY=clicking of benches/session/run.sh. SAM_FILE is a file of MobileSAM's weights
(by a formula, tests/golden/segment_anything.py --weights: what is selected has no meaning then), PHOTO and OTHER_PHOTO
two photographs, large, so that looking at them takes a while."""

import json
import os
import shutil
import sys
import time
from pathlib import Path

from desktop import Failed, play, run
from session import LANGUAGE, TEXTS, THEME, Session, check, white_share

PHOTOS = [Path(os.environ.get(name, "")) for name in ("PHOTO", "OTHER_PHOTO")]
HINT, LOOKING = TEXTS["ui-click-hint"], TEXTS["ui-click-looking"]


class Clicking(Session):
    """The window, and how one clicks in it."""

    photo = 0

    def picture(self):
        """Where the photograph lies on the screen: as large as fits the canvas, in its middle."""
        canvas = self.wait_for(TEXTS["ui-canvas"], role="canvas")
        width, height = map(int, run("identify", "-format", "%w %h", PHOTOS[self.photo]).split())
        margin = 48 * self.scale()
        zoom = min((canvas.width - margin) / width, (canvas.height - margin) / height)
        canvas.x += int((canvas.width - width * zoom) / 2)
        canvas.y += int((canvas.height - height * zoom) / 2)
        canvas.width, canvas.height = int(width * zoom), int(height * zoom)
        return canvas

    def press(self, x, y, times=1, held=None):
        """Clicks at a share of the picture, with a key held."""
        box = self.picture()
        lines = [f"mousemove {round(box.x + box.width * x)} {round(box.y + box.height * y)}", "sleep 0.1"]
        lines += [f"keydown {held}"] if held else []
        lines += [f"click --repeat {times} --delay 60 1"]
        lines += ["sleep 0.05", f"keyup {held}"] if held else []
        self.mouse(*lines)

    def answered(self, seconds=240):
        """Waits for the answer; how long it took."""
        began = time.monotonic()
        time.sleep(0.1)
        self.wait(lambda: self.find(HINT), seconds, "it looks for ever")
        return time.monotonic() - began

    def share(self, name):
        """How much is selected, by the saved mask; None where nothing is."""
        return white_share(self.mask(name))


def begin(s):
    """A photograph is open, and MobileSAM is there."""
    (s.data / "models").mkdir(parents=True)
    shutil.copy(os.environ["SAM_FILE"], s.data / "models" / ("mobile_sam" + Path(os.environ["SAM_FILE"]).suffix))
    os.environ["HOME"] = os.environ["XDG_DATA_HOME"] = str(s.work)
    language = {"en": "English", "zh-TW": "TraditionalChinese"}[LANGUAGE]
    preferences = {"theme": THEME, "language": language, "guide_dismissed": True}
    (s.data / "preferences.json").write_text(json.dumps(preferences))
    s.start(PHOTOS[0])
    s.wait_for(TEXTS["ui-canvas"], 60, role="canvas")
    time.sleep(2)
    s.key("o")
    s.wait_for(HINT, 30)
    s.shot("tool")
    s.say("the tool is there, with its hint")


def alone_not_this(s):
    """What is not meant says nothing by itself."""
    s.key("Escape")
    s.press(0.5, 0.5, held="alt")
    said = TEXTS["select-nothing-meant"][:20]
    s.wait(lambda: s.names(said), 20, "nobody says that something must be meant first")
    s.shot("not-this-alone")
    s.say("Alt-click on nothing: it is said what to do first")


def clicks(s):
    """A click, another, one that is not meant; undone and done again."""
    s.press(0.5, 0.5)
    time.sleep(0.25)
    s.shot("looking")
    s.say(f"first click: {s.answered():.1f} s")
    time.sleep(0.5)
    s.shot("one-click")
    shares = [s.share("one")]
    for name, x, y, held in [("two", 0.35, 0.6, None), ("three", 0.7, 0.3, "alt")]:
        s.press(x, y, held=held)
        s.say(f"{name} clicks: {s.answered():.1f} s")
        time.sleep(0.4)
        s.shot(f"{name}-clicks")
        shares.append(s.share(name))
    for name, share in [("undone", shares[1]), ("undone-twice", shares[0])]:
        s.key("ctrl+z")
        time.sleep(0.5)
        s.shot(name)
        check(abs(s.share(name) - share) < 1e-6, "undo gave another mask")
    s.key("ctrl+y")
    time.sleep(0.5)
    s.shot("redone")
    check(abs(s.share("redone") - shares[1]) < 1e-6, "redo gave another mask")
    s.key("ctrl+y")
    s.say(f"selected {shares}; undo and redo go through them, with their points")


def boxes(s):
    """A box; a point in it; Escape begins with another thing."""
    s.drag(s.picture(), [(0.7, 0.75), (0.2, 0.25)])
    s.say(f"a box: {s.answered():.1f} s")
    time.sleep(0.4)
    s.shot("box")
    s.press(0.4, 0.4, held="alt")
    s.answered()
    time.sleep(0.4)
    s.shot("box-and-not-this")
    before = s.share("box")
    s.key("Escape")
    time.sleep(0.4)
    s.shot("escape")
    check(abs(s.share("after-escape") - before) < 1e-6, "Escape changed the mask")
    s.press(0.1, 0.1)
    s.answered()
    time.sleep(0.4)
    s.shot("another-thing")
    s.press(0.6, 0.6, times=2)
    s.answered()
    time.sleep(0.4)
    s.shot("double-click")
    s.say("a box, a point in it, Escape and another thing, a double click")


def beside(s):
    """A press beside the picture says nothing; a box that begins there is cut."""
    before = s.share("before")
    s.press(-0.02, 0.5)
    time.sleep(0.6)
    check(abs(s.share("beside") - before) < 1e-6, "a press beside the picture changed the mask")
    s.drag(s.picture(), [(-0.03, 0.2), (0.5, 0.7)])
    s.answered()
    time.sleep(0.4)
    s.shot("box-from-beside")
    s.say("presses beside the picture")


def while_looking(s):
    """Another picture: zoomed and moved while it is looked at; stopped; gone to the first one meanwhile."""
    s.command("open…")
    s.wait_for(TEXTS["ui-path-title"], role="entry")
    s.key("ctrl+a")
    s.write(str(PHOTOS[1]))
    s.key("Return")
    time.sleep(3)
    s.photo = 1
    s.shot("other-photo")
    s.press(0.5, 0.5)
    s.mouse("click --repeat 3 --delay 60 4", "sleep 0.1")
    time.sleep(0.2)
    s.shot("zoomed-while-looking")
    check(s.find(LOOKING), "it had looked already")
    began = time.monotonic()
    s.key("Escape")
    s.wait(lambda: s.find(HINT), 20, "it is not stopped")
    s.say(f"stopped {time.monotonic() - began:.1f} s after Escape was pressed")
    s.shot("stopped")
    check(not s.names(TEXTS["select-nothing-there"][:20]), "stopping was taken for a failure")
    s.key("ctrl+0")
    time.sleep(0.4)
    s.press(0.5, 0.5)
    time.sleep(0.2)
    s.key("ctrl+Tab")
    time.sleep(0.5)
    s.shot("first-photo-meanwhile")
    time.sleep(12)
    s.shot("first-photo-later")
    s.key("ctrl+Tab")
    time.sleep(1)
    s.shot("other-photo-selected")
    check(s.find(HINT), "it still looks")
    check(s.share("other") > 0, "nothing is selected in the other photograph")
    s.say("zoomed, stopped, left and come back")


def main():
    """Every step after the other."""
    try:
        play(Clicking, [begin, clicks, boxes, beside, alone_not_this, while_looking], "Clicked.")
    except Failed as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
