"""The options and small habits that all scripts share."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

STARTER = Path(__file__).resolve().parent.parent
"""`models/starter`: the exported model beside these scripts"""
DEFAULT_WORK = Path(os.environ.get("OVERPAINT_WORK", Path.home() / ".cache" / "overpaint-starter"))


def parser(description: str) -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--work", type=Path, default=DEFAULT_WORK, help="work folder (default: %(default)s)")
    options.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads (default: all)")
    return options


def arguments(options: argparse.ArgumentParser, given: list[str] | None = None) -> argparse.Namespace:
    args = options.parse_args(given)
    args.work = args.work.expanduser().resolve()
    return args


class Every:
    """True once per `seconds`, first after the first `seconds`."""

    def __init__(self, seconds: float):
        self.seconds, self.last = seconds, time.monotonic()

    def __call__(self) -> bool:
        now = time.monotonic()
        due = now - self.last >= self.seconds
        if due:
            self.last = now
        return due
