"""The measurement of stalls.sh: python3 stalls.py BINARY WORK_FOLDER N, on the display that is there."""

import collections
import csv
import json
import os
import queue
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMFY = HERE.parent / "session/comfy.py"
MODEL = "paper.safetensors"
STEP = os.environ.get("STEP_SECONDS", "0.05")
SHOTS = os.environ.get("SHOTS")
LIMIT_MS = 8
# No run takes longer, with the time that a server may be away.
PATIENCE = 90


class Server:
    """A scripted ComfyUI at one address, through all its lives."""

    def __init__(self, work):
        self.log, self.port_file, self.process = work / "server.log", work / "port", None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.place = f"127.0.0.1:{free.getsockname()[1]}"

    def start(self):
        """Starts it and waits until it answers."""
        command = [sys.executable, "-B", COMFY, self.port_file, self.log, self.place]
        environment = {**os.environ, "PLAIN": "1", "STEP_SECONDS": STEP}
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(f"http://{self.place}/system_stats", timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        sys.exit("the scripted server does not come up")

    def kill(self):
        """As when its machine loses power."""
        self.process.kill()
        self.process.wait()

    def count(self, part):
        """Lines of its log that hold that."""
        return self.log.read_text().count(part) if self.log.is_file() else 0


class Hand(threading.Thread):
    """Paints and moves the pointer at 60 places a second; presses keys where the button is up."""

    def __init__(self):
        super().__init__(daemon=True)
        self.keys, self.ends = queue.Queue(), threading.Event()
        self.tool = subprocess.Popen(["xdotool", "-"], stdin=subprocess.PIPE, text=True)

    def do(self, line):
        """One command of xdotool."""
        self.tool.stdin.write(line + "\n")
        self.tool.stdin.flush()

    def run(self):
        """Stroke after stroke, with a moment between them."""
        dice, x, y = random.Random(0), 700, 560
        while not self.ends.is_set():
            for stroke in (True, False):
                self.do(f"mousemove {x} {y}")
                if stroke:
                    self.do("mousedown 1")
                for _ in range(45 if stroke else 12):
                    x = min(max(x + dice.randint(-24, 24), 450), 1150)
                    y = min(max(y + dice.randint(-24, 24), 300), 820)
                    self.do(f"mousemove {x} {y}")
                    time.sleep(1 / 60)
                if stroke:
                    self.do("mouseup 1")
                    time.sleep(1 / 60)
                while not stroke and not self.keys.empty():
                    self.do("key " + self.keys.get())
        self.tool.stdin.close()
        self.tool.wait()


class Program:
    """The window, as far as it is seen from outside."""

    def __init__(self, binary, work, server):
        self.data, self.frames = work / "data", Path(os.environ.get("FRAMES", work / "frames.tsv"))
        self.data.mkdir()
        model = {"Served": {"server": "scripted", "name": MODEL, "family": "StableDiffusion1", "sees_mask": False}}
        report = {"version": "", "device": "", "models": [MODEL], "loras": [],
                  "samplers": ["euler", "euler_ancestral", "dpmpp_2m", "lcm"]}
        for name, value in [
            ("servers.json", [{"name": "scripted", "address": f"http://{server.place}", "kind": "comfy",
                               "is_confirmed": True}]),
            ("server-lists.json", {"scripted": {"report": report}}),
            ("preferences.json", {"model": model, "guide_dismissed": True, "window": {"empty prompts": "true"}}),
        ]:
            (self.data / name).write_text(json.dumps(value))
        self.process = subprocess.Popen([binary, "--data-dir", self.data, "--frame-times", self.frames,
                                         work / "picture.png"])
        found = subprocess.run(["xdotool", "search", "--sync", "--onlyvisible", "--name", "Overpaint$"],
                               capture_output=True, text=True, timeout=120, check=True)
        window = found.stdout.split()[-1]
        time.sleep(3)
        # So high that the status bar with its count of messages is on the screen below the title bar.
        subprocess.run(["xdotool", "windowactivate", "--sync", window, "windowsize", window, "1920", "1040",
                        "windowmove", window, "0", "0"], check=True)
        time.sleep(3)

    def results(self):
        """Results that it keeps."""
        return sum(1 for _ in self.data.rglob("kept/*.json"))

    def lines(self):
        """Its frames: when they began, milliseconds by the clock and of the processor, texels, whether a job ran,
        milliseconds of the program alone and of those in which it was blocked, and jobs it had asked for by then."""
        with open(self.frames) as file:
            rows = list(csv.reader(file, delimiter="\t"))[1:]
        return [(float(row[0]), float(row[1]), float(row[2]), int(row[4]), row[5] == "1", float(row[6]), float(row[7]),
                 int(row[8])) for row in rows if len(row) == 9 and row[8]]

    def is_idle(self, seconds):
        """True where no job ran for so long."""
        now = time.time()
        late = [ran for began, *_, ran, _, _, _ in self.lines()[-5000:] if began > now - seconds]
        return bool(late) and not any(late)

    def jobs(self):
        """Jobs that it has asked for. A key that it did not take is not one of them."""
        return self.lines()[-1][-1]

    def threads(self):
        """How many threads of which name it has."""
        names = collections.Counter()
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            try:
                names[(task / "comm").read_text().strip()] += 1
            except OSError:
                # It has just ended.
                pass
        return names


def wait(ready, seconds, message):
    """Waits until that is so; ends the measurement where it never is."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            sys.exit(message)
        time.sleep(0.2)


def said(name, values):
    """One line of what frames took."""
    values = sorted(values)
    at = lambda share: values[min(int(len(values) * share), len(values) - 1)]
    above = sum(1 for value in values if value > LIMIT_MS)
    print(f"  {name} p50 {at(0.5):.2f}, p95 {at(0.95):.2f}, p99 {at(0.99):.2f}, max {values[-1]:.2f} ms; "
          f"{above} above {LIMIT_MS} ms ({100 * above / len(values):.1f} %)")


def main():
    """Measures and says it."""
    binary, work, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    seed = int(os.environ.get("SEED", "1"))
    server = Server(work)
    server.start()
    program, hand = Program(binary, work, server), Hand()
    try:
        measure(program, hand, server, (count, seed))
    finally:
        for process in (program.process, server.process, hand.tool):
            process.kill()


class Asking:
    """What is asked of program and server, and what comes of it."""

    def __init__(self, program, hand, server):
        self.program, self.hand, self.server = program, hand, server
        self.pressed, self.kills = 0, []

    def ask(self):
        """One more job."""
        self.hand.keys.put("ctrl+Return")
        self.pressed += 1

    def alone(self):
        """Seconds of a run that is left alone."""
        took = []
        for _ in range(3):
            before, began = self.program.results(), time.time()
            self.ask()
            wait(lambda: self.program.results() > before, PATIENCE, "a run that is left alone gives no result")
            took.append(time.time() - began)
        # The first one has more to do.
        return min(took)

    def phase(self, name, count, seed, alone, kills):
        """That many jobs at random moments, the same whether the server is killed or not; says what came of them."""
        dice, began, pressed = random.Random(seed), time.time(), self.pressed
        results, taken_up, killed = self.program.results(), self.server.count("POST /prompt"), len(self.kills)
        jobs = self.program.jobs()
        for _ in range(count):
            self.ask()
            pauses = [dice.uniform(0, most) for most in (1.25 * alone, 0.6, 0.6)]
            time.sleep(pauses[0])
            if kills:
                self.kills.append(time.time())
                self.server.kill()
            time.sleep(pauses[1])
            if kills:
                self.server.start()
            time.sleep(pauses[2])
        wait(lambda: self.program.is_idle(3), PATIENCE + 4 * alone * count, "the jobs do not end")
        frames = [line for line in self.program.lines() if began <= line[0] <= time.time() - 3]
        ran = [line[0] for line in frames if line[4]]
        hit = sum(1 for kill in self.kills[killed:] if any(abs(at - kill) < 0.1 for at in ran))
        print(f"{name}: {time.time() - began:.0f} s; {len(self.kills) - killed} kills, {hit} of them while a job ran")
        print(f"  keys pressed: {self.pressed - pressed}; jobs the window asked for: {self.program.jobs() - jobs}; that gave a "
              f"picture: {self.program.results() - results}; taken up there: {self.server.count('POST /prompt') - taken_up}")
        print(f"  frames: {len(frames)}, {len(ran)} of them while a job ran; "
              f"{sum(line[3] for line in frames) / max(len(frames), 1) / 1e3:.0f} thousand texels sent in each")
        said("window (wall clock, without the swap of buffers):", [line[1] for line in frames])
        said("thread (processor time, with swap and events):   ", [line[2] for line in frames])
        said("program (wall clock of logic and ui, no drawing):", [line[5] for line in frames])
        said("blocked (of that neither at work nor in line): ", [line[6] for line in frames])
        said("the smaller of both, a bound of what is asked:   ", [min(line[1], line[2] or line[1]) for line in frames])
        sys.stdout.flush()
        if SHOTS:
            subprocess.run(["import", "-window", "root", f"{SHOTS}/{name.replace(', ', '-').replace(' ', '-')}.png"])


def measure(program, hand, server, how):
    """Jobs that are left alone, jobs whose server dies, and jobs that are left alone again: the later ones come to
    more results, which cost the window something too."""
    (count, seed), asking = how, Asking(program, hand, server)
    hand.start()
    time.sleep(2)
    alone = asking.alone()
    print(f"a run that is left alone takes {alone:.2f} s")
    half = (count + 1) // 2
    asking.phase("left alone, before", half, seed, alone, kills=False)
    before = program.threads()
    asking.phase("killed", count, seed, alone, kills=True)
    asking.phase("left alone, after", half, seed, alone, kills=False)
    # What still tells its server something has ended by then.
    time.sleep(6)
    after = program.threads()
    hand.ends.set()
    hand.join()
    if program.process.poll() is not None:
        sys.exit(f"the program ended with {program.process.returncode}")
    left = {name: f"{before[name]} → {number}" for name, number in sorted(after.items()) if number > before[name]}
    print(f"threads: {sum(before.values())} before the first kill, {sum(after.values())} at the end; more of: {left or '-'}")
    print(f"all: {asking.pressed} keys, {program.jobs()} jobs, {program.results()} gave a picture")


if __name__ == "__main__":
    main()
