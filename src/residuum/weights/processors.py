"""From Hugging Face's ``preprocessor_config.json`` to a preprocessing, exactly as the named processor computes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..models import Preprocessing
from .sources import HALF, IMAGENET_MEAN, IMAGENET_STD

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
RESAMPLES = {2: "bilinear", 3: "bicubic"}  # Pillow's numbers
OTHER_RESAMPLES = {0: "nearest", 1: "lanczos", 4: "box", 5: "hamming"}
WARPED_FROM = 384  # from this size on, ConvNextImageProcessor stretches instead of cropping
LEVIT_RATIO = 256 / 224  # LevitImageProcessor's shorter side before the crop, as a multiple of the size in its file

# Keys that change no pixel of an RGB image.
HARMLESS = frozenset(
    {"image_processor_type", "feature_extractor_type", "processor_class", "do_convert_rgb", "data_format", "device"}
    | {"input_data_format", "return_tensors", "disable_grouping", "do_reduce_labels", "reduce_labels", "num_channels"}
    | {"model_input_names", "transformers_version", "_valid_processor_keys", "_processor_class", "name_or_path"}
)


@dataclass(frozen=True)
class Processor:
    """One processor's defaults."""

    size: Any
    resample: int = 3
    mean: tuple[float, ...] = HALF
    std: tuple[float, ...] = HALF
    crop: int = 0  # side of its default centre crop; 0: none
    square: bool = False  # whether a single number as size means a square, not a shorter side
    keys: tuple[str, ...] = ()  # keys that only this processor reads


PROCESSORS = {
    "ConvNext": Processor({"shortest_edge": 384}, keys=("crop_pct",)),
    "ViT": Processor(224, resample=2, square=True),
    "Beit": Processor(224, square=True),
    "Siglip": Processor(224, square=True),
    "Pvt": Processor(224, mean=IMAGENET_MEAN, std=IMAGENET_STD, square=True),
    "DeiT": Processor(256, crop=224, square=True),
    "Bit": Processor(224, mean=CLIP_MEAN, std=CLIP_STD, crop=224),
    "CLIP": Processor(224, mean=CLIP_MEAN, std=CLIP_STD, crop=224),
    "Levit": Processor(224, mean=IMAGENET_MEAN, std=IMAGENET_STD, crop=224),
    "MobileNetV1": Processor(256, resample=2, crop=224),
    "MobileNetV2": Processor(256, resample=2, crop=224),
    "EfficientNet": Processor(346, square=True, keys=("rescale_offset", "include_top")),
    "MobileViT": Processor(224, crop=256, mean=(0.0,) * 3, std=(1.0,) * 3, keys=("do_flip_channel_order",)),
}

# The processor of each model type, where the file names none.
PROCESSOR_OF = {"vit": "ViT", "deit": "DeiT", "bit": "Bit", "dinov2": "Bit", "clip": "CLIP", "swin": "ViT"}


def huggingface_preprocessing(config: Mapping[str, Any], model_type: str = "") -> tuple[Preprocessing, str] | None:
    """Return the preprocessing that the file describes and the processor's name, or None for an empty file.

    Source: the processors of transformers 5.23, whose outputs the tests compare with.

    Args:
        config: of ``preprocessor_config.json``.
        model_type: of ``config.json``; it names the processor where the file does not.

    Raises:
        InputError: a processor or a key that changes the pixels in a way that a ``Preprocessing`` cannot express.
    """
    if not config:
        return None
    kind, title = _kind(config, model_type)
    row = PROCESSORS[kind]
    _refuse_unknown_keys(config, row)
    size, resize = _geometry(config, kind, row)
    mean, std = _scaling(config, kind, row)
    resample = config.get("resample", row.resample if title else 2)  # older versions, default 2, wrote no name
    if resample not in RESAMPLES:
        known = ", ".join(f"{number} ({name})" for number, name in RESAMPLES.items())
        name = OTHER_RESAMPLES.get(resample, "unknown") if isinstance(resample, int) else "unknown"
        raise InputError(f'"resample" must be {known}, got {resample!r} ({name})')
    return Preprocessing(size, mean, std, resize, RESAMPLES[resample]), title or f"{kind}ImageProcessor"


def huggingface_processor(chosen: Preprocessing) -> dict[str, Any]:
    """Return a preprocessing as ``preprocessor_config.json``; ``huggingface_preprocessing`` reads it back."""
    number = {name: number for number, name in RESAMPLES.items()}[chosen.interpolation]
    scaling = {"image_mean": list(chosen.mean), "image_std": list(chosen.std), "resample": number}
    height, width = chosen.size
    sides = {"height": height, "width": width}
    if not chosen.resize:
        return {"image_processor_type": "ViTImageProcessor", "size": sides, **scaling}
    if height == width < WARPED_FROM and int(height / (height / chosen.resize)) == chosen.resize:
        geometry = {"size": {"shortest_edge": height}, "crop_pct": height / chosen.resize}
        return {"image_processor_type": "ConvNextImageProcessor", **geometry, **scaling}
    geometry = {"size": {"shortest_edge": chosen.resize}, "do_center_crop": True, "crop_size": sides}
    return {"image_processor_type": "BitImageProcessor", **geometry, **scaling}


def _kind(config: Mapping[str, Any], model_type: str) -> tuple[str, str]:
    """Return the processor's row, and its name in the file (empty: none)."""
    title = str(config.get("image_processor_type") or config.get("feature_extractor_type") or "")
    if title:
        kind = title.removesuffix("Fast").removesuffix("Pil").removesuffix("ImageProcessor")
        kind = kind.removesuffix("FeatureExtractor")
        if kind not in PROCESSORS:
            raise InputError(f"the processor must be one of {', '.join(PROCESSORS)}, got {title!r}")
        return kind, title
    if model_type in PROCESSOR_OF:
        return PROCESSOR_OF[model_type], ""
    if config.get("do_center_crop") and "crop_size" in config:
        return "Bit", ""
    size = config.get("size")
    return ("ViT" if isinstance(size, dict) and "height" in size else "ConvNext"), ""


def _refuse_unknown_keys(config: Mapping[str, Any], row: Processor) -> None:
    """Refuse an enabled key that this module does not read."""
    read = {"size", "crop_size", "resample", "image_mean", "image_std", "rescale_factor", "default_to_square"}
    read |= {"do_resize", "do_center_crop", "do_rescale", "do_normalize", *row.keys} - {"do_flip_channel_order"}
    off = (None, False, [], {}, "")
    if wrong := [key for key, value in config.items() if key not in HARMLESS | read and value not in off]:
        raise InputError(f'"{wrong[0]}" must be absent or false, got {config[wrong[0]]!r}')


def _geometry(config: Mapping[str, Any], kind: str, row: Processor) -> tuple[tuple[int, int], int]:
    """Return height and width of the network's input, and the shorter side before the crop (0: stretched)."""
    if config.get("do_resize") is False:
        raise InputError('"do_resize" must be true, got false: images of any size reach the network')
    square = bool(config.get("default_to_square", row.square))
    size = _size("size", config.get("size", row.size), square)
    cropped = config.get("do_center_crop", row.crop > 0)
    crop = _size("crop_size", config.get("crop_size", row.crop or 224), True) if cropped else None
    if kind == "ConvNext":
        edge = size if isinstance(size, int) else _only_side(size)
        if crop not in (None, (edge, edge)):
            raise InputError(f'"crop_size" must be "size" of a {kind}ImageProcessor, got {crop} of {edge}')
        ratio = _number("crop_pct", config.get("crop_pct") or 0.875)
        return (edge, edge), int(edge / ratio) if edge < WARPED_FROM else 0
    if isinstance(size, int):
        if not isinstance(crop, tuple):
            raise InputError(f'"size" of a shorter side ({size}) needs "do_center_crop", got {cropped}')
        side = int(LEVIT_RATIO * size) if kind == "Levit" else size
        if max(crop) > side:
            raise InputError(f'"crop_size" must be at most the shorter side {side}, got {crop[0]} x {crop[1]}')
        return crop, side
    if crop not in (None, size):
        raise InputError(f'"crop_size" must be "size" where that stretches, got {crop} of {size}')
    return size, 0


def _only_side(size: tuple[int, int]) -> int:
    if size[0] != size[1]:
        raise InputError(f'"size" must be a shorter side, got {size[0]} x {size[1]}')
    return size[0]


def _size(key: str, value: Any, square: bool) -> int | tuple[int, int]:
    """Return a shorter side, or height and width, from any of the forms of a size in these files."""
    if isinstance(value, dict):
        given = {name: side for name, side in value.items() if side is not None}
        if set(given) == {"shortest_edge"}:
            return _side(key, given["shortest_edge"])
        if set(given) == {"height", "width"}:
            return _side(key, given["height"]), _side(key, given["width"])
        raise InputError(f'"{key}" must have shortest_edge, or height and width, got {", ".join(given) or "nothing"}')
    if isinstance(value, list | tuple) and len(value) == 2:
        return _side(key, value[0]), _side(key, value[1])
    side = _side(key, value)
    return (side, side) if square else side


def _side(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f'"{key}" must be pixels, 1 or more, got {value!r}')
    return value


def _scaling(config: Mapping[str, Any], kind: str, row: Processor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and deviation of pixels / 255 that combine rescaling and normalising."""
    factor = _number("rescale_factor", config.get("rescale_factor", 1 / 255))
    factor = 255 * (1.0 if config.get("do_rescale") is False else factor)
    offset = 1.0 if config.get("rescale_offset") and config.get("do_rescale") is not False else 0.0
    mean, std = (0.0,) * 3, (1.0,) * 3
    if config.get("do_normalize") is not False:
        mean, std = numbers("image_mean", config.get("image_mean", row.mean)), row.std
        std = numbers("image_std", config.get("image_std", row.std))
        if kind == "EfficientNet" and config.get("include_top", True):
            std = tuple(value * value for value in std)  # this processor divides twice
    mean, std = tuple((value + offset) / factor for value in mean), tuple(value / factor for value in std)
    return tuple(float(f"{value:.12g}") for value in mean), tuple(float(f"{value:.12g}") for value in std)


def numbers(key: str, value: Any) -> tuple[float, ...]:
    """Return one number per channel; a single number applies to all three."""
    values = list(value) if isinstance(value, list | tuple) else [value] * 3
    if not values or any(isinstance(each, bool) or not isinstance(each, int | float) for each in values):
        raise InputError(f'"{key}" must be a number for each channel, got {value!r}')
    if key.endswith("std") and min(values) <= 0:
        raise InputError(f'"{key}" must be above 0, got {value!r}')
    return tuple(float(each) for each in values)


def _number(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise InputError(f'"{key}" must be a number above 0, got {value!r}')
    return float(value)
