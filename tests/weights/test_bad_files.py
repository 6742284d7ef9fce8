"""Files that are broken or mean harm: told at once, nothing run, nothing allocated on a header's word."""

import argparse
import io
import json
import os
import pickle
import re
import struct
import zipfile

import pytest
import torch
from safetensors.torch import load_file, save_file

import residuum
from residuum.errors import InputError
from residuum.models import Description
from residuum.weights import read_tensors, write_safetensors
from residuum.weights.metadata import to_metadata


class Runs:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


def header(content, data=b"", length=None):
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return (len(raw) if length is None else length).to_bytes(8, "little") + raw + data


def entry(begin=0, end=4, dtype="F32", shape=(1,)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


TWICE = header(b'{"a":' + json.dumps(entry()).encode() + b',"a":' + json.dumps(entry()).encode() + b"}", b"0000")

# What the library says of each: since 0.6 in words, before that by its errors' names.
BROKEN_SAFETENSORS = {
    "empty": (b"", "header too small|HeaderTooSmall"),
    "three bytes": (b"abc", "3 bytes, which the library refuses: .*(header too small|HeaderTooSmall)"),
    "a header of 100 GB": (
        header({}, length=100 * 10**9),
        "10 bytes, which the library refuses: .*(header too large|HeaderTooLarge)",
    ),
    "a big-endian length": ((2).to_bytes(8, "big") + b"{}", "header too large|HeaderTooLarge"),
    "no JSON": (header(b"{nonsense"), "invalid JSON|InvalidHeaderDeserialization"),
    "deep JSON": (header(b'{"a":' + b"[" * 100_000), "invalid JSON|InvalidHeaderDeserialization"),
    "no UTF-8": (header(b'{"\xff": 1}'), "invalid UTF-8|InvalidHeader"),
    "a list": (header([1]), "invalid JSON|InvalidHeaderDeserialization"),
    "overlapping tensors": (header({"a": entry(), "b": entry()}, b"0000"), "(invalid offset|InvalidOffset).*b"),
    "a gap": (header({"a": entry(4, 8)}, b"00000000"), "(invalid offset|InvalidOffset).*a"),
    "cut short": (header({"a": entry()}, b"00"), "(file not fully covered|MetadataIncomplete).*; it may be cut short"),
    "padded": (header({"a": entry()}, b"000000"), "file not fully covered|MetadataIncomplete"),
    "a shape of a terabyte": (
        header({"a": entry(shape=(10**6, 10**6))}, b"0000"),
        "invalid shape, data type, or offset|TensorInvalidInfo",
    ),
    "an unknown type": (header({"a": entry(dtype="Q9")}, b"0000"), "unknown variant `Q9`|Invalid"),
    "a negative shape": (header({"a": entry(shape=(-1,))}, b"0000"), "invalid value: integer `-1`|Invalid"),
    "no offsets": (header({"a": {"dtype": "F32", "shape": [1]}}), "missing field `data_offsets`|Invalid"),
    "odd metadata": (header({"__metadata__": {"a": 1}}), "expected a string|Invalid"),
}


@pytest.mark.parametrize("case", BROKEN_SAFETENSORS)
def test_broken_safetensors_are_told(case, tmp_path):
    content, message = BROKEN_SAFETENSORS[case]
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    refused = r"bytes, which the library refuses: .*: fetch or write it again"
    said = r"w.safetensors must be a sound safetensors file, got [\d,]+ " + refused
    with pytest.raises(InputError, match=said) as found:
        read_tensors(path)
    assert re.search(message, str(found.value))


def test_a_type_that_nothing_here_computes_with_is_refused(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(header({"a": entry(0, 1, dtype="F8_E8M0")}, b"0"))
    with pytest.raises(
        InputError, match=r"tensors of F64, .*, got torch.float8_e8m0fnu for 'a'|Invalid|unknown variant"
    ):
        read_tensors(tmp_path / "w.safetensors")


def test_a_tensor_that_stands_twice_is_refused(tmp_path):
    """The library takes the last of the two without a word."""
    (tmp_path / "w.safetensors").write_bytes(TWICE)
    assert list(load_file(tmp_path / "w.safetensors")) == ["a"]
    with pytest.raises(InputError, match=r"each tensor once, got 'a' twice; fetch or write it again"):
        read_tensors(tmp_path / "w.safetensors")


def pickled(content, legacy=False):
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


MALICIOUS = {
    "system": (os.system, "touch HARM"),
    "eval": (eval, "open('HARM', 'w')"),
    "nested": (exec, "import os; os.system('touch HARM')"),
    "getattr": (getattr, 1, "real"),
}


@pytest.mark.parametrize("legacy", [False, True], ids=["archive", "legacy"])
@pytest.mark.parametrize("nested", [False, True], ids=["top", "nested"])
@pytest.mark.parametrize("case", MALICIOUS)
def test_a_pickle_that_wants_to_run_code_is_refused_by_name(case, nested, legacy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    harm = Runs(*MALICIOUS[case])
    content = {"state_dict": {"a": torch.ones(1), "b": {"c": [(harm,)]}}} if nested else harm
    (tmp_path / "w.pth").write_bytes(pickled(content, legacy))
    name = "getattr" if case == "getattr" else {"system": "system", "eval": "eval", "nested": "exec"}[case]
    with pytest.raises(InputError, match=rf"tensors only, got a pickle that wants to run \w+\.{name}: refused"):
        residuum.load("w.pth")
    assert not (tmp_path / "HARM").exists()


def test_a_bare_pickle_is_refused_or_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.pth").write_bytes(pickle.dumps(Runs(os.system, "touch HARM")))
    with pytest.raises(InputError, match=r"wants to run posix.system|wants to run nt.system"):
        residuum.load("w.pth")
    (tmp_path / "w.pth").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(InputError, match=r"must be a whole file of torch.save"):
        residuum.load("w.pth")
    assert not (tmp_path / "HARM").exists()


def test_names_of_torch_that_are_no_tensors_are_refused(tmp_path):
    (tmp_path / "w.pth").write_bytes(pickled({"a": torch.nn.Linear(1, 1)}))
    with pytest.raises(InputError, match=r"weights_only refuses .*torch.nn.modules.linear.Linear"):
        residuum.load(tmp_path / "w.pth")


def repacked(raw, change):
    """Write the archive again with entries that ``change`` maps: (name, content) -> list of (name, content)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(buffer, "w") as new:
        for info in old.infolist():
            for name, content in change(info.filename, old.read(info)):
                new.writestr(name, content)
    return buffer.getvalue()


GOOD = pickled({"a": torch.arange(4.0)})

BROKEN_ARCHIVES = {
    "zip-slip": (
        lambda name, content: [(name, content), *([("../../harm", b"x")] if name.endswith("data.pkl") else [])],
        r"names inside its archive, got '../../harm': refused",
    ),
    "absolute": (lambda name, content: [(f"/{name}", content)], r"names inside its archive, got '/"),
    "no pickle": (lambda name, content: [] if name.endswith("data.pkl") else [(name, content)], r"got an archive of"),
    "a short storage": (
        lambda name, content: [(name, content[:8] if name.endswith("data/0") else content)],
        r"must hold the 16 bytes that it claims for storage 0, got 8",
    ),
    "no storage": (
        lambda name, content: [] if name.endswith("data/0") else [(name, content)],
        r"must hold the 16 bytes that it claims for storage 0, got None",
    ),
    "a broken pickle": (
        lambda name, content: [(name, content[:-5] if name.endswith("data.pkl") else content)],
        r"must be a whole file of torch.save",
    ),
}


@pytest.mark.parametrize("case", BROKEN_ARCHIVES)
def test_broken_archives_are_told(case, tmp_path):
    change, message = BROKEN_ARCHIVES[case]
    (tmp_path / "w.pth").write_bytes(repacked(GOOD, change))
    with pytest.raises(InputError, match=message):
        read_tensors(tmp_path / "w.pth")


def test_compressed_and_doubled_records_are_refused(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        new.writestr("archive/data.pkl", b"\x80\x02}." + b" " * 10_000)
    (tmp_path / "w.pth").write_bytes(buffer.getvalue())
    with pytest.raises(InputError, match=r"must hold its records uncompressed, got 'archive/data.pkl': refused"):
        read_tensors(tmp_path / "w.pth")
    with pytest.warns(UserWarning, match="Duplicate name"):
        doubled = repacked(GOOD, lambda name, content: [(name, content)] * (2 if name.endswith("data/0") else 1))
    (tmp_path / "w.pth").write_bytes(doubled)
    with pytest.raises(InputError, match=r"must hold each record once and whole"):
        read_tensors(tmp_path / "w.pth")


@pytest.mark.parametrize("legacy", [False, True], ids=["archive", "legacy"])
@pytest.mark.parametrize("kept", [1, 40, 200, -1])
def test_truncated_files_are_told(kept, legacy, tmp_path):
    (tmp_path / "w.pth").write_bytes(pickled({"a": torch.arange(400.0)}, legacy)[:kept])
    with pytest.raises(InputError, match=r"must (be|hold)"):
        read_tensors(tmp_path / "w.pth")


def test_a_legacy_file_is_held_to_the_storages_that_it_claims(tmp_path):
    raw = pickled({"a": torch.arange(300.0)}, legacy=True)
    claim, lie = b"M" + struct.pack("<H", 300), b"J" + struct.pack("<i", 2**31 - 1)
    assert raw.count(claim) >= 1
    (tmp_path / "w.pth").write_bytes(raw.replace(claim, lie, 1))
    with pytest.raises(InputError, match=r"must hold the 8589934588 bytes that it claims, got \d+"):
        read_tensors(tmp_path / "w.pth")


def test_an_expanded_view_is_refused(tmp_path):
    torch.save({"a": torch.ones(1).expand(10**6, 10**6)}, tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"tensors whole, got a view of shape \[1000000, 1000000\]: refused"):
        read_tensors(tmp_path / "w.pth")


NOT_WEIGHTS = {
    "text": (b"import this\n", r"must be a weights file .* got 12 bytes that begin with b'import this"),
    "empty": (b"", r"must be a weights file .* got 0 bytes"),
    "picture": (b"\x89PNG\r\n\x1a\n" + b"0" * 50, r"must be a weights file"),
    "no tensors": (pickled({"a": 1}), r"tensors by name \(a state dict\), got entries a without any"),
    "a list": (pickled([torch.ones(1)]), r"tensors by name \(a state dict\), got a list"),
}


@pytest.mark.parametrize("case", NOT_WEIGHTS)
def test_what_is_no_weights_file_is_told(case, tmp_path):
    content, message = NOT_WEIGHTS[case]
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_tensors(tmp_path / "w.pth")


def test_a_missing_file_names_its_neighbours(tmp_path):
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(InputError, match=r"no weights file .*modl.safetensors; did you mean model.safetensors\?"):
        residuum.load(tmp_path / "modl.safetensors")
    with pytest.raises(InputError, match=r"no weights file .*a.pth; .* has no folder nowhere$"):
        residuum.load(tmp_path / "nowhere" / "a.pth")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"must be a weights file or a folder with one of model.safetensors"):
        residuum.load(tmp_path / "empty")


def test_bystanders_of_training_do_not_stop_reading(tmp_path):
    content = {"args": argparse.Namespace(lr=0.1), "model": {"a": torch.ones(2)}, "best": torch.float32}
    torch.save(content, tmp_path / "w.pth")
    assert torch.equal(read_tensors(tmp_path / "w.pth")[0]["a"], torch.ones(2))


def test_the_library_and_we_read_each_other(tmp_path):
    tensors = {
        "wide": torch.randn(3, 5, dtype=torch.float64),
        "b": torch.randn(7).bfloat16(),
        "none": torch.empty(0, 4),
        "flag": torch.tensor([True, False]),
        "count": torch.tensor(5),
        "eight": torch.randn(4).to(torch.float8_e4m3fn),
        "turned": torch.randn(4, 3).t(),
    }
    write_safetensors(tensors, tmp_path / "ours.safetensors", {"b": "1", "a": "ü"})
    save_file({name: value.contiguous() for name, value in tensors.items()}, tmp_path / "theirs.safetensors")
    for got in (load_file(tmp_path / "ours.safetensors"), read_tensors(tmp_path / "theirs.safetensors")[0]):
        assert got.keys() == tensors.keys()
        for name, value in tensors.items():
            assert got[name].dtype == value.dtype and got[name].shape == value.shape
            assert torch.equal(got[name].double(), value.double())
    assert read_tensors(tmp_path / "ours.safetensors")[1] == {"a": "ü", "b": "1"}


def test_a_type_that_the_format_lacks_is_told(tmp_path):
    with pytest.raises(InputError, match=r"safetensors holds F64, .* got torch.complex128 for 'a'; convert it first"):
        write_safetensors({"a": torch.ones(1, dtype=torch.complex128)}, tmp_path / "w.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_claimed_depth_is_held_against_the_tensors(tmp_path):
    claim = to_metadata(Description("cifar_resnet", {"depth": 6 * 10**8 + 2}), "0.1.0")
    write_safetensors(residuum.create_model("cifar_resnet", depth=8).state_dict(), tmp_path / "deep.safetensors", claim)
    with pytest.raises(InputError, match=r"must hold the tensors of the model .* got depth 600000002 and \d+ tensors"):
        residuum.load(tmp_path / "deep.safetensors")
