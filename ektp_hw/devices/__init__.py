# SPDX-License-Identifier: Apache-2.0
"""What an application holds: one contract for each kind of capture device.

The base classes own the verbs (open, capture, close), the states, the time limits and the locking;
a driver fills the hooks whose names start with an underscore. What several drivers would write
alike is here too, in classes that stand before the kind in a driver's bases: `Linked` for its one
connection, `PenPad` for single samples of a pen, `PadDisplay` for a pad's screen.
"""

from ektp_hw.devices.base import Device, DeviceInfo, DeviceKind, UsbId
from ektp_hw.devices.capabilities import (
    Capabilities,
    CardCapabilities,
    Feature,
    FingerprintCapabilities,
    IrisCapabilities,
    SignatureCapabilities,
)
from ektp_hw.devices.card_monitor import CardMonitor
from ektp_hw.devices.card_reader import CardEvent, CardReader
from ektp_hw.devices.fingerprint_scanner import FingerprintScanner
from ektp_hw.devices.iris_camera import IrisCamera
from ektp_hw.devices.ktp_el_reading import Reading, SamActivation
from ektp_hw.devices.linked import Linked
from ektp_hw.devices.pad_display import PadDisplay, Screen
from ektp_hw.devices.pen_pad import PenPad, PenSample
from ektp_hw.devices.redaction import Redaction, Rule
from ektp_hw.devices.signature_pad import SignaturePad
from ektp_hw.devices.states import CaptureState
from ektp_hw.devices.wait import CaptureWait

__all__ = [
    "Capabilities",
    "CaptureState",
    "CaptureWait",
    "CardCapabilities",
    "CardEvent",
    "CardMonitor",
    "CardReader",
    "Device",
    "DeviceInfo",
    "DeviceKind",
    "Feature",
    "FingerprintCapabilities",
    "FingerprintScanner",
    "IrisCamera",
    "IrisCapabilities",
    "Linked",
    "PadDisplay",
    "PenPad",
    "PenSample",
    "Reading",
    "Redaction",
    "Rule",
    "SamActivation",
    "Screen",
    "SignatureCapabilities",
    "SignaturePad",
    "UsbId",
]
