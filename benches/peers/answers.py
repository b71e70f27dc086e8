"""How a peer's process answers compare.py: one line of JSON at a time. Import it before what prints:
everything else that goes to standard output goes to standard error from then on."""

import json
import os

_ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def say(**answer):
    print(json.dumps(answer), file=_ANSWERS, flush=True)


def peak_rss_bytes():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def forget_peak_rss():
    with open("/proc/self/clear_refs", "w") as peak:
        peak.write("5")
