"""The cards that ship are what the command writes now, and their numbers are the result files'."""

import re
import shutil

import pytest
from msgspec.structs import replace

from audits import FLIPS
from console import run
from genderscope.core.errors import ModelError
from genderscope.core.results import Estimate, Provenance
from genderscope.evaluation.evaluate import Evaluation
from genderscope.inference.classifier import WEIGHTS, shipped
from genderscope.reporting import cards


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_card_is_what_the_command_writes_now(name, tmp_path):
    done = run("card", name, "--write", "--out", tmp_path / "new" / "card.md")
    assert done.returncode == 0, done.stderr
    now = (tmp_path / "new" / "card.md").read_text()
    assert now == cards.read(name), f"run: genderscope card {name} --write"
    assert run("card", name).stdout == now


@pytest.mark.parametrize("name", shipped())
def test_a_card_says_what_cards_say(name):
    text = cards.read(name)
    sections = re.findall("^## (.+)$", text, re.MULTILINE)
    assert sections == [
        *("Model details", "Intended use", "Factors", "Metrics", "Results", "Calibration"),
        *("Counterfactuals", "Training data", "Evaluation data", "Ethical considerations"),
        *("Caveats", "Information notice", "Sources"),
    ]
    for words in ("Children", "Borders", "CC BY 4.0", "Article 50(3)", "arXiv:1810.03993"):
        assert words in text
    assert "{" not in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert "None" not in line
            assert "nan" not in line


def test_numbers_come_from_the_files_beside_the_model(model, tmp_path):
    file = tmp_path / "own.onnx"
    shutil.copy(WEIGHTS / f"{model}.onnx", file)
    bare = cards.card(file)
    assert bare.count("Not measured yet.") == 2
    assert "None yet.\n" in bare
    claims = ("The error is highest for their faces", "divided by race and age", "No leaks")
    for words in (*claims, "was fitted on them"):
        assert words not in bare
        assert words in cards.read(model)

    [result, *_] = sorted(WEIGHTS.glob(f"{model}.*.*.json"))
    found = Evaluation.load(result)
    accuracy = Estimate(n=1234, value=0.4321, interval=(0.41, 0.46))
    replace(
        found,
        n=1234,
        rates=replace(found.rates, accuracy=accuracy),
        by_group={"light": dict.fromkeys(("dim", "", "a|b"), found.by_group["race"]["White"])},
    ).save(tmp_path / "own.x.yunet.json")
    (tmp_path / "own.record.json").write_text("{}")
    [glasses, _] = FLIPS.conditions
    made = Provenance(command="genderscope counterfactuals --model own", versions={}, seed=5)
    replace(FLIPS, provenance=made, conditions=(replace(glasses, name="monocle"),)).save(
        tmp_path / "own.counterfactuals.json"
    )
    text = cards.card(file)
    assert "| 1,234 | 43.2 (41.0 to 46.0) |" in text
    for group in ("dim", "not stated", r"a\|b"):
        assert f"| light: {group} |" in text
    assert [words in text for words in claims] == [False, False, True]
    assert (
        "| monocle | 120 | 10.0 (6.0 to 17.0) | 7.5 | 2.5 | -2.0 (-4.0 to -1.0) | "
        "80.0 (70.0 to 90.0) |" in text
    )
    assert "`genderscope counterfactuals --model own`, seed 5" in text

    done = run("card", file, "--write")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "own.card.md").read_text() == text


def test_results_on_the_training_pictures_are_called_so(model, tmp_path):
    file = tmp_path / "own.onnx"
    shutil.copy(WEIGHTS / f"{model}.onnx", file)
    [result, *_] = sorted(WEIGHTS.glob(f"{model}.fairface*.json"))
    replace(Evaluation.load(result), split="train").save(tmp_path / "own.x.yunet.json")
    text = cards.card(file)
    assert "was fitted on them" not in text
    assert "The model may have been trained on pictures of fairface train" in text


def test_what_has_no_card_is_refused(model, tmp_path):
    with pytest.raises(ModelError, match="no model 'none'"):
        cards.read("none")
    shutil.copy(WEIGHTS / f"{model}.onnx", tmp_path / "own.onnx")
    with pytest.raises(ModelError, match=r"own.onnx has no card: .*genderscope card .* --write"):
        cards.read(tmp_path / "own.onnx")
    for options in (["--write"], []):
        done = run("card", tmp_path / "none.onnx", *options)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
