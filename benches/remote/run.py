#!/usr/bin/env python3
"""How long a batch takes over one scripted server and over two, and what becomes of it when one dies.

    python3 benches/remote/run.py BINARY [--pictures 40] [--seconds 2]

Needs nothing but Python.
"""

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pictures import make

HERE = Path(__file__).resolve().parent
RECIPE = 'version = 1\n[edit]\nmodel = "scripted"\nprompt = "a wall"\nstrength = 0.5\nsteps = 8\nseed = 1\n'


class Server:
    """A scripted server with a name of its own."""

    def __init__(self, room, name, port, seconds):
        self.name, self.log = name, room / f"{name}.log"
        self.address = f"http://127.0.0.1:{port}"
        with self.log.open("w") as log:
            command = [sys.executable, HERE / "server.py", str(port), str(seconds)]
            self.process = subprocess.Popen(command, stdout=log)

    def count(self, word):
        return self.log.read_text().split().count(word)

    def kill(self):
        self.process.kill()
        self.process.wait()


def batch(binary, env, room, out, engines):
    """The running batch."""
    command = [binary, "batch", room / "in", "-r", room / "a.overpaint-recipe.toml", "-o", room / out, "--json"]
    for engine in engines:
        command += ["--engine", engine]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)


def finish(process):
    """What it said at the end, and of how many pictures it told more than once."""
    events = [json.loads(line) for line in process.stdout]
    code = process.wait()
    names = [event["rows"][0]["picture"] for event in events if event["event"] == "picture"]
    return events[-1], code, names


def check(room, out, count, names):
    rows = list(csv.DictReader((room / out / "report.csv").open()))
    assert [row["picture"] for row in rows] == sorted(row["picture"] for row in rows), "rows out of order"
    assert names == [row["picture"] for row in rows], "told out of order"
    assert len(rows) == count and all(row["state"] == "done" for row in rows), rows
    assert len(list((room / out).glob("*.png"))) == count


def main():
    args = argparse.ArgumentParser()
    args.add_argument("binary")
    args.add_argument("--pictures", type=int, default=40)
    args.add_argument("--seconds", type=float, default=2.0)
    args.add_argument("--port", type=int, default=18731)
    args = args.parse_args()
    binary = str(Path(args.binary).resolve())
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        make(room / "in", args.pictures)
        (room / "a.overpaint-recipe.toml").write_text(RECIPE)
        env = {**os.environ, "XDG_DATA_HOME": str(room / "data"), "LANG": "C"}
        servers = [Server(room, f"s{i}", args.port + i, args.seconds) for i in (1, 2)]
        time.sleep(1)
        try:
            for server in servers:
                add = [binary, "engines", "add", server.address, "--name", server.name]
                subprocess.run(add, env=env, check=True, stdout=subprocess.DEVNULL)
            alone = None
            for engines in (["s1"], ["s1", "s2"]):
                out = f"out-{len(engines)}"
                before = [server.count("gave") for server in servers]
                began = time.monotonic()
                done, code, names = finish(batch(binary, env, room, out, engines))
                took = time.monotonic() - began
                assert code == 0, code
                check(room, out, args.pictures, names)
                gave = [server.count("gave") - b for server, b in zip(servers, before)]
                alone = alone or took
                print(f"{len(engines)} server(s): {took:.1f} s, {took / alone:.3f} of one; results by each: {gave}")
            began = time.monotonic()
            before = [(server.count("takes"), server.count("gave")) for server in servers]
            process = batch(binary, env, room, "out-dying", ["s1", "s2"])
            while servers[1].count("takes") < before[1][0] + args.pictures // 4:
                time.sleep(0.05)
            # In the middle of a picture.
            time.sleep(args.seconds / 2)
            os.kill(servers[1].process.pid, signal.SIGKILL)
            done, code, names = finish(process)
            took = time.monotonic() - began
            assert code == 0, code
            check(room, "out-dying", args.pictures, names)
            gave = [server.count("gave") - b[1] for server, b in zip(servers, before)]
            taken = [server.count("takes") - b[0] for server, b in zip(servers, before)]
            assert sum(gave) == args.pictures and done["written"] == args.pictures, (gave, done)
            print(f"one of two killed in the middle of its picture {taken[1]}: {took:.1f} s; taken {taken}, given {gave}")
        finally:
            for server in servers:
                server.kill()


main()
