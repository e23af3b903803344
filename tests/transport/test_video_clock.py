# SPDX-License-Identifier: Apache-2.0
import pytest

from ektp_hw.errors import ProtocolError
from ektp_hw.transport.video_clock import FrameClock


def followed(*frames):
    clock = FrameClock("camera")
    return clock, [clock.follow(number, seconds) for number, seconds in frames]


def test_frames_in_order_lose_nothing():
    clock, lost = followed((7, 1.0), (8, 1.1), (9, 1.2))
    assert (lost, clock.dropped, clock.setbacks) == ([0, 0, 0], 0, 0)


def test_gaps_are_counted_also_where_the_numbers_start_again_from_0():
    clock, lost = followed((2**32 - 2, 1.0), (1, 1.1), (5, 1.2))
    assert lost == [0, 2, 3]
    assert clock.dropped == 5


def test_numbers_that_run_backwards():
    with pytest.raises(ProtocolError, match="numbered a frame 4 after 5"):
        followed((5, 1.0), (4, 1.1))


@pytest.mark.parametrize(
    ("frames", "what"),
    [
        ([(3, 1.0), (3, 1.1), (3, 1.2)], "counter stands still"),
        ([(3, 1.0), (4, 1.0), (5, 1.0)], "clock stands still"),
    ],
)
def test_a_standstill(frames, what):
    with pytest.raises(ProtocolError, match=what):
        followed(*frames)


def test_the_same_time_twice_and_a_small_step_back_are_forgiven_and_counted():
    clock, _ = followed((1, 1.0), (2, 1.0), (3, 0.9), (4, 0.9), (5, 1.0))
    assert clock.setbacks == 1
