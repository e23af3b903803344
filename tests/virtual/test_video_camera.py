# SPDX-License-Identifier: Apache-2.0
"""The virtual camera keeps to what the kernel's driver does."""

import errno
import time

import numpy as np
import pytest

from ektp_hw.samples import IrisImage
from ektp_hw.transport import v4l2_abi as abi
from ektp_hw.virtual.video_camera import VirtualVideoCamera

PICTURE = IrisImage(np.full((48, 64), 90, np.uint8))


@pytest.fixture
def camera():
    return VirtualVideoCamera([PICTURE], speed=10)


def refusal(camera, fd, request, argument):
    with pytest.raises(OSError) as caught:  # noqa: PT011  # the number is asked for
        camera.ioctl(fd, request, argument)
    return caught.value.errno


def streaming(camera):
    fd = camera.open("/dev/video0")
    camera.ioctl(fd, abi.S_FMT, abi.Format(type=abi.CAPTURE))
    camera.ioctl(fd, abi.REQBUFS, abi.RequestBuffers(count=2))
    for index in range(2):
        camera.ioctl(fd, abi.QBUF, abi.Buffer(index=index))
    camera.ioctl(fd, abi.STREAMON, None)
    return fd


def test_no_frame_before_its_time_and_none_without_a_buffer(camera):
    fd = streaming(camera)
    assert refusal(camera, fd, abi.DQBUF, abi.Buffer()) == errno.EAGAIN
    for _ in range(2):
        assert camera.wait(fd, 1.0)
        camera.ioctl(fd, abi.DQBUF, abi.Buffer())
    assert not camera.wait(fd, 0.05)


def test_buffers_are_given_once_and_the_format_stays_while_there_are_any(camera):
    fd = streaming(camera)
    assert refusal(camera, fd, abi.QBUF, abi.Buffer(index=0)) == errno.EINVAL
    assert refusal(camera, fd, abi.QBUF, abi.Buffer(index=2)) == errno.EINVAL
    assert refusal(camera, fd, abi.S_FMT, abi.Format()) == errno.EBUSY
    assert refusal(camera, fd, abi.REQBUFS, abi.RequestBuffers()) == errno.EBUSY
    camera.ioctl(fd, abi.STREAMOFF, None)
    assert refusal(camera, fd, abi.DQBUF, abi.Buffer()) == errno.EINVAL


def test_one_program_streams_and_leaves_it_to_the_next_by_closing(camera):
    fd, other = streaming(camera), camera.open("/dev/video0")
    assert refusal(camera, other, abi.REQBUFS, abi.RequestBuffers(count=2)) == errno.EBUSY
    camera.close(fd)
    camera.ioctl(other, abi.REQBUFS, abi.RequestBuffers(count=2))
    camera.close(other)
    assert camera.open_handles == 0


def test_what_it_does_not_know(camera):
    fd = camera.open("/dev/video0")
    assert refusal(camera, fd, 0x12345678, None) == errno.ENOTTY
    assert refusal(camera, fd, abi.QUERYCTRL, abi.QueryControl(id=1)) == errno.EINVAL
    assert refusal(camera, fd, abi.UVC_QUERY, abi.UnitQuery(unit=3)) == errno.ENOENT


def test_unplugging_ends_a_wait_and_every_handle(camera):
    fd = streaming(camera)
    camera.misbehave("silent")
    camera.unplug()
    begun = time.monotonic()
    assert camera.wait(fd, 5.0)
    assert time.monotonic() - begun < 1
    assert refusal(camera, fd, abi.DQBUF, abi.Buffer()) == errno.ENODEV
    with pytest.raises(FileNotFoundError):
        camera.open("/dev/video0")
    camera.behave()
    assert camera.open("/dev/video0")


def test_pictures_of_two_sizes(camera):
    with pytest.raises(ValueError, match="one size, not of 2"):
        camera.present(PICTURE, IrisImage(np.zeros((8, 8), np.uint8)))
