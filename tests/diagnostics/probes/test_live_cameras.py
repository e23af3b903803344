# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest

from ektp_hw.diagnostics.findings import Cause, Outcome
from ektp_hw.samples import Eye, IrisImage
from ektp_hw.synthetic import SyntheticPerson
from live_desk import desk, seen, try_one

__all__ = ["desk"]
PERSON = SyntheticPerson(1)


@pytest.mark.usefixtures("desk")
def test_a_living_camera_is_sound():
    (found,) = try_one("iris")
    assert (found.seen.key, found.outcome) == ("devices.camera_sound", Outcome.SOUND)
    assert found.evidence["frames_per_second"] > 5


def test_a_dark_camera_lacks_its_lamp(desk):
    desk.camera.misbehave("dark")
    (found,) = try_one("iris")
    assert (found.seen.key, found.cause) == ("devices.emitter_dark", Cause.IRIS)


def test_a_camera_that_repeats_itself_is_frozen(desk):
    desk.camera.present(PERSON.eye(Eye.LEFT, 0))
    (found,) = try_one("iris")
    assert (found.seen.key, found.outcome) == ("devices.frozen", Outcome.BROKEN)


def test_a_camera_out_of_focus_is_a_remark(desk):
    eyes = [PERSON.eye(Eye.LEFT, number).pixels for number in range(3)]
    desk.camera.present(*[IrisImage(cv2.GaussianBlur(eye, (0, 0), 5)) for eye in eyes])
    assert ("blurred", Outcome.SUSPECT) in seen(try_one("iris"))


@pytest.mark.parametrize("fault", ["silent", "garbage"])
def test_a_camera_without_frames_is_broken(desk, fault):
    desk.camera.misbehave(fault)
    (found,) = try_one("iris")
    assert (found.outcome, found.cause) == (Outcome.BROKEN, Cause.IRIS)


@pytest.mark.parametrize(("load", "grade"), [(0.1, Outcome.SUSPECT), (999.0, Outcome.SOUND)])
def test_too_few_frames_are_the_cable_s_unless_the_computer_is_overloaded(
    desk, monkeypatch, load, grade
):
    monkeypatch.setattr("os.getloadavg", lambda: (load, load, load))
    desk.camera.speed = 0.1
    shades = [np.random.default_rng(number).integers(90, 110, (480, 640)) for number in range(3)]
    desk.camera.present(*[IrisImage(shade.astype(np.uint8)) for shade in shades])
    (found,) = try_one("iris")
    assert found.outcome is grade
    assert found.evidence["frames_per_second"] < 5
