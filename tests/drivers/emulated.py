# SPDX-License-Identifier: Apache-2.0
"""Small stand-ins for people, and a bus to plug a model into; also records the transcripts.

``python tests/drivers/emulated.py`` writes the transcripts of the iris camera, the signature pad
and the card readers anew: the real driver, the model on a real socket, a recorder between them.
"""

import json
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ektp_hw.devices import ktp_el
from ektp_hw.drivers.ccid_reader import CcidReader
from ektp_hw.drivers.uvc_camera import UvcCamera
from ektp_hw.drivers.wacom_stu import WacomStu
from ektp_hw.samples import IrisImage, SignatureTrace
from ektp_hw.transport import usb
from ektp_hw.transport.transcript import Recorder
from ektp_hw.virtual.camera import HEIGHT, WIDTH, VirtualIrisCamera
from ektp_hw.virtual.card import VirtualCardReader
from ektp_hw.virtual.ktp_el_card import KtpElCard
from ektp_hw.virtual.pad import VirtualSignaturePad
from ektp_hw.virtual.usbip_server import UsbipServer

TRANSCRIPTS = Path(__file__).resolve().parent.parent / "transcripts"
PHOTO = bytes(range(256)) * 4


def drawn_eye(blur=0):
    """Draw discs for eyeball, iris and pupil; blur widens their edges, in pixels."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    radius = np.hypot(x - WIDTH / 2, y - HEIGHT / 2)
    soft = max(blur, 1e-3)
    step = [np.clip((radius - edge) / soft, 0, 1) for edge in (45, 110)]
    return IrisImage((30 + 70 * step[0] + 80 * step[1]).astype(np.uint8))


def drawn_signature(seconds=0.5):
    """Draw two strokes with a hop between them; pressure is 0 while hopping."""
    time = np.arange(0, seconds, 1 / 200)
    part = time / seconds
    pressure = np.where((part > 0.45) & (part < 0.55), 0.0, 0.5)
    return SignatureTrace(time, 20 + 50 * part, 30 + 10 * np.sin(9 * part), pressure)


@contextmanager
def plugged_in(model, driver, connect=None):
    """Yield the closed device of a model that is plugged into a bus of its own."""
    server = UsbipServer()
    try:
        address = f"usbip:{server.host}:{server.port}/{server.plug(model)}"
        info = driver.locate(address)
        yield driver(info, connect) if connect else driver(info)
    finally:
        server.close()


def record(model, driver, name, **wishes):
    """Record one capture."""
    path = TRANSCRIPTS / driver.name / name

    def connect(address):
        interface = 1 if driver is UvcCamera else 0
        return Recorder(usb.connect(address, interface=interface), path)

    with plugged_in(model, driver, connect) as device, device:
        device.capture(**wishes)
    return path


def without_empty_reads(path):
    """Drop reads that brought nothing: how many there are depends on the machine's pace."""
    lines = [json.loads(line) for line in path.read_text("ascii").splitlines()]
    kept = [line for line in lines if line["call"] != "read" or "gives" in line]
    path.write_text("".join(json.dumps(line) + "\n" for line in kept), "ascii")


def record_commands(card, path):
    """Record the commands of one reading, as PC/SC carries them: no bus, only APDUs."""
    lines = []

    def transmit(apdu):
        answer = card.answer(apdu)
        lines.append(json.dumps({"command": apdu.hex(), "gives": answer.hex()}) + "\n")
        return answer

    ktp_el.read(transmit, card.atr)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines), "ascii")


if __name__ == "__main__":
    record_commands(KtpElCard(PHOTO, seed=5), TRANSCRIPTS / "pcsc_reader" / "ktp_el.jsonl")
    record(VirtualCardReader(KtpElCard(PHOTO, seed=5)), CcidReader, "ktp_el.jsonl")
    record(VirtualIrisCamera([drawn_eye(9), drawn_eye()]), UvcCamera, "two_frames.jsonl")
    without_empty_reads(
        record(VirtualSignaturePad(drawn_signature()), WacomStu, "two_strokes.jsonl", rest=0.3)
    )
