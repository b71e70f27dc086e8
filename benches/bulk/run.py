"""Runs a recipe over a folder once, then again with kill -9 at random moments, and compares.

    python run.py BINARY PICTURES RECIPE OUT [--kills 50] [--as-nobody]

Prints what `overpaint batch --json` says of the whole run (pictures a minute, seconds of each stage, peak
memory), the number of kills that hit, and whether every result of the killed run has the bytes of the
whole one.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

OURS = (".overpaint-batch", "report.csv")


def command(args, out):
    # Who is root may read what nobody may.
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"] if args.as_nobody else []
    return [*nobody, str(args.binary), "batch", str(args.pictures), "-r", str(args.recipe), "-o", str(out), "--json"]


def results(out):
    found = {}
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out)
        if path.is_file() and name.parts[0] not in OURS:
            found[str(name)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def last_event(text, kind):
    events = (json.loads(line) for line in text.splitlines())
    return [event for event in events if event["event"] == kind]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=23)
    parser.add_argument("--as-nobody", action="store_true")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.as_nobody:
        os.chown(args.out, 65534, 65534)
    whole = args.out / "whole"
    began = time.monotonic()
    run = subprocess.run(command(args, whole), capture_output=True, text=True)
    seconds = time.monotonic() - began
    done = last_event(run.stdout, "done")[0]
    print("whole run:", json.dumps({"exit": run.returncode, "wall": round(seconds, 1), **done}))
    wanted = results(whole)
    rng = random.Random(args.seed)
    killed, hits, halves, whole_runs, same = args.out / "killed", 0, 0, 0, True
    # So that the kills fall over the whole of the work, however fast the machine is.
    mean = seconds / args.kills
    while hits < args.kills:
        child = subprocess.Popen([*command(args, killed), "--resume"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            child.wait(rng.uniform(0.1, 2.0 * mean))
            # It got through before the kill: that is compared too, and it begins anew.
            whole_runs += 1
            same = same and results(killed) == wanted
            shutil.rmtree(killed)
            continue
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
            hits += 1
        halves += sum(wanted.get(name) != digest for name, digest in results(killed).items() if not Path(name).name.startswith(".overpaint-"))
    last = subprocess.run([*command(args, killed), "--resume"], capture_output=True, text=True)
    after = last_event(last.stdout, "done")[0]
    print("after the kills:", json.dumps({"exit": last.returncode, "kills": hits, "got through between kills": whole_runs, "results seen half or wrong": halves, "written last": after["written"], "kept": after["kept"], "failed": after["failed"], "look": after["look"]}))
    same = same and results(killed) == wanted
    print(f"{len(wanted)} results; the killed run's are {'byte-identical' if same else 'DIFFERENT'}")
    again = subprocess.run([*command(args, killed), "--resume"], capture_output=True, text=True)
    again = last_event(again.stdout, "done")[0]
    print("once more: written", again["written"], "kept", again["kept"], f"in {again['seconds']['total']:.1f} s")


if __name__ == "__main__":
    main()
