"""The difference of two models shared out: sums, kinds of change told literally, and what cannot be told."""

import json
import math

import numpy as np
import oracle_influence as oracle
import pytest
from changed_data import two_models
from datasets import random_dataset
from msgspec.structs import replace
from test_exactness import params_of
from test_measures import box, pair

import deteval
from deteval.diagnosis.error_kinds import classify, nearest_objects
from deteval.differences.changes import agreement_bits, find_changes
from deteval.influence import attribute
from deteval.measures import Ranked, measure
from deteval.records.error_kinds import BACKGROUND, FALSE_POSITIVES
from deteval.records.metric import Metric, resolve
from deteval.records.subset import restrict
from deteval.studies.explain import explain

RICH = 230


def models_of(seed):
    """Two models with the detail table at the first threshold, and that threshold."""
    data = random_dataset(seed)
    params = params_of(data)
    return two_models(data, params, detail=params.iou[:1]), params.iou[0]


@pytest.mark.parametrize("seed", range(60))
def test_all_views_add_up(seed):
    (base, new), iou = models_of(seed)
    params = base.params
    metric = ("AP", f"AP@{params.iou[-1]!r}", f"AP/area={params.areas[-1].name}",
              f"AP/max={params.max_dets[0]}")[seed % 4]
    slices = {"even": np.arange(0, len(base.images), 2), "none": [], "odd": list(range(1, len(base.images), 2))}
    result = explain(base, new, metric, iou=iou, top=2, slices=slices)
    values = [measure(metric, one) for one in (base, new)]
    if math.isnan(values[0].values[0]):
        assert (result.base_value, result.difference, result.elsewhere, result.remainder) == (None, None, 0.0, 0.0)
        return
    difference = values[1].values[0] - values[0].values[0]
    assert result.difference == difference
    assert sum(one.share or 0.0 for one in result.classes) == pytest.approx(difference, abs=1e-12)
    defined = sum(one.share is not None for one in result.classes)
    for k, one in enumerate(result.classes):
        assert one.n_gt == (~base.gt_ignored[base.gt_category == k, resolve_area(metric, params)]).sum()
        if one.share is not None:
            assert one.share == (values[1].classes[0, k] - values[0].classes[0, k]) / defined
        assert sum(image.share for image in one.images) + one.elsewhere + one.remainder == pytest.approx(
            one.share or 0.0, abs=1e-12)
    assert sum(one.share for one in result.images) + result.elsewhere + result.remainder == pytest.approx(
        difference, abs=1e-12)
    assert len(result.images) <= 2
    assert [abs(one.share) for one in result.images] == sorted((abs(one.share) for one in result.images), reverse=True)
    assert sum(one.share for one in result.slices) + result.remainder == pytest.approx(difference, abs=1e-12)
    assert [one.n_images for one in result.slices][1] == 0
    cell = resolve(deteval.parse_metrics(metric)[0], params)
    assert bool(result.kinds) == (cell.area == 0 and cell.max_dets == params.max_dets[-1])
    if result.kinds:
        assert sum(one.share for one in result.kinds) + result.remainder == pytest.approx(difference, abs=1e-12)
    else:
        assert "first area range and at the largest cap" in result.missing["kinds"]
    json.dumps(result.to_dict(), allow_nan=False)


def resolve_area(metric, params):
    """The position of a metric's area range."""
    return resolve(deteval.parse_metrics(metric)[0], params).area


@pytest.mark.parametrize("seed", range(0, 60, 2))
def test_the_way_back_has_the_other_sign(seed):
    (base, new), iou = models_of(seed)
    there, back = explain(base, new, iou=iou, top=99), explain(new, base, iou=iou, top=99)
    if there.difference is None:
        return
    assert back.difference == -there.difference
    assert back.remainder == pytest.approx(-there.remainder, abs=1e-12)
    mirror = {"lost": "gained", "gained": "lost"}
    other = {(one.group, one.kind): one for one in back.kinds}
    for one in there.kinds:
        mirrored = other[mirror.get(one.group, one.group), one.kind]
        assert (mirrored.base, mirrored.new) == (one.new, one.base)
        assert mirrored.share == pytest.approx(-one.share, abs=1e-12)
    shares = {one.image_id: one for one in back.images}
    for one in there.images:
        if abs(one.share) > 1e-12:
            assert shares[one.image_id].share == pytest.approx(-one.share, abs=1e-12)
            assert (shares[one.image_id].lost, shares[one.image_id].false_positives) == (
                one.gained, -one.false_positives)


def seen_by(evidence, iou):
    """A model at a threshold, as the oracle takes it."""
    nearest, codes = nearest_objects(evidence), classify(evidence, iou)
    detail = evidence.detail
    found = {int(detail.taken[row, 0]): row for row in np.flatnonzero(codes == -1).tolist()}
    false = {row: (int(nearest.same[row]), nearest.same_similarity[row], int(nearest.other[row]),
                   nearest.other_similarity[row], evidence.scores[row]) for row in np.flatnonzero(codes >= 0).tolist()}
    return oracle.Seen(found, false)


def has_bit(words, row, t):
    return bool(words[row, 0, t >> 5] >> (t & 31) & 1)


@pytest.mark.parametrize("seed", [*range(40), 236, 382, RICH])
def test_kinds_told_one_by_one(seed):
    (base, new), iou = models_of(seed)
    models, params = (base, new), base.params
    changes = find_changes(base, new, iou)
    bits = agreement_bits(changes, base, new)
    values = attribute(Ranked(base), Ranked(new), Metric("AP"), bits)
    seen = [seen_by(one, iou) for one in models]
    worth, agreeing = (values.base, values.new), (values.base_agreeing, values.new_agreeing)
    shares: dict[tuple[str, str], float] = {}
    counts: dict[tuple[str, str], list[int]] = {}

    def add(key, share, *sides):
        shares[key] = shares.get(key, 0.0) + share
        for side in sides:
            counts.setdefault(key, [0, 0])[side] += 1

    used = [set(), set()]
    for side, group in ((0, "lost"), (1, "gained")):
        found = oracle.what_is_instead(seen[side], seen[1 - side], iou, BACKGROUND)
        claims = {}
        for item, (kind, row) in found.items():
            add((group, kind), worth[side][seen[side].found_by[item]], side)
            if row is not None:
                claims[row] = min(claims.get(row, kind), kind)  # another class comes before badly localised
        for row, kind in claims.items():
            used[1 - side].add(row)
            add((group, kind), worth[1 - side][row])
    for item, row in seen[0].found_by.items():
        partner = seen[1].found_by.get(item)
        if partner is None:
            continue
        differs = [t for t in range(len(params.iou)) if any(
            has_bit(getattr(base, name), row, t) != has_bit(getattr(new, name), partner, t)
            for name in ("true_positive", "ignored"))]
        for t in range(len(params.iou)):
            for words, place in ((bits[0], row), (bits[1], partner)):
                assert bool(words[place, t >> 5] >> (t & 31) & 1) == (t not in differs)
        rank = agreeing[0][row] + agreeing[1][partner]
        add(("kept", "rank"), rank, 0, 1)
        add(("kept", "fit"), worth[0][row] + worth[1][partner] - rank, *((0, 1) if differs else ()))
    for side in (0, 1):
        codes = classify(models[side], iou)
        for row in seen[side].false:
            if row not in used[side]:
                add(("false positives", FALSE_POSITIVES[codes[row]]), worth[side][row], side)
        for row in np.flatnonzero(codes == -2).tolist():
            add(("false positives", "ignored"), worth[side][row])
    result = explain(base, new, iou=iou)
    assert result.kinds[:6] == tuple(one for one in result.kinds if one.group in ("lost", "gained"))
    for one in result.kinds:
        assert one.share == pytest.approx(shares.pop((one.group, one.kind), 0.0), abs=1e-13)
        assert [one.base, one.new] == counts.get((one.group, one.kind), [0, 0]), one
    assert all(abs(rest) < 1e-13 for rest in shares.values())


def test_an_error_counts_once_and_only_in_its_class():
    """A metric of one class sees its rows only; the counts are of that class too."""
    (base, new), iou = models_of(RICH)
    whole = explain(base, new, iou=iou)
    sums: dict[tuple[str, str], list[float]] = {}
    classes = [one for one in whole.classes if one.share is not None]
    for one in classes:
        part = explain(base, new, Metric("AP", category=one.name), iou=iou)
        assert [each.name for each in part.classes] == [one.name]
        assert part.difference == pytest.approx(one.share * len(classes), abs=1e-15)
        assert sum(each.share for each in part.kinds) + part.remainder == pytest.approx(part.difference, abs=1e-12)
        for each in part.kinds:
            if each.group != "false positives":
                total = sums.setdefault((each.group, each.kind), [0, 0])
                total[0] += each.base
                total[1] += each.new
    assert sums == {(one.group, one.kind): [one.base, one.new] for one in whole.kinds if one.group != "false positives"}


def test_an_error_that_stands_for_two_objects_counts_once():
    """The new model's only box fits the dog and calls it a cat, and lies beside the cat: both objects are lost."""
    gt, found = pair([box(1, 1, 6), box(1, 2, 0)], [box(1, 1, 6, score=0.9), box(1, 2, 0, score=0.9)])
    models = [deteval.match(gt, one, detail=[0.5])
              for one in (found, deteval.load_detections([box(1, 1, 1, score=0.95)], gt))]
    result = explain(*models)
    told = {(one.group, one.kind): one for one in result.kinds if one.base or one.new or one.share}
    assert {key: (one.base, one.new) for key, one in told.items()} == {
        ("lost", "another class"): (1, 0), ("lost", "badly localised"): (1, 0)}
    assert sum(one.share for one in told.values()) + result.remainder == pytest.approx(result.difference, abs=1e-12)
    assert told["lost", "another class"].share < 0 > told["lost", "badly localised"].share


def test_an_error_for_an_object_of_another_class_stays_in_its_own():
    """New calls the dog a cat. AP of cats alone knows no dogs: the box is a false positive of the wrong class."""
    truths, cats = [box(1, 1, 300), box(1, 2, 0)], [box(1, 1, 300, score=0.7)]
    gt, found = pair(truths, [*cats, box(1, 2, 0, score=0.9)])
    models = [deteval.match(gt, one, detail=[0.5])
              for one in (found, deteval.load_detections([*cats, box(1, 1, 0, score=0.9)], gt))]
    result = explain(*models, "AP/class=cat")
    assert [(one.group, one.kind, one.new) for one in result.kinds if one.base < one.new] == [
        ("false positives", "classification", 1)]
    assert sum(one.share for one in result.kinds) + result.remainder == pytest.approx(result.difference, abs=1e-12)
    assert result.difference < -0.4


@pytest.mark.parametrize("seed", [*range(0, 40, 4), 138, 236, RICH])
def test_images_count_what_changed_on_them(seed):
    (base, new), iou = models_of(seed)
    result = explain(base, new, iou=iou, top=1000)
    listed = {one.image_id: one for one in result.images}
    for position, image_id in enumerate(base.images.ids.tolist()):
        alone = [restrict(one, [position]) for one in (base, new)]
        found = [set(seen_by(one, iou).found_by) for one in alone]
        false = [len(seen_by(one, iou).false) for one in alone]
        if image_id in listed:
            one = listed[image_id]
            assert (one.lost, one.gained, one.false_positives) == (
                len(found[0] - found[1]), len(found[1] - found[0]), false[1] - false[0])
        else:
            weighty = {g for g in found[0] ^ found[1] if result.difference is not None}
            assert not weighty


# What cannot be told


def test_without_a_detail_table_kinds_are_missing():
    (base, new), iou = models_of(RICH)
    result = explain(base, replace(new, detail=None), iou=iou)
    assert not result.kinds
    assert result.missing["kinds"] == (
        "new does not say what each detection was matched with at IoU .5; save evidence with `deteval score "
        "--save-evidence FILE --detail .5`, or give predictions and ground truth")
    assert result.images == explain(base, new, iou=iou).images
    assert explain(base, new, iou=base.params.iou[3]).missing["kinds"].startswith("base does not say")


@pytest.mark.parametrize(("arguments", "message"), [
    ({"metric": "AR"}, "metric 'AR': only an AP can be shared out to detections"),
    ({"metric": "AP,AP50"}, "metric 'AP,AP50': one metric is explained at a time"),
    ({"metric": "AP@.55/class=nothing"}, "nothing"), ({"iou": 0.33}, "the run has no IoU threshold .33"),
    ({"top": -1}, "top: -1 is not a whole number of at least 0")])
def test_what_is_refused(arguments, message):
    (base, new), _ = models_of(RICH)
    with pytest.raises(deteval.DetevalError, match=message) as caught:
        explain(base, new, **arguments)
    assert caught.value.exit_code == 2


def test_models_of_other_data_are_undecidable():
    (base, _), _ = models_of(RICH)
    with pytest.raises(deteval.DetevalError, match="the images differ") as caught:
        explain(base, restrict(base, [0, 1]))
    assert caught.value.exit_code == 4


def test_threads_give_the_same_result():
    (base, new), iou = models_of(RICH)
    assert explain(base, new, iou=iou, threads=1).to_dict() == explain(base, new, iou=iou, threads=3).to_dict()
