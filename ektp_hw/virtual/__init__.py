# SPDX-License-Identifier: Apache-2.0
"""The same devices without hardware: peers that speak the real wire protocols.

``open_device("virtual:fingerprint")`` plugs a model of a scanner into a USB/IP server inside this
process and opens it with the real driver, over a real socket; models of serial devices speak over
pseudo terminals. `ektp_hw.virtual.station` lists all there are. Scripts change what they show::

    from ektp_hw.virtual import station
    station().scanner.present(image)      # put a finger on the glass; None takes it off
    station().scanner.misbehave("stall")  # see its model's Misbehaviour
"""

from ektp_hw.virtual.station import station

__all__ = ["station"]
