# SPDX-License-Identifier: Apache-2.0
"""Troubles of the capture devices themselves, and what nobody but the devices can show."""

from diagnostics.matrix import desk
from diagnostics.matrix.bench import Trouble
from diagnostics.matrix.desk import Break, Busy, DeadLines
from ektp_hw.diagnostics.findings import Cause

__all__ = ["TROUBLES"]

_FINGER = (Cause.FINGERPRINT,)
_IRIS = (Cause.IRIS,)
_PAD = (Cause.PAD,)
_CARD = (Cause.CARD_READER,)
_CABLE = (Cause.CABLE_OR_POWER,)
_DRIVER = (Cause.DRIVER,)


def _desk(name, causes, *changes, kind="fault"):
    people = desk.no_finger if name.startswith("pad") else desk.nobody_there
    if "finger on it" in name:
        people = desk.everybody
    return Trouble(name, causes, kind, people=people, devices=changes)


TROUBLES = (
    _desk("scanner: its lamp is dead", _FINGER, Break("scanner", "dead-lamp", lasts=False)),
    _desk("scanner: eight lines of its sensor are dead", _FINGER, DeadLines(8)),
    _desk("scanner: refuses every picture", _FINGER, Break("scanner", "stall")),
    _desk("scanner: every picture is cut off", _FINGER, Break("scanner", "short")),
    _desk("scanner: promises pictures that never come", _FINGER, Break("scanner", "silent")),
    _desk("reader U.are.U: pictures of noise, with a finger on it", _FINGER,
          Break("uareu", "garbage")),
    _desk("reader U.are.U: falls silent, with a finger on it", _FINGER, Break("uareu", "silent")),
    _desk("scanner: its pictures are noise", _FINGER, Break("scanner", "garbage")),
    _desk("reader U.are.U: refuses pictures, with a finger on it", _FINGER,
          Break("uareu", "stall")),
    _desk("serial module: refuses orders, with a finger on it", _FINGER,
          Break("serial_module", "refuse")),
    _desk("reader U.are.U: its lamp is dead, with a finger on it", _FINGER,
          Break("uareu", "dead-lamp", lasts=False)),
    _desk("serial module: wrong checksums, with a finger on it", _FINGER,
          Break("serial_module", "checksum")),
    _desk("serial module: its lamp is dead, with a finger on it", _FINGER,
          Break("serial_module", "dark")),
    _desk("serial module: its pictures are noise, with a finger on it", _FINGER,
          Break("serial_module", "noise")),
    _desk("serial module: every picture is cut off, with a finger on it", _FINGER,
          Break("serial_module", "short")),
    _desk("reader U.are.U: every picture is cut off, with a finger on it", _FINGER,
          Break("uareu", "short", lasts=False)),
    _desk("reader U.are.U: pictures with impossible headers, with a finger on it", _FINGER,
          Break("uareu", "wrong-header", lasts=False)),
    _desk("reader U.are.U: asks for a restart for ever, with a finger on it", _FINGER,
          Break("uareu", "confused")),
    _desk("camera: refuses every transfer", _IRIS, Break("camera", "stall")),
    _desk("camera: its infrared lamp is dead", _IRIS, Break("camera", "dark", lasts=False)),
    _desk("camera: shows one frozen frame", _IRIS, desk.frozen_camera),
    _desk("camera: sends noise for ever", _IRIS, Break("camera", "garbage", lasts=False)),
    _desk("camera: stops in the middle of every frame", _IRIS, Break("camera", "silent")),
    _desk("pad: the pen is stuck", _PAD, desk.stuck_pen),
    _desk("pad: sends reports that make no sense", _PAD, desk.garbage_of_pad),
    _desk("pad: falls silent while one signs", _PAD, desk.silent_pad),
    _desk("pad: refuses every transfer", _PAD, Break("pad", "stall")),
    _desk("card reader: cuts every answer off", _CARD, Break("card_reader", "short")),
    _desk("card reader: every answer comes too late", _CARD, Break("card_reader", "late")),
    _desk("card reader: gives no answer", _CARD, Break("card_reader", "silent")),
    _desk("card reader: refuses every command", _CARD, Break("card_reader", "stall")),
    _desk("card reader: answers with noise", _CARD, Break("card_reader", "garbage")),
    _desk("card reader: numbers its answers wrongly", _CARD, Break("card_reader", "out of step")),
    _desk("scanner: its cable is pulled during a picture", _CABLE,
          Break("scanner", "unplug", lasts=False)),
    _desk("card reader: its cable is pulled at a command", _CABLE,
          Break("card_reader", "unplug", lasts=False)),
    _desk("camera: its cable is pulled in a frame", _CABLE,
          Break("camera", "unplug", lasts=False)),
    _desk("pad: its cable is pulled while one signs", _CABLE,
          Break("pad", "unplug", lasts=False)),
    _desk("reader U.are.U: its cable is pulled, with a finger on it", _CABLE,
          Break("uareu", "unplug", lasts=False)),
    _desk("serial module: its cable is pulled in a picture, with a finger on it", _CABLE,
          Break("serial_module", "unplug", lasts=False)),
    _desk("pad: another program has it open", _DRIVER, Busy("virtual:signature")),
    _desk("scanner: another program has it open", _DRIVER, Busy("virtual:fingerprint")),
    _desk("pad: in a secure session of another program", _DRIVER, desk.secure_session),
    _desk("scanner: one picture in a while is cut off", _CABLE,
          Break("scanner", "short", lasts=False), kind="remark"),
    _desk("serial module: one picture comes damaged, with a finger on it", _CABLE,
          Break("serial_module", "checksum", lasts=False), kind="remark"),
    _desk("scanner: dirt lies on the glass", _FINGER,
          Break("scanner", "dirty", lasts=False), kind="remark"),
    _desk("camera: out of focus", _IRIS, desk.blurred_camera, kind="remark"),
    _desk("pad: the pen feels one pressure only", _PAD, desk.one_pressure, kind="remark"),
    # A module on a serial line that says nothing may be dead, or have no power.
    _desk("serial module: says nothing", (*_FINGER, *_CABLE), Break("serial_module", "silent"),
          kind="undecided"),
    _desk("card reader: the card in it is mute", _CARD, Break("card_reader", "mute"),
          kind="remark"),
)  # fmt: skip
