"""A page made by hand, with every kind of section and with names that try to be something else."""

import math

from deteval.records.findings import Finding
from deteval.reports.page.sections import (
    BAD,
    COUNT,
    DIFFERENCE,
    SHARE,
    TEXT,
    VALUE,
    Bars,
    Box,
    Column,
    Headline,
    Heatmap,
    Lines,
    Page,
    Picture,
    Pictures,
    Table,
    Verdict,
    Words,
)

SCRIPT = "<script>document.title='broken'</script>"
BOLD = "<b>x</b> &amp; $\\alpha$"
CLASSES = ("person", SCRIPT, BOLD, "10", "Traffic light", "a class with a name that is far too long for any axis")
GROUPS = ("All classes", *CLASSES)
PIXEL = ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkaGCoBwACBQEAr0+V9QAAAABJ"
         "RU5ErkJggg==")


def precision(group: int, recall: float) -> float:
    """A made-up precision, another one for every group."""
    return round(max(0.0, 0.95 - group * 0.06 - recall ** (3 + group) * 0.6), 6)


def curves() -> Lines:
    """Precision over recall of two models."""
    recall = [step / 100 for step in range(101)]
    return Lines("precision-recall", "Precision over recall", "recall", "precision", {
        name: {"base": {"x": recall, "y": [precision(group, one) for one in recall]},
               "new": {"x": recall, "y": [None if one > 0.9 else precision(group + 1, one) for one in recall]}}
        for group, name in enumerate(GROUPS)}, (0, 1), (0, 1), "IoU .5, all sizes, at most 100 detections.")


def over_score() -> Lines:
    """Rates over the score, the same groups."""
    score = [step / 50 for step in range(51)]
    return Lines("over-score", "Precision, recall and F1 over the score", "score", "rate", {
        name: {"precision": {"x": score, "y": [round(0.3 + one * 0.6, 6) for one in score]},
               "recall": {"x": score, "y": [round((1 - one) ** (0.5 + group / 4), 6) for one in score]},
               "best F1": {"x": [0.4], "y": [0.55], "marker": True, "text": ["the cut that was chosen"]}}
        for group, name in enumerate(GROUPS)}, (0, 1), (0, 1), "What a cut at this score would keep.")


def histogram() -> Bars:
    """True and false positives by score."""
    bins = tuple(round(0.025 + step * 0.05, 3) for step in range(20))
    return Bars("scores", "Scores of true and false positives", "score", "detections", bins, {
        name: {"true positives": tuple(int(400 * one ** 2 / (group + 1)) for one in bins),
               "false positives": tuple(int(900 * (1 - one) ** 3) for one in bins)}
        for group, name in enumerate(GROUPS)}, stacked=True)


def costs() -> Bars:
    """What each kind of error costs."""
    kinds = ("classification", "localisation", "both", "duplicate", "background", "missed")
    return Bars("errors", "What errors cost", "kind", "AP lost", kinds,
                {"": {"cost": (0.0312, 0.0541, 0.0044, 0.0031, 0.0211, 0.0672)}},
                note="Mended alone, IoU .5; after TIDE.")


def intervals() -> Bars:
    """Differences with intervals."""
    values = (0.012, -0.034, 0.002, 0.051, -0.004, None)
    return Bars("differences", "Differences of classes", "difference of AP", "class", CLASSES, {"": {"AP": values}},
                low={"AP": tuple(None if one is None else round(one - 0.02, 4) for one in values)},
                high={"AP": tuple(None if one is None else round(one + 0.025, 4) for one in values)}, horizontal=True)


def shares() -> Bars:
    """Shares of a difference, in points."""
    return Bars("shares", "Shares", "share in points", "kind", ("lost", "gained"), {"": {"share": (-0.0125, 0.000005)}},
                horizontal=True, points=True)


def tiny() -> Lines:
    """Values that an axis might write with a prefix."""
    return Lines("tiny", "Tiny", "x", "y", {"": {"a": {"x": [0, 1, 2], "y": [0.0, 0.0002, 0.0004]}}})


def many() -> Lines:
    """More curves than there are colours, and a point among them."""
    lines = {f"nms {number / 10}": {"x": [1, 2, 3], "y": [number, number + 1, number]} for number in range(8)}
    return Lines("many", "Over x, by nms", "x", "metric", {"F1": {**lines, "best point": {
        "x": [2], "y": [8], "marker": True}}}, y_titles={"F1": "F1@.5"})


def confusion(classes: int = len(CLASSES)) -> Heatmap:
    """Which class is taken for which."""
    names = tuple((*CLASSES, *(f"class {number}" for number in range(classes)))[:classes])
    cells = tuple((row, column, 400 if row == column else 1 + (7 * row + 3 * column) % 40)
                  for row in range(classes + 1) for column in range(classes + 1)
                  if (row * 5 + column * 3) % 4 == 0 or row == column < classes)
    return Heatmap("confusion", "Confusion matrix", "detected as", "ground truth", (*names, "background"),
                   (*names, "background"), {"": cells}, log=True, note="Scores of at least .41.")


def grid() -> Heatmap:
    """A sweep with its best point."""
    return Heatmap("sweep", "Sweep", "IoU of suppression", "least score", ("0.5", "0.6", "0.7"), ("0.05", "0.1"), {
        "F1": ((0, 0, 0.512345678), (0, 1, 0.53), (0, 2, 0.49), (1, 0, 0.41), (1, 1, 0.5), (1, 2, 0.45)),
        "AP": ((0, 0, 0.3), (0, 1, 0.31), (0, 2, 0.32), (1, 0, 0.29), (1, 1, 0.28), (1, 2, 0.27))},
        best={"F1": (0, 1), "AP": (0, 2)})


def classes_table() -> Table:
    """One row a class; the last one has no ground truth."""
    rows = [(name, number * 37 % 101 * 13, None if name == "10" else 0.1 + number * 37 % 11 / 13,
             None if name == "10" else (number * 29 % 7 - 3) / 97, number / 40)
            for number, name in enumerate((*CLASSES, *(f"class {each}" for each in range(30))))]
    return Table("classes", "Classes", (
        Column("class"), Column("n_gt", COUNT, "ground truths that count"), Column("AP", VALUE, "average precision"),
        Column("change", DIFFERENCE, "new minus base"), Column("share", SHARE)), tuple(rows),
        note="n/a: no ground truth.", filter=True)


def wide_table() -> Table:
    """More columns than a phone is wide."""
    columns = (Column("size"), *(Column(f"AP@.{50 + 5 * step}", VALUE) for step in range(10)))
    return Table("sizes", "Sizes", columns, tuple(
        (name, *(0.8 - step / 14 + number / 30 for step in range(10)))
        for number, name in enumerate(("all", "small", "medium", "large"))))


def pictures() -> Pictures:
    """One image with its picture, one without."""
    boxes = (Box(20, 30, 80, 120, "truth", "person"), Box(24, 36, 70, 118, "true positive", "person .91"),
             Box(160, 60, 60, 60, "missed", SCRIPT), Box(240, 20, 60, 90, "false positive", "dog .72", written=False),
             Box(5, 180, 300, 40, "ignored"))
    return Pictures("images", "Images that cost most", (
        Picture("17", "a/b.jpg", "cost .0021: 1 missed, 1 false positive", PIXEL, 320, 240, boxes),
        Picture(SCRIPT, "", "cost .0012: 3 missed")), "By what their errors cost.")


def sample_page(classes: int = len(CLASSES)) -> Page:
    """The page of all of these."""
    verdict = Verdict("AP fell by 0.0123, more than chance explains.", BAD)
    return Page(
        f"new.json against base.json {SCRIPT}", "compare", verdict,
        (Headline("AP", 0.4912345678901234, 0.4712, 0.5133, hint="mean over IoU .5 to .95"),
         Headline("AP50", 0.70123), Headline("change of AP", -0.0123, -0.021, -0.002, signed=True),
         Headline("APs", None, hint="no small object"), Headline("images", 5000), Headline("not a number", math.nan)),
        (Finding("many-ties", 12, f"12 of 505 detections share their score {SCRIPT}"),
         Finding("left-out", 3, "3 detections below a score cut"),
         *(Finding("box-outside-image", 1, f"box {number} reaches beyond its image") for number in range(2))),
        ("the IoU thresholds are not COCO's",),
        (("settings", "deteval|bbox|sim:iou|thr:.5:.95:.05|area:coco|max:1,10,100|v:0.1.0"),
         ("ground truth", "59f4c2ba2f0c7d3c"), ("file", "runs/new.json"), ("deteval", "0.1.0")),
        (Words("why", "What stands out", ("Class person: 12 objects are found no more.", f"Class {SCRIPT} fell.")),
         classes_table(), curves(), over_score(), histogram(), costs(), intervals(), wide_table(), confusion(classes),
         grid(), pictures(),
         Table("text", "Mixed text", (Column("name", TEXT), Column("id")), (("b10", 3), ("b9", 20), ("a", None))),
         shares(), tiny(), many()))
