"""Labels that may be wrong, as a table."""

from deteval.records.numbers import threshold_text
from deteval.records.suspects import OTHER_CLASS, UNLABELLED, UNSEEN, Suspect, Suspects
from deteval.reports.layout import SHORTEST_NAME, Look, cut
from deteval.reports.sheet import Section, image_cells, name_cell, points, rows_of

MEANINGS = {
    UNLABELLED: "a confident detection that no label explains",
    UNSEEN: "a label near no detection that is sure enough",
    OTHER_CLASS: "a label that a confident detection of another class fits",
}

ROOMY = 100
"""Columns from which on the names of two classes stand side by side in full."""


def suspect_sections(suspects: Suspects | None, look: Look, top: int) -> list[Section]:
    """The most suspicious of each kind, `top` of each."""
    if suspects is None:
        return []
    shown = [one for kind in suspects.counts for one in [each for each in suspects.listed if each.kind == kind][:top]]
    heading = ["suspect", "image", "file", "label", "detected as", "score", "IoU", "box", "annotation",
               f"{suspects.metric} change"]
    caption = (f"labels to look at, at IoU {threshold_text(suspects.iou)}; {suspects.metric} change: in points, were "
               "the label as detected")
    notes = [f"{n:,} {kind}: {MEANINGS.get(kind, kind)}." for kind, n in suspects.counts.items()]
    notes.append(f"Confident: {suspects.least_score}.")
    rows = rows_of(heading, [_row(one, look) for one in shown])
    texts = [i for i, name in enumerate(rows[0]) if name in ("label", "detected as")]
    return [Section("label suspects", rows, caption=caption, left=texts[-1] + 1, names=texts[0],
                    optional=("box", "file", "annotation", "IoU", "score"), notes=tuple(notes))]


def _row(one: Suspect, look: Look) -> list[str]:
    box = "" if one.box is None else ",".join(f"{side:.0f}" for side in one.box)
    score = "" if one.score is None else look.value(one.score)
    similarity = "" if one.similarity is None else f"{one.similarity:.2f}"
    predicted = name_cell(one.predicted)
    if look.width is not None and look.width < ROOMY:  # the table shortens one column, that of the label
        predicted = cut(predicted, SHORTEST_NAME)
    return [one.kind, *image_cells(one.image_id, one.file_name), name_cell(one.label), predicted, score, similarity,
            box, name_cell(one.annotation_id), points(one.ap_change, look)]
