# SPDX-License-Identifier: Apache-2.0
"""Error rates and times of our fingerprint recognition on a folder of pictures."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ektp_hw.errors import EktpError, EvaluationError, OperationCancelled
from ektp_hw.evaluation.protocol import Impostors, Pairs, pairs_of, samples_in
from ektp_hw.evaluation.rates import Rates, error_rates
from ektp_hw.records.picture import PICTURE_SUFFIXES, read_fingerprint_image

if TYPE_CHECKING:
    import os
    import threading
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

__all__ = ["Failure", "Report", "evaluate_fingerprints"]


class Failure(NamedTuple):
    """One picture that gave no template, and why."""

    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class Report:
    """What was measured.

    Parameters
    ----------
    images
        Pictures in the folder, those that failed included.
    failed
        Pictures that could not be extracted. Every comparison with one of them counts, with score
        0: a failure makes the rates worse, never better.
    mated_scores, nonmated_scores
        Comparison scores in the order of the pairs.
    rates
        Error rates over all thresholds.
    extract_ms_median
        Wall time in milliseconds of one extraction without reading the file; the median over the
        pictures. One thread, after a first run that is not timed (it compiles).
    compare_us_median
        Wall time in microseconds of one comparison of two prepared templates, when one probe is
        compared with all its references in one call; the median over the comparisons.
    threads
        Processor threads used for extraction and comparison.
    """

    images: int
    failed: tuple[Failure, ...]
    mated_scores: npt.NDArray[np.float64]
    nonmated_scores: npt.NDArray[np.float64]
    rates: Rates
    extract_ms_median: float
    compare_us_median: float
    threads: int = 1

    def to_json(self) -> dict[str, int | float]:
        """Return the figures as plain numbers under their usual names; rates are 0 to 1."""
        return {
            "images": self.images,
            "failures": len(self.failed),
            "mated": len(self.mated_scores),
            "nonmated": len(self.nonmated_scores),
            "eer": self.rates.eer,
            "fmr100": self.rates.fmr100,
            "fmr1000": self.rates.fmr1000,
            "fmr10000": self.rates.fmr10000,
            "zero_fmr": self.rates.zero_fmr,
            "extract_ms_median": self.extract_ms_median,
            "compare_us_median": self.compare_us_median,
            "threads": self.threads,
        }


class _Steps:
    """Counts steps for the caller's progress display and stops when told to."""

    def __init__(
        self,
        total: int,
        progress: Callable[[int, int], None] | None,
        cancel: threading.Event | None,
    ) -> None:
        self._done = 0
        self._total = total
        self._progress = progress
        self._cancel = cancel

    def __call__(self) -> None:
        if self._cancel is not None and self._cancel.is_set():
            raise OperationCancelled("the evaluation was cancelled before it had figures")
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)


def evaluate_fingerprints(
    directory: str | os.PathLike[str],
    impostors: Impostors = "first",
    method: str | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
    cancel: threading.Event | None = None,
) -> Report:
    """Extract every picture of a folder, compare the pairs and return rates and times.

    Parameters
    ----------
    directory
        Pictures named ``IDENTITY_NUMBER.png`` (or another of `PICTURE_SUFFIXES`); see
        `ektp_hw.evaluation.protocol`.
    impostors
        Which non-mated pairs: ``first`` or ``all``.
    method
        As in `ektp_hw.fingerprint.extract`.
    progress
        Called with (done, of how many) after each picture and after each probe's comparisons.
    cancel
        Set it from another thread to stop.

    Raises
    ------
    EvaluationError
        If it is no folder, or holds no picture, no mated pair, no non-mated pair or nothing that
        can be extracted.
    ValueError
        If the method or the choice of pairs is unknown.
    ExtractorUnavailable
        If the method cannot be imported.
    OperationCancelled
        If ``cancel`` was set.
    """
    import cv2

    from ektp_hw.fingerprint.extractors import extractor

    extractor(method)  # wrong or broken is told once, not as the failure of every picture
    files = samples_in(Path(directory), PICTURE_SUFFIXES)
    pairs = pairs_of(files, impostors)
    probes = len(np.unique(pairs.mated[:, 0])) + len(np.unique(pairs.nonmated[:, 0]))
    step = _Steps(len(files) + probes, progress, cancel)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        prepared, failed, seconds = _extract_all(files, method, step)
        mated, nonmated, each = _compare_all(prepared, pairs, step)
    finally:
        cv2.setNumThreads(threads)
    return Report(
        images=len(files),
        failed=tuple(failed),
        mated_scores=mated,
        nonmated_scores=nonmated,
        rates=error_rates(mated, nonmated),
        extract_ms_median=float(np.median(seconds)) * 1e3,
        compare_us_median=float(np.median(each)) * 1e6 if len(each) else 0.0,
    )


def _extract_all(
    files: Sequence[Path], method: str | None, step: _Steps
) -> tuple[dict[int, Any], list[Failure], list[float]]:
    """Return prepared templates by index, failures, and the seconds each extraction took."""
    from ektp_hw import fingerprint
    from ektp_hw.fingerprint.comparison import compare_many, prepare

    prepared: dict[int, Any] = {}
    failed = []
    seconds = []
    for index, path in enumerate(files):
        try:
            image = read_fingerprint_image(path)
            if not prepared:  # compile everything before the clock runs
                first = prepare(fingerprint.extract(image, method=method))
                compare_many(first, [first])
            start = time.perf_counter()
            template = fingerprint.extract(image, method=method)
            seconds.append(time.perf_counter() - start)
            prepared[index] = prepare(template)
        except EktpError as error:
            failed.append(Failure(path.name, str(error)))
        step()
    if not prepared:
        raise EvaluationError(f"no picture could be extracted; the first: {failed[0].reason}")
    return prepared, failed, seconds


def _compare_all(
    prepared: dict[int, Any], pairs: Pairs, step: _Steps
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return mated scores, non-mated scores, and the seconds of each comparison that was made."""
    from ektp_hw.fingerprint.comparison import compare_many

    results = []
    seconds: list[float] = []
    for wanted in (pairs.mated, pairs.nonmated):
        scores = np.zeros(len(wanted))
        of_probe = defaultdict(list)
        for place, (probe, reference) in enumerate(wanted.tolist()):
            of_probe[probe].append((place, reference))
        for probe, entries in of_probe.items():
            able = [entry for entry in entries if entry[1] in prepared] if probe in prepared else []
            if able:
                references = [prepared[reference] for _, reference in able]
                start = time.perf_counter()
                found = compare_many(prepared[probe], references)
                seconds += [(time.perf_counter() - start) / len(able)] * len(able)
                scores[[place for place, _ in able]] = found
            step()
        results.append(scores)
    return results[0], results[1], np.array(seconds)
