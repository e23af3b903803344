# SPDX-License-Identifier: Apache-2.0
"""Error rates to look at, as PNG: DET curve, score histogram, error versus discard.

Drawing needs the extra ``bench``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ektp_hw.errors import EvaluationError

if TYPE_CHECKING:
    import os

    from ektp_hw.evaluation.discard import DiscardCurve
    from ektp_hw.evaluation.fingerprints import Report

__all__ = ["write_discard_plot", "write_plots"]


def write_plots(report: Report, path: str | os.PathLike[str]) -> None:
    """Draw DET curve and histogram side by side into a PNG file.

    Raises
    ------
    EvaluationError
        If matplotlib is not installed, or the file cannot be written.
    """
    figure = _figure(11)
    left, right = figure.subplots(1, 2)
    _draw_det(left, report)
    _draw_histogram(right, report)
    _save(figure, path)


def write_discard_plot(curve: DiscardCurve, path: str | os.PathLike[str]) -> None:
    """Draw the error-versus-discard curve into a PNG file.

    Raises
    ------
    EvaluationError
        If matplotlib is not installed, or the file cannot be written.
    """
    figure = _figure(6)
    axes = figure.subplots()
    share, left = 100 * np.append(curve.discarded, 1), 100 * np.append(curve.fnmr, curve.fnmr[-1])
    axes.step(share, left, where="post", label="worst quality first")
    # If quality knew exactly which pairs fail, each discarded pair would be an error less.
    ideal = np.linspace(0, 1, 501)[:-1]
    least = 100 * np.maximum(curve.fnmr[0] - ideal, 0) / (1 - ideal)
    axes.plot(100 * ideal, least, color="grey", linewidth=0.8, label="best possible")
    axes.axhline(100 * curve.fnmr[0], color="grey", linestyle=":", label="at random")
    axes.set_xlim(0, 60)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("mated pairs of lowest quality discarded, %")
    axes.set_ylabel("false non-match rate of the others, %")
    axes.set_title(f"Error versus discard, threshold {curve.threshold:.2f}")
    axes.grid(visible=True, linewidth=0.3)
    axes.legend()
    _save(figure, path)


def _figure(width: float) -> Any:  # noqa: ANN401  # matplotlib's Figure
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise EvaluationError(
            "drawing needs matplotlib, which is not installed; run pip install 'ektp_hw[bench]'"
        ) from None
    return Figure(figsize=(width, 4.5), layout="constrained")


def _save(figure: Any, path: str | os.PathLike[str]) -> None:  # noqa: ANN401  # its Figure
    try:
        figure.savefig(path, format="png", dpi=120)
    except OSError as error:
        raise EvaluationError(
            f"{path} cannot be written ({error.strerror or error}); choose another place"
        ) from error


def _draw_det(axes: Any, report: Report) -> None:  # noqa: ANN401  # matplotlib's Axes
    rates = report.rates
    least = 0.5 / max(len(report.mated_scores), len(report.nonmated_scores))
    axes.loglog(np.maximum(rates.fmr, least), np.maximum(rates.fnmr, least), drawstyle="steps-post")
    axes.plot([least, 1], [least, 1], color="grey", linewidth=0.5)
    axes.set_xlim(least, 1)
    axes.set_ylim(least, 1)
    axes.set_xlabel("false match rate")
    axes.set_ylabel("false non-match rate")
    axes.set_title(f"DET curve, EER {rates.eer:.2%}")
    axes.grid(visible=True, which="major", linewidth=0.3)


def _draw_histogram(axes: Any, report: Report) -> None:  # noqa: ANN401  # matplotlib's Axes
    highest = max(report.mated_scores.max(), report.nonmated_scores.max())
    bins = np.linspace(0.0, max(float(highest), 1.0), 61)
    for name, scores in (("mated", report.mated_scores), ("non-mated", report.nonmated_scores)):
        weights = np.full(len(scores), 1 / len(scores))
        axes.hist(scores, bins, weights=weights, alpha=0.6, label=f"{len(scores)} {name} pairs")
    axes.set_yscale("log")
    axes.set_xlabel("comparison score, -log10 FMR")
    axes.set_ylabel("share of pairs")
    axes.set_title("Scores")
    axes.legend()
