"""`deteval explain` as people see it: narrow screens, colour, names that are no text, markdown that stays markdown."""

import re

import numpy as np
import pytest
from explain_data import NASTY, made_diagnosis, made_explanation
from msgspec.structs import replace

from deteval.reports.diagnosis_rows import diagnosis_sheet
from deteval.reports.explanation_rows import explanation_sheet
from deteval.reports.layout import Look, display_width
from deteval.reports.sheet import points
from deteval.reports.sheet_markdown import render_markdown
from deteval.reports.sheet_table import render_table

SHEETS = {
    "change": lambda look, by="": explanation_sheet(made_explanation(), look, by),
    "model": lambda look, by="": diagnosis_sheet(made_diagnosis(), look, by),
}
ALL_PARTS = [("change", by) for by in ("", "class", "image", "kind", "slice")] + [
    ("model", by) for by in ("", "class", "image", "kind", "size", "confusion", "suspects", "calibration")]


def test_the_table_of_a_change():
    assert render_table(SHEETS["change"](Look()), Look()) == """\
base base.json
new  new.json
deteval|bbox|sim:iou|thr:.5:.95:.05|area:coco|max:1,10,100|v:0.1.0
ground truth 59f4

metric    base     new  difference
AP      0.5000  0.4800     -0.0200

what stands out
- class person lost 12 objects
- and traffic <b>|light</b>\ufffd[2J as well

classes
share: of the difference in AP, in points (0.01); those of all classes add up to it. images: where most of the share \
lies
id  class                      n_gt    base     new  difference   share  images
1   person                       80  0.4000  0.3700     -0.0300  -1.000    7, 5
2   traffic <b>|light</b>\ufffd[2J    20  0.6000  0.5700     -0.0300  -1.000
3   dog                           9  0.5000  0.5000      0.0000   0.000
    all classes                      0.5000  0.4800     -0.0200  -2.000
Without ground truth, and so without a share: 1 more.

images
share: what each adds to the difference, in points, to first order; lost, gained: objects that only base, or only new \
finds at IoU .5; FP: how many more false positives new has. remainder: what such shares leave unexplained
image         file         lost  gained  FP   share
7             night/7.jpg     2       0  +3  -1.200
5                             1       0   0  -0.200
3             3.jpg           0       1  -1  +0.400
other images                                 -0.990
remainder                                    -0.010
difference                                   -2.000

kinds of change
told at IoU .5; base, new: objects, or false positives, of each; share: of the difference, in points
change                                base  new   share
found before, now missed                12    0  -1.200
found before, now badly localised        3    0  -0.200
another class before, now found          0    2  +0.300
found by both, boxes fit differently    60   60  -0.400
false positives: background             30   44  -0.490
remainder                                        -0.010
difference                                       -2.000

slices
share: of the difference on all images, in points; slices may overlap
slice  images   share
night      12  -1.900
day        28  -0.100

This says where the difference lies, not whether chance could have made it: deteval compare tests that.
"""


def test_the_table_of_a_model():
    assert render_table(SHEETS["model"](Look()), Look()) == """\
preds.json
deteval|bbox|sim:iou|thr:.5:.95:.05|area:coco|max:1,10,100|v:0.1.0
ground truth 59f4

    AP   AP@.5  images  ground truths  detections
0.4000  0.5000      40            109          90

what stands out
- missed objects cost most

error kinds
at IoU .5, area all, at most 100 detections; cost: by how many points (0.01) AP@.5 would rise were these errors \
mended alone. Costs do not add up
kind                 what it is                           errors    cost
classification       box fits an object of another class      10   1.000
localisation         right class, box fits badly              20   2.000
both                 another class, and box fits badly        30   3.000
duplicate            object is found already                  40   4.000
background           no object there                          50   5.000
missed               not found, and nothing near to mend      60   6.000
all false positives  of every kind together                  150  10.000
all false negatives  every object that is not found           10  10.000
Of the objects that are not found, whatever the score, those are missed that no error could be mended into; confusion \
misses objects at its score cut, and suspects are unseen if nothing sure enough comes near.

classes
cost of each kind of error in points of AP@.5
id  class                      n_gt  TP   AP@.5  classif  localis   both  duplic  backgr  missed
2   traffic <b>|light</b>\ufffd[2J    30  20  0.2000    1.000    2.000  3.000   4.000   5.000   6.000
1   person                       30  20  0.3000    1.000    2.000  3.000   4.000   5.000   6.000
the 2 of 3 classes with the lowest AP@.5; --top N shows more

sizes
cost of each kind of error in points of AP@.5
size   n_gt  TP   AP@.5  classif  localis   both  duplic  backgr  missed
small    30  20  0.5000    1.000    2.000  3.000   4.000   5.000   6.000
large    30  20  0.5000    1.000    2.000  3.000   4.000   5.000   6.000

confusion
objects paired one to one with kept detections of any class at IoU .5; kept: score at least 0.4
object                     taken for                  objects  of its class
person                     traffic <b>|light</b>\ufffd[2J        7         8.8 %
traffic <b>|light</b>\ufffd[2J  dog                              2        10.0 %
Of 100 objects 78 are taken for what they are, 9 for another class, and 13 are missed; 9 of 96 detections lie on \
nothing.
4 kept detections on crowds or objects that do not count are left out.

label suspects
labels to look at, at IoU .5; AP@.5 change: in points, were the label as detected
suspect      image  file         label                      detected as   score   IoU        box  annotation  \
AP@.5 change
unlabelled   7      night/7.jpg                             dog          0.9100        1,2,30,40              \
      +0.200
unseen       3                   traffic <b>|light</b>\ufffd[2J                               0,0,9,9          80  \
      +0.100
other class  3                   dog                        person       0.8000  0.90                         \
      +0.300
1 unlabelled: a confident detection that no label explains.
1 unseen: a label near no detection that is sure enough.
1 other class: a label that a confident detection of another class fits.
Confident: score at least 0.4.

calibration
whether a score is the chance to be right: detections by score, and their precision at IoU .5
scores     n  mean score  precision     95 % interval  score too high by
0 to 0.5  40      0.3000     0.1000  0.0500 to 0.2000            +0.2000
0.5 to 1  50      0.7000     0.9000  0.8000 to 0.9500            -0.2000
Expected calibration error 0.0500, largest 0.2000, mean over classes 0.0700.
From 0.4 on, where F1 of all classes is best, it is 0.1234 (70 detections).

worst images
cost: what their errors take from AP@.5, in points, to first order
image  file         not found  FP   cost
7      night/7.jpg          3   4  2.000
3                           0   9  1.000
"""


def test_the_tables_of_a_confusion_matrix():
    text = render_table(SHEETS["model"](Look(), "confusion"), Look())
    assert text[text.index("confusion matrix"):] == """\
confusion matrix
rows: what objects are, columns: what they are taken for; missed: objects without a detection, background: \
detections without an object; objects paired one to one with kept detections of any class at IoU .5; kept: score at \
least 0.4
object                     person  traffic <b>|light</b>\ufffd[2J  dog  missed
person                         60                          7    .      13
traffic <b>|light</b>\ufffd[2J       .                         18    2       .
dog                             .                          .    .       .
background                      9                          .    .

confusion by class
class                      objects  right  as another  missed  detections  of another  of nothing  left out
person                          80     60           7      13          69           0           9         4
traffic <b>|light</b>\ufffd[2J       20     18           2       0          25           7           0         0
dog                              0      0           0       0           2           2           0         0

confusion
object                     taken for                  objects  of its class
person                     traffic <b>|light</b>\ufffd[2J        7         8.8 %
traffic <b>|light</b>\ufffd[2J  dog                              2        10.0 %
Of 100 objects 78 are taken for what they are, 9 for another class, and 13 are missed; 9 of 96 detections lie on \
nothing.
4 kept detections on crowds or objects that do not count are left out.
"""


@pytest.mark.parametrize("width", [200, 100, 80, 60, 45])
@pytest.mark.parametrize("what, by", ALL_PARTS)
def test_a_narrow_table_keeps_what_counts(what, by, width):
    look = Look(width=width)
    lines = render_table(SHEETS[what](look, by), look).splitlines()
    assert max(map(display_width, lines)) <= width
    headings = [line.split() for line in lines if re.match(r"(id|class|change|slice|image|kind) +\S", line)
                and not line.startswith("change:")]
    if what == "change":
        assert all(heading[-1] in ("share", "images") and "share" in heading for heading in headings)
    for heading in headings:
        if heading[0] == "kind" or "cost" in heading:
            assert "cost" in heading
        if "localis" in heading or "classif" in heading:
            assert any(name.startswith("AP@") for name in heading)


@pytest.mark.parametrize("what, by", ALL_PARTS)
def test_colour_is_only_colour_and_names_are_only_text(what, by):
    plain, coloured = (render_table(SHEETS[what](look, by), look) for look in (Look(), Look(colour=True)))
    assert re.sub(r"\x1b\[\d*m", "", coloured) == plain
    assert coloured != plain
    assert "\x1b" not in plain
    assert all(line.isprintable() for line in plain.splitlines())


@pytest.mark.parametrize("what", SHEETS)
def test_markdown_stays_markdown(what):
    text = render_markdown(SHEETS[what](Look()))
    assert "\x1b" not in text
    assert NASTY.partition("\x1b")[0] not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    named = [row for row in rows if "traffic" in row]
    assert len(named) >= 1
    assert all("traffic \\<b\\>\\|light\\</b\\>\ufffd\\[2J" in row for row in named)
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in block.splitlines()}) == 1
    assert text.count("<details>") == text.count("</details>") == len(SHEETS[what](Look()).sections)


def test_a_class_named_as_markup_in_a_title():
    share = made_explanation().classes[0]
    named = made_explanation(classes=(replace(share, name="<script>alert(1)</script>"),))
    text = render_markdown(explanation_sheet(named, Look(), "image"))
    assert "<script>" not in text
    assert "<summary>images, class &lt;script&gt;alert(1)&lt;/script&gt;</summary>" in text


def test_images_of_a_class_add_up_to_its_share():
    lines = render_table(explanation_sheet(made_explanation(), Look(), "image"), Look()).splitlines()
    rows = lines[lines.index("images, class person") + 2 :]
    values = [float(line.split()[-1]) for line in rows[:6]]
    assert rows[5].startswith("share of the class")
    assert sum(values[:5]) == pytest.approx(values[5])
    assert [line.split()[-1] for line in rows[3:5]] == ["-0.050", "+0.050"]


def test_a_matrix_is_shown_where_it_fits():
    for width, shown in ((40, False), (60, False), (80, True)):
        look = Look(width=width)
        assert ("confusion matrix" in render_table(SHEETS["model"](look, "confusion"), look)) == shown


def test_what_is_missing_is_said():
    gone = made_explanation(kinds=(), missing={"kinds": "no detail table"})
    text = render_table(explanation_sheet(gone, Look()), Look())
    assert "\nno kinds: no detail table\n" in text
    assert "kinds of change" not in text
    gone = made_diagnosis(error_kinds=None, confusion=None, suspects=None, missing={"error_kinds": "no detail table"})
    text = render_table(diagnosis_sheet(gone, Look()), Look())
    assert "\nno error kinds: no detail table\n" in text
    assert "\ncalibration\n" in text
    for title in ("error kinds", "sizes", "confusion", "label suspects"):
        assert f"\n{title}\n" not in text


def test_scores_that_are_no_probabilities_have_no_error():
    calibration = replace(made_diagnosis().calibration, error=None, class_error=None, largest=None,
                          reason="scores are no probabilities")
    text = render_table(diagnosis_sheet(made_diagnosis(calibration=calibration), Look()), Look())
    assert "No calibration error: scores are no probabilities.\n" in text
    assert "Expected calibration error" not in text


def test_points():
    assert [points(value, Look()) for value in (-0.01234, 0.0, -1e-9, None)] == ["-1.234", "0.000", "0.000", "n/a"]
    assert points(0.5, Look(digits=0), signed=False) == "50"


def test_one_of_a_kind_is_said_so():
    """No "1 detections"."""
    made = made_diagnosis()
    one = replace(made.confusion, truth=np.array([0, 0, 3]), predicted=np.array([0, 1, 0]), count=np.array([1, 1, 1]),
                  left_out=np.array([1, 0, 0]))
    text = render_table(diagnosis_sheet(replace(made, confusion=one), Look(), top=0), Look())
    assert "1 more pair is confused." in text
    assert "Of 2 objects 1 is taken for what it is, 1 for another class, and 0 are missed;" in text
    assert "; 1 of 3 detections lies on nothing." in text
    assert "1 kept detection on crowds or objects that do not count is left out." in text


@pytest.mark.parametrize("width", [60, 80])
def test_suspects_of_classes_with_long_names_fit(width):
    """The names of both classes are shortened before the change of AP has to go."""
    made, look = made_diagnosis(), Look(width=width)
    listed = tuple(replace(one, label=one.label and "baseball glove or something",
                           predicted=one.predicted and "traffic light or so") for one in made.suspects.listed)
    made = replace(made, suspects=replace(made.suspects, listed=listed))
    lines = render_table(diagnosis_sheet(made, look, "suspects"), look).splitlines()
    assert max(map(display_width, lines)) <= width
    row = next(line for line in lines if line.startswith("other class"))
    assert "baseball" in row
    assert "traffic lig…" in row
    assert row.endswith("+0.300")
