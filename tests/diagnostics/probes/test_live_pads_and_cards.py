# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

import ektp_hw as hw
from ektp_hw.diagnostics.findings import Cause, Outcome
from ektp_hw.diagnostics.live_pads_and_cards import _rests
from live_desk import desk, seen, try_one

__all__ = ["desk"]


def test_a_pad_on_which_nobody_signs_is_sound(desk):
    desk.pad.present(None)
    (found,) = try_one("signature")
    assert (found.seen.key, found.outcome) == ("devices.pad_answers", Outcome.SOUND)
    assert found.evidence["reports_per_second_promised"] == 200


@pytest.mark.usefixtures("desk")
def test_a_pad_on_which_somebody_signs_is_measured():
    (found,) = try_one("signature")
    assert found.seen.key == "devices.pad_sound"
    assert found.evidence["reports_per_second"] == pytest.approx(200, rel=0.3)
    assert found.evidence["pressure_levels_seen"] > 20


def stroke(seconds, pressure):
    """Return a pen that moves over the pad, always pressed equally hard."""
    when = np.arange(0, seconds, 1 / 200)
    across, down = 20 + 10 * when, np.full_like(when, 30)
    return hw.SignatureTrace(when, across, down, np.full_like(when, pressure))


def test_a_stuck_pen_is_the_pad_s_fault(desk):
    desk.pad.speed = 8
    desk.pad.misbehave("endless")
    (found,) = try_one("signature")
    assert (found.seen.key, found.cause) == ("devices.stuck_pen", Cause.PAD)


def test_a_pen_whose_reports_stopped_coming_is_not_stuck():
    when = np.append(np.arange(0, 1.0, 1 / 50), 3.0)
    across, down = 20 + 10 * when, np.full_like(when, 30)
    late = hw.SignatureTrace(when, across, down, np.full_like(when, 0.5))
    assert not _rests(late)
    when = np.arange(0, 3.0, 1 / 50)
    pressed = np.full_like(when, 30), np.full_like(when, 30), np.full_like(when, 0.5)
    assert _rests(hw.SignatureTrace(when, *pressed))


def test_a_pen_of_one_pressure_is_a_remark(desk):
    desk.pad.present(stroke(1.0, 0.5))
    assert seen(try_one("signature")) == [("flat_pressure", Outcome.SUSPECT)]


def test_a_pad_in_another_program_s_session_is_the_driver_s_affair(desk):
    desk.pad.speed = 8
    desk.pad.misbehave("encrypted")
    (found,) = try_one("signature")
    assert (found.seen.key, found.cause) == ("devices.unsupported", Cause.DRIVER)


def test_a_pad_that_sends_garbage_is_broken(desk):
    desk.pad.speed = 8
    desk.pad.misbehave("garbage")
    (found,) = try_one("signature")
    assert (found.outcome, found.cause) == (Outcome.BROKEN, Cause.PAD)


@pytest.mark.usefixtures("desk")
def test_a_reader_tells_its_slots_and_the_card_s_answer_to_reset():
    (found,) = try_one("card")
    assert (found.seen.key, found.outcome) == ("devices.reader_with_card", Outcome.SOUND)
    assert found.evidence["slot:0"] == "card"
    assert str(found.evidence["slot_atr:0"]).startswith("3B")


def test_a_reader_without_card_is_sound(desk):
    desk.card_reader.present(None)
    (found,) = try_one("card")
    assert (found.seen.key, found.outcome) == ("devices.reader_without_card", Outcome.SOUND)


def test_a_mute_card_is_not_the_reader_s_fault_for_sure(desk):
    desk.card_reader.misbehave("mute")
    assert seen(try_one("card")) == [("mute_card", Outcome.SUSPECT)]


def test_a_reader_that_fails_once_may_have_a_bad_cable(desk):
    desk.card_reader.misbehave("garbage")
    findings = try_one("card")
    assert seen(findings) == [
        ("reader_with_card", Outcome.SOUND),
        ("second_try", Outcome.SUSPECT),
    ]
    assert findings[1].cause is Cause.CABLE_OR_POWER


def test_a_reader_that_falls_silent_is_broken(desk, monkeypatch):
    monkeypatch.setattr("ektp_hw.transport.ccid_link._ANSWER_S", 0.5)
    desk.card_reader.misbehave("silent")
    (found,) = try_one("card", seconds=3.0)  # too little for a second try
    assert (found.outcome, found.cause) == (Outcome.BROKEN, Cause.CARD_READER)
