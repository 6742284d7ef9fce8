from residuum.models import counted
from residuum.models.counts import Counts, count_variant


def test_counts_are_measured_once_for_each_state_of_the_code(tmp_path, monkeypatch):
    monkeypatch.setenv("RESIDUUM_CACHE", str(tmp_path))
    asked = []
    monkeypatch.setattr(counted, "count_variant", lambda name: asked.append(name) or count_variant(name))
    names = ["cifar_resnet20", "cifar_plain20"]
    first = counted.counts_of(names)
    assert first == counted.counts_of(names)
    assert asked == names
    assert first["cifar_resnet20"].parameters == 269_722
    counted.counts_of(["resnet18"])
    assert asked[2:] == ["resnet18"]
    monkeypatch.setattr(counted, "_code", lambda: "changed")
    assert counted.counts_of(names) == first
    assert len(asked) == 5


def test_a_measurement_of_many_models_is_announced(tmp_path, monkeypatch):
    monkeypatch.setenv("RESIDUUM_CACHE", str(tmp_path))
    monkeypatch.setattr(counted, "count_variant", lambda name: Counts(1, 2))
    said = []
    counted.counts_of([f"model{number}" for number in range(counted.MANY - 1)], said.append)
    assert said == []
    counted.counts_of([f"other{number}" for number in range(counted.MANY)], said.append)
    assert said == ["measuring 20 models, once; later calls read the counts from the cache"]


def test_a_damaged_cache_is_measured_again(tmp_path, monkeypatch):
    monkeypatch.setenv("RESIDUUM_CACHE", str(tmp_path))
    first = counted.counts_of(["cifar_resnet20"])
    (file,) = tmp_path.iterdir()
    file.write_text("{")
    assert counted.counts_of(["cifar_resnet20"]) == first
