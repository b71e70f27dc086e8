"""The first five minutes of somebody who owns no model: STORY=getting of benches/session/run.sh. A server on
127.0.0.1 stands in for the hub (hub.py) and gives MODEL_FOLDER, a diffusers folder with random weights, as Stable
Diffusion 1.5. Checks what the network was asked, and keeps a screenshot of every step."""

import atexit
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from desktop import Failed, play
from session import LANGUAGE, TEXTS, THEME, Session, check

NAME = "stable-diffusion-v1-5"
OFFER = f"{TEXTS['ui-get-get']} Stable Diffusion 1.5"


def button(key, name=NAME):
    """What a button says for the accessibility tree: what it does, and to what."""
    return f"{TEXTS[key]} {name}"


class Getting(Session):
    """The window, and the server beside it."""

    def begin(self):
        """Starts the server, then the program with nothing in its folder."""
        self.log = self.work / "hub.log"
        port = self.work / "hub-port"
        sam = [f"lmz/candle-sam={os.environ['SAM_FOLDER']}"] if "SAM_FOLDER" in os.environ else []
        environment = dict(os.environ, KB_PER_SECOND=os.environ.get("KB_PER_SECOND", "60"))
        self.hub = subprocess.Popen(
            [sys.executable, Path(__file__).parent / "hub.py", port, self.log,
             f"{NAME}/{NAME}={os.environ['MODEL_FOLDER']}", *sam], env=environment)
        atexit.register(self.hub.kill)
        while not port.is_file() or not port.read_text():
            time.sleep(0.1)
        os.environ["HF_ENDPOINT"] = port.read_text()
        # No other model of this machine is to be seen.
        os.environ["HOME"] = os.environ["XDG_DATA_HOME"] = str(self.work)

    def asked(self):
        """What the server was asked."""
        return self.log.read_text().splitlines() if self.log.is_file() else []

    def open_list(self):
        """The list of models to get, by the palette."""
        self.command("get a model")
        self.wait_for(TEXTS["ui-get-title"])


def first_start(s):
    """No model but the built-in one. Nothing is asked of the network."""
    s.begin()
    s.data.mkdir(parents=True)
    language = {"en": "English", "zh-TW": "TraditionalChinese"}[LANGUAGE]
    preferences = {"theme": THEME, "language": language}
    (s.data / "preferences.json").write_text(json.dumps(preferences))
    s.start()
    s.wait_for(TEXTS["ui-guide-paint"])
    s.click(TEXTS["ui-guide-close"])
    s.key("ctrl+w")
    time.sleep(1)
    s.shot("nothing-open")
    check(s.find(TEXTS["ui-get-model"]), "the empty window does not say where models are")
    s.click(TEXTS["ui-get-model"])
    s.wait_for(OFFER)
    time.sleep(0.5)
    s.shot("list")
    check(not s.asked(), f"the network was asked unasked: {s.asked()}")
    s.say("the list of models; the network was not touched")


def agree(s):
    """The licence is shown before the first byte."""
    s.click(OFFER)
    s.wait_for(TEXTS["ui-get-accept"])
    time.sleep(0.5)
    s.shot("licence")
    check(len(s.asked()) == 1 and "/api/models/" in s.asked()[0], f"asked: {s.asked()}")
    s.click(TEXTS["ui-get-accept"])
    s.wait_for(button("ui-get-stop"))
    s.wait(lambda: s.names("/s"), 20, "no speed is shown")
    s.shot("on-its-way")
    s.say("agreed to; it comes, with speed and time left")


def stop_and_die(s):
    """Stopped, gone on with, killed in the middle."""
    s.click(button("ui-get-stop"))
    s.wait_for(button("ui-get-go-on"))
    s.shot("stopped")
    s.click(button("ui-get-go-on"))
    s.wait_for(button("ui-get-stop"))
    s.wait(lambda: s.names("/s"), 20, "it does not go on")
    check(any("bytes=" in line for line in s.asked()), "it began anew")
    check(s.kill() == -9, "it was not killed")
    check(not (s.data / "models" / NAME).exists(), "half a model is where models are")
    s.say("stopped, gone on with, killed")


def come_back(s):
    """The next start knows of it and goes on."""
    before = len(s.asked())
    s.start()
    # The sample is not open: what the first start has left is offered.
    time.sleep(1.5)
    if s.find(TEXTS["ui-recovery-title"]):
        s.click(TEXTS["ui-recovery-later"])
    s.open_list()
    s.wait_for(button("ui-get-go-on"))
    s.shot("after-a-kill")
    check(len(s.asked()) == before, "it goes on unasked")
    s.click(button("ui-get-go-on"))
    s.wait_for(button("ui-get-use"), 120)
    s.shot("it-is-there")
    ranges = [line for line in s.asked()[before:] if "bytes=" in line]
    check(ranges, "after the kill it began anew")
    check(all(line.endswith("-") for line in s.asked() if line.startswith("cdn")), "a token at the cdn")
    wanted = Path(os.environ["MODEL_FOLDER"])
    for path in wanted.rglob("*.safetensors"):
        got = s.data / "models" / NAME / path.relative_to(wanted)
        check(got.read_bytes() == path.read_bytes(), f"{got} is another")
    s.say("after the kill it went on where it was; every byte is the server's")


def use_it(s):
    """Chosen at once, and it paints."""
    s.click(button("ui-get-use"))
    time.sleep(1)
    s.command("open the sample")
    s.wait_for(TEXTS["ui-canvas"], role="canvas")
    time.sleep(1)
    s.drag(s.picture(), [(0.3, 0.4), (0.6, 0.5), (0.5, 0.7)])
    s.key("ctrl+Return")
    if s.wait(lambda: s.find(TEXTS["ui-empty-anyway"]) or s.find(TEXTS["ui-accept"]), 60, "nothing runs"):
        if s.find(TEXTS["ui-empty-anyway"]):
            s.click(TEXTS["ui-empty-anyway"])
    s.wait_for(TEXTS["ui-accept"], 240)
    time.sleep(1)
    s.shot("a-result-of-it")
    s.say("it was chosen and has painted")


def refusals(s):
    """What servers refuse is said in words that help."""
    for repository, name in [("o/gated", "401"), ("o/busy", "429"), ("o/page", "page"), ("o/none", "404")]:
        s.open_list()
        s.click(TEXTS["ui-get-other"], role="entry")
        s.key("ctrl+a")
        s.write(f"hf:{repository}")
        s.key("Return")
        s.wait(lambda: not s.find(TEXTS["ui-get-asking"]), 20, "no answer")
        time.sleep(0.7)
        s.shot(f"refused-{name}")
        s.key("Escape")
    s.say("refusals are said")


def click_tool(s):
    """The tool whose network is missing says where it can be had; got, it selects."""
    s.key("o")
    s.wait_for(f"{TEXTS['ui-get-get']} MobileSAM")
    time.sleep(0.5)
    s.shot("click-to-select-offers-its-network")
    if "SAM_FOLDER" in os.environ:
        s.click(f"{TEXTS['ui-get-get']} MobileSAM")
        s.click(TEXTS["ui-get-accept"])
        # The model that was got before is there too.
        s.wait(lambda: len(s.names(TEXTS["ui-get-there"])) > 1, 120, "MobileSAM does not come")
        s.shot("mobile-sam-is-there")
        s.key("Escape")
        time.sleep(1)
        s.key("o")
        s.wait_for(TEXTS["ui-click-hint"])
        for name, places in [("click", [(0.5, 0.5)]), ("another", [(0.2, 0.8)]), ("box", [(0.2, 0.2), (0.7, 0.7)])]:
            began = time.monotonic()
            s.drag(s.picture(), places if len(places) > 1 else places * 2)
            s.wait(lambda: s.find(TEXTS["ui-click-hint"]), 120, "it looks for ever")
            s.say(f"{name}: {time.monotonic() - began:.1f} s, with the steps of the mouse")
            s.shot(f"select-{name}")
    s.key("Escape")
    s.hub.kill()
    s.say("click to select offers to get its network")


def main():
    """Every step after the other."""
    try:
        play(Getting, [first_start, agree, stop_and_die, come_back, use_it, refusals, click_tool],
             "From no model to a picture.")
    except Failed as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
