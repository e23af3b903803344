# SPDX-License-Identifier: Apache-2.0
import pytest

from ektp_hw.errors import DeviceUnavailable, UnavailableReason
from ektp_hw.transport import reader_holder
from ektp_hw.virtual.pcsc_service import VirtualPcsc

URI = "usb:072f:2200@1-4"


@pytest.fixture
def service(monkeypatch):
    made = VirtualPcsc()
    monkeypatch.setattr(reader_holder, "Context", made.connect)
    return made


@pytest.fixture
def driver(monkeypatch, tmp_path):
    monkeypatch.setattr(reader_holder, "_SYSFS", tmp_path)

    def bind(name):
        place = tmp_path / "1-4:1.0"
        place.mkdir()
        (place / "driver").symlink_to(f"../../drivers/{name}")

    return bind


@pytest.mark.parametrize(
    ("name", "readers", "held"),
    [("usbfs", 1, True), ("usbfs", 0, False), ("pn533_usb", 1, False)],
)
def test_a_program_holds_it_and_the_service_knows_readers(service, driver, name, readers, held):
    driver(name)
    for number in range(readers):
        service.plug(f"Reader 00 0{number}")
    assert reader_holder.held_by_service(URI) is held
    assert service.open_handles == 0


def test_nobody_holds_it(service, driver):
    del driver
    service.plug("Reader 00 00")
    assert not reader_holder.held_by_service(URI)
    assert not reader_holder.held_by_service("usb:072f:2200")
    assert reader_holder.remedy(URI) == ""


def test_the_service_names_it_by_its_serial_number(service, driver):
    del driver
    service.plug("ACS ACR122U PICC Interface [ACR122U] (SN123) 00 00")
    assert reader_holder.held_by_service(URI, "SN123")
    assert not reader_holder.held_by_service(URI, "SN12")


def test_without_a_service(monkeypatch, driver):
    def missing():
        raise DeviceUnavailable("not there", reason=UnavailableReason.SERVICE_MISSING)

    monkeypatch.setattr(reader_holder, "Context", missing)
    driver("usbfs")
    assert not reader_holder.held_by_service(URI)


def test_kernel_driver_has_its_remedy(driver):
    driver("pn533_usb")
    assert "modprobe -r pn533_usb" in reader_holder.remedy(URI)
