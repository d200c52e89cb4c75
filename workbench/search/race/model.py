"""Estimates from the scores what each piece is worth: a Bayesian linear model of pieces, prompts and noise.

One score of prompt c with the pieces S is

    y = m + sum of theta_j over the pieces j in S + r_c + noise
    theta_j = mu_0 + mu_1 x_j + delta_j,    x_j = ln((1 + n_j) / (1 + e_j))

n_j counts how often piece j was proposed while it was absent. e_j is how often that would have happened if the proposer
chose evenly among the absent pieces. So a high x_j means that the proposer prefers the piece. The pieces of the seed
prompt were not proposed, so their effect is delta_j alone.

The priors are delta ~ N(0, tau^2), r ~ N(0, rho^2), mu_0 and mu_1 ~ N(0, 0.03^2), and m ~ N(median of the scores,
0.3^2). The noise is Student-t with 6 degrees of freedom and the scale sigma, so that a single outlier does not decide.

tau, rho and sigma are estimated by MAP-EM: expectation maximisation (Dempster, Laird and Rubin, 1977) with a prior on
each variance that is worth four observations (Gelman et al., Bayesian Data Analysis, chapter 13). The Student-t noise
is a normal noise whose precision has a weight for each score (Lange, Little and Taylor, 1989).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.special import ndtr

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

#: The prior variance of an effect (tau^2), of a prompt's residual (rho^2) and of the noise (sigma^2), and the weight of
#: each prior in observations.
EFFECT_VARIANCE = 0.05**2
RESIDUAL_VARIANCE = 0.03**2
NOISE_VARIANCE = 0.12**2
PRIOR_WEIGHT = 4.0
#: The prior variance of mu_0 and mu_1, and of m.
TREND_VARIANCE = 0.03**2
MEAN_VARIANCE = 0.3**2
#: The degrees of freedom of the noise.
DEGREES = 6.0
#: The index of delta_1 among the parameters. m, mu_0 and mu_1 are before it.
FIRST_DELTA = 3


@dataclass(frozen=True)
class Data:
    """The scores of a race, as the model reads them.

    Attributes:
        members: (prompts, pieces), 1.0 where the prompt has the piece. A piece that all prompts have needs no column.
        preferences: (pieces,), x_j of each piece, or NaN for a piece of the seed prompt.
        prompts: (scores,), the row of each score's prompt in `members`.
        scores: (scores,), from 0 to 1.
    """

    members: Matrix
    preferences: Vector
    prompts: NDArray[np.intp]
    scores: Vector


@dataclass
class Model:
    """The posterior over the parameters beta = (m, mu_0, mu_1, delta_1, ..., delta_p), and the estimated variances.

    Attributes:
        effect_variance: tau^2.
        residual_variance: rho^2.
        noise_variance: sigma^2.
        noise: the unweighted variance of the scores' errors, which outliers raise. It decides how many executions are
            held back, and how wide the interval of the estimate is.
    """

    effect_variance: float = EFFECT_VARIANCE
    residual_variance: float = RESIDUAL_VARIANCE
    noise_variance: float = NOISE_VARIANCE
    noise: float = NOISE_VARIANCE
    _weights: Vector = field(default_factory=lambda: np.ones(0))

    def fit(self, data: Data, steps: int) -> None:
        """Fit the posterior to the data, with so many steps of EM. They start with the variances of the last fit."""
        if len(self._weights) != len(data.scores):
            new = np.ones(len(data.scores) - len(self._weights))
            self._weights = np.concatenate([self._weights, new])
        self._data = data
        self._median = np.median(data.scores) if len(data.scores) else 0.5
        self._trend = _trend(data.preferences)
        pieces = len(data.preferences)
        #: The matrix that maps beta to the effects theta, (pieces, 3 + pieces).
        self._effects = np.hstack([np.zeros((pieces, 1)), self._trend, np.eye(pieces)])
        self._rows = self._design(data.members)
        self._solve()
        for _ in range(steps):
            self._estimate_variances()
            self._solve()

    def _design(self, members: Matrix) -> Matrix:
        """Return the rows of the design matrix, (prompts, 3 + pieces), for these sets of pieces."""
        return np.hstack([np.ones((len(members), 1)), members @ self._trend, members])

    def _solve(self) -> None:
        """Compute the posterior for the current variances.

        A prompt's scores enter as their weighted mean: given beta it has the variance rho^2 + 1 / (sum of precisions).
        """
        data, rows = self._data, self._rows
        precisions = self._weights / self.noise_variance
        totals = np.bincount(data.prompts, precisions, len(rows))
        sums = np.bincount(data.prompts, precisions * data.scores, len(rows))
        self._executed = totals > 0
        safe = np.where(self._executed, totals, 1.0)
        self._means = sums / safe
        #: The share of a prompt's deviation from the linear part that belongs to its residual.
        self._shares = np.where(self._executed, self.residual_variance / (self.residual_variance + 1 / safe), 0.0)
        row_precisions = np.where(self._executed, 1 / (self.residual_variance + 1 / safe), 0.0)
        prior = np.full(rows.shape[1], 1 / self.effect_variance)
        prior[0], prior[1:FIRST_DELTA] = 1 / MEAN_VARIANCE, 1 / TREND_VARIANCE
        right = rows.T @ (row_precisions * self._means)
        right[0] += prior[0] * self._median
        precision = (rows.T * row_precisions) @ rows + np.diag(prior)
        lower = cholesky(precision, lower=True, check_finite=False)
        #: The covariance of beta is root @ root.T.
        self._root = solve_triangular(lower, np.eye(len(lower)), lower=True, check_finite=False).T
        self._beta = self._root @ (self._root.T @ right)

    def _estimate_variances(self) -> None:
        """Do one step of EM: take the expected squares under the posterior as the new variances and weights."""
        data = self._data
        means, variances = self.executed_prompts()
        linear_variances = _squares(self._rows @ self._root)
        residuals = self._shares * (self._means - self._rows @ self._beta)
        squared_residuals = (
            residuals**2 + self._shares**2 * linear_variances + self.residual_variance * (1 - self._shares)
        )[self._executed]
        squared_errors = (data.scores - means[data.prompts]) ** 2 + variances[data.prompts]
        squared_effects = (self._beta**2 + _squares(self._root))[FIRST_DELTA:]
        self._weights = (DEGREES + 1) / (DEGREES + squared_errors / self.noise_variance)
        self.noise_variance = map_variance(self._weights * squared_errors, NOISE_VARIANCE)
        self.noise = map_variance(squared_errors, NOISE_VARIANCE)
        self.residual_variance = map_variance(squared_residuals, RESIDUAL_VARIANCE)
        self.effect_variance = map_variance(squared_effects, EFFECT_VARIANCE)

    def effects(self) -> tuple[Vector, Vector]:
        """Return mean and standard deviation of each piece's effect theta, (pieces,) each."""
        return self._effects @ self._beta, np.sqrt(_squares(self._effects @ self._root))

    def executed_prompts(self) -> tuple[Vector, Vector]:
        """Return mean and variance of each prompt's quality, (prompts,) each. The scores of the prompt itself count."""
        linear = self._rows @ self._beta
        remaining = 1 - self._shares
        means = linear + self._shares * (self._means - linear)
        return means, remaining**2 * _squares(self._rows @ self._root) + self.residual_variance * remaining

    def new_prompt(self, members: Vector) -> tuple[float, float]:
        """Return mean and variance of the quality of a prompt that was never executed."""
        row = self._design(members[None, :])[0]
        return float(row @ self._beta), float(_squares((row @ self._root)[None, :])[0]) + self.residual_variance

    def draw_effects(self, rng: np.random.Generator, draws: int, spread: float) -> Matrix:
        """Return effects drawn from the posterior, (draws, pieces).

        Args:
            spread: the factor by which the draws deviate more from their means than the posterior says.
        """
        deviations = rng.standard_normal((draws, len(self._beta))) @ self._root.T
        return np.asarray((self._beta + spread * deviations) @ self._effects.T)

    def gains(self, members: Matrix, executions: float) -> Vector:
        """Return what so many executions of each set of pieces would be worth, (sets,).

        This is the knowledge gradient, summed over the pieces: how much better the decisions about the pieces are
        expected to be after these executions. The prompts' residuals count as noise.

        Args:
            members: (sets, pieces), 1.0 where the set has the piece.
        """
        projected = self._design(members) @ self._root
        covariances = projected @ (self._effects @ self._root).T
        variances = _squares(projected) + self.residual_variance + self.noise_variance / executions
        gains = expected_gains(self._effects @ self._beta, np.abs(covariances) / np.sqrt(variances)[:, None])
        return np.asarray(gains.sum(axis=1))

    def anticipate(self, members: Vector) -> None:
        """Lower the uncertainty as much as one execution of this set of pieces will. The next fit undoes the change."""
        projected = (self._design(members[None, :]) @ self._root)[0]
        variance, noise = float(projected @ projected), self.residual_variance + self.noise_variance
        shrink = (1 - np.sqrt(noise / (noise + variance))) / max(variance, 1e-12)
        self._root = self._root - shrink * np.outer(self._root @ projected, projected)


def expected_gains(means: Vector, spreads: Matrix) -> Matrix:
    """Return the knowledge gradient of a choice between 0 and an effect whose posterior mean will move.

    Args:
        means: the current means of the effects.
        spreads: the standard deviations of their future means, of any shape to which `means` can be broadcast.
    """
    spreads = np.maximum(spreads, 1e-9)
    z = -np.abs(means) / spreads
    return np.asarray(spreads * (np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) + z * ndtr(z)))


def _trend(preferences: Vector) -> Matrix:
    """Return the factors of mu_0 and mu_1 in each piece's effect, (pieces, 2)."""
    proposed = ~np.isnan(preferences)
    return np.stack([proposed.astype(float), np.where(proposed, preferences, 0.0)], axis=1)


def _squares(rows: Matrix) -> Vector:
    """Return the sum of squares of each row."""
    result: Vector = np.einsum("ij,ij->i", rows, rows)
    return result


def map_variance(expected_squares: Vector | Sequence[float], prior: float) -> float:
    """Return the MAP estimate of a variance from expected squares and a prior that is worth four of them."""
    return float((np.sum(expected_squares) + PRIOR_WEIGHT * prior) / (len(expected_squares) + PRIOR_WEIGHT))
