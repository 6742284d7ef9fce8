"""The checks that every image model must pass, on those that are built for images of one size."""

import pytest
import torch
from test_every_model import (  # noqa: F401
    SIZE,
    test_any_number_of_input_channels,
    test_bfloat16,
    test_channels_last_gives_the_same_logits,
    test_deepcopy_and_pickled_state_give_the_same_bits,
    test_each_image_is_judged_alone,
    test_export_computes_the_same,
    test_forward_and_backward_reach_every_parameter,
    test_functional_call_uses_the_parameters_it_is_given,
    test_hooks_on_every_module_that_runs,
    test_reset_classifier_changes_only_the_last_layer,
    tiny,
)

from residuum.errors import InputError
from residuum.models import BUILDERS

ONE_SIZE = [name for name, builder in BUILDERS.items() if "image_size" in builder.__annotations__]


@pytest.fixture(params=ONE_SIZE, scope="module")
def built(request):
    """A builder's name and its tiny model in evaluation mode; tests must not change it."""
    torch.manual_seed(0)
    return request.param, tiny(request.param).eval()


def test_images_of_another_width_are_refused_with_advice(built):
    with pytest.raises(InputError, match=r"resize them or build it with .*image_size="):
        built[1](torch.randn(1, 3, SIZE, SIZE - 8))


def test_a_batch_of_one(built):
    assert built[1](torch.randn(1, 3, SIZE, SIZE)).shape == (1, 5)
