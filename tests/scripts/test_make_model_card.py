"""`scripts.make_model_card`: the tables of docs/model-card.md."""

from scripts.make_model_card import PAGE, fill


def test_tables_of_the_model_card_are_up_to_date():
    page = PAGE.read_text()
    assert fill(page) == page, "docs/model-card.md is stale: run `python -m scripts.make_model_card`"


def test_stale_figures_are_replaced_and_the_text_is_kept():
    page = PAGE.read_text()
    assert fill(page.replace("225,034", "225,035").replace("99.65 %", "99.64 %")) == page
