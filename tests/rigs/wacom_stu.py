# SPDX-License-Identifier: Apache-2.0
"""A Wacom STU-430 on the bench: the virtual pad on a USB/IP bus, somebody who signs."""

from ektp_hw.drivers.wacom_stu import WacomStu
from ektp_hw.virtual.pad import SCALE, Misbehaviour, VirtualSignaturePad
from pad_bench import signature, usb_pad
from rigs import Fault, Rig

_ASKED = {
    Fault.STALL: Misbehaviour.STALL,
    Fault.NAK: Misbehaviour.SILENT,
    Fault.SHORT: Misbehaviour.SHORT,
    Fault.GARBAGE: Misbehaviour.GARBAGE,
    Fault.CHECKSUM: Misbehaviour.SKIP,
    Fault.LATE: Misbehaviour.LATE,
    Fault.UNPLUG: Misbehaviour.UNPLUG,
    Fault.LIFTED: Misbehaviour.LIFTED,
    Fault.FROZEN_CLOCK: Misbehaviour.FROZEN_CLOCK,
    Fault.POWER_SAG: Misbehaviour.SAG,
}


def _plug_in():
    return usb_pad(WacomStu, VirtualSignaturePad(), signature(SCALE), _ASKED)


RIG = Rig("wacom_stu", _plug_in, tuple(_ASKED))
