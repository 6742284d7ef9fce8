"""Views against plain references: slicing for crops, a written-out fully-convolutional network for scales."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from evaluation_sets import a_dataset, pixels_and_labels, small_network
from PIL import Image
from torchvision.transforms import v2

from residuum import create_model
from residuum.data import EvaluationLoader, open_data
from residuum.data.pixels import Normalise
from residuum.errors import InputError
from residuum.evaluation import VIEWS, evaluate, predictions_of, score
from residuum.evaluation.dense import dense_logits, window_of
from residuum.evaluation.views import make_frame, pick_view
from residuum.models import describe

MEAN, STD = (0.4,) * 3, (0.25,) * 3
NORMALISE = Normalise(MEAN, STD)


def picture(height=20, width=26, seed=3):
    return torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def plain_probabilities(model, seen):
    return torch.stack([model(NORMALISE(view[None])).double().softmax(1)[0] for view in seen]).mean(0)


def test_ten_crops_are_corners_and_middle_of_the_picture_and_its_mirror_image():
    room = v2.functional.resize(picture(), [20], antialias=True)
    corners = [(0, 0), (0, 26 - 16), (20 - 16, 0), (20 - 16, 26 - 16), (2, 5)]
    expected = [whole[:, top : top + 16, left : left + 16] for whole in (room, room.flip(-1)) for top, left in corners]
    seen = VIEWS["ten-crop"].cut(picture(), make_frame((16, 16), 20))
    assert all(a.equal(b) for a, b in zip(seen, expected, strict=True))
    again = v2.TenCrop(16)(v2.Resize(20, antialias=True)(picture()))
    assert all(a.equal(b) for a, b in zip(seen, again, strict=True))


def test_a_picture_without_room_is_padded_with_an_eighth_of_zeros():
    small = picture(16, 16)
    seen = VIEWS["ten-crop"].cut(small, make_frame((16, 16), 0))
    assert len(seen) == 10
    assert seen[0][:, 2:, 2:].equal(small[:, :-2, :-2])
    assert seen[0][:, :2].sum() == 0 == seen[0][:, :, :2].sum()
    assert seen[4].equal(small)
    assert seen[9].equal(small.flip(-1))
    assert all(view.shape == small.shape for view in seen)


def test_shifts_are_slices_of_the_reflected_picture_and_the_unshifted_pair_weighs_half():
    whole = picture(16, 16)
    room = F.pad(whole[None].float(), (1,) * 4, "reflect")[0].to(torch.uint8)
    shown = [whole, room[:, 2:18, 2:18], room[:, 0:16, 0:16]]
    expected = [side for one in shown for side in (one, one.flip(-1))]
    seen = VIEWS["shifts"].cut(whole, make_frame((16, 16), 0))
    assert all(a.equal(b) for a, b in zip(seen, expected, strict=True))
    dataset, model = a_dataset(pixels_and_labels(5)), small_network()
    found = predictions_of(model, dataset, views="shifts").log_probabilities.exp()
    frame = make_frame(dataset.image_size, 0)
    weights = torch.tensor([2, 2, 1, 1, 1, 1], dtype=torch.float64)[:, None] / 8
    normalise = Normalise(dataset.mean, dataset.std)
    for number in (0, 3):
        views = VIEWS["shifts"].cut(dataset.val.pixels[number], frame)
        with torch.no_grad():
            each = torch.cat([model(normalise(view[None])).double().softmax(1) for view in views])
        torch.testing.assert_close(found[number], (weights * each).sum(0), rtol=1e-5, atol=1e-7)


def test_scales_keep_the_shape_of_the_picture():
    seen = VIEWS["multi-scale"].cut(picture(20, 26), make_frame((16, 16), 0, (10, 40)))
    assert [tuple(view.shape) for view in seen] == [(3, 10, 13), (3, 40, 52)] * 2
    assert seen[2].equal(seen[0].flip(-1))
    assert make_frame((224, 224), 256).scales == (224, 256, 384, 480, 640)
    assert make_frame((32, 32), 0).scales == (32, 37, 55, 69, 91)


@pytest.mark.parametrize("resize", [0, 20])
@pytest.mark.parametrize("views", ["centre", "flip", "ten-crop"])
def test_views_are_averaged_as_probabilities(views, resize):
    model, images = small_network(resize=resize), pixels_and_labels(7)
    found = predictions_of(model, a_dataset(images), views=views, batch_size=4)
    frame = make_frame((16, 16), resize)
    with torch.no_grad():
        expected = [plain_probabilities(model, VIEWS[views].cut(pixels, frame)) for pixels in images.pixels]
    torch.testing.assert_close(found.log_probabilities.exp(), torch.stack(expected), rtol=0, atol=1e-6)
    assert found.labels.equal(images.labels)


def test_one_view_gives_what_training_measures():
    model, images = small_network(), pixels_and_labels(30)
    here = evaluate(model, a_dataset(images))
    there = score(model, EvaluationLoader(images, 8, (16, 16)), NORMALISE)
    assert here.ranked.equal(there.ranked)
    torch.testing.assert_close(here.losses, there.losses, rtol=0, atol=1e-5)
    torch.testing.assert_close(here.confidence, there.confidence, rtol=0, atol=1e-6)


def test_other_sizes_are_resized_as_in_training():
    images = pixels_and_labels(5, side=24)
    (batch,) = [pixels for pixels, _ in EvaluationLoader(images, 8, (16, 16))]
    frame = make_frame((16, 16), 0)
    assert all(VIEWS["centre"].cut(one, frame)[0].equal(other) for one, other in zip(images.pixels, batch, strict=True))


def convolutional(model, images, window):
    """The network written out: its classifier as a 1x1 convolution over pooled windows, then the mean of the map."""
    pooled = F.avg_pool2d(model.forward_features(images), window, stride=1)
    fc = model.head.fc
    return F.conv2d(pooled, fc.weight[:, :, None, None], fc.bias).mean((2, 3))


@torch.no_grad()
def test_the_fully_convolutional_form_is_a_convolution_over_the_map():
    model = small_network().double()
    images = torch.randn(3, 3, 29, 41, dtype=torch.float64)
    window = window_of(model, (16, 16))
    assert window == (4, 4)
    found = dense_logits(model, images, window)
    torch.testing.assert_close(found, convolutional(model, images, window), rtol=0, atol=1e-12)
    assert (found - model(images)).abs().max() > 1e-3  # pooling the whole map once weighs its rim otherwise


OTHERS = {
    "cifar_resnet": (32, {"depth": 8}),
    "cifar_preact_resnet": (32, {"depth": 11}),
    "densenet121": (64, {}),
    "vgg": (224, {"depth": 11, "hidden": 8}),
}


@torch.no_grad()
@pytest.mark.parametrize("name", OTHERS)
def test_at_the_trained_size_the_dense_logits_are_the_ordinary_ones(name):
    side, arguments = OTHERS[name]
    model = create_model(name, num_classes=5, **arguments).eval()
    images = torch.randn(1, 3, side, side)
    found = dense_logits(model, images, window_of(model, (side, side)))
    torch.testing.assert_close(found, model(images), rtol=1e-6, atol=1e-6)


@torch.no_grad()
def test_a_map_smaller_than_the_window_is_seen_whole():
    model, images = small_network(), torch.randn(2, 3, 8, 30)
    found = dense_logits(model, images, (4, 4))
    torch.testing.assert_close(found, convolutional(model, images, (2, 4)), rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_scales_and_mirror_images_are_averaged_for_files_of_different_shapes(tmp_path):
    shapes = [(20, 26), (31, 17), (20, 26), (16, 16)]
    for number, (height, width) in enumerate(shapes):
        for part in ("train", "val"):
            (tmp_path / part / f"class {number % 2}").mkdir(parents=True, exist_ok=True)
            pixels = picture(height, width, seed=number).permute(1, 2, 0).numpy()
            Image.fromarray(pixels).save(tmp_path / part / f"class {number % 2}" / f"{number}.png")
    dataset, model = open_data(tmp_path), small_network(num_classes=2)
    assert len(dataset.val) == 4
    one, two = (
        predictions_of(model, dataset, views="multi-scale", scales=(16, 24), batch_size=3, workers=workers)
        for workers in (0, 1)
    )
    assert one.log_probabilities.equal(two.log_probabilities)
    expected = []
    for name in dataset.val.names:
        seen = []
        for scale in (16, 24):
            whole = v2.functional.resize(picture_of(dataset, name), [scale], antialias=True)
            seen += [convolutional(model, NORMALISE(view[None]), (4, 4)) for view in (whole, whole.flip(-1))]
        expected.append(torch.cat(seen).double().softmax(1).mean(0))
    torch.testing.assert_close(one.log_probabilities.exp(), torch.stack(expected), rtol=0, atol=1e-6)


def picture_of(dataset, name):
    from residuum.data import decode

    return decode(dataset.val.root / name)


def test_what_views_refuse():
    images = pixels_and_labels(2)
    with pytest.raises(
        InputError, match="views must be one of centre, flip, ten-crop, shifts, multi-scale, got 'tencrop'"
    ):
        pick_view("tencrop")
    with pytest.raises(InputError, match="scales are shorter sides in pixels, at least 1, got 0"):
        make_frame((16, 16), 0, (16, 0))
    vit = create_model("vit", depth=1, num_classes=4, image_size=16, patch_size=4, width=12)
    describe(vit).preprocessing = describe(small_network()).preprocessing
    with pytest.raises(InputError, match="several scales need a convolutional .* got vit; use --views ten-crop"):
        predictions_of(vit, a_dataset(images), views="multi-scale")
    none = replace(images, pixels=images.pixels[:0], labels=images.labels[:0])
    with pytest.raises(InputError, match="there is no image to evaluate on"):
        predictions_of(small_network(), a_dataset(none))


def test_a_model_stays_in_its_mode():
    model = small_network().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    predictions_of(model, a_dataset(pixels_and_labels(3)), views="multi-scale", scales=(16, 20))
    assert model.training
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())
