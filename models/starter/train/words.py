"""The vocabulary: every word of the captions in English and 正體中文, and the captions themselves.

`words.json` of the exported model is these tables: the window's chips and its
unknown-word warning come from them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

_THINGS = """
cat 貓|dog 狗|fox 狐狸|bear 熊|panda 熊貓|tiger 老虎|lion 獅子|cow 牛|pig 豬|frog 青蛙|monkey 猴子|chicken 雞
penguin 企鵝|owl 貓頭鷹|duck 鴨子|horse 馬|unicorn 獨角獸|bee 蜜蜂|butterfly 蝴蝶|turtle 烏龜|snake 蛇|octopus 章魚
crab 螃蟹|tropical fish 熱帶魚|dolphin 海豚|whale 鯨魚|shark 鯊魚|crocodile 鱷魚|elephant 大象|camel 駱駝|giraffe 長頸鹿
sheep 綿羊|rabbit 兔子|mouse 老鼠|hedgehog 刺蝟|parrot 鸚鵡|flamingo 紅鶴|swan 天鵝|baby chick 小雞|dragon 龍
tree 樹|pine tree 松樹|palm tree 棕櫚樹|cactus 仙人掌|sunflower 向日葵|rose 玫瑰|tulip 鬱金香|cherry blossom 櫻花
mushroom 蘑菇|maple leaf 楓葉|moon 月亮|star 星星|cloud 雲|rainbow 彩虹|fire 火|snowflake 雪花|volcano 火山|globe 地球
red apple 紅蘋果|green apple 青蘋果|orange 橘子|lemon 檸檬|banana 香蕉|watermelon 西瓜|grapes 葡萄|strawberry 草莓
cherries 櫻桃|pineapple 鳳梨|tomato 番茄|avocado 酪梨|carrot 胡蘿蔔|corn 玉米|bread 麵包|croissant 可頌|cheese 起司
hamburger 漢堡|french fries 薯條|pizza 披薩|sushi 壽司|ice cream 冰淇淋|donut 甜甜圈|birthday cake 生日蛋糕
cupcake 杯子蛋糕|coffee 咖啡|wine 紅酒
soccer ball 足球|basketball 籃球|guitar 吉他|crown 皇冠|gem 寶石|top hat 禮帽|dress 洋裝|t-shirt T恤|sneaker 球鞋
high heel 高跟鞋|backpack 背包|handbag 手提包|umbrella 雨傘|balloon 氣球|gift 禮物|light bulb 燈泡|candle 蠟燭|books 書
key 鑰匙|camera 相機|laptop 筆電|alarm clock 鬧鐘|rocket 火箭|airplane 飛機|car 汽車|taxi 計程車|bus 公車|bicycle 腳踏車
motorcycle 機車|sailboat 帆船|house 房子|castle 城堡|christmas tree 聖誕樹|snowman 雪人|ghost 幽靈|robot 機器人
teddy bear 泰迪熊|heart 愛心|trophy 獎盃|chair 椅子
smiling face 笑臉|cool face 酷臉|angry face 生氣臉|astronaut 太空人|cook 廚師|police officer 警察|santa 聖誕老人
"""
THINGS: dict[str, str] = {
    english: chinese
    for line in _THINGS.split("\n")
    for entry in line.split("|")
    if entry
    for english, chinese in [entry.rsplit(" ", 1)]
}

COLOURS = {
    "red": "紅色", "blue": "藍色", "green": "綠色", "yellow": "黃色", "orange": "橘色", "purple": "紫色",
    "pink": "粉紅色", "teal": "藍綠色", "white": "白色", "gray": "灰色", "black": "黑色", "brown": "棕色",
    "blond": "金色",
}  # fmt: skip
PLACES = {
    "on the beach": "在海灘上", "at sunset over the sea": "在夕陽海邊", "in the starry night sky": "在星空下",
    "in the snowy mountains": "在雪山", "in a green meadow": "在綠色草原", "in the forest": "在森林裡",
    "in the desert": "在沙漠", "underwater": "在水中", "in the city at night": "在夜晚的城市",
    "in the city": "在城市裡", "in a living room": "在客廳", "brick wall background": "磚牆背景",
    "on a wooden table": "在木桌上", "in outer space": "在太空",
}  # fmt: skip
PATTERNS = {"plain": "", "gradient": "漸層", "striped": "條紋", "polka dot": "圓點"}
FILTERS = {
    "pixel art": "像素風", "pencil sketch": "鉛筆素描", "black and white": "黑白", "sepia": "復古棕",
    "neon": "霓虹",
}  # fmt: skip
GLOSSY = "glossy 3d"
STYLES = {**FILTERS, GLOSSY: "立體光澤"}
HAIR = {
    "long hair": "長髮", "very long hair": "超長髮", "bob hair": "鮑伯頭", "bob hair with bangs": "瀏海鮑伯頭",
    "curly hair": "捲髮", "pigtails": "雙馬尾", "hair bun": "包頭", "curly hair bun": "捲髮包頭",
    "short hair": "短髮", "buzz cut": "平頭", "mohawk": "莫霍克頭", "fade haircut": "漸層短髮", "bald": "光頭",
    "cap": "鴨舌帽", "beanie": "毛帽", "side-parted hair": "旁分短髮", "undercut": "底剪短髮",
    "spiky hair": "刺蝟頭", "long straight hair": "長直髮", "long wavy hair": "長捲髮",
    "shoulder-length hair": "及肩髮",
}  # fmt: skip
COLOURLESS_HAIR = ("cap", "beanie", "bald")
CLOTHES = {"turtleneck": "高領衫", "jacket": "外套", "dress": "洋裝", "shirt": "襯衫", "t-shirt": "T恤"}
WHO = {"man": "男人", "woman": "女人", "person": "人"}
WEARS = {"glasses": "眼鏡", "sunglasses": "太陽眼鏡"}


@dataclass(frozen=True)
class Person:
    """What a parametric person wears; the keys of `people.json` in the work folder."""

    set: str
    """drawing set: `toon` or `personas`"""
    hair: str
    hc: str | None
    """hair colour; `None` where there is none to see"""
    cloth: str
    cc: str
    """clothes colour"""
    acc: str | None
    """`glasses`, `sunglasses` or nothing"""
    beard: bool
    who: str

    @property
    def hair_colour(self) -> str | None:
        return None if self.hair in COLOURLESS_HAIR else self.hc


@dataclass(frozen=True)
class Background:
    """A place of `PLACES`, or a pattern of `PATTERNS` in one or two colours."""

    kind: str
    colours: tuple[str, ...] = ()

    def english(self) -> str:
        if self.kind in PLACES:
            return self.kind
        pattern = "" if self.kind == "plain" else self.kind + " "
        return f"{' and '.join(self.colours)} {pattern}background"

    def chinese(self) -> str:
        if self.kind in PLACES:
            return PLACES[self.kind]
        return "".join(COLOURS[c] for c in self.colours) + PATTERNS[self.kind] + "背景"


@dataclass(frozen=True)
class Labels:
    """All that a caption can say about a scene. At most one of `thing` and `person` is set."""

    background: Background
    thing: str | None = None
    person: Person | None = None
    filter: str | None = None
    glossy: bool = False


def _person_words(p: Person, chinese: bool, says) -> list[str]:
    hair, clothes, colours = (HAIR, CLOTHES, COLOURS) if chinese else (None, None, None)
    words = []
    if says(0.9):
        colour = p.hair_colour if p.hair_colour and says(0.9) else None
        if chinese:
            words.append((colours[colour] if colour else "") + hair[p.hair])
        else:
            words.append(f"{colour} {p.hair}" if colour else p.hair)
    if says(0.85):
        words.append(colours[p.cc] + clothes[p.cloth] if chinese else f"{p.cc} {p.cloth}")
    if p.acc and says(0.9):
        words.append(WEARS[p.acc] if chinese else p.acc)
    if p.beard and says(0.7):
        words.append("鬍子" if chinese else "beard")
    return words


def caption(labels: Labels, r: random.Random, chinese: bool | None = None, complete: bool = False) -> str:
    """A caption of `labels`; 35 % Chinese where `chinese` is not given.

    Captions for training leave things out at random, so that the model learns prompts that do
    not say everything; `complete` ones say it all.
    """

    def says(probability: float) -> bool:
        return complete or r.random() < probability

    chinese = r.random() < 0.35 if chinese is None else chinese
    parts = []
    if labels.person:
        who = labels.person.who if says(0.8) else "person"
        words = _person_words(labels.person, chinese, says)
        if chinese:
            parts.append("，".join([WHO[who], *words]))
        elif words and not complete and r.random() < 0.5:
            parts.append(f"{who} with {', '.join(words)}")
        else:
            parts.append(", ".join([who, *words]))
    elif labels.thing:
        parts.append(THINGS[labels.thing] if chinese else labels.thing)
    if not parts or says(0.88):
        parts.append(labels.background.chinese() if chinese else labels.background.english())
    comma = "，" if chinese else ", "
    bare = not chinese and labels.thing and "background" not in labels.background.english()
    text = (" " if bare and not complete and r.random() < 0.4 else comma).join(parts)
    for style, probability in ((GLOSSY if labels.glossy else None, 0.85), (labels.filter, 1.0)):
        if style and says(probability):
            suffix = "" if chinese or complete or r.random() < 0.6 else " style"
            text += comma + (STYLES[style] if chinese else style) + suffix
    return text


def tables() -> dict:
    """The content of `words.json`."""
    return {
        "things": THINGS, "colours": COLOURS, "backgrounds": PLACES, "styles": STYLES, "hair": HAIR,
        "clothes": CLOTHES, "who": WHO,
        "wears": {**WEARS, "beard": "鬍子"},
        "patterns": {f"{kind} background".removeprefix("plain "): f"{PATTERNS[kind]}背景" for kind in PATTERNS},
    }  # fmt: skip
