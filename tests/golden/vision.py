#!/usr/bin/env python3
"""Makes the goldens of src/engine/vision: what onnxruntime says about small photographs.

    pip install onnxruntime numpy Pillow
    ./vision.py FOLDER      # holds u2netp.onnx, blazeface.onnx, facemesh.onnx and photos/NAME.{320,192,128}.png

The photographs (scikit-image's astronaut and chelsea: public domain and CC0; matplotlib's hopper: public domain;
scikit-image's camera and coffee: CC0) are committed as small JPEGs; the networks are asked about what those decode to.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

OUT = Path(__file__).parent / "data" / "vision"
NAMES = ["astronaut", "camera", "chelsea", "coffee", "hopper"]
FACES = ["astronaut", "camera", "chelsea", "hopper"]
NUMBERED = [1, 10, 13, 33, 152, 263]


def shown(folder: Path, name: str, side: int, quality: int) -> np.ndarray:
    """The photograph at that size, through a JPEG; 0…1."""
    path = OUT / f"{name}.{side}.jpg"
    picture = Image.open(folder / "photos" / f"{name}.{side}.png").convert("RGB")
    picture.save(path, quality=quality, subsampling=0)
    return np.asarray(Image.open(path).convert("RGB"), np.float32) / 255


def batch(picture: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)


def main():
    folder = Path(sys.argv[1])
    OUT.mkdir(parents=True, exist_ok=True)
    run = {
        name: onnxruntime.InferenceSession(folder / f"{name}.onnx", providers=["CPUExecutionProvider"])
        for name in ["u2netp", "blazeface", "facemesh"]
    }
    ask = lambda name, x: run[name].run(None, {run[name].get_inputs()[0].name: x})
    expected = {}
    for name in NAMES:
        picture = shown(folder, name, 320, 80)
        x = (picture / picture.max() - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        likely = ask("u2netp", batch(x))[0][0, 0]
        Image.fromarray((likely * 255 + 0.5).astype(np.uint8)).save(OUT / f"{name}.320.mask.png", optimize=True)
    for name in FACES:
        boxes, scores = ask("blazeface", batch(shown(folder, name, 128, 92) * 2 - 1))
        best = int(scores.argmax())
        cells, anchors, first = (16, 2, 0) if best < 512 else (8, 6, 512)
        cell = (best - first) // anchors
        anchor = np.array([cell % cells + 0.5, cell // cells + 0.5]) / cells * 128
        flag, points = None, None
        for answer in ask("facemesh", batch(shown(folder, name, 192, 92))):
            flag, points = (float(answer.reshape(-1)[0]), points) if answer.size == 1 else (flag, answer.reshape(-1, 3))
        expected[name] = {
            "score": float(1 / (1 + np.exp(-scores.reshape(-1)[best]))),
            "centre": (boxes[0, best, :2] + anchor).round(4).tolist(),
            "size": boxes[0, best, 2:4].round(4).tolist(),
            "flag": round(flag, 4),
            "points": {str(at): points[at, :2].round(3).tolist() for at in NUMBERED},
        }
    numbers = json.dumps(expected, indent=1, default=float)
    (OUT / "expected.json").write_text(numbers + "\n")


if __name__ == "__main__":
    main()
