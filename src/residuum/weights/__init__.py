"""Reading, writing, converting and examining weight files."""

from .create import create_model
from .loading import load
from .reading import read_tensors
from .safetensors_file import write_safetensors
from .saving import save

__all__ = ["create_model", "load", "read_tensors", "save", "write_safetensors"]
