"""Files that are no weights say what they are and what to do; nothing in them is run."""

import io
import pickle
import zipfile

import pytest

from residuum.errors import InputError
from residuum.weights import read_tensors


def zipped(*names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return buffer.getvalue()


FOREIGN = {
    "w.h5": (b"\x89HDF\r\n\x1a\n" + b"0" * 20, "an HDF5 file, as Keras"),
    "w.safetensors": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer.*git lfs pull"),
    "w.pth": (b"<!DOCTYPE html><html>404</html>", "a web page, most likely an error"),
    "w.tar.gz": (b"\x1f\x8b\x08" + b"0" * 20, "a gzip archive; unpack it"),
    "w.tar": (b"a" * 257 + b"ustar\x0000", "a tar archive; unpack it"),
    "cut.pt": (zipped("a/data.pkl")[:40], "a zip archive that is cut short; fetch it again"),
    "script.pt": (zipped("m/data.pkl", "m/code/m.py", "m/constants.pkl"), "a TorchScript program; .*state dict"),
    "w.pt2": (zipped("m/archive_format", "m/models/model.json"), r"a program of torch.export \(.pt2\)"),
    "w.keras": (zipped("config.json", "model.weights.h5"), "a Keras model"),
    "w.onnx": (b"\x08\x07\x12\x07pytorch", "an ONNX graph"),
    "w.msgpack": (b"\x81\xa6params\x80", "a msgpack file, as Flax"),
    "w.pkl": (pickle.dumps({"model": {"conv1_w": 1}}), "a plain pickle, as detectron2 and caffe2"),
    "w.npy": (b"\x93NUMPY\x01\x00", r"one numpy array \(.npy\)"),
    "empty.pt": (b"", "0 bytes: an empty file"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_a_file_is_and_what_to_do(name, tmp_path):
    content, message = FOREIGN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_tensors(tmp_path / name)
