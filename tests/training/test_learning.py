# SPDX-License-Identifier: Apache-2.0
"""Losses, batches and runs; they need PyTorch."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch (the extra `train`)")

from ektp_hw.training import pool as pools  # noqa: E402
from ektp_hw.training.batches import batches, varied  # noqa: E402
from ektp_hw.training.fit import Settings, fit  # noqa: E402
from ektp_hw.training.losses import PARTS, losses, targets  # noqa: E402
from ektp_hw.training.network import MinutiaNetwork  # noqa: E402


def minutiae_of(*rows):
    padded = np.full((1, 8, 4), np.nan, np.float32)
    padded[0, : len(rows)] = rows
    return torch.from_numpy(padded)


def test_a_minutia_is_told_in_its_own_cell_and_to_the_cells_around():
    closeness, nearest = targets(minutiae_of((22.5, 10.5, 1.0, 1.0)), 8, 8)
    assert closeness[0, 2, 5] == 1
    assert (closeness == 1).sum() == 1
    right, down, direction, fork = nearest[0, :, 2, 5].tolist()
    assert (right, down) == pytest.approx((0.25, 0.25))
    assert (direction, fork) == (1.0, 1.0)
    assert nearest[0, 0, 2, 6] == pytest.approx(-0.75)
    assert 0 < closeness[0, 2, 7] < closeness[0, 2, 6] < 1


def test_of_two_minutiae_the_nearer_one_is_told():
    closeness, nearest = targets(minutiae_of((9.5, 9.5, 0.5, 0), (17.5, 9.5, 2.5, 0)), 8, 8)
    assert (closeness == 1).sum() == 2
    assert nearest[0, 2, 2, 1] == 0.5
    assert nearest[0, 2, 2, 5] == 2.5


def test_a_minutia_beside_the_picture_is_left_out():
    closeness, _ = targets(minutiae_of((500.0, 9.0, 0.5, 0)), 8, 8)
    assert closeness.max() == 0


def test_the_truth_itself_costs_nothing_and_anything_else_does():
    truth = minutiae_of((22.5, 10.5, 1.0, 1.0), (9.0, 25.0, 4.0, 0.0))
    closeness, nearest = targets(truth, 8, 8)
    find = torch.zeros(1, 6, 8, 8)
    find[:, 0] = torch.where(closeness == 1, 20.0, -20.0)
    find[:, 1:3] = nearest[:, :2]
    find[:, 3], find[:, 4] = torch.cos(nearest[:, 2]), torch.sin(nearest[:, 2])
    find[:, 5] = torch.where(nearest[:, 3] == 1, 20.0, -20.0)
    flow = torch.zeros(1, 4, 4, 4)
    flow[:, 0], flow[:, 2], flow[:, 3] = 1.0, 0.1, 1.0
    said = flow.clone()
    said[:, 3] = 20.0
    assert losses(find, said, truth, flow).sum() < 1e-4
    for part, (head, channel) in enumerate(
        [(find, 0), (find, 1), (find, 3), (find, 5), (said, 0), (said, 2), (said, 3)]
    ):
        worse = head.clone()
        worse[:, channel] = -worse[:, channel] - 0.5
        made = (
            losses(worse, said, truth, flow) if head is find else losses(find, worse, truth, flow)
        )
        assert made[part] > 0.05, PARTS[part]


def test_a_mirrored_print_has_a_mirrored_truth():
    """A line of bright pixels stands for the ridge; it must stay where minutia and flow say."""
    rng = np.random.default_rng(3)
    even = np.zeros((1, 64, 64), np.uint8)
    x, y, direction = 20, 41, np.radians(30)
    for step in range(14):
        at = round(y - step * np.sin(direction)), round(x + step * np.cos(direction))
        even[0, at[0], at[1]] = 255
    minutiae = np.array([[[x, y, direction, 0]]], np.float32)
    flow = np.zeros((1, 4, 8, 8), np.float16)
    flow[0, :2] = np.array([np.cos(2 * direction), np.sin(2 * direction)])[:, None, None]
    seen = set()
    for _ in range(30):
        pictures, there, way = varied(even, minutiae, flow, rng)
        at_x, at_y, heading = there[0, 0, :3].tolist()
        along = [
            pictures[0, 0, round(at_y - s * np.sin(heading)), round(at_x + s * np.cos(heading))]
            for s in range(2, 12)
        ]
        assert np.mean(along) > 0.5
        assert np.angle(np.exp(2j * heading) / complex(*way[0, :2, 4, 4])) == pytest.approx(
            0, abs=0.01
        )
        seen.add((round(at_x), round(at_y)))
    assert len(seen) == 4


def test_the_network_is_exported_as_plain_convolutions():
    network = MinutiaNetwork().eval()
    names = set(network.exported())
    layers = ("a", "b", "c", "d", "e1", "e2", "f1", "f2", "g1", "g2", "h", "i", "j", "flow", "find")
    assert names == {f"{layer}.{part}" for layer in layers for part in ("weight", "bias")}
    layer = network.b
    with torch.no_grad():
        layer.norm.running_mean.uniform_(-1, 1)
        layer.norm.running_var.uniform_(0.5, 2)
        layer.norm.weight.uniform_(0.5, 2)
        picture = torch.rand(1, 16, 12, 12)
        weight, bias = layer.folded()
        plain = torch.nn.functional.conv2d(picture, weight, bias, stride=2, padding=1)
        assert torch.allclose(plain, layer(picture), atol=1e-5)


@pytest.fixture
def small_pool(monkeypatch):
    monkeypatch.setattr(pools, "PRINTS", 4)
    monkeypatch.setattr("ektp_hw.training.batches.PRINTS", 4)
    monkeypatch.setattr(pools, "FINGERS", 1)


@pytest.mark.usefixtures("small_pool")
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(monkeypatch, tmp_path):
    torch.set_num_threads(1)
    monkeypatch.setattr("ektp_hw.training.fit._KEEP", 2)
    settings = Settings(steps=4, batch=2, chunks=1, warm=1)
    fit(settings, tmp_path / "pool", tmp_path / "whole")

    given = []

    def interrupted(*arguments):
        for batch in batches(*arguments):
            if len(given) == 3:
                raise KeyboardInterrupt
            given.append(batch)
            yield batch

    with monkeypatch.context() as patch:
        patch.setattr("ektp_hw.training.fit.batches", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fit(settings, tmp_path / "pool", tmp_path / "halves")
    fit(settings, tmp_path / "pool", tmp_path / "halves")
    one, other = (np.load(tmp_path / run / "weights.npz") for run in ("whole", "halves"))
    for name in one.files:
        np.testing.assert_array_equal(one[name], other[name])
    log = [json.loads(line) for line in (tmp_path / "whole/log.jsonl").read_text().splitlines()]
    assert log[0]["settings"]["batch"] == 2
