"""Intervals and thresholds."""

import numpy as np
import pytest

from likeness.evaluate.ceiling import seed_means
from likeness.evaluate.statistics import UNKNOWN, Resampler, calibrate, crossed_means, estimate


def interval_of(scores: np.ndarray, stream: int = 0):
    random = Resampler(stream)
    means = crossed_means(scores, random.counts(len(scores)), random.counts(scores.shape[1]))
    return estimate(means, len(scores))


def test_the_value_is_the_mean_and_the_interval_holds_it():
    scores = np.random.default_rng(3).normal(0.5, 0.1, (10, 6))
    found = interval_of(scores)
    assert found.value == round(float(scores.mean()), 4)
    assert found.low < found.value < found.high


def test_an_interval_of_95_percent_holds_the_truth_about_as_often():
    hits = 0
    for trial in range(200):
        # Each seed and each photograph has its own level, as pictures of one seed and one photograph have.
        random = np.random.default_rng(trial)
        scores = (
            0.5
            + random.normal(0, 0.1, (8, 1))
            + random.normal(0, 0.05, (1, 12))
            + random.normal(0, 0.02, (8, 12))
        )
        found = interval_of(scores)
        hits += found.low <= 0.5 <= found.high
    assert 184 <= hits <= 200


@pytest.mark.parametrize(("photographs", "seeds"), [(4, 20), (20, 4)])
def test_few_photographs_widen_it_as_few_seeds_do(photographs, seeds):
    """By seeds alone, 4 photographs held the truth in .84 of the cases."""
    hits = 0
    for trial in range(100):
        random = np.random.default_rng(trial)
        of_photographs = random.normal(0.5, 0.08, photographs)
        scores = {(seed, 0): of_photographs + random.normal(0, 0.02) for seed in range(seeds)}
        means, units = seed_means(scores, [[name] for name in scores], Resampler(0).counts(photographs))
        found = estimate(means, units)
        hits += found.low <= 0.5 <= found.high
    assert units == 4
    assert hits >= 88


def test_what_is_one_is_not_drawn_again():
    one_seed = {"a": np.array([0.4, 0.6])}
    assert seed_means(one_seed, [["a"]], Resampler(0).counts(2))[1] == 2
    seeds = {"a": np.array([0.4]), "b": np.array([0.5]), "c": np.array([0.6])}
    assert seed_means(seeds, [["a"], ["b"], ["c"]], Resampler(0).counts(1))[1] == 3
    assert seed_means({"a": np.array([0.4])}, [["a"]], Resampler(0).counts(1))[1] == 1


def test_pairs_of_the_same_pictures_are_no_new_evidence():
    seeds = np.random.default_rng(1).normal(0.5, 0.1, (5, 1))
    few, many = interval_of(np.repeat(seeds, 2, axis=1)), interval_of(np.repeat(seeds, 50, axis=1))
    assert (few.high - few.low) == pytest.approx(many.high - many.low, rel=0.15)


def test_one_unit_has_no_interval_and_no_score_no_value():
    alone = interval_of(np.array([[0.5]]))
    assert (alone.value, alone.low, alone.high) == (0.5, None, None)
    assert interval_of(np.full((3, 2), np.nan)) == UNKNOWN


def test_the_same_scores_give_the_same_interval():
    scores = np.random.default_rng(3).normal(0.5, 0.1, (4, 2))
    assert interval_of(scores) == interval_of(scores)


def test_a_threshold_at_a_false_accept_rate_needs_enough_strangers():
    random = np.random.default_rng(0)
    own, others = random.normal(0.7, 0.1, 300), random.normal(0.2, 0.1, 1000)
    found = calibrate(own, others, false_accept_rate=0.01, published=0.4)
    assert 0 < found.false_accepts <= 0.01
    assert np.mean(others >= found.value) == pytest.approx(found.false_accepts, abs=1e-4)
    assert "at most 1 % of the pairs with a stranger" in found.origin
    few = calibrate(own, others[:50], false_accept_rate=0.01, published=0.4)
    assert "50 pairs with a stranger are too few" in few.origin
    assert few.eer == (few.false_accepts + few.false_rejects) / 2


def test_the_stated_rate_is_reached_and_not_undercut():
    """1 of 100 is a rate of .01, also where 1 - 99 / 100 is more in floating point."""
    strangers = [number / 1000 for number in range(100)]
    found = calibrate([0.0985], strangers, false_accept_rate=0.01, published=0.3)
    assert (found.false_accepts, found.false_rejects) == (0.01, 0.0)


@pytest.mark.parametrize("trial", range(20))
def test_calibration_is_what_counting_by_hand_gives(trial):
    random = np.random.default_rng(trial)
    own = np.round(random.normal(0.6, 0.15, random.integers(1, 40)), 2)
    others = np.round(random.normal(0.3, 0.2, random.integers(1, 250)), 2)
    found = calibrate(own.tolist(), others.tolist(), false_accept_rate=0.01, published=0.3)
    assert found.false_accepts == pytest.approx(np.mean(others >= found.value), abs=1e-4)
    assert found.false_rejects == pytest.approx(np.mean(own < found.value), abs=1e-4)
    cuts = [-np.inf, *np.unique([*own, *others]), np.inf]
    rates = [(np.mean(others >= cut), np.mean(own < cut)) for cut in cuts]
    least = min(abs(accepts - rejects) for accepts, rejects in rates)
    equal = [(accepts + rejects) / 2 for accepts, rejects in rates if abs(accepts - rejects) < least + 1e-9]
    assert any(found.eer == pytest.approx(eer, abs=1e-4) for eer in equal)
    area = np.trapezoid([1 - rejects for _, rejects in rates][::-1], [accepts for accepts, _ in rates][::-1])
    assert found.area_under_roc == pytest.approx(area, abs=1e-4)


def test_overlapping_people_have_equal_errors_and_the_area_says_so():
    scores = np.random.default_rng(0).normal(0.5, 0.1, 2000)
    found = calibrate(scores[:1000], scores[1000:], false_accept_rate=0.0001, published=0.4)
    assert found.eer == pytest.approx(0.5, abs=0.03)
    assert found.area_under_roc == pytest.approx(0.5, abs=0.03)
    apart = calibrate([0.8, 0.9], [0.1, 0.2], false_accept_rate=0.01, published=0.4)
    assert (apart.eer, apart.area_under_roc, apart.value) == (0.0, 1.0, 0.5)


@pytest.mark.parametrize(("own", "others"), [([], [0.1]), ([0.9], [])])
def test_without_photographs_to_compare_the_published_threshold_counts(own, others):
    found = calibrate(own, others, false_accept_rate=0.01, published=0.363)
    assert found.value == 0.363
    assert found.origin.startswith("published")
    assert found.eer is None
