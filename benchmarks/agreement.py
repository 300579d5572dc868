"""Do the programs give the same numbers? A benchmark of wrong numbers is worth nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.measure import Sample
from benchmarks.peers import NAMES

TOLERANCE = 1e-9
OURS = ("deteval", "deteval score")

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Agreement:
    """`lines` say who was compared with whom, and who differs where; `ours_differs` makes the run fail."""

    lines: tuple[str, ...]
    ours_differs: bool


def compare(samples: Sequence[Sample]) -> Agreement:
    """Compare the twelve numbers of all programs that ran on one data set.

    The reference is pycocotools where it ran, elsewhere the peer with which most programs agree; deteval only
    where it is alone.
    """
    by_program: dict[str, set[Numbers]] = {}
    for sample in samples:
        by_program.setdefault(sample.program, set()).add(sample.numbers)
    wavering = [name for name, seen in by_program.items() if len(seen) > 1]
    lines = [f"{name} gives other numbers from run to run" for name in wavering]
    numbers = {name: min(seen) for name, seen in by_program.items()}
    if len(numbers) < 2:
        return Agreement((*lines, "nothing to compare with"), any(name in OURS for name in wavering))
    reference = _choose_reference(numbers)
    distances = {name: _distance(found, numbers[reference]) for name, found in numbers.items()}
    differing = [name for name, distance in distances.items() if distance > TOLERANCE]
    for name in differing:
        lines += _differing_cells(name, numbers[name], reference, numbers[reference])
    rest = [name for name in numbers if name not in differing and name != reference]
    if rest:
        largest = max(distances[name] for name in rest)
        lines.append(f"agree with {reference} (largest difference {largest:.1e}): {', '.join(rest)}")
    return Agreement(tuple(lines), any(name in OURS for name in (*differing, *wavering)))


def _choose_reference(numbers: Mapping[str, Numbers]) -> str:
    if "pycocotools" in numbers:
        return "pycocotools"
    candidates = [name for name in numbers if name not in OURS] or list(numbers)
    return max(candidates, key=lambda name: _agreeing(numbers[name], numbers))


def _agreeing(found: Numbers, numbers: Mapping[str, Numbers]) -> int:
    return sum(_distance(found, other) <= TOLERANCE for other in numbers.values())


def _distance(one: Numbers, other: Numbers) -> float:
    """Largest difference of the twelve; infinite where one is not a number or missing."""
    if len(one) != len(other):
        return float("inf")
    gaps = [abs(a - b) for a, b in zip(one, other, strict=True)]
    return max(gaps) if all(gap == gap for gap in gaps) else float("inf")


def _differing_cells(name: str, found: Numbers, reference: str, expected: Numbers) -> list[str]:
    if len(found) != len(NAMES):
        return [f"{name} differs: {len(found)} numbers instead of {len(NAMES)}"]
    return [
        f"{name} differs: {metric} is {mine!r}, with {reference} {theirs!r} (by {abs(mine - theirs):.1e})"
        for metric, mine, theirs in zip(NAMES, found, expected, strict=True)
        if not abs(mine - theirs) <= TOLERANCE
    ]
