"""The compiled parts under AddressSanitizer and UndefinedBehaviorSanitizer, for every kind of processor."""

import platform
import shutil
import subprocess

import pytest
from kernels_here import HERE, PLAIN, SOURCES

FLAGS = [
    "-std=gnu11",
    "-O1",
    "-g",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-psabi",
    "-Wno-unknown-pragmas",
    "-DSOURCE=0",
    "-fno-sanitize-recover=all",
]
SANITIZERS = "-fsanitize=address,undefined"


@pytest.fixture(scope="module")
def compiler(tmp_path_factory) -> str:
    found = shutil.which("cc")
    folder = tmp_path_factory.mktemp("probe")
    (folder / "probe.c").write_text("int main(void) { return 0; }")
    command = [found or "cc", SANITIZERS, str(folder / "probe.c"), "-o", str(folder / "probe")]
    if found is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("there is no C compiler with sanitizers here")
    return found


@pytest.mark.parametrize("name", ["small_conv", "pool", "tail", "winograd"])
def test_no_pass_leaves_its_buffers_and_all_kinds_agree(compiler, tmp_path, name):
    program, source = tmp_path / name, HERE / f"{name}_sanitized.c"
    command = [compiler, *FLAGS, SANITIZERS, f"-I{SOURCES}", str(source), "-lm", "-o", str(program)]
    said = output_of(command, program)
    if "not for this processor" in said:
        said = output_of([*command, PLAIN], program)
    assert int(said.split()[0]) > 1000 or platform.machine() not in ("x86_64", "AMD64")


def output_of(command, program):
    """Return what the program prints that the command compiles."""
    subprocess.run(command, check=True)
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
