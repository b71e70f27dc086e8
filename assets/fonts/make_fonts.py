#!/usr/bin/env python3
"""Writes the fonts of the interface, cut down to the characters it uses.

    python3 -m venv venv && venv/bin/pip install fonttools brotli
    npm pack lucide-static@1.62.0 @fontsource/inter@5.3.0      # unpack each into a folder
    apt-get install fonts-noto-cjk                             # Noto Sans CJK, OFL
    venv/bin/python make_fonts.py --lucide DIR --inter DIR [--noto /usr/share/fonts/opentype/noto]

Characters come from the translation files, the words of the built-in model, the table of prompt words
and the names of the languages; icons from src/ui/icons.rs. A test (src/ui/fonts.rs) fails when one is missing.
"""

import argparse
import json
import re
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTCollection, TTFont

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LATIN = "".join(map(chr, [*range(0x20, 0x7F), *range(0xA0, 0x180)]))
MARKS = "–—‘’“”…×→←↑↓·•−≈≤≥«»‹›␣⌘⇧⌃⌥"
TRADITIONAL_CHINESE = "Noto Sans CJK TC"


def characters() -> str:
    """Every character that the interface can show."""
    texts = [path.read_text() for path in sorted((ROOT / "assets/i18n").glob("*/*.ftl"))]
    texts.append((ROOT / "models/starter/words.json").read_text())
    texts.append((ROOT / "assets/prompt/terms.tsv").read_text())
    texts.append("正體中文")
    texts.append("，。、；：？！「」『』（）《》〈〉…—～％＋－／·０１２３４５６７８９")
    return "".join(sorted(set("".join(texts)) - set("\n\t")))


def cut(font: TTFont, text: str, path: Path) -> None:
    """Keeps the glyphs of `text` and what shaping them needs, and writes the font."""
    options = subset.Options()
    options.layout_features = ["kern", "liga", "calt", "ccmp", "locl", "mark", "mkmk", "vert", "tnum"]
    options.hinting = False
    options.desubroutinize = True
    options.name_IDs = [0, 1, 2, 13, 14]
    options.notdef_outline = True
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=text)
    subsetter.subset(font)
    font.flavor = None
    font.save(path)
    print(f"{path.name}: {len(font.getBestCmap())} characters, {path.stat().st_size} bytes")


def noto(folder: Path, weight: str) -> TTFont:
    """The Traditional Chinese face of a Noto collection."""
    for font in TTCollection(folder / f"NotoSansCJK-{weight}.ttc").fonts:
        if TRADITIONAL_CHINESE in (font["name"].getDebugName(1) or ""):
            return font
    raise SystemExit(f"no {TRADITIONAL_CHINESE} in {folder}")


def icons(folder: Path) -> None:
    """The icons of src/ui/icons.rs at the code points given there."""
    wanted = re.findall(r"= '\\u\{([0-9a-f]+)\}' \"([a-z0-9-]+)\"", (ROOT / "src/ui/icons.rs").read_text())
    points = json.loads((folder / "font/codepoints.json").read_text())
    missing = [name for _, name in wanted if name not in points]
    if missing:
        raise SystemExit(f"Lucide has no {missing}")
    font = TTFont(folder / "font/lucide.ttf")
    glyphs = {code: font.getBestCmap()[points[name]] for code, name in wanted}
    for table in font["cmap"].tables:
        table.cmap = {int(code, 16): glyph for code, glyph in glyphs.items()}
    font["cmap"].tables = [table for table in font["cmap"].tables if table.isUnicode()]
    cut(font, "".join(chr(int(code, 16)) for code, _ in wanted), HERE / "icons.ttf")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lucide", type=Path, required=True)
    parser.add_argument("--inter", type=Path, required=True)
    parser.add_argument("--noto", type=Path, default=Path("/usr/share/fonts/opentype/noto"))
    given = parser.parse_args()
    text = characters()
    for weight, name in [(400, "inter-regular.ttf"), (600, "inter-semibold.ttf")]:
        font = TTFont(given.inter / f"files/inter-latin-{weight}-normal.woff2")
        cut(font, LATIN + MARKS, HERE / name)
    for weight, name in [("Regular", "noto-sans-tc-regular.otf"), ("Bold", "noto-sans-tc-bold.otf")]:
        cut(noto(given.noto, weight), text + MARKS, HERE / name)
    icons(given.lucide)


if __name__ == "__main__":
    main()
