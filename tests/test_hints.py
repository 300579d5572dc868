"""Hints: each has an input that triggers it and a near miss that does not; and which fire on real data, and why."""

import re

import pytest
from loading_transcripts import FIXTURES, read_transcripts, run
from shared_data import PAIRS, needs_shared_data, pair_params

from deteval.records.findings import CATALOGUE

TRANSCRIPTS = read_transcripts("hints")
HINTS = {"many-ties", "cut-by-cap", "pre-cut-scores", "images-without-detections", "box-outside-image",
         "area-contradicts-box", "far-coordinates", "federated", "duplicate-box", "annotation-id-zero", "few-overlaps",
         "zero-size-box", "scores-out-of-range",
         "duplicate-annotation-id", *(code for code in CATALOGUE if code.startswith("looks-"))}
ROWS = re.findall(r"^\| (\S+) \| (.+) \| (.+) \| (.+) \| (.+) \|$",
                  (FIXTURES / "hints" / "README.md").read_text("utf-8"), re.MULTILINE)[1:]
pytestmark = pytest.mark.filterwarnings("error")

ON_REAL_DATA = {
    # annotations are numbered from 0; scores below 0.64 were cut off
    "breast_d2": ["annotation-id-zero", "pre-cut-scores"],
    # three detections of four occur again on another image, the same to the last digit: images are repeated
    "cars_v10": ["many-ties"],
    # scores of three decimals; image 1063 has one object and no detection
    "coco100_fakebbox": ["many-ties", "images-without-detections"],
    # results of a segmenter without boxes: refused
    "coco100_fakesegm": ["missing-field"],
    "detectree2_schiefer": [],
    "gtonly_coco_val2017_250": [],
    # rounded to whole pixels, one box of 37 thousand has lost its height
    "gtonly_coco_val2017_boxes": ["zero-size-box"],
    # LVIS: labelled class by class on some images, and without iscrowd
    "gtonly_lvis_val_100": ["no-iscrowd", "federated"],
    # 22 boxes go with images of another size, in ground truth and predictions alike; every score is 0.99
    "litehrnet_person": ["box-outside-image", "pre-cut-scores", "box-outside-image", "many-ties"],
    "medical_waste": ["annotation-id-zero"],
    # annotations are numbered from 0; the worst of 100 detections scores 0.975
    "midrash_textline": ["annotation-id-zero", "pre-cut-scores"],
    "mmpose_coco4_ap56": [],
    # a pose data set without area
    "mmpose_posetrack18": ["no-area"],
    # rotated boxes of five numbers, on both sides: refused
    "odd_kitti_bev_bbox_len5": ["box-shape", "box-shape"],
    # categories are listed as "0" to "20" and used as 1 to 5; the annotations are a detector's output, with scores
    "odd_string_category_null_annid": ["orphan-annotation", "looks-like-other-type", "looks-swapped"],
    # YOLO's boxes are not clipped to the image; scores of six decimals, most of them near 0; some
    # cells hold more than 100 detections
    "voc07_htt1084_yolo2": ["box-outside-image", "many-ties", "cut-by-cap"],
}


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda one: one.name)
def test_check_says_exactly_this(transcript, monkeypatch):
    monkeypatch.chdir(FIXTURES / "hints")
    code, out, err = run("check", *transcript.arguments)
    assert (tuple(out.splitlines()), err, code) == (transcript.lines, "", transcript.code)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[2])
def test_hint_fires_and_its_near_miss_does_not(row):
    code, _, fires, _, misses = row
    by_name = {one.name: one for one in TRANSCRIPTS}
    assert code in by_name[fires].codes
    assert code not in by_name[misses].codes


def test_every_hint_has_a_trigger_and_a_near_miss():
    assert {row[0] for row in ROWS} == HINTS


def test_every_file_is_used():
    used = {argument for one in TRANSCRIPTS for argument in one.arguments}
    files = {path.name for path in (FIXTURES / "hints").iterdir()} - {"README.md", "check.txt"}
    assert files <= used


def test_the_good_pair_says_nothing():
    assert [one.lines for one in TRANSCRIPTS[:2]] == [("nothing found",), ("nothing found",)]


@pytest.mark.parametrize("option, cured", [("--box-format xyxy", "looks-xyxy"), ("--category-map +1", "looks-shifted"),
                                           ("--category-map coco80to91", "looks-80-to-91"),
                                           ("--match-images stem", "looks-like-file-names")])
def test_the_remedy_that_a_hint_names_cures_it(option, cured):
    (before,) = [one for one in TRANSCRIPTS if one.arguments[0] == f"{cured}.preds.json" and len(one.arguments) == 2]
    (after,) = [one for one in TRANSCRIPTS if one.name == f"{before.name} {option}"]
    assert any(option in line for line in before.findings)
    assert (cured not in after.codes, after.code) == (True, 0)
    assert all(line.startswith("note: ") for line in after.findings)


@pytest.mark.parametrize("pair", pair_params(PAIRS))
def test_findings_on_real_data(pair):
    files = [path for path in (pair.detections, pair.ground_truth) if path]
    _, out, _ = run("check", *map(str, files))
    codes = re.findall(r"\[([\w-]+)\]$", out, re.MULTILINE)
    assert codes == ON_REAL_DATA[pair.name]


@needs_shared_data
def test_every_real_pair_is_listed():
    assert {pair.name for pair in PAIRS} == set(ON_REAL_DATA)
