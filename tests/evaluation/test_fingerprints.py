# SPDX-License-Identifier: Apache-2.0
"""The evaluation of a folder, with a stand-in recognition whose scores are known."""

import threading

import cv2
import numpy as np
import pytest
from PIL import Image

from ektp_hw import fingerprint
from ektp_hw.errors import EvaluationError, OperationCancelled
from ektp_hw.evaluation import evaluate_fingerprints
from ektp_hw.fingerprint import comparison


@pytest.fixture
def folder(tmp_path):
    """Three fingers, three samples each; a picture's grey value is its finger's number."""
    for finger in (1, 2, 3):
        for number in (1, 2, 3):
            grey = np.full((8, 8), finger * 50, np.uint8)
            Image.fromarray(grey).save(tmp_path / f"f_{finger}_{number}.png")
    return tmp_path


@pytest.fixture
def stand_in(monkeypatch):
    """A template is the grey value; the more alike two are, the higher the score."""
    calls = []

    def extract(image, method=None):
        calls.append((image.source, method, cv2.getNumThreads()))
        return float(image.pixels[0, 0])

    def compare_many(probe, references):
        return np.array([5 - abs(probe - each) / 50 for each in references])

    monkeypatch.setattr(fingerprint, "extract", extract)
    monkeypatch.setattr(comparison, "prepare", lambda template: template)
    monkeypatch.setattr(comparison, "compare_many", compare_many)
    return calls


def test_report(folder, stand_in):
    threads = cv2.getNumThreads()
    report = evaluate_fingerprints(folder, "all", method="classical")
    assert report.mated_scores.tolist() == [5.0] * 9
    assert sorted(report.nonmated_scores.tolist()) == [3.0] * 9 + [4.0] * 18
    figures = report.to_json()
    assert list(figures) == [
        "images",
        "failures",
        "mated",
        "nonmated",
        "eer",
        "fmr100",
        "fmr1000",
        "fmr10000",
        "zero_fmr",
        "extract_ms_median",
        "compare_us_median",
        "threads",
    ]
    assert list(figures.values())[:9] == [9, 0, 9, 27, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert 0 < figures["extract_ms_median"] < 1000
    assert 0 < figures["compare_us_median"] < 1_000_000
    assert len(stand_in) == 9 + 1, "the first picture twice: once before the clock runs"
    assert {call[1:] for call in stand_in} == {("classical", 1)}
    assert cv2.getNumThreads() == threads
    assert len(evaluate_fingerprints(folder).nonmated_scores) == 3


@pytest.mark.usefixtures("stand_in")
def test_failures_count_against_us(folder):
    (folder / "f_2_1.png").write_bytes(b"no picture")
    report = evaluate_fingerprints(folder)
    assert [each.name for each in report.failed] == ["f_2_1.png"]
    assert "f_2_1.png" in report.failed[0].reason
    assert report.mated_scores.tolist() == [5, 5, 5, 0, 0, 5, 5, 5, 5]
    assert report.nonmated_scores.tolist() == [0, 3, 0]
    assert report.to_json()["failures"] == 1
    assert report.rates.zero_fmr == pytest.approx(2 / 9)


@pytest.mark.usefixtures("stand_in")
def test_nothing_can_be_extracted(folder):
    for path in folder.iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(EvaluationError, match=r"no picture could be extracted.*f_1_1\.png"):
        evaluate_fingerprints(folder)


@pytest.mark.usefixtures("stand_in")
def test_progress_and_cancel(folder):
    seen = []
    evaluate_fingerprints(folder, progress=lambda *step: seen.append(step))
    # 9 pictures, 6 probes of mated and 2 of non-mated pairs
    assert seen == [(i, 17) for i in range(1, 18)]
    for moment in (1, 12):
        cancel = threading.Event()
        with pytest.raises(OperationCancelled):
            evaluate_fingerprints(
                folder,
                progress=lambda done, _, at=moment, event=cancel: done == at and event.set(),
                cancel=cancel,
            )


def test_unknown_method(folder):
    with pytest.raises(ValueError, match="unknown"):
        evaluate_fingerprints(folder, method="crystal ball")


def test_real_prints(real_data, tmp_path):
    for finger in (101, 102, 103):
        for number in (1, 2):
            source = real_data / f"fvc2002/DB1_B/{finger}_{number}.png"
            (tmp_path / source.name).write_bytes(source.read_bytes())
    report = evaluate_fingerprints(tmp_path, "all")
    assert not report.failed
    assert report.mated_scores.min() > report.nonmated_scores.max()
