"""The table of settings: what follows from a line of it, and that it names what the other rooms have."""

import dataclasses
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import residuum
from residuum.cli.flags import FLAGS, help_text, read_flags
from residuum.data.loaders import FLIP_MODES
from residuum.data.pixels import PAD_MODES
from residuum.errors import InputError
from residuum.evaluation.views import VIEWS
from residuum.machine.kernel_choice import KERNELS
from residuum.machine.precision import PRECISIONS
from residuum.optim.losses import LOSSES
from residuum.optim.optimisers import DECAYS, OPTIMISERS
from residuum.optim.schedules import SCHEDULES
from residuum.settings import SETTINGS, Settings
from residuum.settings.declaring import PANELS
from residuum.settings.table import PARTS
from residuum_runtime.reading import MAX_PIXELS

ROOT = Path(__file__).parents[2]
PACKAGE = Path(residuum.__file__).parent
LINE = '    sparkle: float = setting(AUGMENTATION, "brightness of stars", 0.25, rule=PROBABILITY, short="--stars")\n'
EVERYWHERE = """
import sys
from pathlib import Path
from residuum import train_model
from residuum.cli.flags import help_text
from residuum.errors import InputError
from residuum.settings import parse_setting, settle, read_asked
from residuum.settings.file import read_settings, write_settings
from residuum.settings.recipe import parse_recipe
from residuum.data import open_data
from settling import settled
sys.path.insert(0, "docs")
from make_settings import page

def refused(act):
    try:
        act()
    except InputError as error:
        return str(error)

digits = open_data("digits")
print("--sparkle, --stars X" in help_text(everything=True), "stars [default 0.25]" in help_text(everything=True))
print("sparkle" in help_text(everything=False))
print(settled(digits).settings.sparkle, settled(digits, sparkle=0.5).settings.sparkle)
print(parse_recipe("mine", "source: me\\nsettings: {sparkle: 0.75}").settings)
print(parse_setting("sparkle=1"))
write_settings(settled(digits, sparkle=0.5).settings, Path(sys.argv[1]) / "config.yaml")
print(read_settings(Path(sys.argv[1]) / "config.yaml").sparkle)
print(read_settings(Path("tests/data/run_flat/config.yaml")).sparkle)
print(refused(lambda: train_model("digits", output=sys.argv[1] + "/run", sparkle=2.0)))
print(refused(lambda: train_model("digits", output=sys.argv[1] + "/run", sparkel=0.5)))
print(refused(lambda: parse_recipe("mine", "source: me\\nsettings: {sparkle: much}")))
print("| `sparkle` | `--sparkle`, `--stars` | X; must be 0 to 1 | `0.25` |  | brightness of stars |" in page())
"""


def python(*arguments, path=PACKAGE.parent, code=0):
    where = os.pathsep.join(map(str, (path, Path(__file__).parent, ROOT / "src")))
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": where}
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_one_line_makes_flag_recipe_key_keyword_check_help_and_docs(tmp_path):
    """In a copy of the package whose table has one line more, and nothing else."""
    copy = tmp_path / "residuum"
    (copy / "settings").mkdir(parents=True)
    for entry in [*PACKAGE.iterdir(), *(PACKAGE / "settings").iterdir()]:
        place = copy / entry.relative_to(PACKAGE)
        if entry.name not in ("__pycache__", "table.py") and not place.exists():
            place.symlink_to(entry)
    before, line, after = (PACKAGE / "settings" / "table.py").read_text(encoding="utf-8").partition("    mixup: float")
    (copy / "settings" / "table.py").write_text(before + LINE + line + after, encoding="utf-8")
    told = python("-c", EVERYWHERE, str(tmp_path), path=tmp_path).splitlines()
    assert told == [
        "True True", "False", "0.25 0.5", "{'sparkle': 0.75}", "('sparkle', 1.0)", "0.5", "0.25",
        "sparkle must be 0 to 1, got 2.0", "no setting is named 'sparkel'; did you mean sparkle?",
        "recipe mine: sparkle must be a number, got 'much'", "True",
    ]  # fmt: skip
    assert not (tmp_path / "run").exists()
    refused = python("-m", "residuum", "train", "--data", "digits", "--stars", "3", path=tmp_path, code=2)
    assert refused == "error: sparkle must be 0 to 1, got 3.0\n"


def test_choices_are_what_the_rooms_have():
    choices = {name: declared.rule.choices for name, declared in SETTINGS.items() if declared.rule is not None}
    found = {"opt": OPTIMISERS, "sched": SCHEDULES, "loss": LOSSES, "decay": DECAYS, "views": VIEWS,
             "pad_mode": PAD_MODES, "flip_mode": FLIP_MODES, "precision": ["auto", *PRECISIONS],
             "val_precision": ["auto", *PRECISIONS], "kernels": ["auto", *KERNELS]}  # fmt: skip
    assert {name: set(choices[name]) for name in found} == {name: set(names) for name, names in found.items()}
    assert SETTINGS["max_pixels"].default == MAX_PIXELS


def test_every_setting_has_a_flag_and_a_panel_and_no_flag_stands_twice():
    named = [part for flag in FLAGS for name in flag.flags for part in name.split("/")]
    assert len(named) == len(set(named))
    assert set(SETTINGS) == {entry.name for entry in dataclasses.fields(Settings)}
    assert {declared.panel for declared in SETTINGS.values()} == set(PANELS)
    assert not set(SETTINGS) & set(PARTS)


# As they stood before flags were generated: they keep their names.
EARLIER = """
--data --model --recipe --show --seeds --against --lr-find --output -o --resume --weights --entry --epochs
--batch-size -b --lr --opt --momentum --weight-decay --wd --decay --sched --warmup-epochs --loss --mixup --cutmix
--auto-augment --aa --random-erasing --reprob --crop-scale --train-size --balanced --freeze --backbone-lr --head-lr
--bias-lr --whiten --no-whiten --pad-mode --flip-mode --early-epochs --early-size --views --validate-every --val-split
--choose --label-smoothing --smoothing --grad-accum --clip-grad --checkpoint-every --keep --ema --image-size
--img-size --num-classes --depth --shortcut --cache --cache-size --device --precision --val-precision --kernels
--winograd --no-winograd --threads --workers -j --processes --sync-bn --seed --licence --tensorboard --strict
--max-pixels
"""


def test_flags_keep_their_names():
    assert {part for flag in FLAGS for name in flag.flags for part in name.split("/")} >= set(EARLIER.split())


@pytest.mark.parametrize("columns", ["80", "100"])
def test_the_everyday_help_is_one_screen(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    lines = help_text(everything=False).splitlines()
    assert len(lines) <= 45
    assert max(map(len, lines)) <= int(columns)
    assert [line for line in lines[3:] if line[:1].isupper()] == [panel.capitalize() for panel in PANELS]
    assert sum(flag.everyday for flag in FLAGS) == 25
    everything = help_text(everything=True)
    assert all(name in everything for flag in FLAGS for name in flag.flags)


def test_help_is_the_verbs_own():
    assert python("-m", "residuum", "train", "--help") == help_text(everything=False) + "\n"
    assert python("-m", "residuum", "train", "--help-all") == help_text(everything=True) + "\n"


NOTHING = {"decode": False, "entry": None, "help_all": False}


def test_flags_are_read_by_the_kind_of_their_setting():
    text = {"lr": "1e-3", "flip": False, "image_size": "24x32", "milestones": "0.3,0.6", "epochs": "3", "opt": "adamw",
            "model_arguments": "{widths: [4, 8, 8]}", "depth": "8", "sched": None}  # fmt: skip
    assert read_flags({**NOTHING, **text}) == {
        "lr": 0.001, "flip": False, "image_size": [24, 32], "milestones": [0.3, 0.6], "epochs": 3, "opt": "adamw",
        "model_arguments": {"widths": [4, 8, 8], "depth": 8},
    }  # fmt: skip
    assert read_flags({**NOTHING, "decode": True}) == {"cache": "auto"}
    assert read_flags({**NOTHING, "decode": True, "cache": "64"}) == {"cache": 64}
    assert read_flags({**NOTHING, "weights": "a.pt", "entry": "teacher"}) == {"weights": "a.pt::teacher"}
    with pytest.raises(InputError, match="epochs must be a whole number, got '3.5'"):
        read_flags({**NOTHING, "epochs": "3.5"})


@pytest.mark.parametrize(
    ("flag", "said"),
    [("--optimizer=sgd", "train has no flag --optimizer; did you mean --opt?"),
     ("--epoch=3", "train has no flag --epoch; did you mean --epochs"),
     ("--ouput=x", "train has no flag --ouput; did you mean --output"),
     ("--widths=4", "it is an argument of the model: --model-arguments '{widths: ...}'")],
)  # fmt: skip
def test_unknown_flags_get_the_hint_of_unknown_settings(monkeypatch, capsys, flag, said):
    from residuum.cli import main

    monkeypatch.setattr(sys, "argv", ["residuum", "train", "--data", "digits", flag])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert said in capsys.readouterr().err


def test_the_page_is_up_to_date():
    spec = importlib.util.spec_from_file_location("make_settings", ROOT / "docs" / "make_settings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == module.page(), "run docs/make_settings.py"


def test_settings_load_nothing_heavy():
    code = "import sys, residuum.settings, residuum.cli.flags; print({'torch', 'numpy', 'PIL'} & set(sys.modules))"
    assert python("-c", code) == "set()\n"


def test_a_recipe_lies_in_the_package_for_each_name():
    folder = PACKAGE / "settings" / "recipes"
    assert all(yaml.safe_load(path.read_text(encoding="utf-8"))["settings"] for path in folder.glob("*.yaml"))
