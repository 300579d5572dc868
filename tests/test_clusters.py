"""Clusters come from a field of the images or from a file, and frames of videos are recognised by their names."""

import json

import numpy as np
import pytest

import deteval
from deteval.loading.clusters import cluster_values, looks_like_video
from deteval.records.dataset import Images


def images(names, ids=None, **fields):
    count = len(names)
    ids = np.arange(1, count + 1) if ids is None else np.array(ids, dtype=object)
    return Images(ids, tuple(names), np.full(count, np.nan), np.full(count, np.nan), fields)


THREE = images(["a.jpg", "b.jpg", None], sequence=("s1", "s1", 2), scene=("x", None, None))


def refusal(text, of=THREE):
    with pytest.raises(deteval.DetevalError) as error:
        cluster_values(text, of)
    assert error.value.exit_code == 2
    return str(error.value)


def test_a_field():
    assert cluster_values("sequence", THREE) == ["s1", "s1", 2]


def test_a_field_that_some_images_lack():
    assert refusal("scene") == "cluster_by scene: image 2 has no such field (and 1 more)"


def test_neither_field_nor_file():
    assert refusal("sequnce") == ("cluster_by: there is no file 'sequnce', and the images have no field 'sequnce'; "
                                  "did you mean 'sequence'? (their fields: sequence, scene)")
    assert refusal("absent", images(["a"])) == ("cluster_by: there is no file 'absent', and the images have no field "
                                                "'absent' (their fields: none besides id, file_name, width and height)")


@pytest.mark.parametrize("name, text", [
    ("map.json", json.dumps({"1": "one", "b.jpg": "one", "3": 3, "unused": "x"})),
    ("map.txt", '\ufeff  {"a.jpg": "one", "2": "one", "3": 3}'),
    ("map.yaml", "1: one\nb.jpg: one\n3: 3\n"),
    ("map.csv", "image,cluster\n1,one\nb.jpg,one\n3,3\n"),
    ("map.csv", "\ufeffcluster, image , more\none,1,x\none, b.jpg\n\n3,3,\none,1,again\n"),
])
def test_a_file_of_any_kind(name, text, tmp_path):
    (tmp_path / name).write_text(text, "utf-8")
    found = cluster_values(str(tmp_path / name), THREE)
    assert [str(one) for one in found] == ["one", "one", "3"]


def test_ids_that_are_text(tmp_path):
    (tmp_path / "map.json").write_text('{"x": 1, "y": 2}')
    assert cluster_values(str(tmp_path / "map.json"), images([None, "y"], ids=["x", "z"])) == [1, 2]


@pytest.mark.parametrize("text, problem", [
    ('{"1": "one", "b.jpg": "one"}', ": image 3 has no cluster there, by id or file name"),
    ('{"9": "one"}', ": image 1 has no cluster there, by id or file name (and 2 more)"),
    ('{"1": null}', ": the cluster of '1' is null, a text or a number is needed"),
    ('{"1": ["one"]}', ": the cluster of '1' is ['one'], a text or a number is needed"),
    ('{"1": "one"', ": not JSON: the file is cut off at byte 11 (line 1, column 12)"),
    ("[1, 2]", ": a mapping from image ids or file names to clusters is needed, or CSV with the columns image,cluster"),
    ("", ": a mapping from image ids or file names to clusters is needed, or CSV with the columns image,cluster"),
    ("1: one\n2: [a\n", ":3: not YAML: expected ',' or ']', but got '<stream end>'"),
    ('{"1": true}', ": the cluster of '1' is true, a text or a number is needed"),
    ('{"1": 1e999}', ": the cluster of '1' is inf, a text or a number is needed"),
    ('{"1": NaN}', ": the cluster of '1' is nan, a text or a number is needed"),
    ("1: false\n", ": the cluster of 1 is false, a text or a number is needed"),
    ("image,cluster,x\r1,one,\r2,two,\r", ":1: not CSV: new-line character seen in unquoted field"),
    ("image,cluster\n1,one\n2," + "x" * 200_000, ":3: not CSV: field larger than field limit (131072)"),
    ("1: " + "9" * 5000, ":1: a number of 5,000 digits is larger than any that is needed here"),
    ("image,cluster\n1,one\n2\n", ":3: an image and a cluster are needed"),
    ("image,cluster\n1,one\n2,two\n1,two\n", ":4: image '1' stands in two clusters"),
])
def test_what_is_wrong_with_a_file(text, problem, tmp_path):
    (tmp_path / "map").write_text(text)
    assert refusal(str(tmp_path / "map")) == f"{tmp_path}/map{problem}"


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "map").write_bytes(b"image,cluster\n\xff")
    assert "is not UTF-8" in refusal(str(tmp_path / "map"))


def frames(videos, count, pattern, step=1):
    return [pattern.format(video=video, frame=step * frame) for video in range(videos) for frame in range(count)]


@pytest.mark.parametrize("names, videos", [
    (frames(20, 30, "clip{video}/{frame:05}.jpg", step=10), 20),
    (frames(12, 15, "clip{video}_{frame}.jp2"), 12),
    (frames(5, 30, "town_{video:06}_{frame:06}_leftImg8bit.png"), 5),
    ([*frames(2, 40, "v{video}-f{frame}.png"), "v0-f99.png"], 2),
])
def test_frames_of_videos(names, videos):
    remark = looks_like_video(images(names))
    assert remark.startswith(f"image names look like frames of {videos} videos (as '")
    assert "--cluster-by" in remark


NUMBERS = np.sort(np.random.default_rng(0).choice(600_000, 3000, replace=False))


@pytest.mark.parametrize("names", [
    [f"{number:012}.jpg" for number in NUMBERS],
    [f"{2007 + (number > 300_000)}_{number:06}.jpg" for number in NUMBERS],
    [f"img_{number:06}.jpg" for number in range(500)],
    [f"{number * 7919:x}.jpg" for number in NUMBERS],
    frames(100, 5, "clip{video}/{frame}.jpg"),
    [*frames(20, 30, "clip{video}/{frame}.jpg"), "cover.jpg"],
    [None] * 40, ["1" * 100_000] * 3, [],
], ids=["coco", "voc", "one sequence", "hashes", "short bursts", "a name without number", "no names", "long", "none"])
def test_other_names(names):
    assert looks_like_video(images(names)) == ""
