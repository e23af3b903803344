# SPDX-License-Identifier: Apache-2.0
"""Ioctls by ioctls against the virtual camera, and what each refusal of the kernel becomes."""

import errno
import os
import threading
import time

import numpy as np
import pytest

from ektp_hw import errors
from ektp_hw.samples import IrisImage
from ektp_hw.transport import v4l2_abi as abi
from ektp_hw.transport.video import Mode
from ektp_hw.transport.video_node import VideoNode
from ektp_hw.virtual.video_camera import VirtualVideoCamera

PICTURES = [IrisImage(np.full((48, 64), 10 * n, np.uint8)) for n in range(8)]
MODE = Mode("GREY", 64, 48, (1 / 30,))


@pytest.fixture
def camera():
    return VirtualVideoCamera(PICTURES, speed=10, ids=(0x04F2, 0xB67C))


@pytest.fixture
def node(camera):
    with VideoNode("/dev/video0", "video:here", camera) as one:
        one.set_unit(14, 14, b"\x02\x19")
        yield one


def test_what_it_says_of_itself(node):
    assert node.name().driver == "uvcvideo"
    assert node.modes() == [MODE]
    layout = node.configure(MODE, 1 / 30)
    assert (layout.width, layout.height, layout.stride, layout.size) == (64, 48, 64, 3072)
    assert layout.interval == pytest.approx(1 / 30)


def test_a_sign_of_life(node, camera):
    node.probe()
    camera.unplug()
    with pytest.raises(errors.DeviceRemoved):
        node.probe()


def test_frames_come_in_order_with_number_and_time(node):
    node.configure(MODE)
    node.start()
    frames = [node.frame(1.0) for _ in range(6)]
    node.stop()
    assert [frame.data[0] for frame in frames] == [10 * n for n in range(6)]
    assert [frame.sequence for frame in frames] == list(range(6))
    steps = np.diff([frame.seconds for frame in frames])
    assert steps == pytest.approx([1 / 300] * 5, abs=1e-5)
    assert node.dropped == 0


def test_lost_frames_are_counted(node):
    node.configure(MODE)
    node.start()
    node.frame(1.0)
    time.sleep(0.1)
    frame = node.frame(1.0)
    assert frame.dropped == node.dropped > 0


def test_a_wait_ends_in_time(node, camera):
    node.configure(MODE)
    camera.misbehave("silent")
    node.start()
    begun = time.monotonic()
    assert node.frame(0.1) is None
    assert 0.1 <= time.monotonic() - begun < 0.3


def test_start_and_stop_over_and_over_leave_nothing(node, camera):
    for _ in range(20):
        node.configure(MODE)
        node.start()
        assert node.frame(1.0) is not None
        node.stop()
    node.close()
    node.close()
    assert (camera.open_handles, camera._memory) == (0, [])


def test_controls(node, camera):
    assert node.control_range("focus") is None
    limits = node.control_range("exposure")
    assert (limits.minimum, limits.maximum, limits.default) == (0, 255, 156)
    node.set_control("exposure", 99)
    assert node.control("exposure") == camera.values["exposure"] == 99


def test_controls_of_a_driver_without_extended_ones(node, camera):
    plain = camera.ioctl

    def old(fd, request, argument):
        if request in {abi.G_EXT_CTRLS, abi.S_EXT_CTRLS}:
            raise OSError(errno.ENOTTY, "unknown")
        if request == abi.S_CTRL:
            camera.values["gain"] = argument.value
        elif request == abi.G_CTRL:
            argument.value = camera.values["gain"]
        else:
            plain(fd, request, argument)

    camera.ioctl = old
    node.set_control("gain", 7)
    assert node.control("gain") == 7


def test_extension_units(node):
    assert node.unit(14, 14) == b"\x02\x19"
    node.set_unit(14, 14, b"\0\0")
    assert node.unit(14, 14) == b"\0\0"
    with pytest.raises(errors.DeviceUnavailable, match="no extension unit 3"):
        node.unit(3, 1)
    with pytest.raises(errors.DeviceError):
        node.set_unit(14, 14, b"too long")


def test_two_programs(node, camera):
    node.configure(MODE)
    with (
        VideoNode("/dev/video0", "video:there", camera) as other,
        pytest.raises(errors.DeviceBusy, match="close it there"),
    ):
        other.configure(MODE)


def test_unplugged_while_waiting(node, camera):
    node.configure(MODE)
    camera.misbehave("silent")
    node.start()
    threading.Timer(0.05, camera.unplug).start()
    begun = time.monotonic()
    with pytest.raises(errors.DeviceRemoved):
        node.frame(5.0)
    assert time.monotonic() - begun < 0.5
    node.close()
    with pytest.raises(errors.DeviceNotFound):
        VideoNode("/dev/video0", "video:here", camera)


def refusing(camera, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    camera.ioctl = refuse


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENODEV, errors.DeviceRemoved, "plug it in"),
        (errno.EBUSY, errors.DeviceBusy, "close it there"),
        (errno.EIO, errors.ProtocolError, "try again"),
        (errno.EPIPE, errors.ProtocolError, "try again"),
        (errno.ENOSPC, errors.DeviceError, "another socket"),
        (errno.EACCES, errors.DeviceUnavailable, "group 'video'"),
        (errno.EINVAL, errors.DeviceError, "Invalid argument"),
    ],
)
def test_each_refusal_is_explained(node, camera, number, kind, words):
    refusing(camera, number)
    with pytest.raises(kind, match=words) as caught:
        node.configure(MODE)
    assert type(caught.value) is kind
    assert str(caught.value).startswith("video:here: ")


def test_who_may_not_open_it_reads_the_rule(camera):
    def refuse(path):
        raise PermissionError(errno.EACCES, "denied", path)

    camera.open = refuse
    with pytest.raises(errors.DeviceUnavailable, match="SUBSYSTEM==") as caught:
        VideoNode("/dev/video0", "video:here", camera)
    assert caught.value.reason is errors.UnavailableReason.NOT_PERMITTED


def test_a_node_for_metadata_is_refused_and_let_go(camera):
    tell = camera._tell

    def metadata(fd, told):
        tell(fd, told)
        told.device_caps = 0x00800000 | abi.CAP_STREAMING

    camera._tell = metadata
    with pytest.raises(errors.DeviceUnavailable, match="gives no video"):
        VideoNode("/dev/video0", "video:here", camera)
    assert camera.open_handles == 0


@pytest.mark.parametrize(("member", "value"), [("index", 9), ("bytesused", 1 << 20)])
def test_a_buffer_that_cannot_be(node, camera, member, value):
    node.configure(MODE)
    node.start()
    give = camera._give

    def wrong(fd, buffer):
        give(fd, buffer)
        setattr(buffer, member, value)

    camera._give = wrong
    with pytest.raises(errors.ProtocolError, match="does not have"):
        node.frame(1.0)


def test_another_format_than_was_asked_for(node):
    with pytest.raises(errors.ProtocolError, match="asked for Y16"):
        node.configure(Mode("Y16", 64, 48))


def test_ranges_of_sizes_and_drivers_without_lists(node, camera):
    def stepwise(_fd, size):
        size.type = 3
        for at, value in enumerate((160, 1920, 8, 120, 1080, 8)):
            size.range[at] = value

    camera._list_sizes = stepwise
    sizes = [(mode.width, mode.height) for mode in node.modes()]
    assert sizes == [(640, 480), (1280, 720), (1920, 1080)]


def test_an_endless_list_ends(node, camera):
    def endless(_fd, form):
        form.pixelformat = abi.fourcc("GREY")

    camera._list_formats = endless
    assert len(node.modes()) <= 64


def test_a_closed_node_says_so(camera):
    node = VideoNode("/dev/video0", "video:here", camera)
    node.close()
    with pytest.raises(errors.DeviceError, match="closed"):
        node.modes()


def test_starting_without_a_mode(node):
    with pytest.raises(errors.DeviceError, match="choose a mode"):
        node.start()
