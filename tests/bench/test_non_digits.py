"""`bench.non_digits`: sets of non-digits in several formats, and how well they are told from digits."""

import argparse
import gzip
import io
import json
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image

from bench import non_digits
from bench.sample_images import encode_image
from digits import UserError
from digits.recognition.reader import Reader

IMAGES = np.random.default_rng(1).integers(0, 256, (6, 28, 28)).astype(np.uint8)
IDX = struct.pack(">4I", 0x803, *IMAGES.shape) + IMAGES.tobytes()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "idx.gz").write_bytes(gzip.compress(IDX))
    (tmp_path / "labels.gz").write_bytes(gzip.compress(struct.pack(">2I", 0x801, 6) + bytes(6) * 9))
    (tmp_path / "notes.txt").write_text("no images")
    np.savez(tmp_path / "arrays.npz", IMAGES)
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        for number, image in enumerate(IMAGES):
            archive.writestr(f"letters/{number}.png", encode_image(image))
    (tmp_path / "pictures" / "a").mkdir(parents=True)
    for number, image in enumerate(IMAGES):
        Image.fromarray(image).save(tmp_path / "pictures" / "a" / f"{number}.png")
    return tmp_path


def as_array(picture):
    if isinstance(picture, np.ndarray):
        return picture
    return np.asarray(Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture))


def test_same_images_are_found_in_all_formats_and_other_files_left_out(folder):
    sets = non_digits.list_sets(folder)
    assert list(sets) == ["archive.zip", "arrays.npz", "idx.gz", "pictures"]
    for pictures in sets.values():
        assert np.array_equal(np.stack([as_array(picture) for picture in pictures]), IMAGES)


def test_pictures_whose_paths_match_are_skipped(folder):
    sets = non_digits.list_sets(folder, ["letters/[01]", "a/5.png"])
    assert {name: len(pictures) for name, pictures in sets.items()} == {
        "archive.zip": 4,
        "arrays.npz": 6,
        "idx.gz": 6,
        "pictures": 5,
    }


@pytest.mark.parametrize(
    ("positive", "negative", "expected"),
    [([0.9, 0.8], [0.1, 0.2], 1), ([0.1], [0.9], 0), ([0.5, 0.5], [0.5], 0.5), ([0.9, 0.3], [0.5, 0.1], 0.75)],
)
def test_auroc_is_the_share_of_pairs_in_order(positive, negative, expected):
    assert non_digits.auroc(np.array(positive), np.array(negative)) == expected


def test_noise_is_told_from_a_drawn_digit(network):
    digit = np.zeros((28, 28), np.uint8)
    digit[4:24, 13:16] = 255
    figures = non_digits.measure(Reader(network), {"noise": list(IMAGES)}, [digit], 4)
    assert figures == {"noise": {"pictures": 4, "auroc": 1.0, "certain": 0.0}}


def arguments(folder):
    return argparse.Namespace(folder=folder, weights="mnist.pth", count=4, skip=[])


def test_folder_without_sets_is_named(tmp_path):
    with pytest.raises(UserError, match="has no pictures"):
        non_digits.main(arguments(tmp_path))


@pytest.mark.usefixtures("real_mnist")
def test_benchmark_ends_in_a_line_of_json(folder, capsys):
    non_digits.main(arguments(folder))
    assert set(json.loads(capsys.readouterr().out.splitlines()[-1])["sets"]) == set(non_digits.list_sets(folder))
