# SPDX-License-Identifier: Apache-2.0
"""Controls of a UVC extension unit, behind uvcvideo's own ioctl (the kernel's `uvcvideo.h`)."""

import errno
import struct

_SET_NOW = 0x01
_NOW, _LEAST, _MOST, _STEP, _LENGTH, _CAN, _DEFAULT = range(0x81, 0x88)
_GET_AND_SET = 3


def query(model, memory, argument):
    """Answer UVCIOC_CTRL_QUERY; an unknown unit or selector is ENOENT."""
    unit, selector, what, length, address = memory.unpack("=BBBxHxxQ", argument)
    now = model.units.get((unit, selector))
    if now is None:
        raise OSError(errno.ENOENT, "no such control")
    answers = {
        _NOW: now, _DEFAULT: bytes(len(now)), _LEAST: bytes(len(now)), _MOST: b"\xff" * len(now),
        _STEP: b"\1" * len(now), _LENGTH: struct.pack("=H", len(now)), _CAN: bytes([_GET_AND_SET]),
    }  # fmt: skip
    if what != _SET_NOW and what not in answers:
        raise OSError(errno.EINVAL, "no such query")
    if length != len(answers.get(what, now)):
        raise OSError(errno.ENOBUFS, "the control has another length")
    if what == _SET_NOW:
        model.on_unit(unit, selector, memory.read(address, length))
    else:
        memory.write(address, answers[what])
    return 0
