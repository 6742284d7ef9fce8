import pytest
import torch
from evaluation_sets import a_dataset, pixels_and_labels, predicted, small_network

from residuum.errors import InputError
from residuum.evaluation import combine, evaluate, predictions_of
from residuum.models import describe


def test_an_ensemble_is_the_mean_of_probabilities():
    models, images = [small_network(seed=seed) for seed in (0, 1, 2)], pixels_and_labels(9)
    members = [predictions_of(model, a_dataset(images)) for model in models]
    expected = torch.stack([member.log_probabilities.exp() for member in members]).mean(0)
    torch.testing.assert_close(combine(members).log_probabilities.exp(), expected, rtol=0, atol=1e-12)
    assert evaluate(models, a_dataset(images)).ranked.equal(combine(members).scores.ranked)


def reordered(model, order):
    """Return the model with its classes numbered in another order, by name the same."""
    names = describe(model).classes
    describe(model).classes = [names[number] for number in order]
    with torch.no_grad():
        model.head.fc.weight.copy_(model.head.fc.weight[order].clone())
        model.head.fc.bias.copy_(model.head.fc.bias[order].clone())
    return model


def test_classes_are_matched_by_name_across_files():
    images = pixels_and_labels(9)
    straight = [small_network(seed=0), small_network(seed=1)]
    mixed = [small_network(seed=0), reordered(small_network(seed=1), [2, 0, 3, 1])]
    expected = combine([predictions_of(model, a_dataset(images)) for model in straight])
    found = combine([predictions_of(model, a_dataset(images)) for model in mixed])
    torch.testing.assert_close(found.log_probabilities, expected.log_probabilities, rtol=0, atol=1e-6)


def test_predictions_are_numbered_as_the_data_set_has_its_classes():
    """A model that knows more classes, in another order: the data set's columns come first, by name."""
    model, images = small_network(num_classes=6), pixels_and_labels(9)
    describe(model).classes = ["x", "class 2", "class 0", "y", "class 3", "class 1"]
    found = predictions_of(model, a_dataset(images))
    assert found.classes == ["class 0", "class 1", "class 2", "class 3", "x", "y"]
    describe(model).classes = [f"class {number}" for number in range(6)]
    plain = predictions_of(model, a_dataset(images))
    assert plain.classes == [f"class {number}" for number in range(6)]
    assert found.log_probabilities.equal(plain.log_probabilities[:, [2, 5, 1, 4, 0, 3]])


def test_others_of_a_second_model_are_matched_too():
    """What the data set lacks but both models know is matched by its name as well."""
    images, models = pixels_and_labels(9), [small_network(num_classes=6), small_network(num_classes=6)]
    for model, more in zip(models, (["x", "y"], ["y", "x"]), strict=True):
        describe(model).classes = [f"class {number}" for number in range(4)] + more
    members = [predictions_of(model, a_dataset(images)) for model in models]
    a, b = (member.log_probabilities.exp() for member in members)
    torch.testing.assert_close(combine(members).log_probabilities.exp(), (a + b[:, [0, 1, 2, 3, 5, 4]]) / 2)


def test_what_cannot_be_averaged():
    three, four = predicted(torch.zeros(2, 3), [0, 1]), predicted(torch.zeros(2, 4), [0, 1])
    with pytest.raises(InputError, match="the first has 3 and number 2 has 4; only one of them knows class 3"):
        combine([three, four])
    with pytest.raises(InputError, match="must have seen the same images"):
        combine([three, predicted(torch.zeros(2, 3), [1, 1])])
