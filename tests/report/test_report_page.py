from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from residuum.errors import InputError
from residuum.report import page
from residuum.report.figures import curves

EVIL = "<script>alert('1')</script> & \"co\""


def test_a_page_is_whole_and_self_contained(read_page):
    drawing = curves([{"epoch": e, "val_loss": 1 / e, "val_acc1": 50.0} for e in (1, 2)])
    parts = [page.figure(drawing, "one"), page.figure(drawing, "two, the same drawing again", "Below.")]
    html = page.page("Title", [page.section("One", parts[0]), page.section("Two", page.heading("Small"), "Words.")])
    root = read_page(html)
    assert [h.text for h in root.all("h1") + root.all("h2") + root.all("h3")] == ["Title", "One", "Two", "Small"]
    assert root.all("title")[0].text == "Title"
    assert "http:" not in html and "https:" not in html
    policy = next(m for m in root.all("meta") if "http-equiv" in m.attributes)
    assert policy.attributes["content"].startswith("default-src 'none'")
    assert any(m.attributes.get("content", "").startswith("width=device-width") for m in root.all("meta"))
    assert "prefers-color-scheme:dark" in html


def test_every_text_is_escaped(read_page):
    tiny = page.Picture(np.zeros((2, 2), np.uint8), EVIL, [EVIL])
    drawing = page.figure(curves([{"epoch": 1, "val_loss": 1.0}]), EVIL, EVIL)
    parts = [
        EVIL,
        page.paragraph(EVIL),
        page.lead(EVIL),
        page.bullets([EVIL]),
        page.command(EVIL),
        page.folded(EVIL, EVIL),
        page.heading(EVIL),
        page.facts({EVIL: EVIL}),
        page.table([EVIL, "b"], [(EVIL, EVIL)], EVIL),
        page.picture_grid([tiny]),
        drawing,
    ]
    html = page.page(EVIL, [page.section(EVIL, *parts)], kind=EVIL)
    root = read_page(html)  # it finds no script
    for tag in ("title", "h1", "h2", "h3", "p", "li", "code", "summary", "th", "td", "caption", "figcaption"):
        assert any(EVIL in element.text for element in root.all(tag)), tag
    assert root.all("img")[0].attributes["alt"] == EVIL
    assert root.all("svg")[0].attributes["aria-label"] == EVIL


def test_tables_name_rows_and_columns(read_part):
    html = page.table(["Network", "Seed 0", "Mean"], [("a", "93.3 %", "93 ± 0.4 %"), ("b", "n/a", "–")], "What it is.")
    root = read_part(html)
    assert root.all("caption")[0].text == "What it is."
    assert [(th.text, th.attributes["scope"]) for th in root.all("th")] == [
        ("Network", "col"),
        ("Seed 0", "col"),
        ("Mean", "col"),
        ("a", "row"),
        ("b", "row"),
    ]
    assert [td.text for td in root.all("td")] == ["93.3 %", "93 ± 0.4 %", "n/a", "–"]
    assert [td.attributes.get("class") for td in root.all("td")] == [None, "number", None, "number"]
    scrolls = root.all("div")[0].attributes
    assert scrolls["class"] == "scroll" and scrolls["tabindex"] == "0"


@pytest.mark.parametrize(
    "text", ["1", "-3.5", "−3.5", "1,234", "2e-05", "97.5 %", "97.5 ± 0.3", "31.7 ± 10.6 %", "–", "12 s"]
)
def test_numbers_stand_to_the_right(text):
    assert 'class="number">' + text in page.table(["a", "b"], [("x", text)], "c")


def test_a_row_must_fit_the_columns():
    with pytest.raises(InputError, match=r"the table's 2 columns, got \['x'\]; fill or cut it"):
        page.table(["a", "b"], [("x",)], "c")


def test_a_figure_wants_an_alt_text():
    with pytest.raises(InputError, match="needs an alt text, got none; describe it in a sentence"):
        page.figure(curves([{"epoch": 1, "val_loss": 1.0}]), "")


def decoded(img):
    kind, data = img.attributes["src"].split(";base64,")
    return kind, np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 3), (28, 28), (32, 32, 3), (5, 64)])
def test_tiny_pictures_are_kept_exactly_and_enlarged_by_whole_pixels(read_part, shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    (img,) = read_part(page.picture_grid([page.Picture(image, "a digit", ["3 → 8", "99 % sure"])])).all("img")
    kind, back = decoded(img)
    assert kind == "data:image/png" and np.array_equal(back, image)
    assert img.attributes["class"] == "pixels"
    width, height = int(img.attributes["width"]), int(img.attributes["height"])
    assert width % shape[1] == 0 and width // shape[1] == height // shape[0]
    assert 64 < max(width, height) <= 128
    assert ".pixels { image-rendering: pixelated; }" in page.page("t", [])


def test_large_pictures_are_shrunk(read_part):
    image = np.full((300, 600, 3), 90, np.uint8)
    (img,) = read_part(page.picture_grid([page.Picture(image, "a photograph")])).all("img")
    kind, back = decoded(img)
    assert kind == "data:image/jpeg" and back.shape == (128, 256, 3)
    assert "class" not in img.attributes


def test_the_same_parts_give_the_same_page():
    def make():
        drawing = curves([{"epoch": e, "val_loss": 1 / e} for e in (1, 2)])
        return page.page("t", [page.section("s", page.figure(drawing, "alt"))])

    assert make() == make()


def test_names_that_are_not_utf_8_are_shown_with_escapes(read_page):
    html = page.page("caf\udce9", [page.section("One", page.paragraph("b\udcff.png"))])
    assert "<h1>caf\\xe9</h1>" in html and "b\\xff.png" in html
    html.encode()
