"""Slices choose images by field, file name and id, and say with the line what is wrong with them."""

import numpy as np
import pytest

import deteval
from deteval.loading.slices import parse_slices, read_slices, select
from deteval.loading.yaml_file import read_yaml
from deteval.records.dataset import Images

NAMES = ("cam0_1.jpg", "val/cam0_2.jpg", "cam1_1.jpg", None, "cam1_3.jpg", "[x].jpg")
FIELDS = {"timeofday": ("night", "day", "night", None, "dusk", "night"), "license": (1, 2, 1, True, "1", 2.0),
          "attributes.weather": ("rain", "rain", None, "rain", "fog", "fog")}


def images(ids=(10, 20, 30, 40, 50, 60)):
    ids = np.array(ids, object if isinstance(ids[0], str) else np.int64)
    return Images(ids, NAMES, np.array([640.0, 640, 320, np.nan, 320.5, 1]), np.full(6, np.nan), FIELDS)


def chosen(text, tmp_path, of=None):
    (tmp_path / "slices.yaml").write_text(text)
    return {name: select(rule, of or images()).tolist() for name, rule in read_slices(tmp_path / "slices.yaml").items()}


@pytest.mark.parametrize("conditions, expected", [
    ("{image: {timeofday: night}}", [0, 2, 5]),
    ("{image: {timeofday: [night, dusk]}}", [0, 2, 4, 5]),
    ("{image: {timeofday: night, attributes.weather: rain}}", [0]),
    ("{image: {license: 1}}", [0, 2]),
    ("{image: {license: true}}", [3]),
    ("{image: {license: '1'}}", [4]),
    ("{image: {license: 2}}", [1, 5]),
    ("{image: {width: 640}}", [0, 1]),
    ("{image: {width: 320.5}}", [4]),
    ("{image: {id: [10, 60]}}", [0, 5]),
    ("{image: {file_name: cam1_1.jpg}}", [2]),
    ("{file_name: 'cam0_*'}", [0, 1]),
    ("{file_name: 'val/*'}", [1]),
    ("{file_name: ['cam0_?.jpg', 'cam1_3.jpg']}", [0, 1, 4]),
    ("{file_name: '[[]x].jpg'}", [5]),
    ("{ids: [30, 10]}", [0, 2]),
    ("{ids: 30}", [2]),
    ("{ids: ['30', 10]}", [0, 2]),
    ("{image: {timeofday: night}, file_name: 'cam*', ids: [10, 20, 60]}", [0]),
])
def test_conditions(conditions, expected, tmp_path):
    assert chosen(f"one: {conditions}\n", tmp_path) == {"one": expected}


def test_positions_ascend_and_are_int64(tmp_path):
    (tmp_path / "slices.yaml").write_text("some: {ids: [60, 10]}\n")
    positions = select(read_slices(tmp_path / "slices.yaml")["some"], images())
    assert (positions.dtype, positions.tolist()) == (np.int64, [0, 5])


def test_ids_that_are_text(tmp_path):
    texts = images(("10", "20", "a", "b", "c", "d"))
    assert chosen("some: {ids: [20, a]}\n", tmp_path, texts) == {"some": [1, 2]}


def test_by_itself_or_under_the_key_slices(tmp_path):
    text = "night: {image: {timeofday: night}}\n2024: {ids: 10}\n"
    under = "slices:\n" + "".join(f"  {line}\n" for line in text.splitlines())
    assert chosen(text, tmp_path) == chosen(under, tmp_path) == {"night": [0, 2, 5], "2024": [0]}


def test_part_of_another_file(tmp_path):
    (tmp_path / "gate.yaml").write_text("rules: []\nslices:\n  fog: {image: {attributes.weather: fog}}\n")
    file = read_yaml(tmp_path / "gate.yaml")
    assert select(parse_slices(file, ("slices",), file.value["slices"])["fog"], images()).tolist() == [4, 5]


@pytest.mark.parametrize("text, line, problem", [
    ("", 1, "slices are a mapping of names, as night: {image: {timeofday: night}}"),
    ("[night]", 1, "slices are a mapping of names, as night: {image: {timeofday: night}}"),
    ("slices: []", 1, "slices are a mapping of names, as night: {image: {timeofday: night}}"),
    ("a: {ids: 10}\nb: night", 2,
     "slice b: a mapping with keys image, file_name, ids is needed, as {image: {timeofday: night}}"),
    ("a:\n", 1, "slice a: a mapping with keys image, file_name, ids is needed, as {image: {timeofday: night}}"),
    ("a:\n  images: {timeofday: night}", 2, "unknown key 'images'; did you mean 'image'?"),
    ("a:\n  image: night", 2, "image: fields of the image records and their values are needed, as {timeofday: night}"),
    ("a:\n  image: {}", 2, "image: fields of the image records and their values are needed, as {timeofday: night}"),
    ("a:\n  image:\n    timeofday:", 3, "timeofday: a text, a number or a boolean is needed, or a list of them"),
    ("a:\n  image:\n    timeofday: []", 3, "timeofday: a text, a number or a boolean is needed, or a list of them"),
    ("a:\n  image:\n    timeofday: [[night]]", 3,
     "timeofday: ['night'] is not a text, a number or a boolean; put it in quotes if it is meant as text"),
    ("a: {file_name: 7}", 1, "file_name: 7 is not a file name or glob; put it in quotes if it is meant as text"),
    ("a: {file_name: []}", 1, "file_name: a file name or glob is needed, or a list of them"),
    ("a: {ids: [10, true]}", 1, "ids: True is not an image id; put it in quotes if it is meant as text"),
    ("a: {ids: [10, 1.5]}", 1, "ids: 1.5 is not an image id; put it in quotes if it is meant as text"),
    ("a: {ids: }", 1, "ids: an image id is needed, or a list of them"),
    ("a: {ids: [10, 70, 80]}", 1, "slice a: 70 is not an image of the ground truth (and 1 more)"),
    ("a:\n  image:\n    timeofdy: night", 3, ("slice a: the images have no field 'timeofdy'; did you mean 'timeofday'? "
                                           "(their fields: timeofday, license, attributes.weather)")),
    ("a:\n  image:\n    timeofday: nigth", 3, ("slice a: no image has timeofday 'nigth'; did you mean 'night'? (there "
                                             "are 'day', 'dusk', 'night')")),
    ("a:\n  image:\n    license: [1, 7]", 3, "slice a: no image has license 7 (there are '1', 1, 2, 2.0, True)"),
    ("a: {file_name: ['cam0_*', 'cam9_*']}", 1, "slice a: no file name fits 'cam9_*' (names are like 'cam0_1.jpg')"),
    ("a: {ids: 10}\nb:\n  image: {timeofday: dusk}\n  ids: 10", 2, "slice b: no image fits all its conditions"),
])
def test_what_is_wrong_is_said_with_its_line(text, line, problem, tmp_path):
    with pytest.raises(deteval.DetevalError) as error:
        chosen(text, tmp_path)
    assert error.value.exit_code == 2
    assert str(error.value) == f"{tmp_path}/slices.yaml:{line}: {problem}"


def test_many_values_are_not_all_listed(tmp_path):
    many = Images(np.arange(30), (None,) * 30, np.full(30, np.nan), np.full(30, np.nan),
                  {"clip": tuple(f"c{n:02}" for n in range(30))})
    with pytest.raises(deteval.DetevalError, match=r"'c07' and 22 others\)$"):
        chosen("a: {image: {clip: x}}", tmp_path, many)


def test_images_without_fields_or_names(tmp_path):
    bare = Images(np.arange(2), (None, None), np.full(2, np.nan), np.full(2, np.nan))
    with pytest.raises(deteval.DetevalError, match=r"their fields: none besides id, file_name, width and height\)$"):
        chosen("a: {image: {clip: x}}", tmp_path, bare)
    with pytest.raises(deteval.DetevalError, match=r"\(the images have no file names\)$"):
        chosen("a: {file_name: x}", tmp_path, bare)
