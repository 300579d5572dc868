"""Why the first AP of a gate moved, in a few lines: what counts most against the model."""

from collections.abc import Sequence
from typing import Any

from deteval.records.explanation import Explanation
from deteval.records.gate import PASS, Verdict
from deteval.records.numbers import threshold_text
from deteval.reports.explanation_rows import change_text
from deteval.reports.inference_words import in_points
from deteval.reports.layout import Look, printable
from deteval.reports.sheet import points

MOST = 3
"""Classes, kinds, images and remarks that are named."""


def heading(explanation: Explanation) -> str:
    """What happened to the metric: `why AP fell by 1.3 points`."""
    moved = explanation.difference or 0.0
    if moved < 0:
        return f"why {explanation.metric} fell by {in_points(-moved)}"
    return f"{explanation.metric} rose by {in_points(moved)}; what counts against the model"


def sentences(explanation: Explanation, look: Look) -> list[str]:
    """The classes, kinds of change and images with the largest shares against the model, and what stands out."""
    classes = [f"{one.name} ({points(one.share, look)})" for one in worst(explanation.classes)]
    kinds = [f"{change_text(one)} ({points(one.share, look)})" for one in worst(explanation.kinds)]
    images = [f"{one.image_id} ({points(one.share, look)})" for one in worst(explanation.images)]
    lines = [f"- {printable(text)}" for text in explanation.remarks[:MOST]]
    lines += [f"{name}: {printable('; '.join(found))}" for name, found in
              (("classes", classes), (f"changes at IoU {threshold_text(explanation.iou)}", kinds), ("images", images))
              if found]
    if any((classes, kinds, images)):
        lines.append(f"Shares of the difference in {explanation.metric}, in points; deteval explain --base tells more.")
    return lines


def is_shown(verdict: Verdict, verbose: bool) -> bool:
    """Whether a table explains: of a gate that passed only if all is asked for."""
    return verdict.explanation is not None and (verbose or verdict.status != PASS)


def explanation_dict(explanation: Explanation | None) -> dict[str, Any] | None:
    """The JSON object, null where nothing moved or evidence is missing."""
    if explanation is None:
        return None
    return {
        "metric": explanation.metric, "iou": explanation.iou, "base": explanation.base_value,
        "new": explanation.new_value, "difference": explanation.difference,
        "classes": [{"id": one.id, "name": one.name, "share": one.share} for one in worst(explanation.classes)],
        "kinds": [{"group": one.group, "kind": one.kind, "base": one.base, "new": one.new, "share": one.share}
                  for one in worst(explanation.kinds)],
        "images": [one.to_dict() for one in worst(explanation.images)],
        "missing": dict(explanation.missing), "remarks": list(explanation.remarks[:MOST]),
    }


def worst(parts: Sequence[Any]) -> list[Any]:
    """Those with the largest shares against the model, the largest first."""
    return sorted((one for one in parts if (one.share or 0.0) < 0), key=lambda one: one.share)[:MOST]
