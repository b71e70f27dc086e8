"""The story of a folder: masks, try, run, review, in a real window. STORY=batch bash benches/session/run.sh."""

import json
import shutil
import time

from desktop import ROOT, play, texts  # noqa: F401
from session import LANGUAGE, TEXTS, THEME, Session, check

PHOTOS = ROOT / "assets/samples"


def text(key, **values):
    """A text of one line with its values."""
    said = TEXTS[key]
    for name, value in values.items():
        said = said.replace("{ $" + name + " }", str(value))
    return said


class Folder(Session):
    """The window, with a folder of pictures."""

    def wait_for_start(self, start, seconds=15):
        """Waits for a control whose name begins so."""
        def found():
            for role, name, node in self.nodes():
                if name.startswith(start) and role in ("push button", "toggle button", "button"):
                    return name
            return None
        return self.wait(found, seconds, f"nothing is called “{start}…”")

    def idle(self, seconds=300):
        """Waits until nothing of the folder is being done."""
        self.wait(lambda: not self.find(TEXTS["ui-batch-stop"]), seconds, "the batch does not end")
        time.sleep(0.5)

    def known(self):
        """What the window has written down."""
        path = self.work / "shop/overpaint/.overpaint-batch/window.json"
        return json.loads(path.read_text()) if path.is_file() else {"pictures": {}}


def begin(s):
    """A folder of photographs, one broken file; the start screen leads to it."""
    shop = s.work / "shop"
    shop.mkdir()
    for number, photo in enumerate(sorted(s.photos())):
        shutil.copy(photo, shop / f"{number:02}-{photo.name}")
    (shop / "broken.jpg").write_bytes(b"no picture")
    recipe = 'version = 1\n[edit]\ntask = "background"\nprompt = "beach"\nsteps = 6\n'
    (shop / "beach.overpaint-recipe.toml").write_text(recipe)
    s.data.mkdir(parents=True)
    language = {"en": "English", "zh-TW": "TraditionalChinese"}[LANGUAGE]
    preferences = {"theme": THEME, "language": language, "guide_dismissed": True}
    (s.data / "preferences.json").write_text(json.dumps(preferences))
    s.start()
    s.wait_for(TEXTS["ui-open"], role="push button")
    time.sleep(1)
    s.shot("start")
    s.click(TEXTS["ui-batch"])
    s.wait_for(TEXTS["ui-path-title"], role="entry")
    s.key("ctrl+a")
    s.write(str(shop))
    s.key("Return")
    s.wait_for(TEXTS["ui-batch-to-try"])
    time.sleep(2)
    s.shot("masks-coming")
    s.idle()
    s.shot("masks")
    s.say("the folder is open, its masks are made")


def masks(s):
    """One is accepted by key, one left out, one refined in the editor and put back."""
    s.key("Right", "Right")
    time.sleep(1)
    s.shot("mask-selected")
    s.key("Return")
    s.key("Delete")
    time.sleep(3)
    decided = [it.get("decision") for it in s.known()["pictures"].values()]
    check("accept" in decided and "skip" in decided, f"decisions: {decided}")
    s.key("Left")
    s.key("o")
    s.wait_for(TEXTS["ui-batch-put-back"])
    time.sleep(1)
    s.shot("refining")
    s.drag(s.wait_for(TEXTS["ui-canvas"], role="canvas"), [(0.4, 0.5), (0.5, 0.6), (0.6, 0.5)])
    s.click(TEXTS["ui-batch-put-back"])
    s.wait_for(TEXTS["ui-batch-to-try"])
    time.sleep(3)
    refined = [it for it in s.known()["pictures"].values() if it["is_refined"]]
    check(len(refined) == 1, f"{len(refined)} masks are refined")
    s.shot("mask-put-back")
    # The others that want a look are accepted, so that they run.
    s.say("accepted, left out, refined and put back")


def tries(s):
    """Three pictures at several strengths; one is chosen."""
    s.click(TEXTS["ui-batch-to-try"])
    s.wait_for(TEXTS["ui-batch-try-three"])
    s.click(TEXTS["ui-batch-try-three"])
    time.sleep(6)
    s.shot("trying")
    s.idle(600)
    time.sleep(1)
    s.shot("tried")
    tiles = s.known()["tries"]["tiles"]
    check(tiles and all("Ok" in tile["result"] for tile in tiles), f"{tiles}")
    s.click(text("ui-batch-use-strength", strength="0.75"))
    time.sleep(3)
    check(s.known()["recipe"]["edit"]["strength"] == 0.75, "0.75 was not chosen")
    s.shot("strength-chosen")
    s.say(f"{len(tiles)} tries, 0.75 is chosen")


def run_all(s):
    """Run, paused and gone on with; another picture is opened meanwhile."""
    s.click(TEXTS["ui-batch-to-run"])
    s.click(TEXTS["ui-batch-run-all"])
    time.sleep(3)
    s.shot("running")
    s.click(TEXTS["ui-batch-pause"])
    s.wait_for(TEXTS["ui-batch-go-on"])
    s.shot("paused")
    s.command(TEXTS["ui-open-sample"].lower())
    s.wait_for(TEXTS["ui-canvas"], role="canvas")
    time.sleep(1)
    s.shot("editor-meanwhile")
    s.key("ctrl+shift+o")
    s.click(TEXTS["ui-batch-go-on"])
    s.idle(600)
    s.wait_for(TEXTS["ui-batch-accept-shown"])
    time.sleep(1)
    s.shot("review")
    made = [it for it in s.known()["pictures"].values() if it["outputs"]]
    check(made, "nothing was made")
    s.say(f"{len(made)} pictures are done")


def review(s):
    """One is done again, all are accepted and exported; the folder is opened again where it was."""
    s.key("Right")
    time.sleep(1)
    s.shot("result-selected")
    s.click(TEXTS["ui-batch-again-seed"])
    time.sleep(1)
    s.idle()
    time.sleep(1)
    s.click(TEXTS["ui-batch-accept-shown"])
    time.sleep(1)
    s.shot("accepted")
    # Named by how many there are.
    s.click(s.wait_for_start(TEXTS["ui-batch-export"].split("{")[0]))
    s.wait_for(TEXTS["ui-path-title"], role="entry")
    s.key("ctrl+a")
    (s.work / "chosen").mkdir()
    s.write(str(s.work / "chosen"))
    s.key("Return")
    s.wait(lambda: any((s.work / "chosen").iterdir()), 30, "nothing was exported")
    exported = sorted(path.name for path in (s.work / "chosen").iterdir())
    s.say(f"exported: {', '.join(exported)}")
    s.kill()
    before = s.known()["pictures"]
    s.start(s.work / "shop")
    s.wait_for(TEXTS["ui-batch-accept-shown"])
    time.sleep(2)
    s.shot("opened-again")
    check(s.known()["pictures"] == before, "something was forgotten")
    s.say("killed and opened again: nothing is forgotten")


def photos(s):
    """The samples, and the photographs where there are some."""
    found = list(PHOTOS.glob("*.png"))
    more = ROOT.parent / "shared/vision/photos"
    return found + (sorted(more.glob("*.jpg"))[:5] if more.is_dir() else [])


Folder.photos = photos


def main():
    """Every step after the other."""
    play(Folder, [begin, masks, tries, run_all, review], "A folder goes through all phases.")


if __name__ == "__main__":
    main()
