"""Draws of images and clusters: their distribution, their bits, and what is refused."""

import numpy as np
import pytest

import deteval
from deteval.inference.weights import cluster_units, cluster_warning, draw_weights, image_units
from deteval.kernels.lanes import LANES
from deteval.records.resampling import Resampling, Units


def rows_of(weights):
    """Weights (blocks, images, LANES) as (replicates, images)."""
    return weights.transpose(0, 2, 1).reshape(-1, weights.shape[1])


def test_every_replicate_draws_as_many_images_as_there_are():
    weights = draw_weights(image_units(37), 37, 100, seed=1)
    assert weights.shape == (7, 37, LANES)
    assert weights.dtype == np.uint8
    assert (weights.sum(axis=1) == 37).all()


def test_counts_are_multinomial():
    """Mean 1, variance 1 - 1/n, covariance -1/n, and e^-1 of the images left out."""
    images, replicates = 50, 16_000
    rows = rows_of(draw_weights(image_units(images), images, replicates, seed=5)).astype(float)
    error = 1 / np.sqrt(replicates)
    assert rows.mean(axis=0) == pytest.approx(np.ones(images), abs=5 * error)
    covariance = np.cov(rows.T)
    assert np.diag(covariance) == pytest.approx(np.full(images, 1 - 1 / images), abs=8 * error)
    others = covariance[~np.eye(images, dtype=bool)]
    assert others == pytest.approx(np.full(len(others), -1 / images), abs=6 * error)
    assert (rows == 0).mean() == pytest.approx((1 - 1 / images) ** images, abs=0.002)


def test_the_bits_are_those_of_the_seed():
    """Numbers that must not change between machines, versions and releases."""
    weights = draw_weights(image_units(5), 5, 16, seed=1)
    assert weights[0, :, 0].tolist() == [1, 0, 0, 2, 2]
    assert int((weights.astype(np.int64) * np.arange(1, 6)[:, None] * np.arange(1, 17)).sum()) == 2027


def test_a_block_depends_neither_on_the_number_of_blocks_nor_on_the_first():
    few, many = (draw_weights(image_units(9), 9, replicates, seed=3) for replicates in (33, 2000))
    assert np.array_equal(few, many[:3])
    assert np.array_equal(draw_weights(image_units(9), 9, 32, seed=3, first_block=1), many[1:3])
    assert not np.array_equal(few, draw_weights(image_units(9), 9, 33, seed=4))
    assert not np.array_equal(many[0], many[1])


def test_images_of_a_cluster_are_drawn_together():
    units = cluster_units(["b", "a", "b", "c", "a"], "video")
    assert (units.count, units.cluster.tolist(), units.name) == (3, [0, 1, 0, 2, 1], "clusters of video")
    rows = rows_of(draw_weights(units, 5, 160, seed=1))
    assert np.array_equal(rows[:, 0], rows[:, 2])
    assert np.array_equal(rows[:, 1], rows[:, 4])
    assert (rows[:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_one_image_and_none():
    assert (draw_weights(image_units(1), 1, 100, seed=1) == 1).all()
    assert draw_weights(image_units(0), 0, 100, seed=1).shape == (7, 0, LANES)


def test_text_and_numbers_are_different_clusters():
    assert cluster_units(["1", 1, "1", 1.0], "scene").cluster.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("value", [None, float("nan"), ["a"], {"a": 1}])
def test_an_image_without_a_cluster_is_named(value):
    with pytest.raises(deteval.DetevalError, match=r"cluster-by video: image 'b.jpg': .*every image needs") as caught:
        cluster_units(["x", value], "video", ids=["a.jpg", "b.jpg"])
    assert caught.value.exit_code == 2
    with pytest.raises(deteval.DetevalError, match="the image at position 1"):
        cluster_units(["x", value], "video")


@pytest.mark.parametrize("count, words", [(1, "carry no verdict"), (9, "carry no verdict"), (10, "rough"),
                                          (29, "rough"), (30, ""), (1000, "")])
def test_few_clusters_are_warned_of(count, words):
    warning = cluster_warning(Units(count, np.zeros(count, np.int32), "clusters of video"))
    assert bool(warning) == bool(words)
    assert words in warning


def test_single_images_are_not_warned_of():
    assert cluster_warning(image_units(3)) == ""


@pytest.mark.parametrize("wrong", [{"replicates": 99}, {"replicates": 1_000_001}, {"replicates": 200.5},
                                   {"replicates": True}, {"seed": -1}, {"seed": "1"}, {"alpha": 0.0}, {"alpha": 0.5},
                                   {"alpha": float("nan")}, {"alpha": "5 %"}, {"alpha": True}, {"correct": "holm"}])
def test_wrong_settings_are_usage_errors(wrong):
    with pytest.raises(deteval.DetevalError, match=next(iter(wrong))) as caught:
        Resampling(**wrong)
    assert caught.value.exit_code == 2


def test_replicates_must_resolve_alpha():
    with pytest.raises(deteval.DetevalError, match=r"replicates: 1000 are too few for alpha 0.001; at least 2000"):
        Resampling(replicates=1000, alpha=0.001)
    assert Resampling(replicates=2000, alpha=0.001).alpha == 0.001
    assert Resampling(replicates=np.int64(500), seed=np.int32(3)).replicates == 500
