# SPDX-License-Identifier: Apache-2.0
"""Pictures in and out of files: every format, every way a file can be none."""

import os

import numpy as np
import pytest
from PIL import Image

from ektp_hw.errors import SampleError
from ektp_hw.records import picture
from ektp_hw.records.picture import read_fingerprint_image, write_fingerprint_image
from ektp_hw.samples import FingerPosition, FingerprintImage


@pytest.fixture
def pixels():
    return np.random.default_rng(5).integers(0, 256, (40, 30), np.uint8)


def refused(path, words, **options):
    with pytest.raises(SampleError, match=words) as caught:
        read_fingerprint_image(path, **options)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "TIFF", "pgm"])
def test_written_and_read_back(tmp_path, pixels, suffix):
    path = tmp_path / f"finger.{suffix}"
    write_fingerprint_image(path, FingerprintImage(pixels, 569.0))
    back = read_fingerprint_image(path, position=FingerPosition.LEFT_RING)
    assert (back.pixels == pixels).all()
    assert back.ppi == (500.0 if suffix == "pgm" else 569.0)
    assert back.position is FingerPosition.LEFT_RING
    assert back.source == str(path)
    assert not back.pixels.flags.writeable


def test_jpeg_is_close(tmp_path):
    smooth = np.tile(np.arange(0, 240, 4, dtype=np.uint8), (50, 1))
    path = tmp_path / "finger.jpg"
    write_fingerprint_image(path, FingerprintImage(smooth, 500.0))
    back = read_fingerprint_image(path)
    assert np.abs(back.pixels.astype(int) - smooth).max() <= 8
    assert back.ppi == 500.0


def test_unknown_ending(tmp_path, pixels):
    with pytest.raises(SampleError, match="endings"):
        write_fingerprint_image(tmp_path / "finger.xyz", FingerprintImage(pixels))


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGB", "RGBA"])
def test_grey_in_other_clothes(tmp_path, pixels, mode):
    grey = Image.fromarray(np.where(pixels > 127, 255, 0).astype(np.uint8))
    path = tmp_path / "finger.png"
    grey.convert(mode).save(path)
    assert (read_fingerprint_image(path).pixels == np.asarray(grey)).all()


def test_colour(tmp_path, pixels):
    path = tmp_path / "finger.png"
    Image.fromarray(np.dstack([pixels, pixels, 255 - pixels])).save(path)
    refused(path, "coloured")
    Image.fromarray(np.dstack([pixels] * 3)).convert("CMYK").save(tmp_path / "cmyk.tif")
    refused(tmp_path / "cmyk.tif", "coloured")


def test_transparent(tmp_path, pixels):
    path = tmp_path / "finger.png"
    Image.fromarray(np.dstack([pixels, pixels]), mode="LA").save(path)
    refused(path, "transparent")


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_sixteen_bits(tmp_path, suffix):
    path = tmp_path / f"finger.{suffix}"
    Image.fromarray(np.full((9, 9), 30_000, np.uint16)).save(path)
    refused(path, "8-bit")


def test_several_pages(tmp_path, pixels):
    path = tmp_path / "fingers.tif"
    page = Image.fromarray(pixels)
    page.save(path, save_all=True, append_images=[page])
    refused(path, "several pictures")


def test_one_pixel_is_a_picture(tmp_path):
    path = tmp_path / "dot.png"
    Image.fromarray(np.zeros((1, 1), np.uint8)).save(path)
    assert read_fingerprint_image(path).pixels.shape == (1, 1)


@pytest.mark.parametrize("side", [6001, 12_000, 20_000])
def test_too_large_is_refused_by_its_header(tmp_path, monkeypatch, side):
    path = tmp_path / "huge.png"
    Image.new("1", (side, side)).save(path)
    monkeypatch.setattr(picture, "_grey", lambda *_: pytest.fail("it was decoded"))
    refused(path, "pixels")


def test_no_picture(tmp_path):
    path = tmp_path / "finger.png"
    path.write_bytes(b"")
    refused(path, "empty")
    path.write_text("Selamat pagi, ini bukan gambar.\n")
    refused(path, "no PNG")
    refused(tmp_path, "folder")
    refused(tmp_path / "absent.png", "cannot be read")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    refused(tmp_path / "pipe.png", "ordinary file")


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "jpg", "pgm"])
def test_truncated_anywhere(tmp_path, pixels, suffix):
    path = tmp_path / f"finger.{suffix}"
    write_fingerprint_image(path, FingerprintImage(pixels))
    whole = path.read_bytes()
    for length in range(1, len(whole) - 20, 37):
        path.write_bytes(whole[:length])
        with pytest.raises(SampleError, match=path.name):
            read_fingerprint_image(path)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "jpg", "pgm"])
def test_damaged_is_read_or_refused(tmp_path, pixels, suffix):
    path = tmp_path / f"finger.{suffix}"
    write_fingerprint_image(path, FingerprintImage(pixels))
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    rng = np.random.default_rng(11)
    outcomes = set()
    for _ in range(150):
        damaged = whole.copy()
        damaged[rng.integers(0, min(len(whole), 200), 3)] = rng.integers(0, 256, 3)
        path.write_bytes(damaged.tobytes())
        try:
            outcomes.add(type(read_fingerprint_image(path)))
        except SampleError:
            outcomes.add(SampleError)
    assert outcomes <= {FingerprintImage, SampleError}
    assert SampleError in outcomes


@pytest.mark.parametrize("ppi", [0, -5, 5000, float("nan")])
def test_wrong_ppi(tmp_path, pixels, ppi):
    path = tmp_path / "finger.png"
    write_fingerprint_image(path, FingerprintImage(pixels))
    refused(path, "resolution", ppi=ppi)


@pytest.mark.parametrize(
    ("stated", "taken"),
    [(None, 500.0), ((72, 72), 500.0), ((96, 96), 500.0), ((1000, 1000), 1000.0)],
)
def test_ppi_of_the_file(tmp_path, pixels, stated, taken):
    path = tmp_path / "finger.png"
    Image.fromarray(pixels).save(path, **({"dpi": stated} if stated else {}))
    assert read_fingerprint_image(path).ppi == taken
    assert read_fingerprint_image(path, ppi=512).ppi == 512.0


def test_unequal_or_impossible_ppi_of_the_file(tmp_path, pixels):
    path = tmp_path / "finger.png"
    Image.fromarray(pixels).save(path, dpi=(500, 1000))
    refused(path, "across")
    Image.fromarray(pixels).save(path, dpi=(19_685, 19_685))
    refused(path, "resolution")
    assert read_fingerprint_image(path, ppi=500).ppi == 500.0


def test_fvc_resolutions(real_data):
    assert read_fingerprint_image(real_data / "fvc2002/DB2_B/101_1.png").ppi == 569.0
    assert read_fingerprint_image(real_data / "fvc2004/DB1_B/101_1.png").ppi == 500.0
