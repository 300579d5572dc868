"""The outcome of a cross-check, for people and for programs."""

from typing import Any

from msgspec.structs import asdict

from deteval.records.numbers import number_text, threshold_text
from deteval.studies.crosscheck import Crosscheck, DifferingCell

SCHEMA = "deteval.crosscheck/1"


def crosscheck_dict(result: Crosscheck) -> dict[str, Any]:
    """The JSON object."""
    first = None if result.first is None else asdict(result.first)
    return {"schema": SCHEMA, "equal": result.equal, **asdict(result), "first": first}


def crosscheck_lines(result: Crosscheck) -> list[str]:
    """The verdict first, then the first difference, then what the reference makes of the ids as they are."""
    scope = f"{result.cells:,} cells of precision, recall and scores on {result.n_images:,} images"
    if result.equal:
        lines = [f"equal: all {scope} are those of pycocotools, bit for bit"]
    else:
        lines = [f"DIFFERENT: {result.differing:,} of {scope}; largest difference {result.largest_difference:.3g}"]
        if result.first:
            lines.append(_cell_line(result.first))
    if result.original_stats and result.stats:
        lines.append("on the annotation ids of the file, which hold a 0 or repeat, pycocotools itself says otherwise:")
        lines += [f"  {name}: {value:.6f} instead of {result.stats[name]:.6f}"
                  for name, value in result.original_stats.items() if value != result.stats[name]]
    return lines


def _cell_line(cell: DifferingCell) -> str:
    point = "" if cell.recall_point is None else f", recall {number_text(cell.recall_point)}"
    return (f"first: {cell.array}, class {cell.category}, IoU {threshold_text(cell.iou)}{point}, area {cell.area}, "
            f"at most {cell.max_dets}: deteval {cell.deteval!r}, pycocotools {cell.reference!r}")
