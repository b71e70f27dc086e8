"""Makes the golden files that the Rust tests compare with: python make_goldens.py [modules] [runs] [families]

Needs torch, diffusers, transformers, safetensors, numpy and pillow; nothing is downloaded.
Every model is tiny and has random weights from a fixed seed, except the built-in one, which is read
from models/starter. Run it again when models/starter changes.
"""

import importlib
import sys

PARTS = ["modules", "runs", "families"]


def main() -> None:
    wanted = sys.argv[1:] or PARTS
    for part in wanted:
        if part not in PARTS:
            sys.exit(f"unknown part {part!r}; there are {', '.join(PARTS)}")
        importlib.import_module(part).make()


if __name__ == "__main__":
    main()
