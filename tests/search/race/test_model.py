"""The model finds known effects, tells noise from effects, and knows which execution teaches most."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.search.race.model import Data, Model, expected_gains

EFFECTS = np.array([0.2, -0.1, 0.0, 0.05])


def data(scores: int, noise: float = 0.05, outliers: int = 0) -> Data:
    """Return scores of random sets of four pieces. The first `outliers` scores are 1."""
    rng = np.random.default_rng(1)
    members = rng.integers(0, 2, (scores, len(EFFECTS))).astype(float)
    values = 0.4 + members @ EFFECTS + noise * rng.standard_normal(scores)
    values[:outliers] = 1.0
    return Data(members, np.zeros(len(EFFECTS)), np.arange(scores), values)


def fitted(measured: Data) -> Model:
    model = Model()
    model.fit(measured, steps=20)
    return model


def test_the_effects_are_within_their_errors() -> None:
    means, deviations = fitted(data(200)).effects()
    assert np.all(np.abs(means - EFFECTS) < 3 * deviations)
    assert np.all(deviations < 0.02)


@pytest.mark.parametrize("noise", [0.03, 0.2])
def test_the_noise_is_estimated(noise: float) -> None:
    assert np.sqrt(fitted(data(400, noise)).noise) == pytest.approx(noise, rel=0.35)


def test_outliers_do_not_decide() -> None:
    """Six scores of a hundred are outliers. They raise the unweighted noise, and hardly change the effects."""
    model = fitted(data(100, outliers=6))
    assert np.allclose(model.effects()[0], EFFECTS, atol=0.05)
    assert model.noise > 2 * model.noise_variance


def test_without_scores_the_effects_are_the_prior() -> None:
    model = fitted(Data(np.zeros((0, 2)), np.array([0.0, np.nan]), np.zeros(0, dtype=np.intp), np.zeros(0)))
    means, deviations = model.effects()
    assert np.allclose(means, 0)
    assert deviations[0] > deviations[1]


def test_a_piece_that_the_proposer_prefers_gets_the_effect_that_preferred_pieces_have() -> None:
    """Preferred pieces help here. So another one, never executed, is expected to help, and a shunned one to harm."""
    rng = np.random.default_rng(2)
    members = np.hstack([rng.integers(0, 2, (60, 4)).astype(float), np.zeros((60, 2))])
    scores = 0.4 + members[:, :4] @ np.array([0.1, 0.1, -0.1, -0.1]) + 0.02 * rng.standard_normal(60)
    measured = Data(members, np.array([1.0, 1.0, -1.0, -1.0, 1.0, -1.0]), np.arange(60), scores)
    means, _ = fitted(measured).effects()
    assert means[4] > 0.02 > -0.02 > means[5]


def test_more_scores_of_one_prompt_narrow_its_quality() -> None:
    rng = np.random.default_rng(3)
    rows = np.array([0] * 30 + [1])
    measured = Data(np.eye(2), np.zeros(2), rows, 0.5 + 0.05 * rng.standard_normal(31))
    _, variances = fitted(measured).executed_prompts()
    assert variances[0] < variances[1] / 3


def test_an_execution_with_uncertain_pieces_is_worth_more_than_one_without() -> None:
    measured = data(50)
    with_new_piece = Data(
        np.hstack([measured.members, np.zeros((50, 1))]), np.zeros(5), measured.prompts, measured.scores
    )
    gains = fitted(with_new_piece).gains(np.array([[1.0, 0, 0, 0, 0], [1.0, 0, 0, 0, 1.0]]), 1.0)
    assert gains[1] > 2 * gains[0]


def test_the_gain_falls_with_the_distance_from_zero() -> None:
    gains = expected_gains(np.array([0.0, 0.1, -0.1, 0.5]), np.full(4, 0.1))
    assert gains[0] == pytest.approx(0.0399, abs=1e-4)
    assert gains[0] > gains[1] == pytest.approx(gains[2])
    assert 0 <= gains[3] < 1e-6


def test_an_anticipated_execution_lowers_the_uncertainty_as_the_execution_itself_does() -> None:
    """The score does not matter for the uncertainty, except through the estimated variances and weights."""
    before, members = data(40), np.array([1.0, 0.0, 1.0, 1.0])
    model, later = Model(), Model()
    model.fit(before, steps=0)
    model.anticipate(members)
    rows, scores = np.arange(41), np.append(before.scores, 0.5)
    later.fit(Data(np.vstack([before.members, members]), before.preferences, rows, scores), steps=0)
    assert np.allclose(model.effects()[1], later.effects()[1], rtol=1e-6)
