# SPDX-License-Identifier: Apache-2.0
import math
import resource

import numpy as np
import pytest

from ektp_hw.devices import DeviceInfo, DeviceKind
from ektp_hw.samples import FingerprintImage
from ektp_hw.station.report import TICK_LENGTH, Match, Page, Print, RecordedPerson, render, write
from ektp_hw.templates import FingerprintTemplate


def print_of(x, y, direction, kind, caption="a print", width=200, height=300):
    template = FingerprintTemplate.from_minutiae(
        x, y, direction, kind=kind, width=width, height=height
    )
    return Print(FingerprintImage(np.full((height, width), 200, np.uint8)), template, caption)


@pytest.fixture
def page():
    one = print_of([50, 60, 90, 100], [70, 80, 90, 110], [0, 1, 2, 3], [1, 2, 0, 1])
    other = print_of([20, 30, 40, 50], [170, 180, 190, 210], [0, 1, 2, 3], [1, 2, 0, 1], "other")
    return Page(
        title="A page",
        lead="What it is",
        verdict="Found",
        good=True,
        facts=[("prints", "2")],
        score_meaning=["It means much."],
        matches=[Match("Both", "They match.", one, other, np.array([[0, 1], [3, 2]]))],
        people=[RecordedPerson("<b>Ayu</b>", "a remark", [one, other], flagged=True)],
        devices=[DeviceInfo("virtual:x", DeviceKind.FINGERPRINT, "A scanner", "x")],
        timings=[("capturing", "1.0 s")],
    )


def test_everything_stands_on_the_page(page):
    html = render(page)
    for words in (
        "A page",
        "What it is",
        "Found",
        "They match.",
        "A scanner",
        "virtual:x",
        "1.0 s",
    ):
        assert words in html
    assert html.count('<path class="pair"') == 2 + 1  # one more in the legend
    assert html.count("data:image/png;base64,") == 4


def test_names_are_escaped(page):
    html = render(page)
    assert "<b>Ayu" not in html
    assert "&lt;b&gt;Ayu" in html


def test_direction_ticks_point_as_the_eye_sees_them():
    quarter = print_of([100], [100], [math.pi / 2], [1])
    html = render(
        Page("t", "l", "v", good=True, facts=[], score_meaning=[],
             people=[RecordedPerson("n", "r", [quarter])])
    )  # fmt: skip
    assert f"M100.0 100.0L100.0 {100 - TICK_LENGTH}" in html


def test_view_frames_the_minutiae():
    few = print_of([100], [100], [0], [1])
    assert few.view == (0, 0, 200, 300)
    many = print_of([90, 100, 110, 120], [150, 160, 170, 180], [0] * 4, [1] * 4)
    assert many.view == (45, 105, 120, 120)


def test_picture_of_another_resolution_fills_the_template(tmp_path):
    template = FingerprintTemplate.from_minutiae([10], [10], [0], width=100, height=150)
    image = FingerprintImage(np.zeros((300, 200), np.uint8), ppi=1000)
    html = render(
        Page("t", "l", "v", good=False, facts=[], score_meaning=[],
             people=[RecordedPerson("n", "r", [Print(image, template, "c")])])
    )  # fmt: skip
    assert '<image width="100" height="150"' in html
    write(Page("t", "l", "v", good=False, facts=[], score_meaning=[]), tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_page_that_cannot_be_written_is_named_and_not_left_half(page, tmp_path):
    with pytest.raises(OSError, match=r"page\.html"):
        write(page, tmp_path / "absent" / "page.html")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    path = tmp_path / "page.html"
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))
    try:
        with pytest.raises(OSError, match=r"page\.html"):
            write(page, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert not path.exists()
