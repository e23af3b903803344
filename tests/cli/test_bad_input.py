# SPDX-License-Identifier: Apache-2.0
"""Whatever is given to the command line, the answer is one clear sentence and exit code 2."""

import resource
import subprocess
import sys

import numpy as np
import pytest

from ektp_hw import fingerprint
from ektp_hw.errors import SampleError
from ektp_hw.gallery import Gallery, folder

random = np.random.default_rng(7)


def in_another_process(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "ektp_hw.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


@pytest.mark.parametrize("command", ["extract", "compare", "gallery enrol", "gallery search"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"these are words, not a picture", "no PNG, BMP, TIFF, JPEG or PGM"),
        (b"\x89PNG\r\n\x1a\n and then nothing", "no PNG"),
        (b"EKFT\x01", "too few"),
    ],
    ids=["empty", "text", "torn", "torn template"],
)
def test_not_a_print(refused, tmp_path, prints, command, content, reason):
    bad = tmp_path / "bad.png"
    bad.write_bytes(content)
    arguments = {
        "extract": ["extract", bad],
        "compare": ["compare", prints / "1_1.png", bad],
        "gallery enrol": ["gallery", "enrol", tmp_path / "gallery", bad],
        "gallery search": ["gallery", "search", tmp_path / "gallery", bad],
    }[command]
    sentence = refused(*arguments)
    assert "bad.png" in sentence
    assert reason in sentence or command == "extract"


def test_truncated_picture(refused, tmp_path, prints):
    torn = tmp_path / "torn.png"
    torn.write_bytes((prints / "1_1.png").read_bytes()[:5000])
    assert "truncated" in refused("extract", torn)


def test_absent_file(refused, tmp_path):
    assert "absent.png" in refused("extract", tmp_path / "absent.png")
    assert "absent.png" in refused(
        "gallery", "enrol", tmp_path / "gallery", tmp_path / "absent.png"
    )


def test_folder_instead_of_a_file(refused, tmp_path):
    refused("extract", tmp_path)
    assert "folder" in refused("gallery", "enrol", tmp_path / "gallery", tmp_path)


def test_too_large(refused, huge_png):
    assert "36,000,000 pixels" in refused("extract", huge_png)


def test_colour(refused, picture):
    assert "coloured" in refused("extract", picture(random.integers(0, 255, (64, 64, 3), np.uint8)))


def test_16_bit(refused, picture):
    deep = picture(random.integers(0, 65535, (64, 64)).astype(np.uint16))
    assert "8 bits" in refused("extract", deep)


@pytest.mark.parametrize("ppi", ["0", "-5", "5000", "nan", "inf", "many"])
def test_wrong_resolution(refused, prints, ppi):
    assert ppi in refused("extract", prints / "1_1.png", "--ppi", ppi)


def test_nan_array():
    with pytest.raises(SampleError, match="uint8"):
        fingerprint.extract(np.full((300, 300), np.nan))


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (7, 7), (16, 16)])
def test_tiny_picture_has_no_minutiae_or_is_refused(ektp_hw, one_sentence, picture, shape):
    outcome = ektp_hw("extract", "--json", picture(np.zeros(shape, np.uint8)))
    if outcome.code == 0:
        assert outcome.json[0]["minutiae"] == 0
    else:
        one_sentence(outcome)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((300, 300), np.uint8),
        np.full((300, 300), 255, np.uint8),
        random.integers(0, 256, (300, 300), np.uint8),
    ],
    ids=["black", "white", "noise"],
)
def test_no_ridges_is_a_result(ektp_hw, picture, prints, pixels):
    path = picture(pixels)
    outcome = ektp_hw("extract", "--json", path)
    assert outcome.code == 0
    assert outcome.json[0]["minutiae"] <= 10
    compared = ektp_hw("compare", "--json", path, prints / "1_1.png")
    assert compared.code == 1
    assert compared.json["score"] < 2


def test_unknown_words(refused, prints, tmp_path):
    refused("frobnicate")
    refused("extract")
    refused("extract", "--method", "guess", prints / "1_1.png")
    refused("evaluate", "fingerprint", prints, "--impostors", "some")
    refused("bench", "search", "--gallery", "0")
    refused("demo", "--people", "0")
    refused("gallery", "search", tmp_path, prints / "1_1.png", "--limit", "0")
    refused("capture", "fingerprint", "--device", "nowhere:1", "--out", tmp_path)
    wrong_kind = refused("capture", "iris", "--device", "virtual:fingerprint", "--out", tmp_path)
    assert "captures fingerprint" in wrong_kind


def test_folder_without_pictures(refused, tmp_path):
    refused("evaluate", "fingerprint", tmp_path)
    refused("demo", "--images", tmp_path, "--out", tmp_path / "out")
    refused("bench", "extract", "--images", tmp_path)


def test_folder_with_one_impression_each(refused, tmp_path, prints):
    for stem in ("1_1", "2_1"):
        (tmp_path / f"{stem}.png").write_bytes((prints / f"{stem}.png").read_bytes())
    assert "second" in refused("demo", "--images", tmp_path, "--out", tmp_path / "out")


@pytest.fixture
def enrolled(ektp_hw, tmp_path, prints):
    path = tmp_path / "gallery"
    assert ektp_hw("gallery", "enrol", path, prints / "1_1.png", prints / "2_1.png").code == 0
    return path


COMMANDS_ON_A_GALLERY = ["info", "dedup", "verify"]


@pytest.mark.parametrize("command", COMMANDS_ON_A_GALLERY)
def test_no_gallery(refused, tmp_path, command):
    assert "nowhere" in refused("gallery", command, tmp_path / "nowhere")


@pytest.mark.parametrize("command", COMMANDS_ON_A_GALLERY)
def test_truncated_gallery(refused, enrolled, command):
    for path in (enrolled / folder.MANIFEST, enrolled / folder.LEDGER):
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        refused("gallery", command, enrolled)
        path.write_bytes(whole)


@pytest.mark.parametrize("command", COMMANDS_ON_A_GALLERY)
def test_foreign_gallery(refused, enrolled, tmp_path, command):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    for path in (each for each in enrolled.iterdir() if each.is_file()):
        (foreign / path.name).write_bytes(b"somebody else's file " * 100)
    refused("gallery", command, foreign)
    (tmp_path / "file").write_text("a file")
    refused("gallery", command, tmp_path / "file")


def test_enrolled_already(refused, enrolled, prints):
    assert "1_1" in refused("gallery", "enrol", enrolled, prints / "1_1.png")


def test_two_files_for_one_finger(refused, tmp_path, prints):
    files = [prints / "1_1.png", prints / "2_1.png"]
    assert "position" in refused("gallery", "enrol", tmp_path / "gallery", "--id", "x", *files)


def test_gallery_open_in_another_process(enrolled, prints, one_sentence):
    with Gallery.open(enrolled):
        finished = in_another_process("gallery", "enrol", enrolled, prints / "3_1.png")
    one_sentence(Finished(finished))


@pytest.mark.skipif(sys.platform != "linux", reason="limits a file's size through the kernel")
def test_full_disk(enrolled, prints, one_sentence, ektp_hw):
    def no_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000))

    files = [prints / f"{each}.png" for each in ("1_2", "2_2", "3_1", "3_2")]
    finished = in_another_process("gallery", "enrol", enrolled, *files, preexec_fn=no_room)
    one_sentence(Finished(finished))
    assert ektp_hw("gallery", "verify", enrolled).code == 0
    assert ektp_hw("gallery", "info", enrolled, "--json").json["people"] == 2


def test_output_that_cannot_be_written(refused, prints, tmp_path):
    (tmp_path / "taken").write_text("a file")
    refused("extract", prints / "1_1.png", "--out", tmp_path / "taken" / "deeper")
    refused("demo", "--people", "2", "--out", tmp_path / "taken" / "deeper")


class Finished:
    def __init__(self, process):
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr
