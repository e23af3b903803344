# SPDX-License-Identifier: Apache-2.0
"""Reads what a KTP-el chip gives without any secret: its number and the holder's photo.

Layout of files and the order of commands: as the source code of a public bank kiosk shows them
(lamen31/OpenAccount, file EKtp.cs); that source is single and was not checked against a card.
Everything but the photo answers only after mutual authentication through a SAM, the security
module that the Ministry of Home Affairs issues (Permendagri 34/2014): see `devices.ktp_el_flow`.

Every step is bounded: a file's length comes from its first two bytes and is checked, each chunk
must bring something, and the caller's check runs before every command.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ektp_hw.devices import iso7816
from ektp_hw.errors import CardError, ProtocolError
from ektp_hw.samples import CardContents

__all__ = ["DIRECTORY", "PHOTO", "PROTECTED", "Conversation", "read", "read_file"]

DIRECTORY = 0x7F0A
PHOTO = 0x6FF2
PROTECTED = {
    "biodata": 0x6FF1,
    "signature": 0x6FF3,
    "minutiae_1": 0x6FF4,
    "minutiae_2": 0x6FF5,
    "digital_signature": 0x6FF6,
}
"""Files that answer only under secure messaging, by the names used in `CardContents`."""
MAX_FILE_BYTES = 8192
"""The chip stores 8 KB in all (BPPT), so no file of it is longer."""
CHUNK_BYTES = 0xF0
"""Asked for at once: fits a short APDU and every reader's buffer."""

GET_UID = iso7816.command(0xFF, 0xCA, 0x00, 0x00, expected=256)  # PC/SC part 3
_END_OF_FILE = 0x6282
_NEEDS_SAM = 0x6982

Transmit = Callable[[bytes], bytes]


class Conversation(NamedTuple):
    """One card, asked politely: the check runs before each command."""

    transmit: Transmit
    check: Callable[[], None]
    device: str

    def ask(self, apdu: bytes) -> iso7816.Response:
        """Send one command; raises what the check raises, `ProtocolError` for noise."""
        self.check()
        answer = iso7816.Response.parse(self.transmit(apdu), device=self.device)
        if answer.status >> 12 not in {6, 9}:  # no other status word exists (ISO/IEC 7816-4, 5.6)
            raise ProtocolError(
                f"the card ends its answer with {answer.status:04X}, which is no status word;"
                " lay it on again",
                device=self.device,
            )
        return answer


def read(
    transmit: Transmit,
    answer_to_reset: bytes,
    *,
    check: Callable[[], None] = lambda: None,
    device: str = "",
) -> CardContents:
    """Read number and photo, and learn of each other file why it stays closed.

    Parameters
    ----------
    transmit
        Sends one command APDU, returns data and status word.
    check
        Called before every command; it ends the reading by raising (time over, cancelled).

    Returns
    -------
    CardContents
        With ``files["photo"]`` if the card is a KTP-el. For any other card, ``unreadable`` says
        of every file that the card has none of them.

    Raises
    ------
    ProtocolError
        If a file's length or chunks contradict themselves.
    CardError
        If the card stops answering.
    """
    card = Conversation(transmit, check, device)
    uid = card.ask(GET_UID)
    files: dict[str, bytes] = {}
    unreadable: dict[str, str] = {}
    directory = card.ask(iso7816.select_file(DIRECTORY))
    if not is_selected(directory):
        why = (
            f"the card has no KTP-el directory {DIRECTORY:04X}:"
            f" {iso7816.meaning(directory.status)} (status {directory.status:04X})"
        )
        unreadable = dict.fromkeys(("photo", *PROTECTED), why)
    else:
        try:
            files["photo"] = read_file(card, PHOTO)
        except CardError as refusal:
            if refusal.status_word is None:
                raise
            unreadable["photo"] = str(refusal)
        for name, identifier in PROTECTED.items():
            unreadable[name] = _why_closed(card, identifier)
    return CardContents(
        answer_to_reset,
        uid=uid.data if uid.status == iso7816.STATUS_OK else b"",
        files=files,
        unreadable=unreadable,
        source=device,
    )


def read_file(card: Conversation, identifier: int, chunk_bytes: int = CHUNK_BYTES) -> bytes:
    """Return the content of a file that begins with its own length.

    Raises
    ------
    CardError
        If the card refuses the file.
    ProtocolError
        If its length or its parts contradict themselves.
    """
    selected = card.ask(iso7816.select_file(identifier))
    if not is_selected(selected):
        selected.checked(f"select file {identifier:04X}", device=card.device)
    head = _read_chunk(card, 0, 8)
    if len(head) < 2:
        raise ProtocolError(f"file {identifier:04X} is shorter than its length", device=card.device)
    length = int.from_bytes(head[:2], "big")
    if not 0 < length <= MAX_FILE_BYTES:
        raise ProtocolError(
            f"file {identifier:04X} claims {length} bytes, a chip of {MAX_FILE_BYTES} bytes cannot"
            " hold that; read the card again",
            device=card.device,
        )
    content = bytearray(head[2 : 2 + length])
    while len(content) < length:
        wanted = min(chunk_bytes, length - len(content))
        chunk = _read_chunk(card, 2 + len(content), wanted)
        if not chunk:
            raise ProtocolError(
                f"file {identifier:04X} ends after {len(content)} of {length} bytes; "
                "leave the card on the reader and read it again",
                device=card.device,
            )
        content += chunk
    return bytes(content)


def _read_chunk(card: Conversation, offset: int, wanted: int) -> bytes:
    answer = card.ask(iso7816.read_binary(offset, wanted))
    if answer.status >> 8 == 0x6C:  # the card names the length it would give: ask once for that
        answer = card.ask(iso7816.read_binary(offset, answer.status & 0xFF or 256))
    if answer.status != _END_OF_FILE:
        answer.checked(f"read at {offset}", device=card.device)
    if len(answer.data) > wanted:
        raise ProtocolError(
            f"the card gives {len(answer.data)} bytes where {wanted} were asked for",
            device=card.device,
        )
    return answer.data


def _why_closed(card: Conversation, identifier: int) -> str:
    """Try to open a protected file and return the reason it gives for staying closed."""
    answer = card.ask(iso7816.select_file(identifier))
    if is_selected(answer):
        answer = card.ask(iso7816.read_binary(0, 8))
    if answer.status == _NEEDS_SAM:
        return "needs authentication with the SAM that Ditjen Dukcapil issues (status 6982)"
    if answer.status == iso7816.STATUS_OK:
        return "opens only under secure messaging, which needs the SAM; not read"
    return f"{iso7816.meaning(answer.status)} (status {answer.status:04X})"


def is_selected(answer: iso7816.Response) -> bool:
    """Tell whether a SELECT worked: 9000, or 61xx with more to fetch that nobody needs."""
    return answer.status == iso7816.STATUS_OK or answer.status >> 8 == 0x61
