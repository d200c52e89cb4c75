"""Estimates the quality of whole prompts that descend from each other, and chooses what to execute next.

Rewritten prompts share no pieces, but each child resembles its parent: f_child = f_parent + N(0, tau^2). So all
qualities have one joint normal distribution, and a score of one prompt says something about its relatives.

The knowledge gradient (Frazier, Powell and Dayanik, 2008) is the expected gain in the best mean from one more
execution. It decides whether the next execution repeats a prompt or tries a child of the best one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from workbench.search.race.model import MEAN_VARIANCE, NOISE_VARIANCE, Matrix, Vector, expected_gains, map_variance

#: The prior variance of a child's difference from its parent.
STEP_VARIANCE = 0.05**2
#: The expected gain of a prompt that ties with the best one, in standard deviations: the normal density at 0.
TIE_GAIN = 0.399


@dataclass
class Lineage:
    """A family of prompts and the posterior over their qualities.

    Attributes:
        step_variance: the variance of a child's difference from its parent.
        noise: the variance of the noise.
        means: (prompts,), the posterior means.
        covariance: (prompts, prompts), the posterior covariance.
    """

    step_variance: float = STEP_VARIANCE
    noise: float = NOISE_VARIANCE
    means: Vector = field(default_factory=lambda: np.zeros(0))
    covariance: Matrix = field(default_factory=lambda: np.zeros((0, 0)))
    _parents: list[int] = field(default_factory=list)
    #: For each prompt, a row with 1.0 in the columns of the prompt itself and of its ancestors but the first.
    _paths: list[Vector] = field(default_factory=list)

    def add(self, parent: int | None) -> int:
        """Add a prompt and return its number. The first prompt has no parent."""
        number = len(self._parents)
        path = np.zeros(number + 1)
        if parent is not None:
            path[: len(self._paths[parent])] = self._paths[parent]
            path[number] = 1.0
        self._parents.append(number if parent is None else parent)
        self._paths.append(path)
        return number

    def fit(self, rows: list[int], scores: list[float], steps: int) -> None:
        """Fit the posterior after some steps of MAP-EM (`workbench.search.race.model` has the sources).

        Args:
            rows: the number of each score's prompt.
            scores: all scores so far.
            steps: how many steps of MAP-EM are made.
        """
        size = len(self._parents)
        paths = np.zeros((size, size))
        for number, path in enumerate(self._paths):
            paths[number, : len(path)] = path
        # The covariance of two prompts grows with the number of steps that their paths share.
        shared, values = paths @ paths.T, np.array(scores)
        center = float(np.median(values)) if len(values) else 0.5
        for step in range(steps + 1):
            prior = MEAN_VARIANCE + self.step_variance * shared
            across = prior[:, rows]
            factor = cho_factor(prior[np.ix_(rows, rows)] + self.noise * np.eye(len(rows)))
            self.means = center + across @ cho_solve(factor, values - center)
            self.covariance = prior - across @ cho_solve(factor, across.T)
            if step < steps:
                self._estimate_variances(np.array(rows, dtype=np.intp), values)

    def _estimate_variances(self, rows: np.ndarray, values: Vector) -> None:
        """Do one step of MAP-EM: take the expected squares under the posterior as the new variances."""
        children = np.arange(1, len(self._parents))
        parents = np.array(self._parents, dtype=np.intp)[1:]
        variances = np.diag(self.covariance)
        differences = (self.means[children] - self.means[parents]) ** 2 + (
            variances[children] + variances[parents] - 2 * self.covariance[children, parents]
        )
        errors = (values - self.means[rows]) ** 2 + variances[rows]
        self.step_variance = map_variance(differences, STEP_VARIANCE)
        self.noise = map_variance(errors, NOISE_VARIANCE)

    def choose(self, candidates: list[int], size: int) -> list[tuple[int, bool]]:
        """Return the next executions, each as a pair of a prompt's number and a flag.

        The flag is True if a new child of the prompt is executed in place of the prompt.

        Within a batch, each repeated execution of a prompt lowers its variance for the choices after it.

        Args:
            candidates: the numbers of the prompts to choose from.
            size: how many executions the batch has.
        """
        numbers = np.array(candidates, dtype=np.intp)
        means, variances = self.means[numbers], np.maximum(np.diag(self.covariance)[numbers], 1e-12)
        best = int(np.argmax(means))
        actions: list[tuple[int, bool]] = []
        for _ in range(size):
            child_variance = float(variances[best]) + self.step_variance
            gains = repeat_gains(means, variances, self.noise)
            top = int(np.argmax(gains))
            if gains[top] > TIE_GAIN * child_variance / math.sqrt(child_variance + self.noise):
                variances[top] *= self.noise / (variances[top] + self.noise)
                actions.append((candidates[top], False))
            else:
                actions.append((candidates[best], True))
        return actions


def repeat_gains(means: Vector, variances: Vector, noise: float) -> Vector:
    """Return the knowledge gradient of one more execution of each prompt, shape (prompts,)."""
    spread = variances / np.sqrt(variances + noise)
    if len(means) == 1:
        return np.asarray(TIE_GAIN * spread)
    best = int(np.argmax(means))
    others = np.full(len(means), means[best])
    others[best] = np.max(np.delete(means, best))
    return expected_gains(means - others, spread)
