"""The story of benches/session/run.sh: python3 session.py BINARY OUT_FOLDER WORK_FOLDER."""

import json
import os
import time

from desktop import ROOT, Failed, Window, children_of, different_pixels, play, run, texts

LANGUAGE = os.environ.get("LANGUAGE_OF_UI", "en")
THEME = os.environ.get("THEME", "dark")
TEXTS = texts(LANGUAGE)
SAMPLE = ROOT / "assets/samples/portrait-city.png"

# The person of the sample portrait, as shares of the picture.
BODY = [(0.30, 0.96), (0.42, 0.80), (0.50, 0.90), (0.58, 0.80), (0.70, 0.96)]
HEAD = [(0.30, 0.62), (0.28, 0.40), (0.36, 0.24), (0.52, 0.19), (0.68, 0.26), (0.72, 0.42),
        (0.70, 0.62), (0.62, 0.78), (0.38, 0.78)]


class Session(Window):
    """The window, and what the story does with it more than once."""

    def __init__(self, binary, out, work):
        super().__init__(binary, work / "data", out)
        self.work = work

    def say(self, text):
        """One line a step."""
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)

    def picture(self):
        """Where the sample portrait lies on the screen: a square in the middle of the canvas."""
        canvas = self.wait_for(TEXTS["ui-canvas"], role="canvas")
        room = min(canvas.width, canvas.height) - 48 * self.scale()
        canvas.x += int((canvas.width - room) / 2)
        canvas.y += int((canvas.height - room) / 2)
        canvas.width = canvas.height = int(room)
        return canvas

    def scale(self):
        """Pixels of the screen for one of the interface."""
        return self.wait_for(TEXTS["ui-menu"]).height / 32

    def command(self, name):
        """Finds a command in the palette and does it."""
        self.key("ctrl+shift+p")
        self.wait_for(TEXTS["ui-palette-title"])
        self.write(name)
        self.key("Return")

    def write_file(self, command, path):
        """Has a file written by a command of the palette, and waits for it."""
        self.command(command)
        self.fill_path(path)
        return path

    def fill_path(self, path):
        """Writes a path in the field that takes the place of the desktop's dialog."""
        self.wait_for(TEXTS["ui-path-title"], role="entry")
        self.key("ctrl+a")
        self.write(str(path))
        self.key("Return")
        self.wait(path.is_file, 20, f"{path.name} was not written")
        time.sleep(0.3)

    def mask(self, name):
        """The mask as a file."""
        return self.write_file("save mask", self.work / f"{name}.png")

    def exported(self, name):
        """The picture as a file."""
        return self.write_file("export…", self.work / f"{name}.png")

    def undo_on_canvas(self):
        """Undo, which a text field would keep for itself."""
        self.key("ctrl+z")


def white_share(path):
    """How much of a mask is painted, 0…1."""
    return float(run("convert", path, "-format", "%[fx:mean]", "info:"))


def check(truth, message):
    """Ends the session with a message where something is not so."""
    if not truth:
        raise Failed(message)


def first_start(s):
    """The sample portrait is open, the guide begins."""
    s.data.mkdir(parents=True)
    preferences = {"theme": THEME, "language": {"en": "English", "zh-TW": "TraditionalChinese"}[LANGUAGE]}
    (s.data / "preferences.json").write_text(json.dumps(preferences))
    began = time.monotonic()
    s.start()
    s.wait_for(TEXTS["ui-guide-paint"])
    s.say(f"window, sample portrait and guide after {time.monotonic() - began:.1f} s")
    time.sleep(1)
    s.shot("first-start")
    s.click(TEXTS["ui-more"], role="push button")
    time.sleep(0.5)
    s.shot("more")
    s.click(TEXTS["ui-more"], role="push button")


def paint(s):
    """Brush, lasso, invert; the saved masks tell."""
    s.part(s.picture(), s.work / "bare.png")
    s.drag(s.picture(), BODY)
    s.wait_for(TEXTS["ui-guide-say"])
    s.say("a brush stroke is painted, and the guide goes on")
    s.part(s.picture(), s.work / "stroke.png")
    changed = different_pixels(s.work / "bare.png", s.work / "stroke.png")
    check(changed > 2000, f"the stroke changed {changed} pixels of the screen")
    by_brush = white_share(s.mask("brush"))
    check(0.01 < by_brush < 0.5, f"the brush painted {by_brush:.3f} of the picture")
    s.key("l")
    s.drag(s.picture(), HEAD)
    s.shot("brush-and-lasso")
    by_both = white_share(s.mask("lasso"))
    check(by_both > by_brush + 0.05, f"the lasso painted {by_both - by_brush:.3f}")
    s.key("i")
    s.shot("inverted")
    inverted = white_share(s.mask("inverted"))
    check(abs(by_both + inverted - 1) < 0.005, f"{by_both:.3f} and {inverted:.3f} are not opposite")
    s.say(f"brush {by_brush:.3f}, with lasso {by_both:.3f}, inverted {inverted:.3f} of the picture")


def generate(s):
    """The prompt of the guide, Generate, previews in the picture, a result."""
    s.click(TEXTS["ui-guide-prompt-night"])
    s.wait_for(TEXTS["ui-guide-generate-about"])
    plain = s.part(s.picture(), s.work / "plain.png")
    s.key("a")
    time.sleep(1)
    area = s.part(s.picture(), s.work / "area.png")
    s.shot("ready-with-work-area")
    check(different_pixels(plain, area) > 500, "the work area is not drawn")
    s.key("a")
    s.click(TEXTS["ui-generate-in"], role="push button")
    seen = set()
    began = time.monotonic()

    def finished():
        seen.update(s.names(TEXTS["ui-stage-step"].split("{")[0].strip()))
        s.part(s.picture(), s.work / f"preview-{len(previews)}.png")
        previews.append(run("identify", "-format", "%#", s.work / f"preview-{len(previews)}.png"))
        if len(previews) == 3:
            s.shot("running")
        return s.find(TEXTS["ui-accept"], "push button")

    previews = []
    s.wait(finished, 300, "the run does not end")
    s.say(f"a result after {time.monotonic() - began:.1f} s; {len(set(previews))} different pictures "
          f"on the canvas, steps seen: {len(seen)}")
    # On a screen of 4K, one look takes as long as several steps.
    wanted = min(3, len(previews) - 1)
    check(len(set(previews)) >= max(wanted, 2), "the canvas did not show the picture growing")
    time.sleep(0.5)
    s.shot("result")


def compare_strengths(s):
    """Five strengths side by side, the sheet as a file, one accepted."""
    s.key("ctrl+shift+Return")
    s.wait_for(TEXTS["ui-sheet-title"])
    time.sleep(4)
    s.shot("comparison-running")
    busy = [TEXTS["ui-run-waiting"], TEXTS["ui-stage-decoding"], TEXTS["ui-stage-text"],
            TEXTS["ui-stage-picture"], TEXTS["ui-stage-loading"]]
    step = TEXTS["ui-stage-step"].split("{")[0]

    def done():
        names = [name for _, name, _ in s.nodes()]
        return names and not any(name.startswith((step, *busy)) for name in names)

    # Twice, because controls that come and go hide others from one look.
    s.wait(lambda: done() and done(), 600, "the comparison does not end")
    s.mouse("mousemove 5 300")
    s.shot("comparison")
    s.click(TEXTS["ui-sheet-export"])
    sheet = s.work / "sheet.png"
    s.fill_path(sheet)
    size = run("identify", "-format", "%w %h", sheet).split()
    check(int(size[0]) > 1000, f"the sheet is {size} pixels")
    s.click(TEXTS["ui-sheet-tile"].replace("{ $strength }", "0.75"))
    s.wait_for(TEXTS["ui-layer-hide"])
    s.wait_for(TEXTS["ui-chip-hidden"])
    s.say(f"five strengths; the sheet is {size[0]}×{size[1]} pixels; 0.75 is a layer")
    s.shot("accepted")


def hide_and_undo(s):
    """Hidden, the picture is the sample again, bit for bit; undo brings the layer back."""
    with_layer = s.exported("with-layer")
    changed = different_pixels(SAMPLE, with_layer)
    check(changed > 10_000, f"the layer changed {changed} pixels")
    s.click(TEXTS["ui-layer-hide"])
    s.wait_for(TEXTS["ui-layer-show"])
    hidden = s.exported("hidden")
    check(different_pixels(SAMPLE, hidden) == 0, "without the layer it is not the sample portrait")
    s.undo_on_canvas()
    s.wait_for(TEXTS["ui-layer-hide"])
    again = s.exported("again")
    check(different_pixels(with_layer, again) == 0, "undo did not bring the same picture back")
    # What was not painted, and lies further from it than the feather, keeps its bits.
    inside = s.work / "kept.png"
    run("convert", s.work / "inverted.png", "-threshold", "0", "-morphology", "Dilate", "Disk:30",
        "-negate", inside)
    for name, picture in [("before", SAMPLE), ("after", again)]:
        run("convert", picture, inside, "-compose", "CopyOpacity", "-composite", "-background", "black",
            "-alpha", "background", "-alpha", "off", s.work / f"kept-{name}.png")
    share = white_share(inside)
    check(share > 0.02, f"only {share:.3f} of the picture is far from the mask")
    kept = different_pixels(s.work / "kept-before.png", s.work / "kept-after.png")
    check(kept == 0, f"{kept} pixels changed that were not to")
    s.say(f"{changed} pixels changed; hiding and undo are exact; {share:.0%} of the picture, away from "
          "the mask, kept every bit")


def save_and_die(s):
    """Saved; then a stroke and kill -9."""
    saved = s.work / "portrait.png"
    s.key("ctrl+s")
    s.fill_path(saved)
    check(different_pixels(saved, s.work / "again.png") == 0, "what was saved is not what was seen")
    check(b"parameters" in saved.read_bytes(), "the recipe is not in the file")
    s.key("e")
    s.wait_gone(TEXTS["ui-chip-hidden"])
    s.drag(s.picture(), [(0.05, 0.05), (0.3, 0.1), (0.1, 0.2)])
    erased = white_share(s.mask("before-kill"))
    check(erased < white_share(s.work / "inverted.png") - 0.003, "the eraser erased nothing")
    # Nothing older than a second may be lost.
    time.sleep(1.2)
    s.shot("before-kill")
    code = s.kill()
    check(code == -9, f"the program ended with {code}")
    left = children_of(s.data / "sessions")
    check(left, "no journal is left")
    s.say(f"saved with its recipe, killed; {len(left)} session left")


def restore(s):
    """The same mask, the same layer, the same pixels."""
    s.start()
    s.wait_for(TEXTS["ui-recovery-title"])
    time.sleep(0.5)
    s.shot("recovery")
    s.click(TEXTS["ui-recovery-restore"], role="push button")
    s.wait_for(TEXTS["ui-layer-hide"])
    time.sleep(1)
    s.shot("restored")
    check(different_pixels(s.work / "before-kill.png", s.mask("restored")) == 0, "the mask is another")
    check(different_pixels(s.work / "again.png", s.exported("restored-picture")) == 0,
          "the picture is another")
    s.say("restored: mask and picture are the same, bit for bit")


def end(s):
    """A file that is no picture, the other dialogs; then the program ends and leaves nothing behind."""
    broken = s.work / "broken.png"
    broken.write_bytes(b"no picture")
    s.key("ctrl+o")
    s.wait_for(TEXTS["ui-path-title"], role="entry")
    s.key("ctrl+a")
    s.write(str(broken))
    s.key("Return")
    s.wait(lambda: s.names(broken.name), 10, "nothing is said of a broken file")
    s.shot("broken-file")
    for name, key in [("shortcuts", "F1"), ("palette", "ctrl+shift+p"), ("open", "ctrl+o"),
                      ("question", "ctrl+w")]:
        s.key(key)
        time.sleep(0.8)
        s.shot(name)
        s.key("Escape")
    s.key("ctrl+q")
    s.click(TEXTS["ui-quit-discard"])
    code = s.ended()
    check(code == 0, f"the program ended with {code}")
    check(not children_of(s.data / "sessions"), "a session is left behind")
    s.say("ended with 0, nothing left behind")


def main():
    """Every step after the other."""
    play(Session, [first_start, paint, generate, compare_strengths, hide_and_undo, save_and_die, restore,
         end], "The whole loop works.")


if __name__ == "__main__":
    main()
