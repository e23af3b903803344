# SPDX-License-Identifier: Apache-2.0
"""The Indonesian sentences are read by clerks and officials: no English left, one word a thing."""

import functools
import re
from string import Formatter

import pytest

from ektp_hw.diagnostics.wording import catalogue

ALLOWED = frozenset(
    # Names of techniques, units and formats that Indonesian writes the same way.
    """usb tls http https dns dhcp ip tcp mtu vpn api url html json pdf zip toml sha ed ssh nik nip
    smart ntp arp icmp sam pc sc ccid uvc hid xhci udev pcscd cpu ram gb mb kb mbit ms
    ektp hw doctor check cryptography reportlab linux windows debian ubuntu systemd libusb
    english zkteco
    """.split()  # noqa: SIM905  # words are easier to read than quotes
    # Names of programs and parts, and words that the language has taken in (KBBI) or shares.
    + """python opencv libpcsclite libfprint polkit pyusb pip sudo ma driver hub kernel firmware
    model serial folder data indonesia internet digital elektronik program format server port
    proxy modem router kode normal sensor detail label total administrator november september
    desember april jan feb mar apr jun jul sep okt nov iris no per mode celsius numpy utc wib
    wita wit ups menu status wi fi ipv dbm raid host half duplex root smartctl login disk
    """.split()  # noqa: SIM905
)
SYNONYMS = {
    "pemindai sidik jari": "perekam sidik jari",
    "alat sidik jari": "perekam sidik jari",
    "jaringan lokal": "jaringan setempat",
    "server pusat": "layanan pusat",
    "pelayanan pusat": "layanan pusat",
    "penyedia internet": "penyedia jaringan",
    "penyedia layanan internet": "penyedia jaringan",
    "alat tanda tangan": "papan tanda tangan",
    "pembaca kartu pintar": "pembaca kartu",
    "pengandar": "driver",
    "peladen": "server",
    "diska": "disk",
    "log kernel": "catatan kernel",
    "stasiun": "tempat perekaman",
}
"""Other words for things of the glossary, and the one that is used here."""
ENGLISH = frozenset(
    """the of is are was were and not no for with from this that which cannot could should must by
    on off in out at to be been has have had its it if then than all any only one two device driver
    error failed missing found unknown used use using by user file folder cable power network link
    gateway address name server time timeout signal port speed slow disk space memory library
    version package permission denied access group rule write read open close busy held process
    certificate expired date clock records waiting queue reader scanner pad pen camera lamp dirty
    dead line pixel focus stuck range slot card service running stopped install
    """.split()  # noqa: SIM905
)
"""The commonest words of the field, whether or not a sentence in English uses them."""


def words(sentence):
    """Return the words of a sentence without its blanks, commands, paths and option names."""
    for _, name, _, _ in Formatter().parse(sentence):
        if name:
            sentence = sentence.replace("{" + name + "}", " ")
    sentence = re.sub(r"\b(?:sudo|pip|echo) [^;]*", " ", sentence)
    sentence = re.sub(
        r"'[^']*'|`[^`]*`|\"[^\"]*\"|\S*/\S+|--\S+|\S+_\S+|\w+\.\w+\S*", " ", sentence
    )
    return re.findall(r"[a-z]{2,}", sentence.lower())


@functools.cache
def vocabulary_of_the_english_sentences():
    """Return every word that a translator may have left standing."""
    return {word for sentence in catalogue("en").values() for word in words(sentence)}


@pytest.mark.parametrize("key", sorted(catalogue("id")))
def test_no_english_word_is_left(key):
    left = set(words(catalogue("id")[key])) & (vocabulary_of_the_english_sentences() | ENGLISH)
    assert not left - ALLOWED, f"{key}: {sorted(left - ALLOWED)} of: {catalogue('id')[key]}"


def terms():
    names = [key.partition(".")[2] for key in catalogue("id") if key.startswith("glossary.")]
    return sorted(names)


@pytest.mark.parametrize("term", terms())
def test_a_thing_is_called_the_same_everywhere(term):
    """Where the English sentence has the English term, the Indonesian has the Indonesian one."""
    english, own = (catalogue(language)[f"glossary.{term}"] for language in ("en", "id"))
    pattern = re.compile(rf"\b{re.escape(english)}s?\b", re.IGNORECASE)
    used = [key for key, sentence in catalogue("en").items() if pattern.search(sentence)]
    for key in used:
        assert own.lower() in catalogue("id")[key].lower(), f"{key}: '{own}' for '{english}'"
    assert used


@pytest.mark.parametrize("key", sorted(catalogue("id")))
def test_no_second_word_for_a_thing(key):
    for other, ours in SYNONYMS.items():
        assert other not in catalogue("id")[key].lower(), f"{key}: say '{ours}'"


def test_the_net_catches_what_it_should():
    assert set(words("Check the cable '{name}' of ektp-hw")) >= {"check", "the", "cable"}
    assert {"the", "cable"} <= ENGLISH
    assert words("jalankan 'udevadm trigger' di /etc/udev/rules.d") == ["jalankan", "di"]
