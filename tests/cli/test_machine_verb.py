import json
import os
import re
import subprocess
import sys

import pytest

from residuum.cli.machine import describe_machine


@pytest.fixture(scope="module")
def own_cache(tmp_path_factory):
    return {"RESIDUUM_CACHE": str(tmp_path_factory.mktemp("cache")), "OMP_NUM_THREADS": "1"}


def residuum(*arguments, env):
    command = [sys.executable, "-m", "residuum", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env}, check=True).stdout


def test_words_for_people_and_json_for_programs(own_cache):
    found = json.loads(residuum("machine", "--json", env=own_cache))
    said = residuum("machine", env=own_cache)
    assert f"    processor  {found['processor']}\n" in said
    for name, choice in found["chosen"].items():
        if name != "precision":  # a busy machine tries again, and may see other rates
            assert f"{name:>13}  {choice['value']}: {choice['why']}" in said
    assert re.search(
        r"    precision  (fp32|bf16): for cifar_resnet20, in a trial .* each network has its own trial", said
    )
    for hint in found["install"]:
        assert f"  {hint['for']}\n    {hint['what']}" in said


def test_gpus_and_what_is_unknown_are_told():
    about = {"cores": {"here": 4, "usable": 2}, "memory_bytes": None, "features": [], "processor": "x", "system": "s",
             "python": "3", "torch": "2", "gpu": {"name": "H100", "count": 2, "memory_bytes": 80e9}}  # fmt: skip
    assert describe_machine(about)["GPU"] == "2 x H100, 80.0 GB"
    assert describe_machine(about)["memory"] == describe_machine(about)["can do"] == "unknown here"
    assert describe_machine({**about, "gpu": None})["GPU"] == "none that torch sees"
