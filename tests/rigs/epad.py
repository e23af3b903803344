# SPDX-License-Identifier: Apache-2.0
"""An ePad on the bench: the virtual pad on a USB/IP bus, somebody who signs."""

from ektp_hw.drivers.epad import Epad
from ektp_hw.virtual.epad import SCALE, VirtualEpad
from ektp_hw.virtual.signing import Misbehaviour
from pad_bench import signature, usb_pad
from rigs import Fault, Rig

_ASKED = {
    Fault.STALL: Misbehaviour.STALL,
    Fault.NAK: Misbehaviour.SILENT,
    Fault.SHORT: Misbehaviour.SHORT,
    Fault.GARBAGE: Misbehaviour.GARBAGE,
    Fault.UNPLUG: Misbehaviour.UNPLUG,
    Fault.LIFTED: Misbehaviour.LIFTED,
}


def _plug_in():
    return usb_pad(Epad, VirtualEpad(), signature(SCALE), _ASKED)


RIG = Rig("epad", _plug_in, tuple(_ASKED))
