"""Random COCO files in every form that is valid JSON, and damaged ones, for tests of the scanner.

`odd` is the share of fields that hold, lack or repeat something which the scanner may decline; at 0 it must accept.
"""

import random
import re

SPACES = ("", "", "", "", " ", " ", "  ", "\n", "\t", "\r\n", " \r\t\n ")
ODD_SPACES = ("\f", "\v", "\u00a0", "\u2028", "\ufeff", "\0", "//", "/**/")
NUMBERS = (
    "0", "-0", "-0.0", "0.0", "0e0", "-0e-0", "0E+400", "0.000", "7", "-7", "1E5", "1e+05", "1e-05", "1.0", "1.50000",
    "-1.5e0", "100000", "0.1", "0.30000000000000004", "0.0001", "1e22", "1e23", "1e308", "1.7976931348623157e308",
    "2.2250738585072014e-308", "9007199254740993", "9007199254740992.5", "123456789012345678", "0.123456789012345678",
    "0.00000000000000000000123456789012345678", "99999999999999999.9", "1e0001", "100000000000000000e-17",
)
"""Every form of a number that the scanner must accept."""
ODD_VALUES = (
    "01", "-01", "00", "00.5", "+1", ".5", "-.5", "5.", "1.e5", "1e", "1e+", "1e-", "1.5e", "-", "--1", "- 1", "1 2",
    "NaN", "Infinity", "-Infinity", "nan", "null", "true", "false", "True", '"1"', "[1]", "[]", "{}", "", "1e400",
    "-1e400", "5e-324", "4.9e-324", "2.2250738585072011e-308", "1e-400", "0x1", "1_000", "1" * 19, "1" * 25, "1" * 310,
    "1234567890123456789", "0." + "1" * 19, "0." + "1" * 30, "1.0000000000000000000", "1e00005", "1e99999", "1d5",
    "9223372036854775807", "9223372036854775808", "18446744073709551616", "\uff11", "1.0", "1e0", "-0", "1,", "1}",
)
STRINGS = ("a", "name", "x" * 40, " ", "\\n", "\\\\", '\\"', "\\/", "\\u00e9", "\\u0000", "\\ud83d\\ude00", "\u00e9",
           "\U0001f600", "\x7f", "},{", "}, {", "]", "}]", ":", ",", "[{", '}, {\\"image_id\\": 1, \\"bbox\\": [')
ODD_STRINGS = ("\\ud800", "\\q", "\\u12g4", "\\u12", "\\", "\t", "\n", "\0", "\x1f", '"', "\\'")
KEYS = ("note", "image_i", "image_id_", "category_id2", "category_ids", "scores", "bboxes", "", "\u00e9", "Score", "i",
        "a key of more than twelve bytes", "}, {", "file_name", "category_name", "isCrowd", "iscrowds", "ids")
ODD_KEYS = ("image\\u005fid", "scor\\u0065", "\\u0069d", "a\\n", "a\n", "iscrowd\\u0000", "bbox\\", 'b"c')
TOKENS = [token.encode() for token in (
    *NUMBERS, *ODD_VALUES, *ODD_STRINGS, *ODD_SPACES, *SPACES, "[", "]", "{", "}", ",", ":", '"', "'", "},{", "], [",
    '"score"', '"image_id":1,', '"bbox":[1,2,3,4],', '"id":1,', '"area"', ',"iscrowd":1', "e", "E", ".", "\\u0041")]


def space(rng: random.Random, odd: float) -> str:
    """White space between two tokens, most often none."""
    return rng.choice(ODD_SPACES if rng.random() < odd / 20 else SPACES)


def number(rng: random.Random, odd: float) -> str:
    """A number that a box side, a score or an area may be."""
    if rng.random() < odd:
        return rng.choice(ODD_VALUES)
    kind = rng.randrange(6)
    if kind == 0:
        return rng.choice(NUMBERS)
    if kind == 1:
        return str(rng.randrange(-10 ** rng.randrange(1, 19), 10 ** rng.randrange(1, 19)))
    if kind == 2:
        return repr(rng.uniform(-1, 1000))
    if kind == 3:
        digits = f"{rng.randrange(10)}.{rng.randrange(10**12)}"
        return f"{digits}{rng.choice('eE')}{rng.choice(('', '+', '-'))}{rng.randrange(290):0{rng.randrange(1, 4)}}"
    return f"{rng.uniform(0, 600):.{rng.randrange(1, 7)}f}"


def whole(rng: random.Random, odd: float) -> str:
    """An id."""
    if rng.random() < odd:
        return rng.choice(ODD_VALUES)
    return rng.choice((str(rng.randrange(100)), "0", "-0", "-3", str(rng.randrange(10**18)), "9" * 18))


def string(rng: random.Random, odd: float) -> str:
    """A string of text, escapes and what looks like structure."""
    parts = rng.choices(STRINGS, k=rng.randrange(4))
    if rng.random() < odd:
        parts.append(rng.choice(ODD_STRINGS))
    return f'"{"".join(parts)}"'


def json_list(rng: random.Random, items: list[str], odd: float) -> str:
    """A list of values that are text already."""
    spaced = (f"{space(rng, odd)}{item}{space(rng, odd)}" for item in items)
    return f"[{','.join(spaced)}{',' if rng.random() < odd / 20 else ''}]"


def json_object(rng: random.Random, pairs: list[tuple[str, str]], odd: float) -> str:
    """An object of keys and values that are text already, in any order; odd ones lack or repeat a pair."""
    pairs = rng.sample(pairs, len(pairs))
    if pairs and rng.random() < odd:
        pairs.append(rng.choice(pairs)) if rng.random() < 0.5 else pairs.pop()
    parts = [f'{space(rng, odd)}"{key}"{space(rng, odd)}:{space(rng, odd)}{value}{space(rng, odd)}'
             for key, value in pairs]
    return f"{{{','.join(parts) or space(rng, odd)}{',' if rng.random() < odd / 20 else ''}}}"


def anything(rng: random.Random, odd: float, depth: int = 0) -> str:
    """Any JSON value, records within lists included."""
    kind = rng.randrange(9 if depth < 3 else 5)
    if kind < 3:
        return rng.choice((string, number, whole))(rng, odd)
    if kind < 5:
        return rng.choice(("null", "true", "false", "[]", "{}", "[ ]", "{ }", "1" * 30, "[0.50, -1.2,3]", "[1,  2]",
                           "[" * 30 + "]" * 30, '[{"":' * 10 + "{}" + "} ]" * 10))
    if kind == 5:
        return json_list(rng, [detection(rng, odd, 3) for _ in range(rng.randrange(3))], odd)
    if kind == 6:
        return json_list(rng, [number(rng, odd) for _ in range(rng.randrange(5))], odd)
    if kind == 7:
        return json_list(rng, [anything(rng, odd, depth + 1) for _ in range(rng.randrange(4))], odd)
    return json_object(rng, [(rng.choice(KEYS), anything(rng, odd, depth + 1)) for _ in range(rng.randrange(3))], odd)


def extras(rng: random.Random, odd: float, depth: int) -> list[tuple[str, str]]:
    """Fields of no interest, which may be there twice."""
    keys = rng.choices(KEYS, k=rng.choice((0, 0, 0, 1, 2)))
    if rng.random() < odd:
        keys.append(rng.choice(ODD_KEYS))
    return [(key, anything(rng, odd, depth)) for key in keys]


def detection(rng: random.Random, odd: float, depth: int = 0) -> str:
    """A record of a results list."""
    box = [number(rng, odd) for _ in range(4 if rng.random() >= odd else rng.randrange(6))]
    pairs = [("image_id", whole(rng, odd)), ("category_id", whole(rng, odd)), ("score", number(rng, odd)),
             ("bbox", json_list(rng, box, odd))]
    if rng.random() < 0.2:
        optional = ("id", "area", "iscrowd", "ignore", "segmentation")
        pairs += [(key, anything(rng, odd, depth)) for key in rng.sample(optional, rng.randrange(5))]
    return json_object(rng, pairs + extras(rng, odd, depth), odd)


def annotation(rng: random.Random, odd: float, with_id: bool) -> str:
    """A record of a ground truth."""
    box = [number(rng, odd) for _ in range(4)]
    pairs = [("image_id", whole(rng, odd)), ("category_id", whole(rng, odd)), ("bbox", json_list(rng, box, odd))]
    polygon = json_list(rng, [number(rng, odd) for _ in range(rng.randrange(9))], odd)
    run_lengths = json_list(rng, [whole(rng, odd) for _ in range(4)], odd)
    counts = rng.choice((run_lengths, '"PYoZ:}, {1\\\\N"'))
    mask = json_object(rng, [("size", "[480, 640]"), ("counts", counts)], odd)
    optional = [("area", number(rng, odd)), ("score", anything(rng, odd)), ("iscrowd", flag(rng, odd)),
                ("ignore", flag(rng, odd)), ("segmentation", rng.choice((f"[{polygon}]", mask, '"x}, {y"')))]
    pairs += rng.sample(optional, rng.randrange(6))
    if with_id if rng.random() >= odd else not with_id:
        pairs.append(("id", whole(rng, odd)))
    return json_object(rng, pairs + extras(rng, odd, 0), odd)


def flag(rng: random.Random, odd: float) -> str:
    """0 or 1 in every form."""
    return rng.choice(ODD_VALUES) if rng.random() < odd else rng.choice(("0", "1", "true", "false"))


def some(rng: random.Random, odd: float, fewest: int = 1) -> range:
    """A range over the records of a list."""
    return range(rng.randrange(0 if rng.random() < odd else fewest, 4))


def predictions(rng: random.Random, odd: float) -> str:
    """A results file: a list, or an object with a section that is one."""
    records = json_list(rng, [detection(rng, odd) for _ in some(rng, odd)], odd)
    if rng.random() < 0.6:
        return f"{space(rng, odd)}{records}{space(rng, odd)}"
    names = rng.sample(("info", "images", "categories", "x", "annotation", "\u00e9}, {"), rng.randrange(4))
    sections = [(name, anything(rng, odd)) for name in names]
    sections.append((rng.choice(("annotations", "predictions")), records))
    return f"{space(rng, odd)}{json_object(rng, sections, odd)}{space(rng, odd)}"


def image(rng: random.Random, odd: float) -> str:
    """A record of an image, as plain as most are or with fields of any kind."""
    pairs = [("id", str(rng.randrange(10**6))), ("file_name", '"a.jpg"'), ("width", "640"), ("height", "480.5")]
    if rng.random() < 0.5:
        optional = [("file_name", string(rng, odd)), ("width", number(rng, odd)), ("height", "null"),
                    ("file_name", "null"), ("neg_category_ids", rng.choice(("[]", "null", "[1, 2]")))]
        pairs = [("id", rng.choice((whole, string))(rng, odd)), *rng.sample(optional, rng.randrange(4))]
    return json_object(rng, pairs, odd)


def ground_truth(rng: random.Random, odd: float) -> str:
    """A ground-truth file, its sections in any order."""
    with_id = rng.random() < 0.7
    records = json_list(rng, [annotation(rng, odd, with_id) for _ in some(rng, odd)], odd)
    images = [image(rng, odd) for _ in some(rng, odd, 0)]
    categories = [json_object(rng, [("id", whole(rng, odd)), ("name", string(rng, odd)), ("x", "[null, {}]")], odd)
                  for _ in some(rng, odd, 0)]
    sections = [("annotations", records), ("images", json_list(rng, images, odd)),
                ("categories", json_list(rng, categories, odd))]
    sections += [(name, anything(rng, odd)) for name in rng.sample(("info", "licenses", "x"), rng.randrange(3))]
    return f"{space(rng, odd)}{json_object(rng, sections, odd)}{space(rng, odd)}"


def damaged(rng: random.Random, text: bytes) -> bytes:
    """A file with one to three places replaced, changed, removed, doubled, moved or cut off."""
    data = bytearray(text)
    for _ in range(rng.choice((1, 1, 1, 1, 2, 3))):
        start = rng.randrange(len(data) + 1)
        stop = min(len(data), start + rng.choice((0, 1, 1, 2, 5, 40)))
        kind = rng.randrange(20)
        if kind < 6:
            data[start:stop] = rng.choice(TOKENS)
        elif kind < 10:
            found = list(re.finditer(rb"-?\d[\d.eE+-]*", data))
            if found:
                place = rng.choice(found)
                data[place.start() : place.end()] = rng.choice(rng.choice((ODD_VALUES, NUMBERS))).encode()
        elif kind < 13 and start < len(data):
            data[start] ^= 1 << rng.randrange(7)
        elif kind < 15:
            data[start:start] = data[start:stop]
        elif kind < 17:
            del data[start:stop]
        elif kind < 18:
            other = rng.randrange(len(data) + 1)
            data[other:other] = data[start:stop]
        elif kind < 19:
            data += rng.choice(TOKENS)
        else:
            del data[start:]
    return bytes(data)
