"""Ids of the images that an explanation lists, for a viewer and for `--images`."""

import json
from collections.abc import Sequence

from deteval.records.diagnosis import Diagnosis
from deteval.records.explanation import Explanation


def listed_ids(result: Diagnosis | Explanation, by: str = "") -> list[int | str]:
    """The images that are listed, worst for the (new) model first, each once. by: of suspects, those they lie on."""
    if isinstance(result, Explanation):
        return [one.image_id for one in sorted(result.images, key=lambda one: one.share)]
    if by == "suspects":
        found = () if result.suspects is None else result.suspects.listed
        return list(dict.fromkeys(one.image_id for one in found))
    return [one.image_id for one in result.images]


def ids_text(ids: Sequence[int | str]) -> str:
    """One id a line; a JSON list where an id would not come back from a line of its own."""
    if all(_fits_a_line(one) for one in ids) and not str(ids[0] if ids else "").startswith(("[", "{")):
        return "".join(f"{one}\n" for one in ids)
    return json.dumps(list(ids), ensure_ascii=False) + "\n"


def _fits_a_line(one: int | str) -> bool:
    text = str(one)
    return text.splitlines() == [text] and text == text.strip() and not text.startswith("#")
