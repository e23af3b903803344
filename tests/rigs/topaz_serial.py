# SPDX-License-Identifier: Apache-2.0
"""A Topaz pad on the bench: the model on a pseudo terminal, somebody who signs."""

from contextlib import contextmanager

from ektp_hw.drivers.topaz_serial import TopazSerial
from ektp_hw.virtual.serial_line import SerialLine
from ektp_hw.virtual.signing import Misbehaviour
from ektp_hw.virtual.topaz import SCALE, VirtualTopaz
from pad_bench import REST, Signer, signature
from rigs import Fault, Rig

_ASKED = {
    Fault.NAK: Misbehaviour.SILENT,
    Fault.SHORT: Misbehaviour.SHORT,
    Fault.GARBAGE: Misbehaviour.GARBAGE,
    Fault.CHECKSUM: Misbehaviour.SKIP,
    Fault.UNPLUG: Misbehaviour.UNPLUG,
    Fault.LIFTED: Misbehaviour.LIFTED,
}


def address(line):
    """Return the address of a line; pseudo terminals know no parity."""
    return f"serial:{line.path}?driver=topaz_serial&parity=none"


class _Bench(Signer):
    _asked = _ASKED

    def __init__(self):
        self._truth = signature(SCALE)
        self._model = VirtualTopaz(self._truth)
        self.line = SerialLine(self._model)

    def device(self):
        return TopazSerial(TopazSerial.locate(address(self.line)))

    def behave(self):
        super().behave()
        self.line.plug_in()

    def last_byte(self):
        """Return when the signing was over: the pen had rested since its last packet."""
        return self.line.last_byte + REST


@contextmanager
def _plug_in():
    bench = _Bench()
    try:
        yield bench
    finally:
        bench.line.close()


RIG = Rig("topaz_serial", _plug_in, tuple(_ASKED))
