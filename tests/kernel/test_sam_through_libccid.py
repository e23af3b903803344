# SPDX-License-Identifier: Apache-2.0
"""Card and SAM as two slots of one reader, and readers that leave T=0 and T=1 to libccid."""

import pytest

from ektp_hw.transport.ccid_descriptor import Level
from ektp_hw.virtual.card import VirtualCardReader
from ektp_hw.virtual.ktp_el_card import KtpElCard, contact_atr
from ektp_hw.virtual.sam import EmulatedSam

mock_kernel = pytest.importorskip("mock_kernel")
pcscd = pytest.importorskip("mock_kernel.pcscd")
pytestmark = pcscd.needed

PHOTO = bytes(range(256)) * 4
BOTH_SLOTS = """
from ektp_hw.devices import SamActivation
from ektp_hw.virtual.sam import EMULATED_CONFIGURATION, EMULATED_PCID

until(lambda: len(readers()) == 2)
shown = [info.uri for info in hw.discover("card") if not info.uri.startswith("virtual:")]
tell(shown == ["pcsc:" + name for name in readers()])
with hw.open_device("pcsc:" + readers()[0]) as device:
    tell(device.slots)
    reading = device.capture_with_sam(SamActivation(EMULATED_PCID, EMULATED_CONFIGURATION))
    tell(reading.words())
    tell(len(reading.contents.files))
    tell([device.features().vendor_id, device.features().product_id])
    tell(lambda: device.escape(bytes.fromhex("FF00480000")).hex())
    events = device.events(timeout=20)
    tell([list(next(events))[:2] for _ in range(2)])
    print("watching", flush=True)
    tell(list(next(events))[:2])
"""


def test_card_and_sam_behind_libccid(machine):
    pytest.importorskip("cryptography")
    reader = VirtualCardReader(KtpElCard(PHOTO, seed=5), sam=EmulatedSam())
    machine.plug(mock_kernel.UsbDevice(reader))
    with pcscd.start(machine, BOTH_SLOTS) as child:
        child.wait_for("watching")
        reader.present(None)
        told = child.finish()
    refused = told.pop(5)
    assert [one.value for one in told] == [
        True,
        2,
        "the card was read; its digital signature fits",
        6,
        [0x072F, 0x2200],
        [[True, 0], [True, 1]],
        [False, 0],
    ]
    assert refused.error == "DeviceUnavailable"
    assert "ifdDriverOptions" in refused.sentence


class Sly(VirtualCardReader):
    """Loses its card just after it has told that it is there, while nobody waits for changes."""

    armed = False

    def on_out(self, endpoint, data):
        super().on_out(endpoint, data)
        if self.armed and data[:1] == b"\x65" and data[5] == 0:  # PC_to_RDR_GetSlotStatus
            self.armed = False
            self.present(None)


MISSED = """
from ektp_hw.transport import pcsc_events

pcsc_events.LOOK_ANEW_S = 0.3
until(lambda: len(readers()) == 2)
with hw.open_device("pcsc:" + readers()[0]) as device:
    events = device.events(timeout=30)
    tell([list(next(events))[:2] for _ in range(2)])
    print("both", flush=True)
    input()
    tell(lambda: list(next(events))[:2])
"""


def test_a_removal_that_libccid_loses_is_told(machine):
    """Without a look of ours pcscd learns of it when its 5 s of grace are over, or in 10 min."""
    reader = Sly(KtpElCard(PHOTO, seed=5), sam=KtpElCard(PHOTO, seed=6))
    machine.plug(mock_kernel.UsbDevice(reader))
    with pcscd.start(machine, MISSED) as child:
        child.wait_for("both")
        reader.armed = True
        child.go_on()
        told = child.finish()
    assert [one.value for one in told] == [[[True, 0], [True, 1]], [False, 0]]
    assert told[1].seconds < 4


ONE_CARD = """
with hw.open_device("pcsc:" + readers()[0]) as device:
    tell(lambda: device.capture(timeout=10).files["photo"].hex())
    tell(lambda: device.transmit(bytes.fromhex("FFCA000000"))[1])
"""


@pytest.mark.parametrize(
    "atr", [contact_atr(b"EMULATED"), bytes.fromhex("3B6800000073C84012009000")], ids=["T=1", "T=0"]
)
@pytest.mark.parametrize("automatic", [0x0038, 0x0000], ids=["power", "nothing"])
def test_libccid_speaks_the_cards_protocol_with_our_card(machine, atr, automatic):
    """An independent T=0 and T=1 (libccid's) against our emulated card's side of them."""
    card = KtpElCard(PHOTO, seed=5)
    card.atr = atr
    reader = VirtualCardReader(card, level=Level.TPDU, automatic=automatic)
    machine.plug(mock_kernel.UsbDevice(reader))
    with pcscd.start(machine, ONE_CARD) as child:
        told = child.finish()
    assert told[0].value == PHOTO.hex()
    assert told[1].value == 0x9000
