# SPDX-License-Identifier: Apache-2.0
"""Awaited captures: the same samples and errors, cancelled with the task, no thread left."""

import asyncio
import threading
import time

import numpy as np
import pytest

from ektp_hw import asynchronous, registry
from ektp_hw.devices import CaptureState, DeviceInfo, DeviceKind
from ektp_hw.errors import CaptureTimeout, DeviceBusy, DeviceNotFound
from ektp_hw.hotplug import Change
from ektp_hw.samples import FingerprintImage
from ektp_hw.virtual.station import station

URI = "virtual:fingerprint"
THERE = DeviceInfo("usb:1b55:0840@1-4", DeviceKind.FINGERPRINT, "Scanner", "acme")


def stripes():
    row = np.where(np.arange(256) // 4 % 2, 90, 210).astype(np.uint8)
    return FingerprintImage(np.tile(row, (256, 1)))


@pytest.fixture
def model():
    desk = station()
    desk.scanner.present(stripes())
    yield desk.scanner
    desk.close()
    assert not [one.name for one in threading.enumerate() if one.name.startswith("ektp_hw awaited")]


async def waiting(scanner):
    """Return a capture that waits for a finger."""
    task = asyncio.create_task(asynchronous.capture(scanner, timeout=60))
    while scanner.state is not CaptureState.WAITING:  # noqa: ASYNC110  # a device has no such event
        await asyncio.sleep(0.001)
    return task


def test_a_finger_and_its_previews_arrive_in_the_loop(model):
    del model
    here, seen = threading.get_ident(), []

    async def station_program():
        async with asynchronous.opened(URI) as scanner:
            image = await asynchronous.capture(
                scanner,
                timeout=10,
                judge=lambda image: float(image.width),
                on_preview=lambda image: seen.append((threading.get_ident(), image.width)),
            )
            assert scanner.is_open
        assert not scanner.is_open
        return image

    image = asyncio.run(station_program())
    assert np.array_equal(image.pixels[112:368, 192:448], stripes().pixels)
    assert image.judgement == 640.0
    assert set(seen) == {(here, 640)}


def test_the_loop_goes_on_and_errors_are_the_same(model):
    model.present(None)
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    async def station_program():
        async with asynchronous.opened(URI) as scanner:
            clock = asyncio.create_task(tick())
            with pytest.raises(CaptureTimeout, match="no finger"):
                await asynchronous.capture(scanner, timeout=0.3)
            clock.cancel()

    asyncio.run(station_program())
    assert ticks > 5


def test_cancelling_the_task_frees_the_device_in_time(model):
    model.present(None)

    async def station_program():
        async with asynchronous.opened(URI) as scanner:
            task = await waiting(scanner)
            with pytest.raises(DeviceBusy):
                await asynchronous.capture(scanner)
            began = time.monotonic()
            task.cancel()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert time.monotonic() - began < 0.5
            assert scanner.state is CaptureState.READY
            model.present(stripes())
            assert (await asynchronous.capture(scanner, timeout=10)).width == 640

    asyncio.run(station_program())


def test_a_time_limit_of_asyncio_works_too(model):
    model.present(None)

    async def station_program():
        async with asynchronous.opened(URI) as scanner:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await asynchronous.capture(scanner, timeout=60)
            assert scanner.state is CaptureState.READY

    asyncio.run(station_program())


def test_a_device_opened_for_nobody_is_closed(model, monkeypatch):
    del model
    made, go = [], threading.Event()
    real = registry.open_device

    def slow(device):
        go.wait(10)
        made.append(real(device))
        return made[-1]

    monkeypatch.setattr(registry, "open_device", slow)

    async def station_program():
        async def use():
            async with asynchronous.opened(URI):
                pass

        task = asyncio.create_task(use())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.sleep(0)
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(station_program())
    assert not made[0].is_open


def test_no_such_device_and_no_cancel_event():
    async def station_program():
        with pytest.raises(DeviceNotFound):
            async with asynchronous.opened("virtual:nose"):
                pass
        with pytest.raises(TypeError, match="task"):
            await asynchronous.capture(None, cancel=threading.Event())
        return await asynchronous.discover("fingerprint")

    assert URI in [info.uri for info in asyncio.run(station_program())]


def test_events_are_iterated_and_the_monitor_ends_with_the_loop(monkeypatch):
    found = {"acme": [THERE]}
    monkeypatch.setattr(registry, "survey", lambda _: registry.Survey(dict(found), {}))

    async def station_program():
        changes = []
        events = asynchronous.device_events("fingerprint")
        async for event in events:
            changes.append((event.change, event.info))
            found["acme"] = []
            if len(changes) == 2:
                break
        await events.aclose()
        return changes

    assert asyncio.run(station_program()) == [(Change.ADDED, THERE), (Change.REMOVED, THERE)]
    assert "ektp_hw hot-plug" not in [one.name for one in threading.enumerate()]
