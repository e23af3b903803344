# SPDX-License-Identifier: Apache-2.0
"""The diagrams are drawn, and their absence is explained."""

import sys

import numpy as np
import pytest
from PIL import Image

from ektp_hw.errors import EvaluationError
from ektp_hw.evaluation import Report, error_rates
from ektp_hw.evaluation.plots import write_plots


@pytest.fixture
def report():
    rng = np.random.default_rng(4)
    mated, nonmated = rng.gamma(9, 1, 300), rng.exponential(0.4, 900)
    return Report(25, (), mated, nonmated, error_rates(mated, nonmated), 20.0, 50.0)


def test_drawn(report, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "rates.png"
    write_plots(report, path)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.width > 800
        assert len(np.unique(np.asarray(picture.convert("L")))) > 20


def test_perfect_separation_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    rates = error_rates([5.0, 6.0], [0.0, 0.0])
    report = Report(4, (), np.array([5.0, 6.0]), np.zeros(2), rates, 1.0, 1.0)
    write_plots(report, tmp_path / "rates.png")
    assert (tmp_path / "rates.png").stat().st_size > 1000


def test_cannot_be_written(report, tmp_path):
    pytest.importorskip("matplotlib")
    with pytest.raises(EvaluationError, match="cannot be written"):
        write_plots(report, tmp_path / "absent" / "rates.png")


def test_without_matplotlib(report, tmp_path, monkeypatch):
    for name in [*(each for each in sys.modules if each.startswith("matplotlib"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(EvaluationError, match=r"ektp_hw\[bench\]"):
        write_plots(report, tmp_path / "rates.png")
