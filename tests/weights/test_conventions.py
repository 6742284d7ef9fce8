"""Padding, eps and names that tensors do not show: a published name says them, else the source."""

import pytest

from residuum.errors import InputError
from residuum.models import VARIANTS, Description
from residuum.weights.architectures import KNOWN_AS, Named, check_named, published
from residuum.weights.conventions import UNSAID, conventions
from residuum.weights.sources import usual

SAME, SYMMETRIC = {"padding": "same", "norm_eps": 1e-3}, {"padding": "symmetric", "norm_eps": 1e-5}


@pytest.mark.parametrize(
    ("model", "dialect", "name", "told", "assumed"),
    [
        ("efficientnet_b0", "timm_efficientnet", "tf_efficientnet_b0.ns_jft_in1k", SAME, ""),
        ("efficientnet_b0", "timm_efficientnet", "efficientnet_b0.ra_in1k", {}, ""),
        ("efficientnet_b0", "timm_efficientnet", "", {}, UNSAID),
        ("efficientnet_lite0", "timm_efficientnet", "tf_efficientnet_lite0", {}, ""),
        ("efficientnet_lite0", "timm_efficientnet", "efficientnet_lite0", SYMMETRIC, ""),
        ("mobilenet_v3_small", "timm_mobilenet_v3_small", "tf_mobilenetv3_small_100", {"padding": "same"}, ""),
        ("mobilenet_v3_small", "timm_mobilenet_v3_small", "", {"norm_eps": 1e-5}, UNSAID),
        ("mobilenet_v3_small", "torchvision_mobilenet_v3_small", "", {}, UNSAID),
        ("mobilenet_v2", "timm_efficientnet", "mobilenetv2_100", {}, ""),
        ("convnext_tiny", "timm_convnext", "", {}, ""),
    ],
)
def test_a_name_tells_padding_and_eps(model, dialect, name, told, assumed):
    named = Named(name, "the test", exact=True) if name else None
    assert conventions(Description(model, {}), dialect, named) == (told, assumed)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("tf_efficientnet_lite3.in1k", "efficientnet_lite3"),
        ("mobilenetv3_large_100.ra_in1k", "mobilenet_v3_large"),
        ("regnetx_160.pycls_in1k", "regnet_x_16gf"),
        ("regnety_008", "regnet_y_800mf_paper"),
        ("regnety_008_tv.tv2_in1k", "regnet_y_800mf"),
        ("convnext_base.fb_in1k", "convnext_base"),
    ],
)
def test_timms_names_are_those_of_variants(name, model):
    assert published(name) == (model, {})
    assert check_named(Named(name, "the test", exact=True), Description(model, {})) == ""


def test_another_network_by_that_name_is_refused():
    with pytest.raises(InputError, match="names 'regnetx_004', but its tensors are of regnet_x_400mf; load it with"):
        check_named(Named("regnetx_004", "config.json", exact=True), Description("regnet_x_400mf", {}))
    with pytest.raises(InputError, match="names 'efficientnetv2_s', which is not built here"):
        check_named(Named("efficientnetv2_s", "config.json", exact=True), Description("efficientnet_b0", {}))


def test_every_known_name_leads_to_a_variant():
    assert set(KNOWN_AS.values()) <= set(VARIANTS)


@pytest.mark.parametrize(
    ("dialect", "model", "expected"),
    [
        ("torchvision_efficientnet", "efficientnet_b1", (240, 255, "bicubic")),
        ("torchvision_convnext", "convnext_small", (224, 230, "bilinear")),
        ("timm_convnext", "convnext_small", (224, 256, "bilinear")),
        ("torchvision_regnet", "regnet_y_400mf", (224, 256, "bilinear")),
        ("efficientnet_lite2", "efficientnet_lite2", (260, 292, "bicubic")),
    ],
)
def test_the_usual_size_is_the_models_own(dialect, model, expected):
    known = usual(dialect, model, {})
    assert (known.size, known.resize, known.interpolation) == expected
    assert f"shorter side {known.resize}, centre crop {known.size}" in known.why
