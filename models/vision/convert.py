#!/usr/bin/env python3
"""Makes the safetensors of this folder from the ONNX files of the networks; README.md says where those are from.

    pip install onnx safetensors numpy
    ./convert.py FOLDER      # holds u2netp.onnx, blazeface.onnx, facemesh.onnx

Weights are f16, named after the layers of src/engine/vision. Convolutions are taken in the order in which the
graph runs them, and every shape is checked, so another export either fits or is refused.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.numpy import save_file

HERE = Path(__file__).resolve().parent

SHA256 = {
    "blazeface": "f70534d147964382c6f4c6e61c042d8b1880547fa7f1b860d6d0809799388d0b",
    "facemesh": "45def7ec1556d65b82feeeadc1e279a803f5d4c52222fcdd2e58cbe0cdaf063d",
    "u2netp": "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
}


def read(folder: Path, name: str):
    """The convolutions (weight, bias) and PReLU slopes, each in the graph's order."""
    data = (folder / f"{name}.onnx").read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256[name]:
        sys.exit(f"{name}.onnx is another file: {found}")
    graph = onnx.load_from_string(data).graph
    numbers = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    convolutions = [
        (numbers[node.input[1]], numbers[node.input[2]]) for node in graph.node if node.op_type == "Conv"
    ]
    slopes = [numbers[node.input[1]].reshape(-1) for node in graph.node if node.op_type == "PRelu"]
    return convolutions, slopes


def write(name: str, tensors: dict):
    halves = {key: np.ascontiguousarray(value.astype(np.float16)) for key, value in tensors.items()}
    for key, value in halves.items():
        assert np.isfinite(value).all(), key
    path = HERE / f"{name}.safetensors"
    save_file(halves, path)
    print(path.name, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())


def named(convolutions, names):
    """Each convolution under its name, of the shape that goes with it."""
    assert len(convolutions) == len(names), (len(convolutions), len(names))
    tensors = {}
    for (weight, bias), (name, shape) in zip(convolutions, names):
        assert weight.shape == shape, (name, weight.shape, shape)
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = weight, bias
    return tensors


def u2netp(folder: Path):
    names = []

    def convolution(name, outputs, inputs, kernel=3):
        names.append((name, (outputs, inputs, kernel, kernel)))

    def residual_u(stage, levels, inputs):
        convolution(f"{stage}.rebnconvin", 64, inputs)
        convolution(f"{stage}.rebnconv1", 16, 64)
        for level in range(2, levels + 1):
            convolution(f"{stage}.rebnconv{level}", 16, 16)
        for level in range(levels - 1, 0, -1):
            convolution(f"{stage}.rebnconv{level}d", 64 if level == 1 else 16, 32)

    for stage, levels, inputs in [
        ("stage1", 7, 3), ("stage2", 6, 64), ("stage3", 5, 64), ("stage4", 4, 64), ("stage5", 4, 64), ("stage6", 4, 64),
        ("stage5d", 4, 128), ("stage4d", 4, 128), ("stage3d", 5, 128), ("stage2d", 6, 128), ("stage1d", 7, 128),
    ]:
        residual_u(stage, levels, inputs)
    for side in range(1, 7):
        convolution(f"side{side}", 1, 64)
    convolution("outconv", 1, 6, 1)
    convolutions, _ = read(folder, "u2netp")
    write("u2netp", named(convolutions, names))


def blaze_block(names, name, inputs, outputs):
    """Depthwise, then pointwise."""
    names.append((f"{name}.depthwise", (inputs, 1, 3, 3)))
    names.append((f"{name}.pointwise", (outputs, inputs, 1, 1)))


def blazeface(folder: Path):
    names = [("stem", (24, 3, 5, 5))]
    widths = [24, 24, 28, 32, 36, 42, 48, 56, 64, 72, 80, 88, 96, 96, 96, 96, 96]
    for index, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        blaze_block(names, f"blocks.{index}", inputs, outputs)
    names += [("scores16", (2, 88, 1, 1)), ("scores8", (6, 96, 1, 1))]
    names += [("boxes16", (32, 88, 1, 1)), ("boxes8", (96, 96, 1, 1))]
    convolutions, _ = read(folder, "blazeface")
    write("blazeface", named(convolutions, names))


def facemesh(folder: Path):
    convolutions, slopes = read(folder, "facemesh")
    names = [("stem", (16, 3, 3, 3))]
    widths = [16, 16, 16, 32, 32, 32, 64, 64, 64, 128, 128, 128, 128, 128, 128]
    for index, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        blaze_block(names, f"blocks.{index}", inputs, outputs)
    blaze_block(names, "points.blocks.0", 128, 128)
    blaze_block(names, "points.blocks.1", 128, 128)
    # From here on the graph goes through two branches in turns: the flag (is it a face?) and the points.
    branches, last = ["flag", "points"], ["flag.blocks.0", "points.blocks.2"]
    names += [(f"{block}.depthwise", (128, 1, 3, 3)) for block in last]
    names += [(f"{block}.pointwise", (128, 128, 1, 1)) for block in last]
    names += [(f"{branch}.narrow", (32, 128, 1, 1)) for branch in branches]
    names += [(f"{branch}.block.depthwise", (32, 1, 3, 3)) for branch in branches]
    names += [(f"{branch}.block.pointwise", (32, 32, 1, 1)) for branch in branches]
    names += [("flag.out", (1, 32, 3, 3)), ("points.out", (1404, 32, 3, 3))]
    tensors = named(convolutions, names)
    rectified = ["stem"] + [f"blocks.{index}" for index in range(len(widths) - 1)]
    rectified += ["points.blocks.0", "points.blocks.1", *last]
    rectified += [f"{branch}.{part}" for part in ["narrow", "block"] for branch in branches]
    assert len(slopes) == len(rectified), (len(slopes), len(rectified))
    for name, slope in zip(rectified, slopes):
        tensors[f"{name}.slope"] = slope
    write("facemesh", tensors)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    u2netp(folder)
    blazeface(folder)
    facemesh(folder)


if __name__ == "__main__":
    main()
