"""Somebody with a GPU in another room: STORY=servers of benches/session/run.sh. A scripted ComfyUI (comfy.py), or a real
one at COMFY_URL, is added in the window; one of its models is chosen, a run is watched and cancelled, another one
finished, two strengths are compared. Then a second server, under an address that is not this machine's own, is asked
about before the first picture; and both die. Keeps a screenshot of every step."""

import atexit
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from desktop import Failed, different_pixels, play, run
from session import LANGUAGE, TEXTS, THEME, Session, check

REAL = os.environ.get("COMFY_URL")
MODEL = os.environ.get("COMFY_MODEL", "sd15-house")
# A real server computes on the processor too.
PATIENCE = 5 if REAL else 1


def said(key, **values):
    """A text with what stands in it."""
    text = TEXTS[key]
    for name, value in values.items():
        text = text.replace("{ $" + name + " }", str(value))
    return text


class Servers(Session):
    """The window, and the servers beside it."""

    def begin_server(self, name, host="127.0.0.1"):
        """Starts a scripted server; its process, address and log."""
        port, log = self.work / f"{name}-port", self.work / f"{name}.log"
        process = subprocess.Popen([sys.executable, Path(__file__).parent / "comfy.py", port, log, host])
        atexit.register(process.kill)
        while not port.is_file() or not port.read_text():
            time.sleep(0.1)
        return process, port.read_text(), log

    def log(self):
        """What the first server was asked and did."""
        return self.log_file.read_text().splitlines() if self.log_file and self.log_file.is_file() else []

    def open_servers(self):
        """The servers, by the palette."""
        self.command("servers")
        self.wait_for(TEXTS["ui-servers-title"])

    def add(self, address, name=None):
        """Adds a server in the dialog that is open."""
        self.click(TEXTS["ui-servers-address"], role="entry")
        self.write(address)
        if name:
            self.click(TEXTS["ui-servers-more"])
            self.click(TEXTS["ui-servers-name"], role="entry")
            self.write(name)
        self.click(TEXTS["ui-servers-add"], role="push button")

    def choose(self, model):
        """Chooses a model in the list."""
        self.click(TEXTS["ui-model"], role="combo box")
        self.click(model)
        time.sleep(0.7)

    def run_to_the_end(self, seconds=120):
        """One press of Generate and its result."""
        self.key("ctrl+Return")
        self.wait_for(TEXTS["ui-accept"], seconds)
        time.sleep(0.7)


def first_start(s):
    """A picture, and no server. Nothing is asked of the network."""
    if REAL:
        s.server, s.url, s.log_file = None, REAL, None
    else:
        s.server, s.url, s.log_file = s.begin_server("comfy")
    os.environ["HOME"] = os.environ["XDG_DATA_HOME"] = str(s.work)
    s.data.mkdir(parents=True)
    language = {"en": "English", "zh-TW": "TraditionalChinese"}[LANGUAGE]
    preferences = {"theme": THEME, "language": language, "strengths": [0.4, 0.8],
                   "window": {"empty prompts": "true"}}
    (s.data / "preferences.json").write_text(json.dumps(preferences))
    s.start()
    s.click(TEXTS["ui-guide-close"])
    time.sleep(0.5)
    s.click(TEXTS["ui-model"], role="combo box")
    s.wait_for(TEXTS["ui-servers"])
    s.shot("list-without-servers")
    s.click(TEXTS["ui-servers"])
    s.wait_for(TEXTS["ui-servers-none"])
    time.sleep(0.5)
    s.shot("no-server-yet")
    check(not s.log(), f"a server was asked unasked: {s.log()}")
    s.say("no server, and nothing asked")


def add(s):
    """Added by its address; its kind is found out."""
    s.add("http://127.0.0.1:1")
    s.wait(lambda: s.names("127.0.0.1:1"), 15, "what is no server is not said")
    time.sleep(0.5)
    s.shot("nobody-there")
    s.click(TEXTS["ui-servers-address"], role="entry")
    s.key("ctrl+a")
    s.write(s.url)
    s.key("Return")
    s.wait_for(TEXTS["ui-servers-answers"])
    time.sleep(0.5)
    s.shot("added")
    check(s.names("ComfyUI"), "its kind is not said")
    s.click(TEXTS["ui-dialog-close"])
    s.say("added by its address; it answers")


def choose(s):
    """Its models stand beside those that are here; which family is asked where it is a guess."""
    s.click(TEXTS["ui-model"], role="combo box")
    s.wait_for(TEXTS["ui-model-here"])
    s.wait_for(said("ui-model-there", server="127.0.0.1"))
    time.sleep(0.5)
    s.shot("list-with-servers")
    s.click(f"{MODEL} @ 127.0.0.1")
    s.wait_for(TEXTS["ui-model-family-guess"])
    time.sleep(0.5)
    s.shot("which-family")
    s.click("SD 1.x")
    s.wait_gone(TEXTS["ui-model-family-guess"])
    s.key("Escape")
    time.sleep(0.7)
    s.shot("chosen")
    s.say("its model is chosen, and what it is was asked once")


def smaller(s):
    """A real one on a processor is asked for small pictures, by the field of the panel."""
    if not REAL:
        return
    s.click(TEXTS["ui-more"])
    s.click(TEXTS["ui-work-size"], role="spin button")
    s.key("ctrl+a")
    s.write("256")
    s.key("Return")
    time.sleep(0.5)
    s.shot("smaller")


def preview_and_cancel(s):
    """A run is watched and stopped, here and there."""
    s.drag(s.picture(), [(0.3, 0.3), (0.7, 0.35), (0.35, 0.5), (0.7, 0.6), (0.4, 0.7)])
    time.sleep(0.5)
    s.key("ctrl+Return")
    step = TEXTS["ui-stage-step"].split("{")[0]
    s.wait(lambda: s.names(step), 60 * PATIENCE, "no step is shown")
    looks = []

    def looks_differ():
        s.part(s.picture(), s.work / f"look-{len(looks)}.png")
        looks.append(run("identify", "-format", "%#", s.work / f"look-{len(looks)}.png"))
        return len(set(looks)) >= 3 and s.names(step)

    s.wait(looks_differ, 60 * PATIENCE, "the picture does not grow on the canvas")
    s.shot("preview")
    check(s.names("127.0.0.1"), "where it runs is not said")
    s.click(TEXTS["ui-cancel"])
    s.wait(lambda: not s.names(step), 15 * PATIENCE, "it is not stopped")
    time.sleep(1)
    s.shot("cancelled")
    if not REAL:
        s.wait(lambda: any(line.startswith("ended") and line.endswith("error") for line in s.log()), 10,
               f"the server works on: {s.log()[-5:]}")
    check(not s.find(TEXTS["ui-accept"]), "a stopped run gave a result")
    s.say(f"{len(set(looks))} looks at the growing picture; stopped here and there")


def again(s):
    """The same to its end."""
    before = s.part(s.picture(), s.work / "before.png")
    s.run_to_the_end(240 * PATIENCE)
    after = s.part(s.picture(), s.work / "after.png")
    s.shot("result")
    changed = different_pixels(before, after)
    check(changed > 5000, f"the result changed {changed} pixels of the screen")
    s.say("run to its end: a result")


def compare(s):
    """Two strengths side by side."""
    s.key("ctrl+shift+Return")
    s.wait_for(TEXTS["ui-sheet-title"])
    time.sleep(2)
    s.shot("comparison-running")
    tiles = [said("ui-sheet-tile", strength=strength) for strength in ("0.4", "0.8")]
    busy = [TEXTS["ui-run-waiting"], *(TEXTS[f"ui-stage-{name}"] for name in ("decoding", "text", "picture", "loading")),
            TEXTS["ui-stage-step"].split("{")[0]]
    done = lambda: s.nodes() and not any(name.startswith(tuple(busy)) for _, name, _ in s.nodes())
    s.wait(lambda: done() and done(), 400 * PATIENCE, "the comparison does not end")
    s.mouse("mousemove 5 300")
    time.sleep(0.5)
    s.shot("comparison")
    if not REAL:
        ran = [line for line in s.log() if line.startswith("runs")]
        s.say("the server ran: " + "; ".join(ran[-2:]))
    s.say(f"two strengths compared ({len([tile for tile in tiles if s.find(tile)])} tiles by name)")
    s.key("Escape")
    time.sleep(0.5)


def elsewhere(s):
    """A server on another address is asked about before the first picture."""
    if REAL:
        return
    address = run("hostname", "-I").split()
    if not address:
        return s.say("this machine has no address but its own: not asked about another one")
    other, url, log = s.begin_server("other", address[0])
    s.open_servers()
    s.add(url, "studio")
    s.wait_for(said("ui-servers-test-name", name="studio"))
    time.sleep(1)
    s.shot("two-servers")
    # First in the list, where its models are seen at once.
    s.click(said("ui-servers-up", name="studio"))
    time.sleep(0.7)
    s.click(TEXTS["ui-dialog-close"])
    s.choose("dreamshaperXL_v21 @ studio")
    s.key("Escape")
    s.key("ctrl+Return")
    s.wait_for(TEXTS["ui-send-yes"])
    time.sleep(0.5)
    s.shot("leaves-this-computer")
    s.click(TEXTS["ui-send-no"])
    time.sleep(1)
    check("/prompt" not in log.read_text() and "/upload" not in log.read_text(), "it was sent without a yes")
    s.key("ctrl+Return")
    s.click(TEXTS["ui-send-yes"], role="push button")
    s.wait(lambda: "status success" in log.read_text() or "success" in log.read_text(), 120, "it was not run there")
    time.sleep(1)
    s.shot("sent-and-run")
    s.key("ctrl+Return")
    time.sleep(1)
    check(not s.find(TEXTS["ui-send-yes"]), "it is asked about again")
    s.wait(lambda: log.read_text().count("success") >= 2, 120, "it was not run again")
    other.kill()
    s.say("the first picture for another address was asked about, once")


def dies(s):
    """A server that is gone is said, and its models stay in the list."""
    if REAL:
        return
    s.server.kill()
    s.server.wait()
    s.key("ctrl+Return")
    gone = lambda: [name for name in s.names("studio") if "Detail" in name or "細節" in name]
    s.wait(gone, 90, "that it is gone is not said")
    time.sleep(1)
    s.shot("gone")
    s.open_servers()
    time.sleep(7)
    s.shot("servers-that-do-not-answer")
    s.click(TEXTS["ui-dialog-close"])
    s.click(TEXTS["ui-model"], role="combo box")
    time.sleep(1)
    s.shot("list-as-remembered")
    check(s.find("dreamshaperXL_v21 @ studio"), "its models are gone from the list")
    check(not (s.data / "server-keys.json").exists(), "keys where none were given")
    s.say("a dead server is said; its models stay")


def main():
    """Every step after the other."""
    try:
        play(Servers, [first_start, add, choose, smaller, preview_and_cancel, again, compare, elsewhere, dies],
             "Pictures from a server.")
    except Failed as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
