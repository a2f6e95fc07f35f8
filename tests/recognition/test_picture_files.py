"""Which pictures the paths, folders and globs of a command line name."""

import os
from pathlib import Path

import pytest

from digits import UserError
from digits.recognition import image_decoding, picture_files

NAMES = (
    "b.png",
    "a.JPG",
    "notes.txt",
    "Thumbs.db",
    "._b.png",
    ".hidden.png",
    "sub/c.tiff",
    ".git/d.png",
    "sub/deep/e.gif",
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with pictures, other files, hidden ones, and symbolic links that lead in circles; the current one."""
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "sub" / "loop").symlink_to(tmp_path)
    (tmp_path / "sub" / "self").symlink_to("self")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def find(*paths: str) -> list[str]:
    return [str(path) for path in picture_files.find(list(paths))]


@pytest.mark.parametrize("path", [".", "**", "./**", "*", "**/*"])
def test_pictures_of_all_folders_are_found_but_hidden_files_are_not(folder, path):
    extra = {"notes.txt"} if path.endswith("*") and not path.endswith("**") else set()  # which the pattern names
    assert set(find(path)) == {"a.JPG", "b.png", "sub/c.tiff", "sub/deep/e.gif"} | extra


def test_folders_are_listed_in_alphabetical_order(folder):
    assert find(".") == ["a.JPG", "b.png", "sub/c.tiff", "sub/deep/e.gif"]


def test_each_picture_is_listed_once(folder):
    expected = ["a.JPG", "b.png", "sub/c.tiff", "sub/deep/e.gif"]
    assert find("a.JPG", "./a.JPG", ".", "**", "**/*.tiff", "sub", "*.png") == expected


@pytest.mark.parametrize("pattern", ["**/*.tiff", "sub/*.tiff", "{}/**/c.*", "s*/c.tiff", "sub/c**", "s*/c*"])
def test_patterns_that_the_shell_did_not_expand_are_expanded(folder, pattern):
    (found,) = find(pattern.format(folder))
    assert Path(found).samefile("sub/c.tiff")


@pytest.mark.parametrize("path", [".hidden.png", "._b.png", "notes.txt", "-"])
def test_file_that_is_named_is_taken_whatever_its_name(folder, path):
    assert find(path) == [path]


@pytest.mark.parametrize("path", ["none.png", "*.bmp", "**a", "sub/self", "x" * 300, "a\0b", ".git/*.bmp"])
def test_path_without_pictures_is_yielded_itself(folder, path):
    assert find(path) == [path]


def test_hidden_files_that_are_named_are_found(folder):
    assert find(".git", ".git/*.png", ".g*/*.png") == [".git/d.png"]
    assert find(".*.png") == ["._b.png", ".hidden.png"]


@pytest.mark.parametrize("pattern", ["*/**", "*/", "s*/", "sub/**"])
def test_pattern_that_ends_in_folders_names_no_files(folder, pattern):
    assert find(pattern) == ["sub/c.tiff", "sub/deep/e.gif"]


def test_file_with_the_name_of_the_standard_input_is_a_file(folder):
    (folder / "-").touch()
    assert find("./-", "?") == [str(folder / "-")]


def test_endless_device_and_pipe_end_at_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(image_decoding, "MAX_FILE_BYTES", 2**20)
    with pytest.raises(UserError, match="/dev/zero is larger than 1 MB") as error:
        image_decoding.decode("/dev/zero")
    assert error.value.code == "large"
    read_end, write_end = os.pipe()
    os.write(write_end, b"P5 1 1 255 \0")
    os.close(write_end)
    with open(read_end, "rb") as pipe:
        assert image_decoding.read_limited(pipe, "-") == b"P5 1 1 255 \0"
