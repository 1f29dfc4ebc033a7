"""What makes scores comparable before a threshold."""

import math
import statistics


def zscores(values: list[float]) -> list[float]:
    """Give distances from the mean in deviations; 0 for each where all are equal."""
    if not values:
        return []
    mean, deviation = statistics.fmean(values), statistics.pstdev(values)
    if deviation <= 1e-12 * max(1.0, abs(mean)):
        return [0.0] * len(values)
    return [(value - mean) / deviation for value in values]


def residuals(lengths: list[int], values: list[float]) -> list[float]:
    """Take out of values what a straight line in log(length) explains."""
    x = [math.log(n) for n in lengths]
    if len(set(x)) < 2:
        return values
    slope, intercept = statistics.linear_regression(x, values)
    return [value - (slope * at + intercept) for at, value in zip(x, values, strict=True)]
