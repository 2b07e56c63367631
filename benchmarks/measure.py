"""Paired measuring: the contenders take turns, so that a noisy machine is noisy to all of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping


def interleaved(contenders: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Run every contender once a round; each returns its own figure."""
    figures: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            figures[name].append(run())
    return figures


def added(figures: Mapping[str, list[float]], base: str) -> dict[str, float]:
    """Median of the differences to the baseline within each round."""
    return {
        name: statistics.median(a - b for a, b in zip(values, figures[base], strict=True))
        for name, values in figures.items()
        if name != base
    }


def interval(figures: list[float]) -> tuple[float, float]:
    """The 95 % confidence interval of the median, from the sign test: it supposes no distribution."""
    ranked, count = sorted(figures), len(figures)
    skipped = max(0, int((count - 1.96 * math.sqrt(count)) / 2))
    return ranked[skipped], ranked[-1 - skipped]


def table(title: str, rows: list[tuple[str, str, str]]) -> None:
    print(f"\n{title}")
    width = max(len(row[0]) for row in rows)
    for name, figure, budget in rows:
        print(f"  {name:{width}}  {figure:>16}  {budget}")
