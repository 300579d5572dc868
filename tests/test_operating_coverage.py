"""Coverage of the intervals of chosen cuts: in small by default, in full with `-m long`, into docs/statistics.md."""

import pytest
from acceptance import Tally, write_row
from operating_coverage import cover

from deteval.inference.operating import TOTALS
from deteval.records.criterion import Criterion

PRECISION = Criterion("precision", target=0.8)


@pytest.mark.parametrize("criterion", [Criterion(), PRECISION], ids=str)
def test_cuts_are_worth_elsewhere_what_is_said_in_small(criterion):
    tally = cover(10, 150, criterion, 40, 100, 2000)
    for total in TOTALS:
        assert tally.coverage(total) >= 80, total
    assert tally.coverage("rare") >= 85
    flattered, left = (tally.events[f"own macro {what}"] / tally.sets for what in ("apparent", "elsewhere"))
    assert flattered > 0.01
    assert abs(left) < 0.6 * flattered


ROWS = [
    # criterion, classes, images, sets
    (Criterion(), 10, 200, 500),
    (Criterion(), 80, 300, 300),
    (Criterion(), 80, 1000, 300),
    (PRECISION, 80, 500, 300),
    (Criterion("recall", target=0.6), 80, 500, 300),
]


@pytest.mark.long
@pytest.mark.parametrize("criterion, classes, images, sets", ROWS)
def test_cuts_are_worth_elsewhere_what_is_said(criterion, classes, images, sets):
    tally = cover(classes, images, criterion, sets, 500, 20_000)
    write_row(f"operating points, {criterion}, {classes} classes, {images:,} images", "85-99.5 %, classes 88-99.5 %",
              text_of(tally), f"{sets:,} sets x 500 replicates")
    for total in TOTALS:
        assert 85 <= tally.coverage(total) <= 99.5, total
    for name in ("rare", "common"):
        assert 88 <= tally.coverage(name) <= 99.5, name


def text_of(tally: Tally) -> str:
    """Coverage of all, and what is left of the optimism."""
    means = {what: tally.events[f"own macro {what}"] / tally.sets for what in ("apparent", "elsewhere")}
    names = {**{total: total for total in TOTALS}, "rare": "classes on 10 to 49 images", "common": "on more"}
    return (", ".join(f"{text} {tally.coverage(name):.1f} %" for name, text in names.items())
            + f"; own macro is too good by {means['apparent']:+.4f}, corrected {means['elsewhere']:+.4f}")
