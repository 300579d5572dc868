"""What AP would be, were single labels other than they are: only the classes touched are measured again."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from deteval.averages import average_precision
from deteval.diagnosis.mending import NONE, Codes, Edits, edited_values
from deteval.measures import Ranked


class Edit(Struct, frozen=True):
    """Another outcome in one class: how many ground truths more there are, the detection that becomes a true positive
    and the one that no longer is one, by row of the evidence, NONE for none."""

    more: int
    gained: int = NONE
    lost: int = NONE


def changes(ranked: Ranked, threshold: int, outcomes: Codes, edits: Sequence[dict[int, Edit]]) -> list[float | None]:
    """By how much the mean AP over classes would change under each of the edits, which are by class; None where there
    is none before or after.

    threshold: by position; in the first area range, at the largest cap. outcomes: of the rows there, by
    `ranked_outcomes`, whatever the kinds of errors. A class that gains its first ground truth joins the mean, one that
    loses its last leaves it.
    """
    if not edits:
        return []
    positives = ranked.positives(0, ranked.once)
    precision = ranked.precision([0], ranked.evidence.params.max_dets[-1], ranked.once)[0][0]
    before = average_precision(precision[:, [threshold]])[1]
    flat = [(k, int(positives[k]) + edit.more, edit.gained, edit.lost)
            for of_classes in edits for k, edit in of_classes.items()]
    columns = np.array(flat, np.int64).reshape(-1, 4).T.copy()
    after = iter(edited_values(ranked, outcomes, Edits(*columns)).tolist())
    found: list[float | None] = []
    for of_classes in edits:
        edited = before.copy()
        for k in of_classes:
            edited[k] = next(after)
        undefined = np.isnan(before).all() or np.isnan(edited).all()
        found.append(None if undefined else float(
            edited[~np.isnan(edited)].mean() - before[~np.isnan(before)].mean()))
    return found
