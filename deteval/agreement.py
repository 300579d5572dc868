"""Whether two models were evaluated alike: same settings, classes, images, objects and allowances."""

import re
from typing import Any

import numpy as np

from deteval.errors import UNDECIDABLE, DetevalError, and_more, counted, shortened
from deteval.records.evidence import Evidence
from deteval.records.params import differences_from_coco, signature
from deteval.records.run import Run
from deteval.records.scores import settings_dict

_COUNT = re.compile(r"^[\d,]+ ")
_GT_COLUMNS = ("gt_image", "gt_category", "gt_ignored")
_COLUMNS = ("image", "category", "rank", "scores", "true_positive", "ignored")


def check_agreement(base: Run, new: Run) -> None:
    """Refuse to compare (`DetevalError`, undecidable) what does not compare; the message names what differs."""
    reason = _difference(base, new)
    if reason:
        raise DetevalError(f"{new.name} does not compare with {base.name}: {reason}", exit_code=UNDECIDABLE)


def same_outcomes(base: Evidence, new: Evidence) -> bool:
    """Whether two models that agree have the same detections, by score, and with the same outcomes."""
    return all(np.array_equal(getattr(base, name), getattr(new, name)) for name in _COLUMNS)


def setting_differences(base: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What differs between two settings by option name: `iou is .5, the base's is .5:.95:.05`."""
    return [_setting_difference(name, base.get(name), new.get(name))
            for name in dict.fromkeys((*base, *new)) if base.get(name) != new.get(name)]


def _setting_difference(name: str, base: Any, new: Any) -> str:
    if isinstance(base, dict) and isinstance(new, dict):
        return _cut_difference(base, new)
    return f"{name} is {_spelled(new)}, the base's is {_spelled(base)}"


def _cut_difference(base: dict[str, Any], new: dict[str, Any]) -> str:
    """The first class whose score cut differs, or else the default; equal cuts by name and by id are told apart."""
    ours, theirs = ({**(cuts.get("classes") or {}), None: cuts.get("default")} for cuts in (new, base))
    differing = [name for name in {**theirs, **ours} if ours.get(name) != theirs.get(name)]
    first = next((name for name in differing if name is not None), None)
    what = "default" if first is None else f"score cut of class {shortened(first)}"
    return (f"operating_points: the {what} is {_cut_spelled(ours, first)}, the base's is "
            f"{_cut_spelled(theirs, first)}{and_more(len(differing))}")


def _cut_spelled(cuts: dict[str | None, Any], name: str | None) -> str:
    """A score cut; where a class has none, that it has the default, if there is one."""
    if name in cuts or cuts[None] is None:
        return _spelled(cuts.get(name))
    return f"the default, {_spelled(cuts[None])}"


def _spelled(value: Any) -> str:
    if isinstance(value, dict):
        classes, default = value.get("classes") or {}, value.get("default")
        named = "1 class" if len(classes) == 1 else f"{len(classes):,} classes"
        return f"given for {named}" if classes else f"{default} for all classes"
    if isinstance(value, list):
        return ",".join(map(str, value)) or "not given"
    return "not given" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _difference(base: Run, new: Run) -> str:
    """The first thing that differs; "" if nothing does."""
    if signature(base.evidence.params) != signature(new.evidence.params):
        settings = setting_differences(settings_dict(base.evidence.params), settings_dict(new.evidence.params))
        return f"the settings differ: {'; '.join(settings)}"
    reason = _class_difference(base.evidence, new.evidence) or _image_difference(base.evidence, new.evidence)
    if reason:
        return reason
    ours, theirs = len(new.evidence.gt_image), len(base.evidence.gt_image)
    if ours != theirs:
        return f"the ground truths differ: {counted(ours, 'object')}, the base's has {theirs:,}"
    same = all(np.array_equal(getattr(base.evidence, name), getattr(new.evidence, name)) for name in _GT_COLUMNS)
    if not same or (base.fingerprint != new.fingerprint and base.fingerprint and new.fingerprint):
        return ("the ground truths differ: their images and classes are the same, their objects are not (fingerprint "
                f"{new.fingerprint}, the base's is {base.fingerprint})")
    return _allowance_difference(base, new)


def _class_difference(base: Evidence, new: Evidence) -> str:
    ours, theirs = (dict(zip(one.categories.ids.tolist(), one.categories.names, strict=True)) for one in (new, base))
    for mine, other, whose in ((ours, theirs, "not the base's"), (theirs, ours, "the base's only")):
        for key, name in mine.items():
            if key not in other:
                return f"the class lists differ: {shortened(name)}, id {key}, is {whose}"
    for key, name in ours.items():
        if theirs[key] != name:
            return f"the class lists differ: id {key} is {shortened(name)}, the base's is {shortened(theirs[key])}"
    return ""


def _image_difference(base: Evidence, new: Evidence) -> str:
    ours, theirs = new.images.ids.tolist(), base.images.ids.tolist()
    if ours == theirs:
        return ""
    counts = f"{counted(len(ours), 'image')}, the base has {len(theirs):,}"
    for mine, other, whose in ((ours, set(theirs), "not in the base"), (theirs, set(ours), "in the base only")):
        missing = [key for key in mine if key not in other]
        if missing:
            return f"the images differ: {counts}; image {shortened(missing[0])} is {whose}"
    return f"the images differ: {counts}"


def _allowance_difference(base: Run, new: Run) -> str:
    """What was dropped or filled in for one model only, and was not allowed for the other."""
    ours, theirs = _allowances(new), _allowances(base)
    for mine, other, run, whose in ((ours, theirs, base, "here"), (theirs, ours, new, "in the base")):
        for reason in mine:
            if reason not in other and not _allows(run, reason):
                return f"the allowances differ: {reason}, only {whose}"
    return ""


def _allowances(run: Run) -> list[str]:
    """Why numbers do not compare with others, apart from settings and from which images were chosen."""
    settings = differences_from_coco(run.evidence.params)
    return [_COUNT.sub("", reason) for reason in run.not_comparable
            if reason not in settings and not reason.endswith("images are scored")]


def _allows(run: Run, reason: str) -> bool:
    """Whether a run was read with the option that the other's departure is due to, and had no use for it."""
    code = reason.removeprefix("cases of ").partition(" ")[0]
    if reason == "missing scores were filled in":
        return run.reading.get("default_score") is not None
    return bool(run.reading.get("lenient")) or code in (run.reading.get("allow") or ())
