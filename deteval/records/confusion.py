"""Which classes are taken for which: ground truths paired with kept detections, whatever their classes."""

from typing import Any

from msgspec import Struct

from deteval.records.dataset import Categories, Ints


class Confusion(Struct, frozen=True):
    """Counts of pairs at one IoU threshold and score cut.

    truth, predicted, count: one entry per cell that is not zero, ascending by truth, then predicted; positions among
    `categories`; as truth len(categories) is background (a detection of nothing), as predicted it is missed (an object
    that nothing found). left_out: kept detections of each class that a crowd or another ignored object absorbed, or
    that lie by themselves and are outside the area range; shape (classes,). So a row adds up to the ground truths of
    its class, a column and left_out to its kept detections. cut: the score cut in words; min_score: as a number, None
    for every score, or by class name, None for a class of which nothing is kept.
    """

    iou: float
    area: str
    max_dets: int
    cut: str
    categories: Categories
    truth: Ints
    predicted: Ints
    count: Ints
    left_out: Ints
    min_score: float | dict[str, float | None] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; null stands for background as a truth, and for missed as what is predicted."""
        names = [*self.categories.names, None]
        return {
            "iou": self.iou, "area": self.area, "max_dets": self.max_dets, "min_score": self.min_score,
            "kept": self.cut,
            "cells": [{"truth": names[truth], "predicted": names[predicted], "count": count} for truth, predicted, count
                      in zip(self.truth.tolist(), self.predicted.tolist(), self.count.tolist(), strict=True)],
            "left_out": {name: n for name, n in zip(self.categories.names, self.left_out.tolist(), strict=True) if n},
        }
