"""Reads a project of ours with readers nobody here wrote, and compares what they see with what is in it.

    python3 -m venv V && V/bin/pip install pyora pillow numpy
    apt-get install -y --no-install-recommends krita xvfb
    V/bin/python benches/project/ora.py check FILE.ora            # pyora; Krita too, where it is installed
    V/bin/python benches/project/ora.py write pyora.ora krita.ora # theirs, for ours to open (tests/data)

`cargo bench --bench project -- sample FILE.ora` writes a small project with a little of everything.
"""

import io
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from pyora import Project


def rgba(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def layers_of(path):
    """Name, place, opacity, visibility and pixels of each layer, from the top, by the format's own rules."""
    archive = zipfile.ZipFile(path)
    assert archive.testzip() is None
    first = archive.infolist()[0]
    assert (first.filename, first.compress_type) == ("mimetype", 0), first
    assert archive.read("mimetype") == b"image/openraster"
    found = []
    for layer in ET.fromstring(archive.read("stack.xml")).iter("layer"):
        at = layer.attrib
        found.append({
            "name": at.get("name", ""),
            "place": (int(at.get("x", 0)), int(at.get("y", 0))),
            "opacity": float(at.get("opacity", 1)),
            "visible": at.get("visibility", "visible") == "visible",
            "pixels": rgba(archive.read(at["src"])),
        })
    return found, rgba(archive.read("mergedimage.png"))


def canvas(layer, size):
    """A layer's pixels on the canvas: programs cut layers as they like. Where nothing shows there is nothing."""
    whole = np.zeros((size[1], size[0], 4), np.uint8)
    pixels, (x, y) = layer["pixels"], layer["place"]
    h, w = pixels.shape[:2]
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + w, size[0]), min(y + h, size[1])
    if x1 > x0 and y1 > y0:
        whole[y0:y1, x0:x1] = pixels[y0 - y:y1 - y, x0 - x:x1 - x]
    whole[whole[..., 3] == 0] = 0
    return whole


def report(reader, ours, theirs, size):
    assert len(ours) == len(theirs), f"{reader}: {len(theirs)} layers of {len(ours)}"
    for a, b in zip(ours, theirs):
        one, two = canvas(a, size), canvas(b, size)
        off = int(np.abs(one.astype(int) - two.astype(int)).max())
        print(f"{reader}: {a['name']!r} at {a['place']}: name {'equal' if a['name'] == b['name'] else b['name']}, "
              f"place {'equal' if a['place'] == b['place'] else b['place']}, opacity off by "
              f"{abs(a['opacity'] - b['opacity']):.4f}, visible {'equal' if a['visible'] == b['visible'] else 'NO'}, "
              f"pixels off by {off} at most")


def krita(*arguments):
    home = tempfile.mkdtemp()
    environment = {**os.environ, "HOME": home, "XDG_RUNTIME_DIR": home, "LC_ALL": "C.UTF-8"}
    command = ["xvfb-run", "-a", "krita", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, timeout=300, text=True)


def check(path):
    ours, merged = layers_of(path)
    size = (merged.shape[1], merged.shape[0])
    project = Project.load(path)
    assert project.dimensions == size, project.dimensions
    theirs = [{
        "name": layer.name, "place": layer.offsets, "opacity": layer.opacity, "visible": layer.visible,
        "pixels": np.asarray(layer.get_image_data(raw=True).convert("RGBA")),
    } for layer in project.children_recursive]
    names = [layer["name"] for layer in ours]
    theirs.sort(key=lambda layer: names.index(layer["name"]))
    report("pyora", ours, theirs, size)
    drawn = np.asarray(project.get_image_data(use_original=False).convert("RGBA")).astype(int)
    print(f"pyora draws it: off from mergedimage.png by {np.abs(drawn - merged).max()} at most")
    if shutil.which("krita") is None:
        return print("Krita is not installed")
    with tempfile.TemporaryDirectory() as room:
        png, ora = Path(room) / "drawn.png", Path(room) / "again.ora"
        ran = krita(str(path), "--export", "--export-filename", str(png))
        assert png.exists(), ran.stderr
        drawn = rgba(png.read_bytes()).astype(int)
        print(f"Krita draws it: off from mergedimage.png by {np.abs(drawn - merged).max()} at most, "
              f"{(np.abs(drawn - merged).max(axis=2) > 1).mean():.4f} of the pixels by more than 1")
        ran = krita(str(path), "--export", "--export-filename", str(ora))
        assert ora.exists(), ran.stderr
        report("Krita", ours, layers_of(ora)[0], size)


def write(by_pyora, by_krita):
    new = Project.new(48, 32)
    new.add_layer(Image.new("RGBA", (48, 32), (10, 200, 30, 255)), "paper")
    ink = new.add_layer(Image.new("RGBA", (12, 8), (200, 10, 30, 128)), "ink")
    ink.offsets, ink.opacity = (7, 9), 0.5
    new.save(by_pyora)
    if shutil.which("krita"):
        ran = krita(str(Path(by_pyora).resolve()), "--export", "--export-filename", str(Path(by_krita).resolve()))
        assert Path(by_krita).exists(), ran.stderr


if __name__ == "__main__":
    {"check": check, "write": write}[sys.argv[1]](*sys.argv[2:])
