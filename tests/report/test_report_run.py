from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from residuum.errors import DiskError, InputError
from residuum.report.run_page import Mistake, RunData, result_sentence, run_figures, run_report, write_run_report

HISTORY = [
    {"epoch": e, "lr": 0.1, "train_loss": 2 / e, "train_acc1": 90 + e, "val_loss": 2.2 / e, "val_acc1": 88 + e}
    for e in (1, 2, 3)
]
RUN = RunData(
    title="A run",
    facts={"data": "digits", "model": "cifar_resnet20", "command": "residuum train --data digits"},
    history=HISTORY,
    classes=["cat", "<script>", "bird"],
    confusion=np.array([[40, 2, 0], [3, 45, 0], [0, 1, 9]]),
    mistakes=[Mistake(np.zeros((8, 8), np.uint8), "cat", "<script>", 0.987, "val/cat/1.png")],
    notes=["The best epoch was chosen on the validation images."],
)


def headings(root):
    return [h.text for h in root.all("h2")]


def table_rows(root, caption):
    table = next(t for t in root.all("table") if caption in t.text)
    return [[cell.text for cell in row.all("th") + row.all("td")] for row in table.all("tr")[1:]]


def test_the_report_says_result_facts_and_command(read_page):
    root = read_page(run_report(RUN))
    lead = next(p for p in root.all("p") if p.attributes.get("class") == "lead").text
    assert lead.startswith("Of 100 images 94 were classified correctly: 94.0 % (95 % Wilson interval 87.5 to 97.2 %).")
    assert "most frequent class would give 48.0 %" in lead
    assert RUN.notes[0] in root.text
    assert headings(root) == [
        "Training",
        "Confusion matrix: true class by row, predicted class by column",
        "Accuracy of each class",
        "The worst mistakes",
        "The run",
        "How to repeat it",
    ]
    facts = next(t for t in root.all("table") if t.attributes.get("class") == "facts")
    assert [cell.text for cell in facts.all("th")] == ["data", "model"]
    assert [cell.text for cell in facts.all("td")] == ["digits", "cifar_resnet20"]
    assert root.all("pre")[0].text == "residuum train --data digits"
    assert len(root.all("svg")) == 4


def test_the_report_ranks_confusions_and_lists_classes(read_page):
    root = read_page(run_report(RUN))
    assert table_rows(root, "most frequent confusions") == [
        ["<script>", "cat", "3", "6.2 %"],
        ["cat", "<script>", "2", "4.8 %"],
        ["bird", "<script>", "1", "10.0 %"],
    ]
    assert table_rows(root, "Accuracy by class") == [
        ["cat", "42", "95.2 %"],
        ["<script>", "48", "93.8 %"],
        ["bird", "10", "90.0 %"],
    ]
    assert table_rows(root, "Every epoch")[1] == ["2", "0.1", "1.0000", "92.00", "1.1000", "90.00"]


def test_mistakes_are_pictures_with_words(read_page):
    root = read_page(run_report(RUN))
    (img,) = root.all("img")
    assert img.attributes["alt"] == "val/cat/1.png: cat, predicted <script> with confidence 0.99"
    words = [span.text for span in root.all("ul")[-1].all("span")]
    assert words == ["cat → <script>", "99 % sure", "val/cat/1.png"]
    assert "1 of 6, the most confident first" in root.text


def test_a_run_without_mistakes(read_page):
    perfect = replace(RUN, confusion=np.diag([4, 5, 6]), mistakes=[])
    root = read_page(run_report(perfect))
    assert "No image was misclassified." in root.text
    assert "100.0 %" in root.text and not root.all("img")
    assert not any("most frequent confusions" in c.text for c in root.all("caption"))
    assert "No misclassified image was kept." in run_report(replace(RUN, mistakes=[]))


def test_an_evaluation_has_no_curves(read_page):
    root = read_page(run_report(replace(RUN, history=[])))
    assert "Training" not in headings(root)
    assert set(run_figures(replace(RUN, history=[]))) == {"confusion", "per_class"}


def test_a_run_that_diverged_without_validation(read_page):
    rows = [{"epoch": 1, "lr": 0.1, "train_loss": float("nan"), "train_acc1": 10.0, "val_loss": None, "val_acc1": ""}]
    root = read_page(run_report(replace(RUN, history=rows)))
    assert table_rows(root, "Every epoch") == [["1", "0.1", "nan", "10.00", "–", "–"]]
    assert any("not finite in 1 of 1 epochs" in text.text for text in root.all("text"))


@pytest.mark.parametrize("classes", [2, 300])
def test_few_and_many_classes(read_page, classes):
    names = [f"class {i}" for i in range(classes)]
    run = replace(RUN, classes=names, confusion=np.eye(classes, dtype=int) * 3, mistakes=[])
    root = read_page(run_report(run))
    assert len(table_rows(root, "Accuracy by class")) == classes


def test_a_class_without_images_and_no_images_at_all(read_page):
    root = read_page(run_report(replace(RUN, confusion=np.array([[0, 0, 0], [0, 4, 1], [0, 0, 2]]))))
    assert table_rows(root, "Accuracy by class")[0] == ["cat", "0", "–"]
    empty = read_page(run_report(replace(RUN, confusion=np.zeros((3, 3), int), mistakes=[])))
    assert "No image was evaluated" in empty.text
    assert headings(empty) == ["Training", "The run", "How to repeat it"]


def test_the_sentence_comes_from_the_counts():
    assert result_sentence(np.array([[1, 0], [0, 0]])).startswith(
        "Of 1 images 1 were classified correctly: 100.0 % (95 % Wilson interval 20.7 to 100.0 %)."
    )
    assert "Of 10,000 images 9,999 were" in result_sentence(np.array([[5000, 1], [0, 4999]]))


def test_the_matrix_must_fit():
    with pytest.raises(InputError, match="a row for each of the 3 classes"):
        run_report(replace(RUN, confusion=np.eye(2)))


def test_files_are_written_and_repeat_to_the_byte(tmp_path):
    for folder in ("a", "b"):
        write_run_report(tmp_path / folder, RUN)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["confusion.png", "curves.png", "per_class.png", "report.html"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    assert (tmp_path / "a" / "report.html").read_text(encoding="utf-8") == run_report(RUN)


def test_files_are_replaced_and_never_overwritten_in_place(tmp_path):
    write_run_report(tmp_path, RUN)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for name in before:
        (tmp_path / f"{name}.old").hardlink_to(tmp_path / name)
    write_run_report(tmp_path, replace(RUN, title="Another", history=HISTORY[:2], confusion=np.diag([1, 2, 3])))
    for name, content in before.items():
        assert (tmp_path / name).read_bytes() != content
        assert (tmp_path / f"{name}.old").read_bytes() == content


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DiskError, match=r"could not write .*curves\.png"):
        write_run_report(tmp_path / "file", RUN)
