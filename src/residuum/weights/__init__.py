"""Reading, writing, converting and examining weight files."""

from .convert import convert
from .create import create_model
from .examine import Examination, examine
from .loading import load
from .reading import read_tensors
from .safetensors_file import write_safetensors
from .saving import save
from .sharing import pull, push

__all__ = [
    "Examination",
    "convert",
    "create_model",
    "examine",
    "load",
    "pull",
    "push",
    "read_tensors",
    "save",
    "write_safetensors",
]
