"""The rows of the acceptance table: what is drawn, what is counted, and within which bars it must lie."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import NormalDist

import numpy as np
from simulator import draw_pair, still_images, true_differences, video_clips

from deteval.inference.paired import Paired, estimate, estimate_classes, measure_pairs
from deteval.inference.weights import cluster_units, image_units
from deteval.records.metric import parse_metrics
from deteval.records.resampling import Resampling, Units
from deteval.threads import available_threads, map_chunks

PAGE = Path(__file__).resolve().parents[1] / "docs" / "statistics.md"
METRICS = parse_metrics("AP,AP@.5")
TOLERANCE = 0.003
REPLICATES = 1000
GAP = 0.05
"""How much worse the second model sees: about one point of AP."""


@dataclass
class Tally:
    """Counts over data sets: how many intervals lay below, above and around the true difference, and other events."""

    sets: int = 0
    events: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        self.events[name] = self.events.get(name, 0.0) + value

    def add_interval(self, name: str, low: float | None, high: float | None, truth: float) -> None:
        """Nothing is counted where there is no interval."""
        if low is not None and high is not None:
            self.add(f"{name} intervals", 1)
            self.add(f"{name} below", high < truth)
            self.add(f"{name} above", low > truth)

    def share(self, name: str, of: str = "") -> float:
        """In percent of the data sets, or of the intervals of a kind."""
        total = self.events.get(of, 0.0) if of else self.sets
        return 100.0 * self.events.get(name, 0.0) / max(total, 1)

    def coverage(self, name: str) -> float:
        of = f"{name} intervals"
        return 100.0 - self.share(f"{name} below", of) - self.share(f"{name} above", of)

    def worst_side(self, name: str) -> float:
        return max(self.share(f"{name} {side}", f"{name} intervals") for side in ("below", "above"))


def run_sets(one: Callable[[int], Tally], sets: int) -> Tally:
    """The sum of the tallies of data sets 0, 1, ...; the same for every number of threads."""
    total = Tally(sets)
    for tally in map_chunks(one, range(sets), available_threads()):
        for name, value in tally.events.items():
            total.add(name, value)
    return total


def compare_still_images(classes: int, images: int, gap: float, sets: int, replicates: int = REPLICATES, *,
                         correct: str = "none", population: int = 100_000) -> Tally:
    """Totals and classes of independent data sets, each tested as `compare` would.

    population: images in each of four populations, over which the true differences are means; unused without a gap.
    """
    truth, class_truth = np.zeros(2), np.zeros((2, classes))
    if gap:
        truth, class_truth = true_differences(classes, gap, METRICS, population)

    def one(number: int) -> Tally:
        rng = np.random.default_rng([number, classes, images, int(gap * 1000)])
        pair = draw_pair(rng, classes, still_images(images), gap)
        paired = measure_one_pair(pair, image_units(images), Resampling(replicates, seed=number, correct=correct))
        tally = Tally()
        for metric, true in zip(METRICS, truth, strict=True):
            found = estimate(paired, metric)
            tally.add_interval(str(metric), found.low, found.high, true)
            if metric == METRICS[0]:
                tally.add("significant", found.difference < -TOLERANCE and found.high < 0)
                tally.add("beyond", found.high < -TOLERANCE)
                tally.add("proven", found.differs is True)
                tally.add("expected", NormalDist().cdf(abs(true) / found.standard_error - NormalDist().inv_cdf(0.975)))
        count_classes(tally, paired, class_truth[0])
        return tally

    return run_sets(one, sets)


def count_classes(tally: Tally, paired: Paired, truth: np.ndarray) -> None:
    """Intervals of the rarer classes pooled, verdicts on classes that are too rare for one, and family errors."""
    wrong = False
    for k, one in enumerate(estimate_classes(paired, METRICS[0])):
        found = one.estimate
        wrong |= found.differs is True
        tally.add("verdicts below 10 images", found.units < 10 and (found.differs is not None or found.low is not None))
        if found.units < 50:
            tally.add_interval("rare", found.low, found.high, truth[k])
    tally.add("family error", wrong)


def compare_clips(clips: int, sets: int, replicates: int = REPLICATES) -> Tally:
    """Equal models on video clips, with frames drawn one by one and with whole clips drawn."""
    def one(number: int) -> Tally:
        rng = np.random.default_rng([number, clips])
        frames = video_clips(rng, clips)
        pair = draw_pair(rng, 10, frames)
        tally = Tally()
        for name, units in (("images", image_units(len(frames.scene))),
                            ("clips", cluster_units(frames.scene.tolist(), "clip"))):
            paired = measure_one_pair(pair, units, Resampling(replicates, seed=number))
            found = estimate(paired, METRICS[0])
            tally.add_interval(name, found.low, found.high, 0.0)
            tally.add(f"{name} without a verdict", found.differs is None)
        return tally

    return run_sets(one, sets)


def measure_one_pair(pair: tuple, units: Units, resampling: Resampling) -> Paired:
    """On one thread: data sets run side by side."""
    return measure_pairs(pair[0], [pair[1]], METRICS, METRICS[:1], resampling, units, threads=1)[0]


def write_row(name: str, bar: str, found: str, size: str) -> None:
    """Put a result into its line of the table on the page, between the markers."""
    text = PAGE.read_text("utf-8")
    begin, end = (text.index(f"<!-- acceptance: {word} -->") for word in ("begin", "end"))
    lines = text[begin:end].splitlines()
    row = f"| {name} | {bar} | {found} | {size} |"
    places = [i for i, line in enumerate(lines) if line.startswith(f"| {name} |")]
    if places:
        lines[places[0]] = row
    else:
        lines.append(row)
    PAGE.write_text(text[:begin] + "\n".join(lines) + "\n" + text[end:], "utf-8")
