"""Networks and tensor files that this library does not build, recognised by names that only they have."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..errors import InputError

ELSEWHERE = "load it with the library that wrote it"
ADAPTER = "merge it into its model first (peft: merge_and_unload), then save that model's state dict"
WHOLE = "fetch or save the weights before they were quantised"

# a name (a pattern), what it belongs to, what to do
OTHERS: tuple[tuple[str, str, str], ...] = (
    (
        r"(^|\.)attnpool\.[kqvc]_proj\.weight$",
        "CLIP's image tower, a ResNet with three convolutions in its stem, an average before every stride, and "
        "attention in place of its pool",
        ELSEWHERE,
    ),
    (r"\.lora_([AB]|up|down)\.", "a LoRA adapter, which holds the difference from a model and no model", ADAPTER),
    (r"\.(qweight|qzeros)$", "weights quantised by GPTQ or AWQ", WHOLE),
    (r"\.(SCB|absmax|quant_map)$", "weights quantised by bitsandbytes", WHOLE),
    (r"(^|\.)_packed_params(\.|$)|\.zero_point$", "a network quantised by torch.ao", WHOLE),
    (
        r"(^|\.)(roberta|xlm_roberta|camembert|electra|deberta|distilbert|mpnet|albert|longformer|xlnet)\.",
        "a relative of BERT that counts positions or shares layers otherwise",
        ELSEWHERE,
    ),
    (r"(^|\.)qa_outputs\.", "BERT or a relative with a head that marks answers in a text", ELSEWHERE),
    (r"(^|\.)layers\.0\.self_attn\.q_proj\.", "a Llama or a relative of it", ELSEWHERE),
    (r"(^|\.)block\.0\.layer\.0\.SelfAttention\.", "a T5 or a relative of it", ELSEWHERE),
    (r"(^|\.)down_blocks\.0\.", "the network of a diffusion model", ELSEWHERE),
    (r"(^|\.)dist(illation)?_token$", "DeiT with a distillation token", ELSEWHERE),
    (r"(^|\.)patch_embed\.backbone\.", "a vision transformer behind a ResNet", ELSEWHERE),
    (r"(^|\.)fc_norm\.", "a vision transformer that averages its tokens", ELSEWHERE),
    (r"(^|\.)(reg_token|register_tokens)$", "a vision transformer with register tokens", ELSEWHERE),
    (
        r"(^|\.)ls[12]\.gamma$|\.layer_scale\d?\.lambda1$",
        "a vision transformer with layer scale (DINOv2)",
        ELSEWHERE,
    ),
    (r"\.relative_position_bias_table$", "a Swin transformer, a BEiT or a relative", ELSEWHERE),
    (r"\.grn\.", "a ConvNeXt of the second version", ELSEWHERE),
    (r"(^|\.)stages\.0\.0\.conv1_1x1\.", "a ByobNet of timm (its CLIP ResNets, GENet, RepVGG)", ELSEWHERE),
    (r"(^|\.)(Mixed_5b|inception3a)\.", "an Inception network", ELSEWHERE),
    (r"(^|\.)layer1\.0\.convs\.0\.weight$", "a Res2Net", ELSEWHERE),
    (r"(^|\.)layer1\.0\.conv2\.(fc1|attn)\.", "a ResNeSt or a network with selective kernels", ELSEWHERE),
    (r"(^|\.)stem\.conv\d?\.gain$", "a network without norms (NFNet, NF-ResNet)", ELSEWHERE),
)


def refuse_others(file: str, names: Iterable[str]) -> None:
    """Refuse known networks that this library does not build, and name them.

    Raises:
        InputError: tensors of such a network, or of an adapter or a quantised model.
    """
    names = list(names)
    for pattern, what, remedy in OTHERS:
        if (found := next((name for name in names if re.search(pattern, name)), None)) is not None:
            raise InputError(f"{file} must hold a network that is built here, got {what} (it has {found}); {remedy}")
