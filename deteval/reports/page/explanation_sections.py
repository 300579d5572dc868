"""Why a metric changed from a base to a new model, as sections of a page."""

from typing import Any

from deteval.errors import counted
from deteval.records.explanation import Explanation, ImageShare
from deteval.records.numbers import threshold_text
from deteval.reports.explanation_rows import NOT_A_TEST, change_text
from deteval.reports.page.parts import missing_lines
from deteval.reports.page.sections import (
    CHANGE,
    COUNT,
    DIFFERENCE,
    VALUE,
    Bars,
    Column,
    Section,
    Table,
    Words,
)

MOST_BARS = 20
"""Classes that get a bar, those with the largest shares."""
SHARE = Column("share in points", CHANGE, "of the difference, in points (0.01)")
IMAGE_COLUMNS = (
    SHARE, Column("lost", COUNT, "objects that only the base finds"),
    Column("gained", COUNT, "objects that only the new model finds"),
    Column("false positives", COUNT, "how many more the new model has"))


def explanation_sections(found: Explanation, prefix: str = "") -> tuple[Section, ...]:
    """Remarks first, then classes, kinds, images and slices. prefix: of ids, where a page holds several."""
    at = f"IoU {threshold_text(found.iou)}"
    shares = (*(one.share for one in found.classes), *(one.share for one in found.images),
              *(one.share for one in found.kinds))
    if found.difference == 0 and not any(shares):
        return (Words(f"{prefix}why", "Why", (
            f"Nothing to explain: no class, image or kind of change moves {found.metric}.",)),)
    sections: list[Section] = []
    if found.remarks:
        sections.append(Words(f"{prefix}why", "Why: what stands out", found.remarks, listed=True))
    sections += _kinds(found, prefix, at)
    sections += _classes(found, prefix)
    sections += _images(found, prefix, at)
    if found.slices:
        rows = tuple((one.name, one.n_images, one.share) for one in found.slices)
        sections.append(Table(f"{prefix}why-slices", "Shares of slices", (
            Column("slice"), Column("images", COUNT), SHARE), rows,
            note="Of the difference on all images, in points; slices may overlap."))
    if found.missing:
        sections.append(Words(f"{prefix}why-missing", "What the explanation cannot tell",
                              missing_lines(found.missing)))
    return tuple(sections)


def _classes(found: Explanation, prefix: str) -> list[Section]:
    held = [one for one in found.classes if one.share]
    largest = sorted(held, key=lambda one: -abs(one.share or 0.0))[:MOST_BARS]
    rows = tuple((one.name, one.n_gt, one.base, one.new,
                  None if one.base is None or one.new is None else one.new - one.base, one.share)
                 for one in found.classes)
    sections: list[Section] = []
    if largest:
        sections.append(Bars(
            f"{prefix}why-classes", f"Classes that moved {found.metric} most", f"share, in points of "
            f"{found.metric}", "class", tuple(one.name for one in largest),
            {"": {"share": tuple(one.share for one in largest)}}, horizontal=True, points=True))
    return [*sections, Table(
        f"{prefix}why-class-table", "Shares of classes", (
            Column("class"), Column("ground truths", COUNT), Column("base", VALUE), Column("new", VALUE),
            Column("difference", DIFFERENCE), SHARE), rows,
        filter=len(rows) > 10,
        note=f"Shares, in points (0.01), add up to the difference of {found.metric}.")]


def _kinds(found: Explanation, prefix: str, at: str) -> list[Section]:
    if not found.kinds:
        return []
    shown = [one for one in found.kinds if one.base or one.new]
    names = tuple(map(change_text, shown))
    rows: list[tuple[Any, ...]] = [(change_text(one), one.base, one.new, one.share) for one in found.kinds
                                   if one.base or one.new or one.share]
    rows += [("remainder", None, None, found.remainder), ("difference", None, None, found.difference)]
    return [
        Bars(f"{prefix}why-kinds", "Kinds of change", f"share, in points of {found.metric}", "change",
             names, {"": {"share": tuple(one.share for one in shown)}}, horizontal=True, points=True,
             note=f"Told at {at}."),
        Table(f"{prefix}why-kind-table", "Shares of kinds of change", (
            Column("change"), Column("base", COUNT, "objects, or false positives, of the base"),
            Column("new", COUNT, "objects, or false positives, of the new model"), SHARE), tuple(rows),
            note="base, new: objects, or false positives, of each. Shares, in points (0.01), and the remainder add up "
                 f"to the difference of {found.metric}."),
    ]


def _images(found: Explanation, prefix: str, at: str) -> list[Section]:
    if not found.images:
        return []
    rows: list[tuple[Any, ...]] = [(str(one.image_id), one.file_name or "", *_cells(one)) for one in found.images]
    rest = found.n_images - len(found.images)
    rows += [("other images", f"{rest:,}" if rest > 0 else "", found.elsewhere, None, None, None),
             ("remainder", "", found.remainder, None, None, None),
             ("difference", "", found.difference, None, None, None)]
    sections: list[Section] = [Table(
        f"{prefix}why-images", "Images that moved it most", (Column("image"), Column("file"), *IMAGE_COLUMNS),
        tuple(rows), filter=len(rows) > 10,
        note=f"Shares in points (0.01), to first order; objects and false positives at {at}, all classes. "
             f"{counted(found.n_images, 'image')} in all; remainder: what such shares leave unexplained.")]
    listed: list[tuple[Any, ...]] = [(one.name, str(image.image_id), image.file_name or "", *_cells(image))
              for one in found.classes for image in one.images]
    listed += [(one.name, name, "", share, None, None, None) for one in found.classes if one.images
               for name, share in (("other images", one.elsewhere), ("remainder", one.remainder))]
    if listed:
        sections.append(Table(
            f"{prefix}why-class-images", "Images of the classes that moved it most",
            (Column("class"), Column("image"), Column("file"), *IMAGE_COLUMNS), tuple(listed), filter=True))
    return sections


def _cells(one: ImageShare) -> tuple[float, int, int, int]:
    return one.share, one.lost, one.gained, one.false_positives


def summary(found: Explanation) -> str:
    """`AP fell from 0.5120 to 0.5000, by 1.2 points`."""
    if found.base_value is None or found.new_value is None or found.difference is None:
        return f"{found.metric} is undefined in one of the models."
    if found.difference == 0:
        return f"{found.metric} is the same in both models, {found.new_value:.4f}."
    verb = "fell" if found.difference < 0 else "rose"
    return (f"{found.metric} {verb} by {abs(100 * found.difference):.2f} points, from {found.base_value:.4f} to "
            f"{found.new_value:.4f}. {NOT_A_TEST}")
