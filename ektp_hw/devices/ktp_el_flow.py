# SPDX-License-Identifier: Apache-2.0
"""Reads a whole KTP-el through a card slot and a SAM slot, step by step, each step explained.

The order of commands is that of a public bank kiosk's source code (lamen31/OpenAccount, files
EKtp.cs and Config.cs); that source is single and was not checked against a card. The SAM
(secure access module) is issued by Ditjen Dukcapil only; keys never leave it, and the two values
that open it come from the caller's settings. All cryptography is the SAM's: it answers the card's
challenge, wraps our commands and unwraps the card's answers.

Every step is bounded: a file has at most 8 KB, each chunk brings something or ends the reading,
and the caller's check runs before every command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ektp_hw.devices import iso7816, ktp_el
from ektp_hw.devices.ktp_el_reading import Reading, SamActivation, Step
from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    CardError,
    CardRemoved,
    DeviceError,
    DeviceRemoved,
    ProtocolError,
    SamRefused,
    WrongCard,
)
from ektp_hw.samples import CardContents

if TYPE_CHECKING:
    from collections.abc import Callable

    from ektp_hw.devices.card_dialogue import PoweredCard

__all__ = ["Reading", "SamActivation", "Step", "read"]

_CARD_CONTROL = 0x6FF0
_SHORT_CONTROL_BYTES = 51
"""Length of the card control file of the older kind of card, which the SAM is told of."""
_CHUNK_BYTES = 0xB0
"""Read at once under secure messaging: with its wrapping still a short answer."""
_PROOF_BYTES = 40
_GET_UID_TYPE_B = iso7816.command(0x00, 0xDD, 0x00, 0x00, expected=8)
_OPEN, _CALCULATE, _CONFIRM, _WRAP, _UNWRAP, _CHECK, _RESET = (
    0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xFA, 0xFF,
)  # fmt: skip
_CHECK_START, _CHECK_STOP, _CHECK_PHOTO, _CHECK_VERDICT, _CHECK_DECIPHER, _CHECK_SIGNATURE = (
    0, 2, 3, 4, 5, 6,
)  # fmt: skip
_NEVER_A_FAILED_STEP = (CaptureCancelled, CaptureTimeout, DeviceRemoved)


def read(
    card: PoweredCard,
    sam: PoweredCard,
    activation: SamActivation,
    *,
    check: Callable[[], None] = lambda: None,
    show: Callable[[CardContents], None] = lambda _contents: None,
    device: str = "",
) -> Reading:
    """Read the card in plain and, through the SAM, what it protects.

    Parameters
    ----------
    card, sam
        The two cards, powered.
    activation
        What opens this SAM.
    check
        Called before every command; it ends the reading by raising (time over, cancelled).
    show
        Called with what has been read so far, after the photo and after each protected file.

    Returns
    -------
    Reading
        Also when a step failed: which, why, and what was read before. The failure is
        `WrongCard` (no KTP-el, or one that cannot prove itself), `SamRefused` (not this SAM, or its
        activation is over), `CardRemoved`, `CardError` or `ProtocolError`.

    Raises
    ------
    CaptureCancelled, CaptureTimeout, DeviceRemoved
        As the check and the reader raise them.
    """
    return _Flow(card, sam, activation, check, show, device).run()


class _Flow:
    """One reading under way."""

    def __init__(
        self,
        card: PoweredCard,
        sam: PoweredCard,
        activation: SamActivation,
        check: Callable[[], None],
        show: Callable[[CardContents], None],
        device: str,
    ) -> None:
        self._card = ktp_el.Conversation(card.transmit, check, device)
        self._sam = ktp_el.Conversation(sam.transmit, check, device)
        self._sealed = ktp_el.Conversation(self._under_secure_messaging, check, device)
        self._atr = card.answer_to_reset
        self._activation = activation
        self._show = show
        self._device = device
        self._uid = self._number = self._control = self._answer = b""
        self._files: dict[str, bytes] = {}
        self._unreadable: dict[str, str] = {}
        self._fits: bool | None = None

    def run(self) -> Reading:
        """Make every step in its order, until one fails."""
        done: list[Step] = []
        for step, make in self._plan().items():
            try:
                make()
            except _NEVER_A_FAILED_STEP:
                raise
            except DeviceError as error:
                return Reading(self._contents(step), tuple(done), step, error, self._fits)
            done.append(step)
        return Reading(self._contents(None), tuple(done), signature_fits=self._fits)

    def _plan(self) -> dict[Step, Callable[[], None]]:
        return {
            Step.SELECT: self._select,
            Step.UID: self._read_uid,
            Step.PHOTO: self._read_photo,
            Step.CARD_CONTROL: self._read_control,
            Step.OPEN_SAM: self._open_sam,
            Step.RESET_SAM: self._reset_sam,
            Step.CHALLENGE: self._challenge,
            Step.CALCULATE: self._calculate,
            Step.PROVE_SAM: self._prove_sam,
            Step.PROVE_CARD: self._prove_card,
            Step.DIGITAL_SIGNATURE: self._read_digital_signature,
            Step.BEGIN_CHECK: self._begin_check,
            Step.BIODATA: lambda: self._read_protected("biodata"),
            Step.HAND_OVER_PHOTO: self._hand_over_photo,
            Step.SIGNATURE: lambda: self._read_protected("signature"),
            Step.MINUTIAE_1: lambda: self._read_protected("minutiae_1"),
            Step.MINUTIAE_2: lambda: self._read_protected("minutiae_2"),
            Step.VERDICT: self._verdict,
        }

    def _contents(self, failed: Step | None) -> CardContents:
        unreadable = dict(self._unreadable)
        for name in ("photo", *ktp_el.PROTECTED):
            if name not in self._files and failed is not None:
                unreadable.setdefault(name, f"not read: could not {failed.value}")
        return CardContents(
            self._atr,
            uid=self._uid,
            files=dict(self._files),
            unreadable=unreadable,
            source=self._device,
        )

    # In plain.

    def _select(self) -> None:
        answer = self._card.ask(iso7816.select_file(ktp_el.DIRECTORY))
        if not ktp_el.is_selected(answer):
            raise WrongCard(
                "this card is no KTP-el: it has no directory 7F0A; lay the identity card on",
                status_word=answer.status,
                device=self._device,
            )

    def _read_uid(self) -> None:
        answer = self._card.ask(ktp_el.GET_UID)
        if answer.status == iso7816.STATUS_OK and len(answer.data) <= 7:
            self._uid = answer.data
            self._number = (b"\x80" + answer.data).ljust(8, b"\0")
            return
        if answer.status != iso7816.STATUS_OK:  # type B cards tell it themselves
            answer = self._card.ask(_GET_UID_TYPE_B)
        self._uid = answer.checked("tell its number", device=self._device)
        self._number = self._uid[:8].ljust(8, b"\0")

    def _read_photo(self) -> None:
        self._files["photo"] = ktp_el.read_file(self._card, ktp_el.PHOTO)
        self._show(self._contents(None))

    def _read_control(self) -> None:
        self._control = ktp_el.read_file(self._card, _CARD_CONTROL)

    # Both sides prove themselves.

    def _open_sam(self) -> None:
        answer = self._sam.ask(iso7816.command(0, _OPEN, 0, 0, self._activation.key))
        if answer.status == 0x6D00:
            raise SamRefused(
                "the card in the SAM slot is no KTP-el SAM; put the SAM in",
                status_word=answer.status,
                device=self._device,
            )
        self._accepted(
            answer,
            "opening: its activation values are another SAM's or have expired;"
            " check the settings, then ask Ditjen Dukcapil for new ones",
        )

    def _reset_sam(self) -> None:
        self._accepted(self._sam.ask(iso7816.command(0, _RESET, 0, 0, expected=256)), "a reset")

    def _challenge(self) -> None:
        answer = self._card.ask(iso7816.command(0, 0x84, 0, 0, expected=8))
        self._answer = answer.checked("give a challenge", device=self._device)
        if len(self._answer) != 8:
            raise ProtocolError(
                f"the card's challenge has {len(self._answer)} bytes instead of 8; read it again",
                device=self._device,
            )

    def _calculate(self) -> None:
        data = self._control + self._number + self._answer
        older = len(self._control) == _SHORT_CONTROL_BYTES
        answer = self._sam.ask(iso7816.command(0, _CALCULATE, 0, int(older), data, 256))
        self._answer = self._accepted(answer, "an answer to the card's challenge")
        if len(self._answer) != _PROOF_BYTES:
            raise SamRefused(
                f"the SAM's proof has {len(self._answer)} bytes instead of {_PROOF_BYTES};"
                " is it a KTP-el SAM?",
                device=self._device,
            )

    def _prove_sam(self) -> None:
        answer = self._card.ask(iso7816.command(0, 0x82, 0, 0, self._answer, 256))
        if answer.status != iso7816.STATUS_OK:
            raise SamRefused(
                f"the card does not accept this SAM: {iso7816.meaning(answer.status)};"
                " use a SAM issued for KTP-el",
                status_word=answer.status,
                device=self._device,
            )
        self._answer = answer.data

    def _prove_card(self) -> None:
        answer = self._sam.ask(iso7816.command(0, _CONFIRM, 0, 0, self._answer))
        if answer.status != iso7816.STATUS_OK:
            raise WrongCard(
                "the card cannot prove itself to the SAM; do not accept it as genuine",
                status_word=answer.status,
                device=self._device,
            )

    # Under secure messaging.

    def _under_secure_messaging(self, plain: bytes) -> bytes:
        """Send a command as the SAM wraps it; return the card's answer as the SAM unwraps it."""
        wrapping = self._sam.ask(iso7816.command(0, _WRAP, 0, 0, plain, 256))
        wrapped = self._accepted(wrapping, "wrapping a command")
        answer = self._card.ask(wrapped)
        if answer.status != iso7816.STATUS_OK and not answer.data:
            raise CardError(
                f"the card ends secure messaging: {iso7816.meaning(answer.status)};"
                " lay it on again",
                status_word=answer.status,
                device=self._device,
            )
        unwrapping = self._sam.ask(iso7816.command(0, _UNWRAP, 0, 0, answer.data, 256))
        if unwrapping.status != iso7816.STATUS_OK:
            raise CardError(
                "the card's answer was changed on its way: the SAM cannot unwrap it;"
                " lay the card on again, then look who could be between",
                status_word=unwrapping.status,
                device=self._device,
            )
        return unwrapping.data

    def _read_protected(self, name: str) -> None:
        try:
            self._files[name] = ktp_el.read_file(self._sealed, ktp_el.PROTECTED[name], _CHUNK_BYTES)
        except (CardRemoved, SamRefused):
            raise
        except CardError as refusal:
            if refusal.status_word not in _FILE_REFUSALS:
                raise
            self._unreadable[name] = str(refusal)
        self._show(self._contents(None))

    def _read_digital_signature(self) -> None:
        self._read_protected("digital_signature")

    # The digital signature is the SAM's to check.

    def _begin_check(self) -> None:
        if "digital_signature" in self._files:
            self._sam_checks(_CHECK_START, "a check of the digital signature")
            signature = _as_stored(self._files["digital_signature"])
            self._sam_checks(_CHECK_SIGNATURE, "the digital signature", signature)

    def _hand_over_photo(self) -> None:
        if "digital_signature" not in self._files:
            return
        photo = _as_stored(self._files["photo"])
        for at in range(0, len(photo), 240):
            self._sam_checks(_CHECK_PHOTO, "the photo", photo[at : at + 240])
        self._sam_checks(_CHECK_DECIPHER, "deciphering")

    def _verdict(self) -> None:
        if "digital_signature" in self._files:
            self._sam_checks(_CHECK_STOP, "the end of the check")
            answer = self._sam.ask(iso7816.command(0, _CHECK, _CHECK_VERDICT, 0, expected=256))
            self._fits = answer.status == iso7816.STATUS_OK

    def _sam_checks(self, what: int, said: str, data: bytes = b"") -> None:
        expected = None if data else 256
        answer = self._sam.ask(iso7816.command(0, _CHECK, what, 0, data, expected))
        self._accepted(answer, said)

    def _accepted(self, answer: iso7816.Response, what: str) -> bytes:
        if answer.status != iso7816.STATUS_OK:
            raise SamRefused(
                f"the SAM refuses {what} ({iso7816.meaning(answer.status)})",
                status_word=answer.status,
                device=self._device,
            )
        return answer.data


def _as_stored(content: bytes) -> bytes:
    """Return a file as the card holds it: its length, then the content."""
    return len(content).to_bytes(2, "big") + content


_FILE_REFUSALS = frozenset({0x6A82, 0x6982, 0x6985, 0x6283, 0x6A83})
"""Status words that concern one file only: not there, not for this SAM, deactivated."""
