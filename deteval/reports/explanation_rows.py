"""Why AP changed, as tables: classes, images, kinds of change and slices, each adding up to the difference."""

from collections.abc import Callable, Sequence

from deteval.records.explanation import ClassShare, Explanation, ImageShare, KindShare
from deteval.records.numbers import threshold_text
from deteval.records.params import signature
from deteval.reports.layout import Look, printable
from deteval.reports.sheet import Section, Sheet, count, difference, image_cells, name_cell, points, rows_of

MOST_IMAGES = 3
"""Images that the row of a class names."""
CHANGES = {
    ("lost", "missed"): "found before, now missed",
    ("lost", "badly localised"): "found before, now badly localised",
    ("lost", "another class"): "found before, now another class",
    ("gained", "missed"): "missed before, now found",
    ("gained", "badly localised"): "badly localised before, now found",
    ("gained", "another class"): "another class before, now found",
    ("kept", "fit"): "found by both, boxes fit differently",
    ("kept", "rank"): "found by both, ranked differently",
}
"""What a kind of change is called in a table."""
NOT_A_TEST = ("This says where the difference lies, not whether chance could have made it: deteval compare tests that.")


def explanation_sheet(explanation: Explanation, look: Look, by: str = "", top: int = 10) -> Sheet:
    """The report. by: class, image, kind or slice to show that part alone, "" for all. top: rows of each part."""
    sections: dict[str, Callable[[], list[Section]]] = {
        "class": lambda: [_classes(explanation, look, top)],
        "image": lambda: _images(explanation, look, top, within_classes=by == "image"),
        "kind": lambda: [_kinds(explanation, look)] if explanation.kinds else [],
        "slice": lambda: [_slices(explanation, look, top)] if explanation.slices else [],
    }
    chosen = [section for name, make in sections.items() if by in ("", name) for section in make()]
    facts = (signature(explanation.params),
             *([f"ground truth {explanation.new.fingerprint}"] if explanation.new.fingerprint else []))
    return Sheet(
        subject=(("base", explanation.base.name), ("new", explanation.new.name)), facts=facts,
        headline=_headline(explanation, look), remarks=explanation.remarks, sections=tuple(chosen),
        notes=(*_missing(explanation), NOT_A_TEST))


def change_text(one: KindShare) -> str:
    """A kind of change in words."""
    if one.group == "false positives":
        return f"false positives: {one.kind}"
    return CHANGES.get((one.group, one.kind), f"{one.group}: {one.kind}")


def _headline(explanation: Explanation, look: Look) -> Section:
    values = (explanation.metric, look.value(explanation.base_value), look.value(explanation.new_value),
              difference(explanation.difference, look))
    return Section("", (("metric", "base", "new", "difference"), values))


def _missing(explanation: Explanation) -> list[str]:
    return [f"no {name}: {why}" for name, why in explanation.missing.items()]


def _largest(shares: Sequence[float], top: int) -> list[int]:
    """Positions of the largest shares either way, drops first."""
    chosen = sorted(range(len(shares)), key=lambda i: -abs(shares[i]))[:top]
    return sorted(chosen, key=lambda i: shares[i])


def _classes(explanation: Explanation, look: Look, top: int) -> Section:
    known = [one for one in explanation.classes if one.share is not None]
    shown = [known[i] for i in _largest([one.share or 0.0 for one in known], top)]
    body = [_class_row(one, look) for one in shown]
    rest = len(known) - len(shown)
    if rest:
        others = sum(one.share or 0.0 for one in known) - sum(one.share or 0.0 for one in shown)
        body.append(["", f"{rest:,} other{'s' if rest > 1 else ''}", "", "", "", "", points(others, look), ""])
    body.append(["", "all classes", "", look.value(explanation.base_value), look.value(explanation.new_value),
                 difference(explanation.difference, look), points(explanation.difference, look), ""])
    without = len(explanation.classes) - len(known)
    notes = (f"Without ground truth, and so without a share: {without:,} more.",) if without else ()
    return Section(
        "classes", rows_of(["id", "class", "n_gt", "base", "new", "difference", "share", "images"], body),
        caption=f"share: of the difference in {explanation.metric}, in points (0.01); those of all classes add up to "
                "it. images: where most of the share lies",
        left=2, names=1, optional=("images", "id", "n_gt", "base", "new"), notes=notes)


def _class_row(one: ClassShare, look: Look) -> list[str]:
    change = None if one.base is None or one.new is None else one.new - one.base
    with_it = sorted((image for image in one.images if image.share * (one.share or 0.0) > 0),
                     key=lambda image: -abs(image.share))
    return [name_cell(one.id), name_cell(one.name), count(one.n_gt), look.value(one.base), look.value(one.new),
            difference(change, look), points(one.share, look),
            ", ".join(name_cell(image.image_id) for image in with_it[:MOST_IMAGES])]


def _images(explanation: Explanation, look: Look, top: int, within_classes: bool) -> list[Section]:
    """All classes together; alone in the report, each class that matters as well."""
    at = threshold_text(explanation.iou)
    sections = [_image_section(
        "images", explanation.images, (explanation.elsewhere, explanation.remainder, explanation.difference), look, top,
        caption=f"share: what each adds to the difference, in points, to first order; lost, gained: objects that only "
                f"base, or only new finds at IoU {at}; FP: how many more false positives new has. remainder: what such "
                "shares leave unexplained",
        total="difference")]
    for one in explanation.classes if within_classes else ():
        if one.images:
            sections.append(_image_section(f"images, class {printable(one.name)}", one.images,
                                           (one.elsewhere, one.remainder, one.share), look, top, caption="",
                                           total="share of the class"))
    return sections


def _image_section(title: str, images: Sequence[ImageShare], rest: tuple[float, float, float | None], look: Look,
                   top: int, caption: str, total: str) -> Section:
    shown = [images[i] for i in _largest([one.share for one in images], top)]
    elsewhere, remainder, whole = rest
    elsewhere += sum(one.share for one in images) - sum(one.share for one in shown)
    body = [[*image_cells(one.image_id, one.file_name), count(one.lost), count(one.gained),
             f"{one.false_positives:+,}" if one.false_positives else "0", points(one.share, look)] for one in shown]
    for label, value in (("other images", elsewhere), ("remainder", remainder), (total, whole)):
        body.append([label, "", "", "", "", points(value, look)])
    rows = rows_of(["image", "file", "lost", "gained", "FP", "share"], body)
    left = 2 if "file" in rows[0] else 1
    return Section(title, rows, caption=caption, left=left, names=left - 1, optional=("file", "FP", "gained", "lost"))


def _kinds(explanation: Explanation, look: Look) -> Section:
    at = threshold_text(explanation.iou)
    body = [[change_text(one), count(one.base), count(one.new), points(one.share, look)] for one in explanation.kinds
            if one.base or one.new or float(points(one.share, look))]
    body += [["remainder", "", "", points(explanation.remainder, look)],
             ["difference", "", "", points(explanation.difference, look)]]
    return Section(
        "kinds of change", rows_of(["change", "base", "new", "share"], body),
        caption=f"told at IoU {at}; base, new: objects, or false positives, of each; share: of the difference, in "
                "points", names=0)


def _slices(explanation: Explanation, look: Look, top: int) -> Section:
    shown = [explanation.slices[i] for i in _largest([one.share for one in explanation.slices], top)]
    body = [[name_cell(one.name), count(one.n_images), points(one.share, look)] for one in shown]
    return Section("slices", rows_of(["slice", "images", "share"], body),
                   caption="share: of the difference on all images, in points; slices may overlap")
