# SPDX-License-Identifier: Apache-2.0
import pytest

from ektp_hw.diagnostics.redaction import Redactor, redactor_for
from ektp_hw.diagnostics.surroundings import Surroundings
from stub_station import PROFILE


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("NIK 3673051703890002 rejected", "3673051703890002"),
        ("NIK_3673051703890002.bak", "3673051703890002"),
        ("ahmad3673051703890002", "3673051703890002"),
        ("NIK 36.73.05.170389.0002", "170389"),
        ("NIK 3673 0517 0389 0002", "0389"),
        ("call 0812-3456-7890 or +62 812 3456 7890", "3456"),
        ("open /home/siti/records failed", "siti"),
        ("mounted /media/budi/USB", "budi"),
        ("reading 'SITI AMINAH.png' failed", "AMINAH"),
        ("reading siti_aminah.wsq failed", "siti"),
        ("reading SITI AMINAH BINTI ALI.PNG failed", "AMINAH"),
        ("reading 'siti aminah binti ali.png' failed", "aminah"),
        ("mail siti.aminah@example.id", "aminah"),
        ("proxy http://siti:rahasia@proxy:3128/", "rahasia"),
        ("Authorization: Bearer abc.def-123", "abc.def"),
        ("API_TOKEN=abc123", "abc123"),
        ("password: hunter2", "hunter2"),
        ("usb 1-4: SerialNumber: A1B2C3D4", "A1B2C3D4"),
        ("eth0 00:1a:2b:3c:4d:5e up", "00:1a:2b"),
        ("key aGVsbG8gd29ybGQgaGVsbG8gd29ybGQ5", "aGVsbG8"),
    ],
)
def test_what_must_not_leave_the_station_is_taken_out(text, secret):
    assert secret in text
    assert secret not in Redactor().text(text)


@pytest.mark.parametrize(
    "text",
    [
        "gateway 192.168.100.101 answers, 10.36.73.1 does not",
        "[12345.678901] usb 1-4: new high-speed USB device number 17 using xhci_hcd",
        "2026-11-25T14:03:22+07:00 certificate ends 2026-12-01 00:00:00",
        "/sys/bus/usb/devices/1-4.2/power/runtime_status is suspended",
        "idVendor=1b55, idProduct=0840, bcdDevice= 1.00",
        "120.5 GB of 500 GB are free, 2.1 ms, 0 %",
        "tidak ada jawaban dari 10.36.73.1 setelah 5 kali percobaan",
        "usb:1b55:0840@1-4",
    ],
)
def test_evidence_stays(text):
    assert Redactor(["siti"]).text(text) == text


def test_a_device_is_recognised_within_a_report_and_nowhere_else():
    one, other = Redactor(), Redactor()
    assert one.text("serial=ABC123") == one.text("serial=ABC123")
    assert one.text("serial=ABC123") != one.text("serial=ABC124")
    assert one.text("serial=ABC123") != other.text("serial=ABC123")


def test_the_machine_s_people_serials_and_waiting_records_are_known(tmp_path):
    for name, content in {
        "etc/hostname": "laptop-bu-rina\n",
        "etc/passwd": "rina:x:1000:1000:Rina Wulandari,,,:/home/rina:/bin/sh\n",
        "sys/bus/usb/devices/1-4/serial": "ZK-99182",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    profile = type(PROFILE)(waiting=tmp_path / "waiting")
    around = Surroundings(profile, root=tmp_path, environment={"USER": "kasiman"})
    text = redactor_for(around).text(
        f"laptop-bu-rina: wulandari opened ZK-99182; KASIMAN too; {tmp_path}/waiting/person one"
    )
    for secret in ("rina", "ulandari", "ZK-99182", "KASIMAN", "person one"[:6]):
        assert secret not in text, text


def test_plain_data_keeps_its_shape():
    plain = {"a": ["x 3673051703890002", 5, None, True], "b": {"c": 1.5}}
    assert Redactor().plain(plain) == {"a": ["x ***", 5, None, True], "b": {"c": 1.5}}
