# SPDX-License-Identifier: Apache-2.0
"""Capture devices, fingerprint recognition and diagnosis for identity-card stations.

The face of the package::

    import ektp_hw as hw

    for info in hw.discover():
        print(info.uri, info.name)
    with hw.open_device("virtual:fingerprint") as scanner:
        image = scanner.capture(timeout=10.0)

    from ektp_hw import fingerprint
    template = fingerprint.extract(image)

Importing this module loads neither numba, nor OpenCV, nor NumPy, nor the compiled core: every name
below is fetched on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ektp_hw import asynchronous, errors, fingerprint, gallery, samples, synthetic, templates
    from ektp_hw.errors import EktpError
    from ektp_hw.hotplug import DeviceMonitor, watch_devices
    from ektp_hw.registry import discover, open_device
    from ektp_hw.samples import (
        CardContents,
        Eye,
        FingerPosition,
        FingerprintImage,
        Impression,
        IrisImage,
        SignatureTrace,
    )
    from ektp_hw.templates import FingerprintTemplate

__version__ = "0.1.0"

__all__ = [
    "CardContents",
    "DeviceMonitor",
    "EktpError",
    "Eye",
    "FingerPosition",
    "FingerprintImage",
    "FingerprintTemplate",
    "Impression",
    "IrisImage",
    "SignatureTrace",
    "__version__",
    "asynchronous",
    "discover",
    "errors",
    "fingerprint",
    "gallery",
    "open_device",
    "samples",
    "synthetic",
    "templates",
    "watch_devices",
]

_HOME_OF = {
    "discover": "registry",
    "open_device": "registry",
    "DeviceMonitor": "hotplug",
    "watch_devices": "hotplug",
    "EktpError": "errors",
    "FingerprintTemplate": "templates",
    **dict.fromkeys(
        (
            "CardContents",
            "Eye",
            "FingerPosition",
            "FingerprintImage",
            "Impression",
            "IrisImage",
            "SignatureTrace",
        ),
        "samples",
    ),
}


def __getattr__(name: str) -> object:
    if name in _HOME_OF:
        return getattr(import_module(f"ektp_hw.{_HOME_OF[name]}"), name)
    if name in __all__:
        return import_module(f"ektp_hw.{name}")
    raise AttributeError(f"module 'ektp_hw' has no attribute {name!r}")
