import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, log_loss, top_k_accuracy_score

from residuum.data import ArrayImages, Augmentation, Dataset, EvaluationLoader
from residuum.data.pixels import Normalise
from residuum.errors import InputError
from residuum.evaluation import evaluate, predict, score
from residuum.models import Description, Preprocessing, attach


class Lookup(torch.nn.Module):
    """Answer a picture whose first pixel is n with row n of a table of logits."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.nn.Parameter(logits)
        self.num_classes = logits.shape[1]

    def forward(self, images):
        return self.logits[images[:, 0, 0, 0].round().long()]


def lookup_set(count, classes, seed):
    draw = torch.Generator().manual_seed(seed)
    logits = torch.randn(count, classes, generator=draw)
    labels = torch.randint(0, classes, (count,), generator=draw)
    pixels = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()
    return Lookup(logits), ArrayImages(pixels, labels)


RAW = Normalise((0.0,), (1 / 255,))  # pixels as they are


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 200), classes=st.integers(2, 12), batch_size=st.integers(1, 64), seed=st.integers(0, 99))
def test_scores_are_scikit_learns_for_any_set_and_batch(count, classes, batch_size, seed):
    model, images = lookup_set(count, classes, seed)
    scores = score(model, EvaluationLoader(images, batch_size, (2, 2)), RAW)
    truth, logits = images.labels.numpy(), model.logits.detach().double()
    known = list(range(classes))
    assert len(scores) == count
    assert scores.confusion.tolist() == confusion_matrix(truth, logits.argmax(1).numpy(), labels=known).tolist()
    assert scores.top1 == pytest.approx(100 * (logits.argmax(1).numpy() == truth).mean())
    if classes > 5:
        expected = top_k_accuracy_score(truth, logits.numpy(), k=5, labels=known)
        assert scores.top5 == pytest.approx(100 * expected)
    else:
        assert scores.top5 == 100
    assert scores.loss == pytest.approx(log_loss(truth, logits.softmax(1).numpy(), labels=known), abs=1e-5)
    for label, value in enumerate(scores.per_class.tolist()):
        mine = truth == label
        assert (
            value == pytest.approx(100 * (logits.argmax(1).numpy()[mine] == label).mean())
            if mine.any()
            else value != value
        )


def test_the_worst_mistakes_are_the_most_confident_ones():
    model, images = lookup_set(100, 4, 0)
    scores = score(model, EvaluationLoader(images, 16, (2, 2)), RAW)
    worst = scores.worst(10)
    confidence = scores.confidence[worst].tolist()
    assert confidence == sorted(confidence, reverse=True)
    assert all(scores.ranked[i, 0] != scores.labels[i] for i in worst)
    right = {i for i in range(100) if scores.ranked[i, 0] == scores.labels[i]}
    assert max(scores.confidence[i] for i in range(100) if i not in {*right, *worst}) <= confidence[-1]


def test_scoring_leaves_the_mode_and_the_gradients_alone():
    model, images = lookup_set(10, 3, 0)
    model.train()
    score(model, EvaluationLoader(images, 4, (2, 2)), RAW)
    assert model.training
    assert model.logits.grad is None


def test_an_empty_set_is_refused():
    with pytest.raises(InputError, match="no image to evaluate"):
        score(lookup_set(1, 2, 0)[0], [], RAW)


def described(model, classes):
    preprocessing = Preprocessing(size=(2, 2), mean=(0.0,), std=(1 / 255,))
    return attach(model, Description("lookup", {}, classes=classes, preprocessing=preprocessing))


def dataset(images, classes):
    return Dataset("pictures", classes, images, images, (0.0,), (1 / 255,), (2, 2), Augmentation(0, False), "all")


def test_classes_are_matched_by_name():
    model, images = lookup_set(90, 3, 1)
    straight = evaluate(described(model, ["a", "b", "c"]), dataset(images, ["a", "b", "c"]))
    turned = ArrayImages(images.pixels, 2 - images.labels)
    other_order = evaluate(described(model, ["a", "b", "c"]), dataset(turned, ["c", "b", "a"]))
    assert straight.top1 == other_order.top1
    assert straight.top1 != evaluate(described(model, ["a", "b", "c"]), dataset(turned, ["a", "b", "c"])).top1
    with pytest.raises(InputError, match="lacks d; it knows a, b, c: name the folders so.*takes --match order"):
        evaluate(described(model, ["a", "b", "c"]), dataset(images, ["a", "b", "d"]))


def test_a_model_without_class_names_takes_them_in_order():
    model, images = lookup_set(30, 3, 1)
    assert evaluate(described(model, []), dataset(images, ["x", "y", "z"])).confusion.sum() == 30
    with pytest.raises(InputError, match="model has 3 classes and names none of them and the data set has 4"):
        evaluate(described(model, []), dataset(images, ["a", "b", "c", "d"]))


def test_predictions_are_ranked_and_named():
    model, images = lookup_set(5, 3, 2)
    found = predict(described(model, ["a", "b", "c"]), [images.pixels[3], images.pixels[4]], top=2)
    expected = model.logits[3].softmax(0).sort(descending=True)
    assert found[0].classes == ["abc"[i] for i in expected.indices[:2].tolist()]
    assert found[0].probabilities == pytest.approx(expected.values[:2].tolist())
    assert found[0].top == found[0].classes[0]
    assert [p.name for p in found] == ["image 0", "image 1"]


def test_prediction_needs_preprocessing():
    model, images = lookup_set(5, 3, 2)
    with pytest.raises(InputError, match="says nothing of preprocessing; save it with"):
        predict(attach(model, Description("lookup", {})), images.pixels[0])
    with pytest.raises(InputError, match="pictures has no test images; take --split train or val or all"):
        evaluate(described(model, []), dataset(images, ["a", "b", "c"]), split="test")
