"""Overpaint against what else runs Stable Diffusion on a processor: the same weights, the same inputs, one
run of each in turn. See README.md.

    PYTHON benches/peers/compare.py MODEL [--stage unet decode encode edit] [--rounds 5] …
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS = ["torch-f32", "torch-bf16", "openvino-f32", "openvino-bf16"]
# Built by more.sh: candle's own models, as candle is and with AVX-512, and stable-diffusion.cpp.
BUILT_PEERS = ["candle-f32", "candlev4-f32", "sdcpp-f16"]
# All that some of them can run.
STAGES_OF = {"candle": ["unet", "decode"], "candlev4": ["unet", "decode"], "sdcpp": ["edit"]}
# What keeps each program from wider instructions than a laptop's.
AVX2 = {
    "OVERPAINT_CPU": "avx2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}
# Our numbers against those of the f32 peers, at most, by the precision we compute in.
LIMITS = {"f32": 1e-4, "bf16": 2e-2}


class Program:
    """A program that runs once for each line it is sent."""

    def __init__(self, command, settings):
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=settings.log,
            env=settings.environment,
            text=True,
        )

        self.seconds = []

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args[0]} ended with {self.process.wait()}; see {LOG}")
        return json.loads(line)

    def send(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self):
        self.process.stdin.close()
        rest = [json.loads(line) for line in self.process.stdout]
        self.process.wait()
        return rest


class Ours(Program):
    def __init__(self, settings, stage, dump):
        command = [settings.binary, "bench", "--model", settings.model, "--stage", stage, "--json"]
        command += ["--size", f"{settings.side}x{settings.side}", "--threads", settings.threads]
        command += ["--device", "cpu", "--paced", "--repeats", 1000, "--precision", settings.ours]
        command += ["--fresh"] if stage == "edit" else ["--dump", dump]
        command += ["--few-steps"] if settings.few_steps else []
        super().__init__(command, settings)
        if stage != "edit":
            self.loaded = self.answer()

    def run(self):
        self.send("")
        answer = self.answer()
        seconds = answer["seconds"]
        self.seconds.append(seconds["total"] - seconds.get("load", 0.0))
        return answer


class Peer(Program):
    def __init__(self, settings, stage, name, numbers):
        backend, precision = name.split("-")
        if backend.startswith("candle"):
            command = [settings.built / backend, stage, settings.model, numbers]
        elif backend == "sdcpp":
            command = [sys.executable, HERE / "worker_sdcpp.py", settings.model, numbers, settings.threads]
        else:
            command = [sys.executable, HERE / "worker.py", backend, precision, stage]
            command += [settings.model, numbers, settings.threads]
        super().__init__(command, settings)
        self.name = name
        # candle's own models compute another GELU than the one Stable Diffusion was trained with.
        self.judges = precision == "f32" and backend in ["torch", "openvino"]
        self.loaded = self.answer()
        self.last = {}

    def run(self, asked):
        self.send(json.dumps(asked))
        self.last = self.answer()
        self.seconds.append(self.last["seconds"])


def compare(settings, stage):
    with tempfile.TemporaryDirectory() as dump:
        ours = Ours(settings, stage, dump)
        # A first run warms up, and tells the peers what there is to do.
        first = ours.run()
        numbers, asked = f"{dump}/{stage}.safetensors", {}
        if stage == "edit":
            numbers = first["work_size"].split("x")[0].split("×")[0].strip()
            asked = {
                "steps": first["executed_steps"],
                "text_encodes": first["text_encodes"],
                "picture_encodes": first["picture_encodes"],
            }
        # One after the other, so that they need not all load at once.
        peers = []
        for name in settings.peers:
            peers.append(Peer(settings, stage, name, numbers))
            peers[-1].run(asked)
        for program in [ours, *peers]:
            program.seconds.clear()
        for turn in range(settings.rounds):
            runs = [ours.run] + [lambda peer=peer: peer.run(asked) for peer in peers]
            # Nobody is always the first.
            for index in range(len(runs)):
                runs[(index + turn) % len(runs)]()
            times = " ".join(f"{program.seconds[-1]:8.3f}" for program in [ours, *peers])
            print(f"  {stage} round {turn + 1}: {times}", file=sys.stderr, flush=True)
        summary = ours.end()[-1]
        for peer in peers:
            peer.end()
    return report(settings, stage, ours, summary, peers)


def compare_alone(settings, stage):
    """The same with one program in memory at a time: in each turn it loads, runs once unseen and once seen, and ends."""
    names, kept, seconds = ["overpaint", *settings.peers], {}, {}
    with tempfile.TemporaryDirectory() as dump:
        for turn in range(settings.rounds):
            for index in range(len(names)):
                # Ours comes first once: it writes what the others read.
                name = names[(index + turn) % len(names)]
                if name == "overpaint":
                    program = Ours(settings, stage, dump)
                    again = program.run
                else:
                    program = Peer(settings, stage, name, f"{dump}/{stage}.safetensors")
                    again = lambda peer=program: peer.run({})
                again()
                again()
                seconds.setdefault(name, []).append(program.seconds[-1])
                kept[name] = program, program.end()
                print(f"  {stage} round {turn + 1}: {name} {program.seconds[-1]:.3f}", file=sys.stderr, flush=True)
    for name, (program, _) in kept.items():
        program.seconds = seconds[name]
    ours, rest = kept["overpaint"]
    return report(settings, stage, ours, rest[-1], [kept[name][0] for name in settings.peers])


def gigabytes(count):
    return f"{count / 1e9:5.1f}" if count else "    -"


def report(settings, stage, ours, summary, peers):
    isa = settings.isa
    print(f"\n{stage}, {settings.side} × {settings.side}, {settings.threads} threads, {isa}, {settings.rounds} rounds")
    print(f"{'':14} {'median s':>9} {'fastest':>8} {'ours/it':>8} {'rel. L2':>9} {'GB load':>8} {'GB run':>7}")
    rows = []

    def row(name, seconds, ratio, difference, load, run):
        said = f"{name:14} {statistics.median(seconds):9.3f} {min(seconds):8.3f}"
        said += f" {ratio:8.3f}" if ratio else f" {'':8}"
        said += f" {difference:9.1e}" if difference is not None else f" {'':9}"
        print(f"{said}    {gigabytes(load)}   {gigabytes(run)}")
        rows.append(
            {
                "stage": stage, "isa": isa, "side": settings.side, "threads": settings.threads,
                "name": name, "seconds": seconds, "ratio": ratio, "relative_l2": difference,
                "load_peak_rss_bytes": load, "run_peak_rss_bytes": run,
            }
        )

    row("overpaint", ours.seconds, None, None, summary["load_peak_rss_bytes"], summary["run_peak_rss_bytes"])
    wrong = []
    for peer in peers:
        ratio = statistics.median(a / b for a, b in zip(ours.seconds, peer.seconds))
        difference = peer.last.get("relative_l2")
        memory = peer.loaded["load_peak_rss_bytes"], peer.last["run_peak_rss_bytes"]
        row(peer.name, peer.seconds, ratio, difference, *memory)
        if difference is not None and peer.judges and not difference <= LIMITS[settings.ours]:
            wrong.append(f"{stage}: {peer.name} differs by {difference:.1e}")
    gflop = summary["gflop"]
    speed = gflop / statistics.median(ours.seconds)
    share = speed / summary["peak_gflop_per_second"]
    print(f"ours: {gflop:.1f} GFLOP, {speed:.1f} GFLOP/s, {100 * share:.0f} % of the peak ({summary['isa']})")
    return rows, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="an exported model; made now where there is nothing")
    parser.add_argument("--random", default="random:sd15", help="what to make there")
    built = Path(os.environ.get("CARGO_TARGET_DIR") or HERE.parents[1] / "target")
    parser.add_argument("--binary", type=Path, default=built / "release/overpaint")
    parser.add_argument("--stage", nargs="+", default=["unet", "decode", "encode"], choices=["unet", "decode", "encode", "text", "text2", "edit"])
    parser.add_argument("--peers", nargs="*", default=PEERS, choices=PEERS + BUILT_PEERS)
    parser.add_argument("--built", type=Path, default=Path.home() / ".cache/overpaint-peers", help="where more.sh built")
    parser.add_argument("--few-steps", action="store_true", help="edits of 4 steps; MODEL is random:sd15-lcm")
    parser.add_argument("--alone", action="store_true", help="one program in memory at a time, for models too large for several")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--isa", default="all", choices=["all", "avx2"])
    parser.add_argument("--ours", default="f32", choices=list(LIMITS), help="the precision we compute in")
    parser.add_argument("--json", type=Path, help="also write all times there")
    settings = parser.parse_args()
    for name in settings.peers:
        can = STAGES_OF.get(name.split("-")[0])
        if can and not set(settings.stage) <= set(can):
            parser.error(f"{name} runs {' and '.join(can)} only")
    if settings.alone and "edit" in settings.stage:
        parser.error("--alone is for the stages of a model, not for edits")
    if settings.few_steps and settings.random == "random:sd15":
        settings.random = "random:sd15-lcm"
    if not (settings.model / "model_index.json").exists():
        command = [settings.binary, "bench", "--model", settings.random, "--export", settings.model]
        command += ["--stage", "decode", "--size", "64x64", "--repeats", "1"]
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    threads = str(settings.threads)
    settings.environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "RAYON_NUM_THREADS": threads}
    if settings.isa == "avx2":
        settings.environment.update(AVX2)
    settings.log = open(LOG, "w")
    print(f"load average before: {os.getloadavg()[0]:.2f}")
    rows, wrong = [], []
    for stage in settings.stage:
        new_rows, new_wrong = (compare_alone if settings.alone else compare)(settings, stage)
        rows += new_rows
        wrong += new_wrong
    if settings.json:
        settings.json.write_text(json.dumps(rows, indent=1))
    if wrong:
        sys.exit("the numbers are too far apart:\n" + "\n".join(wrong))


LOG = Path(tempfile.gettempdir()) / "overpaint-peers.log"
main()
