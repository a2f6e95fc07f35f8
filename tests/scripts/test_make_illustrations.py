"""The SVG pictures of the documents can be drawn again."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from scripts import make_illustrations, svg_figures


@pytest.mark.slow
def test_each_picture_of_the_documents_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(svg_figures, "DOCS", tmp_path)
    make_illustrations.main()
    drawn = sorted(tmp_path.iterdir())
    assert [path.name for path in drawn] == sorted(path.name for path in Path("docs").glob("*.svg"))
    for path in drawn:
        ElementTree.parse(path)
        assert "fill: currentColor" in path.read_text(), path
