# SPDX-License-Identifier: Apache-2.0
"""Sound stations, and every trouble that we can make of them, singly and by two."""

from diagnostics.matrix import desk, devices, kernel, machine, network
from diagnostics.matrix.bench import Trouble

__all__ = ["DOUBLE", "SINGLE", "SOUND", "troubles"]

SOUND = (
    Trouble("nothing is broken, and somebody is there", people=desk.everybody),
    Trouble("nothing is broken, and nobody is there"),
    Trouble("nothing is broken, and an ordinary user looks", as_nobody=True),
    kernel.SOUND,
)
SINGLE = (*devices.TROUBLES, *kernel.TROUBLES, *machine.TROUBLES, *network.TROUBLES)
_PAIRS = (
    ("scanner: its port says that nobody answers", "network: the line between gateway"),
    ("scanner: its lamp is dead", "network: the name server says nothing"),
    ("pad: the pen is stuck", "network: the centre's certificate has run out"),
    ("the disk is full", "network: the gateway does not answer"),
    ("scanner: a driver of the kernel holds it", "camera: shows one frozen frame"),
    ("all USB nodes belong to root", "network: the centre answers 503"),
    ("card reader: gives no answer", "camera: its port was switched off"),
    ("memory is used up", "network: the cable is out"),
    ("the memory card has reached its end", "scanner: its cable is pulled during a picture"),
    ("card reader: the card service is not installed", "camera: its infrared lamp is dead"),
    ("mock kernel: the portrait camera shows one frozen", "network: the centre's port is closed"),
)


def _named(start: str) -> Trouble:
    return next(trouble for trouble in SINGLE if trouble.name.startswith(start))


DOUBLE = tuple(_named(one) + _named(other) for one, other in _PAIRS)


def troubles() -> list[Trouble]:
    """Return the sound stations, the single troubles and the double ones."""
    return [*SOUND, *SINGLE, *DOUBLE]
