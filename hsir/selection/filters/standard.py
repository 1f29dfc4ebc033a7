"""Standardization of scores before a threshold."""

import math
import statistics


def zscores(values: list[float]) -> list[float]:
    """Return z-scores; 0 for all values if they are equal."""
    if not values:
        return []
    mean, deviation = statistics.fmean(values), statistics.pstdev(values)
    if deviation <= 1e-12 * max(1.0, abs(mean)):
        return [0.0] * len(values)
    return [(value - mean) / deviation for value in values]


def residuals(lengths: list[int], values: list[float]) -> list[float]:
    """Return the residuals of a linear fit in log(length)."""
    x = [math.log(n) for n in lengths]
    if len(set(x)) < 2:
        return values
    slope, intercept = statistics.linear_regression(x, values)
    return [value - (slope * at + intercept) for at, value in zip(x, values, strict=True)]
