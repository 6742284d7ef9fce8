"""Predictions of images in every form, of yes-or-no networks, and what is refused; the model's mode is its own."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from residuum import create_model
from residuum.analysis.saliency import grad_cam, integrated_gradients, look, pick_class, stage_names
from residuum.deploy import Engine, export
from residuum.deploy.form import Form
from residuum.deploy.from_pixels import FromPixels
from residuum.deploy.prepare import prepare
from residuum.errors import ImageError, InputError
from residuum.evaluation import evaluate, predict, predict_each, predictions_of
from residuum.models import Description, Preprocessing, attach
from residuum.nn.modes import evaluation_mode

PIXELS = np.random.default_rng(1).integers(0, 256, (3, 16, 16), np.uint8)


def network(num_classes=3, classes=("ant", "bee", "cat")):
    torch.manual_seed(3)
    model = create_model("cifar_resnet", depth=8, widths=(4, 8, 8), num_classes=num_classes).eval()
    preprocessing = Preprocessing((16, 16), (0.5,) * 3, (0.25,) * 3)
    return attach(model, Description("cifar_resnet", {"depth": 8}, list(classes), preprocessing))


def test_floats_and_bytes_get_the_same_answers():
    model = network()
    (expected,) = predict(model, PIXELS)
    held = io.BytesIO()
    Image.fromarray(PIXELS.transpose(1, 2, 0)).save(held, "PNG")
    tensor = torch.from_numpy(PIXELS)
    for image in (tensor, tensor / 255, PIXELS / 255, PIXELS.transpose(1, 2, 0), held.getvalue(), held):
        (found,) = predict(model, image)
        assert (found.classes, found.probabilities) == (expected.classes, expected.probabilities)
    seen = look(model, tensor / 255)
    assert seen.pixels.equal(tensor) and torch.equal(seen.image, look(model, held.getvalue()).image)


def test_one_damaged_image_does_not_take_the_others_answers(tmp_path):
    (tmp_path / "b.png").write_text("broken")
    found = list(predict_each(network(), [PIXELS, tmp_path / "b.png", tmp_path / "gone.jpg", PIXELS]))
    assert [hasattr(one, "error") for one in found] == [False, True, True, False]
    assert "b.png cannot be read as an image" in found[1].error and "there is no file" in found[2].error
    with pytest.raises(ImageError, match="b.png cannot be read"):
        predict(network(), [PIXELS, tmp_path / "b.png"])


def test_answers_come_one_at_a_time(tmp_path):
    answers = predict_each(network(), [PIXELS, tmp_path / "later.png"])
    assert next(answers).name == "image 0"
    Image.fromarray(PIXELS.transpose(1, 2, 0)).save(tmp_path / "later.png")
    assert next(answers).name.endswith("later.png")


def in_parts(model):
    """Put the model into training mode, but for its first norm, as frozen norms are."""
    model.train()
    next(module for module in model.modules() if isinstance(module, nn.BatchNorm2d)).eval()
    return [module.training for module in model.modules()]


def test_each_module_keeps_its_mode():
    from evaluation_sets import a_dataset, pixels_and_labels

    model = network(4, ())
    before = in_parts(model)
    data = a_dataset(pixels_and_labels(3))
    predict(model, PIXELS)
    seen = look(model, PIXELS)
    pick_class(model, None, seen.image)
    grad_cam(model, seen.image, 0, stage_names(model)[0])
    integrated_gradients(model, seen.image, 0, seen.black, steps=2)
    for precision in ("fp32", "bf16"):
        predictions_of(model, data, precision=precision)
        evaluate(model, data, precision=precision)
    assert [module.training for module in model.modules()] == before
    with pytest.raises(ZeroDivisionError), evaluation_mode(model):
        assert not any(module.training for module in model.modules())
        raise ZeroDivisionError
    assert [module.training for module in model.modules()] == before


@pytest.mark.parametrize(
    ("classes", "names"), [((), ["no", "yes"]), (("bad", "good"), ["bad", "good"]), (("cat",), ["not cat", "cat"])]
)
def test_one_logit_is_a_yes_or_no(classes, names):
    model = network(1, classes)
    with torch.no_grad():
        logit = model(look(model, PIXELS).image)
    yes = float(torch.sigmoid(logit))
    (found,) = predict(model, PIXELS)
    shares = dict(zip(found.classes, found.probabilities, strict=True))
    assert shares == pytest.approx({names[1]: yes, names[0]: 1 - yes})
    assert found.probabilities[0] >= 0.5
    for number, name in enumerate(names):
        share = pick_class(model, name, look(model, PIXELS).image)
        assert share[:2] == (number, name) and share[2] == pytest.approx((1 - yes, yes)[number])


def test_a_yes_or_no_has_two_sides_in_saliency():
    model = network(1, ())
    seen = look(model, PIXELS)
    no, yes = (integrated_gradients(model, seen.image, side, seen.black, steps=4) for side in (0, 1))
    assert torch.allclose(no.values, -yes.values) and yes.added
    assert pick_class(model, None, seen.image)[1] == predict(model, PIXELS)[0].top


def test_a_yes_or_no_is_evaluated_on_two_classes():
    from dataclasses import replace

    from residuum.data import ArrayImages, open_data

    model, digits = network(1, ("bad", "good")), open_data("digits")
    pixels = torch.from_numpy(np.stack([PIXELS, 255 - PIXELS]))
    labels = torch.tensor([predict(model, each)[0].top == "good" for each in pixels]).long()
    data = replace(digits, classes=["bad", "good"], val=ArrayImages(pixels, labels))
    assert evaluate(model, data).top1 == 100
    assert evaluate(model, replace(data, val=ArrayImages(pixels, 1 - labels))).top1 == 0


def test_names_that_do_not_fit_the_logits_are_refused():
    for logits, classes in ((1, ("a", "b", "c")), (3, ("a", "b")), (4, ("a", "b", "c", "d", "e"))):
        with pytest.raises(InputError, match=f"answers with {logits} logits, but {len(classes)} classes are named"):
            predict(network(logits, classes), PIXELS)


def test_a_network_without_a_classifier_is_refused():
    model = network(0, ())
    match = r"must end in logits, but it has num_classes 0 \(features\); reset_classifier\(N\) first, and train it"
    with pytest.raises(InputError, match=match):
        predict(model, PIXELS)
    with pytest.raises(InputError, match=match):
        look(model, PIXELS)
    with pytest.raises(InputError, match=match):
        pick_class(model, None, torch.zeros(1, 3, 16, 16))
    with pytest.raises(InputError, match=match):
        evaluate(model, "digits")


def test_a_yes_or_no_that_takes_pixels_gives_two_probabilities():
    model = network(1, ())
    found = FromPixels(model, model.description.preprocessing)(torch.from_numpy(PIXELS)[None])[0].tolist()
    (expected,) = predict(model, PIXELS)
    assert sorted(found, reverse=True) == pytest.approx(expected.probabilities, abs=1e-5)
    assert prepare(model, Form(pixels=True)).card.classes == ("no", "yes")


def test_an_exported_yes_or_no_answers_as_its_model(tmp_path):
    model = network(1, ())
    folder = export(model, tmp_path / "out", to="onnx", precision="fp32").folder
    engine = Engine(folder, engine="onnxruntime")
    (expected,), (found,) = predict(model, PIXELS), engine.predict(PIXELS / 255)
    assert found.classes == expected.classes
    assert found.probabilities == pytest.approx(expected.probabilities, abs=1e-4)
    assert engine.predict(Image.fromarray(PIXELS.transpose(1, 2, 0)))[0].classes == expected.classes
