#!/usr/bin/env python3
"""A batch over this machine and a real ComfyUI on its processor, which is killed in the middle.

    python3 benches/remote/comfy.py BINARY COMFYUI PYTHON MODEL [--pictures 6] [--port 8199]

COMFYUI is a checkout of ComfyUI, PYTHON one with its requirements, MODEL the name of a checkpoint there.
"""

import argparse
import csv
import json
import os
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from pictures import make

RECIPE = 'version = 1\n[edit]\nprompt = "a wall"\nstrength = 0.5\nsteps = 4\nseed = 1\nwork_size = "64x64"\n'


def answers(address):
    try:
        return json.load(urllib.request.urlopen(address + "/system_stats", timeout=2))
    except OSError:
        return None


def start(args):
    command = [args.python, "main.py", "--cpu", "--force-fp32", "--listen", "127.0.0.1",
               "--port", str(args.port), "--disable-all-custom-nodes"]
    comfy = subprocess.Popen(command, cwd=args.comfyui, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not answers(args.address):
        assert comfy.poll() is None, "ComfyUI ended"
        time.sleep(0.5)
    return comfy


def run(args, env, room, out, kill_after=None):
    command = [args.binary, "batch", room / "in", "-r", room / "a.overpaint-recipe.toml", "-o", room / out,
               "--engine", "local", "--engine", f"studio={args.model}", "--json"]
    began = time.monotonic()
    batch = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    if kill_after:
        # Its history tells how many it has done; the next one runs.
        history = args.address + "/history"
        while len(json.load(urllib.request.urlopen(history, timeout=30))) < kill_after:
            time.sleep(0.1)
        time.sleep(0.5)
        args.comfy.kill()
        args.comfy.wait()
    events = [json.loads(line) for line in batch.stdout]
    code, took = batch.wait(), time.monotonic() - began
    rows = list(csv.DictReader((room / out / "report.csv").open()))
    assert code == 0 and all(row["state"] == "done" for row in rows), (code, rows)
    assert [row["picture"] for row in rows] == sorted(row["picture"] for row in rows)
    notes = [note for event in events for note in event.get("notes", [])]
    return took, events[-1]["by_engine"], notes


def main():
    args = argparse.ArgumentParser()
    for name in ("binary", "comfyui", "python", "model"):
        args.add_argument(name)
    args.add_argument("--pictures", type=int, default=6)
    args.add_argument("--port", type=int, default=8199)
    args = args.parse_args()
    args.binary, args.address = str(Path(args.binary).resolve()), f"http://127.0.0.1:{args.port}"
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        make(room / "in", args.pictures)
        (room / "a.overpaint-recipe.toml").write_text(RECIPE)
        env = {**os.environ, "XDG_DATA_HOME": str(room / "data"), "LANG": "C"}
        args.comfy = start(args)
        try:
            add = [args.binary, "engines", "add", args.address, "--name", "studio"]
            subprocess.run(add, env=env, check=True, stdout=subprocess.DEVNULL)
            took, by, notes = run(args, env, room, "out")
            print(f"local and ComfyUI: {took:.1f} s, {by}")
            clear = urllib.request.Request(args.address + "/history", b'{"clear": true}')
            urllib.request.urlopen(clear, timeout=10)
            took, by, notes = run(args, env, room, "out-dying", kill_after=1)
            print(f"ComfyUI killed in the middle: {took:.1f} s, {by}")
            for note in notes:
                print(f"  {note}")
        finally:
            args.comfy.kill()
            args.comfy.wait()


main()
