"""What AP would be, were single labels other than they are: only the classes touched are measured again."""

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from deteval.measures import Ranked
from deteval.mending import Counted, average_precision, counted_rows
from deteval.records.categories import ALL_CLASSES
from deteval.records.dataset import Floats, Ints
from deteval.records.evidence import class_starts

NONE = -1


class Edit(Struct, frozen=True):
    """Another outcome in one class: how many ground truths more there are, the detection that becomes a true positive
    and the one that no longer is one, by row of the evidence, NONE for none."""

    more: int
    gained: int = NONE
    lost: int = NONE


class Labels(Struct, frozen=True):
    """The labels as they are, at one threshold, in the first area range.

    starts: of the classes among the rows, (classes + 1,). positives: ground truths that count, and values: AP, NaN
    where undefined, (classes,).
    """

    rows: Counted
    starts: Ints
    positives: Ints
    values: Floats

    @classmethod
    def of(cls, ranked: Ranked, threshold: int) -> "Labels":
        """All classes, measured once."""
        evidence, rows = ranked.evidence, counted_rows(ranked, threshold)
        classes = len(evidence.categories)
        return cls(rows, class_starts(rows.cell.category, classes),
                   np.bincount(evidence.gt_category[~evidence.gt_ignored[:, 0]], minlength=classes),
                   average_precision(rows.cell, ranked.threads).classes[0])

    def change(self, edits: dict[int, Edit]) -> float | None:
        """By how much the mean over classes would change under the edits, by class; None where there is none before or
        after. A class that gains its first ground truth joins the mean, one that loses its last leaves it."""
        values = self.values.copy()
        for k, edit in edits.items():
            values[k] = self._value(k, edit)
        if np.isnan(self.values).all() or np.isnan(values).all():
            return None
        return float(values[~np.isnan(values)].mean() - self.values[~np.isnan(self.values)].mean())

    def _value(self, k: int, edit: Edit) -> float:
        """AP of one class under an edit, NaN without ground truth."""
        part = slice(int(self.starts[k]), int(self.starts[k + 1]))
        cell, place = self.rows.cell, self.rows.place[part]
        true_positive = cell.true_positive[part].copy()
        true_positive[place == edit.gained], true_positive[place == edit.lost] = 1, 0
        positives = int(self.positives[k]) + edit.more
        zeros = np.zeros(positives, np.int32)
        edited = replace(
            cell, categories=ALL_CLASSES, image=cell.image[part], category=np.zeros(len(place), np.int32),
            rank=cell.rank[part], scores=cell.scores[part], row=cell.row[part], true_positive=true_positive,
            ignored=cell.ignored[part], gt_image=zeros, gt_category=zeros, gt_row=zeros.astype(np.int64),
            gt_ignored=np.zeros((positives, 1), bool), found=np.zeros((positives, 1, 1), np.uint32))
        return float(average_precision(edited, 1).classes[0, 0])
