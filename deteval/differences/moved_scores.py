"""How the scores of the same detections moved from base to new: shuffled, reversed, rounded, rescaled."""

import numpy as np

from deteval.differences.kept_objects import Pairs, scores_remark
from deteval.differences.same_detections import Columns
from deteval.records.dataset import Bools, Floats

ENOUGH = 20
"""A correlation of fewer says nothing."""
UNRELATED = 0.3
DIGITS = (0, 1, 2, 3)


def rank_remark(base: Floats, new: Floats, changed: Bools, of: str = "detections with the same boxes",
                *, ordered: bool = False) -> str:
    """Whether the order of scores was lost or reversed, or scores were rounded so that they tie; "" if not.

    of: what the scores belong to. ordered: whether to look for ties alone.
    """
    if changed.mean() < 0.5:
        return ""
    before, after = base[changed], new[changed]
    if np.ptp(after) == 0 and np.ptp(before) > 0:
        which = f"all {len(new):,}" if np.ptp(new) == 0 else f"{int((new == after[0]).sum()):,} of {len(new):,}"
        return f"{which} {of} have the score {after[0]:.3g} in new, so that their order is lost"
    digits = next((one for one in DIGITS if _is_rounded(before, after, one)), None)
    if digits is not None:
        values, earlier = len(np.unique(new)), len(np.unique(base))
        return (f"scores are rounded to {10.0**-digits:g} in new: {values:,} different values of {len(new):,} "
                f"{of} (base {earlier:,}), so that many tie")
    correlation = _rank_correlation(base, new) if len(after) >= ENOUGH and not ordered else 1.0
    if abs(correlation) < UNRELATED:
        return (f"scores of new do not follow those of base, as if shuffled: rank correlation {correlation:.2f} over "
                f"{len(new):,} {of}")
    if correlation < -UNRELATED:
        return f"the order of scores is reversed in new: rank correlation {correlation:.2f} over {len(new):,} {of}"
    return ""


def rescaled_remark(base: Columns, new: Columns, names: tuple[str, ...], n_images: int, order_kept: bool) -> str:
    """Whether scores went one way, of all detections, in some classes or on some images; "" if not."""
    none = np.zeros(len(base))
    pairs = Pairs(base_scores=base.scores, new_scores=new.scores, base_similarity=none, new_similarity=none,
                  category=base.category, image=base.image, names=names, n_images=n_images,
                  classes=len(np.unique(base.category)), similarity_name="", noun="boxes")
    return scores_remark(pairs, order_kept)


def _is_rounded(base: Floats, new: Floats, digits: int) -> bool:
    step: float = 10.0**-digits
    return bool((np.abs(new - np.round(new, digits)) < 1e-9).all() and (np.abs(new - base) <= step + 1e-9).all()
                and (np.abs(base - np.round(base, digits)) > 1e-9).mean() > 0.5 and len(np.unique(new)) > 1)


def _rank_correlation(first: Floats, second: Floats) -> float:
    ranks = [np.unique(one, return_inverse=True)[1].astype(np.float64) for one in (first, second)]
    if any(np.ptp(one) == 0 for one in ranks):
        return 1.0
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
