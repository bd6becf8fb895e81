"""An audit's report, its sentences, its page and its Markdown, from predictions made here."""

import json

import cv2
import numpy as np
import pytest

pytest.importorskip("fairlearn", reason="needs the eval extra")
pytest.importorskip("matplotlib", reason="needs the eval extra")

from genderscope.core.errors import DatasetError, UsageError
from genderscope.evaluation import audit
from genderscope.evaluation.predictions import NO_ANSWER, Predictions
from genderscope.reporting import markdown
from genderscope.reporting.audit import page as audit_page
from genderscope.reporting.audit import sentences as audit_words
from genderscope.reporting.audit.extras import check
from genderscope.reporting.page import page
from html_outline import Outline, assert_self_contained

NAN = np.nan
SHEET = cv2.imencode(".jpg", np.full((8, 8, 3), 90, np.uint8))[1].tobytes()
NASTY = """<script>x</script>|'"&`*_[a](b)\n\x1b[31m"""


def predicted(
    n: int = 2_000, *, scores: bool = True, seed: int = 0, **columns: object
) -> Predictions:
    """Of two races and six ages; Black women get three times the errors of the others."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, n)
    race = random.choice(["Black", "White"], n)
    age = random.choice(["3-9", "10-19", "20-29", "30-39", "40-49", ""], n)
    rate = np.where((race == "Black") & (truth == 0), 0.3, 0.1)
    decided = np.where(random.random(n) < rate, 1 - truth, truth)
    confidence = random.uniform(0.5, 1, n)
    return Predictions(
        "mine",
        tuple(f"{row}.jpg" for row in range(n)),
        np.where(np.arange(n) % 50 == 0, -1, truth),
        np.where(decided == 1, confidence, 1 - confidence) if scores else np.full(n, NAN),
        np.where(confidence < 0.6, 2, decided),
        {"race": tuple(race.tolist()), "age": tuple(age.tolist()), **columns},
    )


def report(predictions: Predictions, by: str = "race,age,gender", **options: object) -> dict:
    found = audit.report(predictions, by.split(","), about={"dataset": "made:here"}, **options)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


def documents(numbers: dict, sheet: bytes | None = None) -> tuple[Outline, str]:
    """The page, read strictly, and the Markdown."""
    parts = audit_page.title(numbers), audit_page.introduction(numbers)
    sections = audit_page.sections(numbers, sheet)
    return assert_self_contained(page(*parts, sections)), markdown.document(*parts, sections)


def test_the_report_has_every_group_and_says_what_was_left_out():
    given = predicted()
    numbers = report(given)
    assert (numbers["n"], numbers["unlabelled"]) == (1960, 40)
    assert [part["columns"] for part in numbers["divisions"]] == [
        ["race"],
        ["age"],
        ["gender"],
        ["race", "age"],
        ["race", "gender"],
        ["age", "gender"],
    ]
    for part in numbers["divisions"]:
        assert sum(group["n"] for group in part["groups"]) == 1960
        for group in part["groups"]:
            assert sum(group["said"].values()) == sum(group["labelled"].values()) == group["n"]
            assert set(group["said"]) == {"woman", "man", "uncertain", "no answer"}
    labelled = given.truth >= 0
    wrong = (given.decided != given.truth)[labelled]
    assert numbers["overall"]["measures"]["error"]["value"] == pytest.approx(wrong.mean())
    worst = numbers["divisions"][4]["extremes"]["error"]["most"]["group"]
    assert worst == {"race": "Black", "gender": "woman"}
    verdicts = {
        tuple(row["group"].values()): row["verdict"]
        for row in numbers["comparisons"]
        if row["columns"] == ["race", "gender"] and row["measure"] == "error"
    }
    assert verdicts["Black", "woman"] == "more"
    assert "more" not in [verdict for group, verdict in verdicts.items() if group[1] == "man"]


def test_groups_below_30_are_withheld_and_below_100_marked():
    sizes = {"a": 29, "b": 30, "c": 99, "d": 100}
    truth = np.zeros(sum(sizes.values()), np.int64)
    columns = {"g": tuple(name for name, n in sizes.items() for _ in range(n))}
    files = tuple(map(str, range(len(truth))))
    given = Predictions("x", files, truth, np.full(len(truth), 0.2), truth, columns)
    numbers = report(given, "g")
    groups = numbers["divisions"][0]["groups"]
    assert [group["size"] for group in groups] == ["too small", "few", "few", "enough"]
    assert groups[0]["measures"]["error"] == {"n": 29, "value": None, "interval": None}
    outline, text = documents(numbers)
    assert "n too small, so withheld: a (29 pictures together)." in outline.text
    assert "From fewer than 100 pictures, so perhaps far off: b; c." in outline.text
    assert "n too small" in text


def test_no_score_no_calibration_and_uncertain_without_score_is_an_error():
    numbers = report(predicted(scores=False), "race")
    assert numbers["without_score"] == 1960
    assert numbers["uncertain_without_score"] == numbers["overall"]["said"]["uncertain"] > 0
    measures = numbers["overall"]["measures"]
    assert measures["error"]["value"] == measures["missed"]["value"]
    assert measures["overconfidence"] == {"n": 0, "value": None, "interval": None}
    assert numbers["overall"]["calibration"] is None
    outline, _ = documents(numbers)
    assert "How sure it is" not in outline.text
    assert "uncertain without a score to decide by" in outline.text


def test_no_answer_is_an_error_and_is_told():
    given = predicted()
    given.said[100:200], given.score[100:200] = NO_ANSWER, NAN
    numbers = report(given, "race")
    silent = int((given.truth[100:200] >= 0).sum())
    assert numbers["no_answer"] == numbers["overall"]["said"]["no answer"] == silent
    assert f"{silent} pictures are without an answer" in documents(numbers)[0].text


def test_persons_are_the_column_identity():
    identity = tuple("" if row % 10 == 0 else str(row // 5) for row in range(2_000))
    numbers = report(predicted(identity=identity), "race")
    # Four of each five pictures are of one person; each without a name is of a person of its own.
    labelled = [name for row, name in enumerate(identity) if row % 50]
    assert numbers["persons"] == len(set(labelled) - {""}) + labelled.count("")
    error = report(predicted(), "race")["overall"]["measures"]["error"]
    known = numbers["overall"]["measures"]["error"]
    assert known["value"] == error["value"]
    assert known["interval"] != error["interval"]
    outline, _ = documents(numbers)
    assert f"{numbers['persons']:,} persons" in outline.text


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("rage", "mine has no column 'rage'; there are: race, age, gender"),
        ("number", "the column 'number' has 1,960 values; groups are at most 200"),
    ],
)
def test_a_column_that_cannot_divide_is_refused(by, message):
    columns = {"number": tuple(map(str, range(2_000)))} if by == "number" else {}
    with pytest.raises(UsageError, match=message):
        report(predicted(**columns), by)


def test_nothing_labelled_is_nothing_to_audit():
    given = Predictions(
        "x", ("a",), np.array([-1]), np.array([0.5]), np.array([2]), {"race": ("Black",)}
    )
    with pytest.raises(DatasetError, match="x has no labelled picture"):
        report(given, "race")


def test_few_pictures_and_one_group_make_a_page_too():
    columns = {"race": ("Black",) * 5}
    truth = np.array([0, 1, 0, 1, 1])
    given = Predictions("x", tuple("abcde"), truth, np.full(5, NAN), truth, columns)
    numbers = report(given, "race,gender")
    outline, _ = documents(numbers)
    assert "n too small for any rate" in outline.text
    assert "there is nothing to compare" in outline.text


def test_the_page_is_made_for_people():
    numbers = report(predicted())
    outline, text = documents(numbers)
    assert "Audit of mine on made" in outline.text
    for sentence in audit_page.short(numbers):
        assert sentence in outline.text
    assert "Of 100 Black women, about " in outline.text
    assert all(held["aria-label"] for held in outline.named("svg"))
    assert len(outline.named("table")) == len(outline.named("caption"))
    assert outline.named("h2")
    assert "not stated" in outline.text  # an empty age is a group
    assert text.startswith("# Audit of mine on made\n")
    assert text.count("\n## ") == len(outline.named("section"))
    assert "In short" in text
    assert numbers["divisions"][0]["groups"][0]["group"] == {"race": "Black"}


def test_names_of_any_kind_stay_text():
    columns = {NASTY: tuple(NASTY if row % 2 else "é" * 500 for row in range(2_000))}
    numbers = report(predicted(**columns), f"{NASTY},gender".replace(",gender", ""))
    outline, text = documents(numbers)
    assert "<script>" in outline.text  # as text: the outline holds no such element
    assert "\x1b" not in outline.text
    assert "\\<script\\>" in text
    assert "\x1b" not in text


def test_sentences_claim_no_more_than_the_intervals():
    given = predicted(seed=3)
    same = np.random.default_rng(1).choice(["x", "y"], len(given))  # says nothing about errors
    numbers = report(predicted(seed=3, coat=tuple(same.tolist())), "coat")
    division = numbers["divisions"][0]
    sentences = list(audit_words.findings(division, numbers))
    assert sum("do not show a difference" in sentence for sentence in sentences) == 2
    assert not [sentence for sentence in sentences if "beyond chance" in sentence]


def test_the_same_seed_makes_the_same_report():
    one, other = (report(predicted(), "race,gender", seed=4) for _ in range(2))
    assert one == other
    assert documents(one)[0].text == documents(other)[0].text


FLIPS = {
    "model": "mine",
    "n": 120,
    "seed": 0,
    "command": "genderscope counterfactuals",
    "conditions": [
        {
            "name": "clear glasses",
            "n": 120,
            "flip_rate": 0.1,
            "flip_interval": [0.06, 0.17],
            "to_man": 0.075,
            "to_woman": 0.025,
            "confidence_change": -0.02,
            "confidence_interval": [-0.04, -0.01],
            "by_group": {
                "race": {
                    "Black": {"n": 100, "flip_rate": 0.1, "flip_interval": [0.05, 0.17]},
                    "White": {"n": 20, "flip_rate": None, "flip_interval": None},
                }
            },
        },
        {
            "name": "nothing measured",
            "n": 0,
            "flip_rate": None,
            "flip_interval": [None, None],
            "to_man": None,
            "to_woman": None,
            "confidence_change": None,
            "confidence_interval": [None, None],
            "by_group": {"race": {}},
        },
    ],
    "sheet": "sheet.jpg",
}
PART = {"share": 0.4, "interval": [0.35, 0.45], "area": 0.1}
NOTHING = dict.fromkeys(PART)
LOOKS = {
    "model": "mine",
    "n": 120,
    "seed": 0,
    "command": "genderscope regions",
    "groups": [
        {
            "label": label,
            "answers": answers,
            "n": n,
            "n_too_small": n < 30,
            "regions": {"eyes": PART if n >= 30 else NOTHING, "outside": PART},
        }
        for label, answers, n in (
            ("all", "all", 120),
            ("woman", "right", 60),
            ("woman", "wrong", 12),
            ("man", "right", 48),
        )
    ]
    + [
        {
            "label": "all",
            "answers": "all",
            "column": "race",
            "group": group,
            "error": error,
            "n": n,
            "n_too_small": n < 30,
            "regions": {"eyes": PART if n >= 30 else NOTHING, "outside": PART},
        }
        for group, error, n in (("A", 0.2, 40), ("B", 0.1, 40), ("C", 0.05, 39), ("D", 0.9, 1))
    ],
}


def test_other_measurements_have_sections_of_their_own():
    numbers = report(predicted(), "race")
    bare, _ = documents(numbers)
    assert "The same faces, changed" not in bare.text
    assert "What it looks at" not in bare.text
    numbers |= {"counterfactuals": FLIPS, "regions": LOOKS}
    outline, text = documents(numbers, SHEET)
    [image] = outline.named("img")
    assert image["alt"]
    sentence = "Clear glasses: of 100 faces, about 10.0 (6.0 to 17.0) get the other label"
    assert f"{sentence}, most of them man." in outline.text
    assert "women, right (n = 60)" in outline.text
    assert "women, wrong" not in outline.text  # n too small
    assert "20.0% wrong (n = 40)" in outline.text
    assert "5.0% wrong (n = 39)" in outline.text
    assert "10.0% wrong" not in outline.text  # neither wrong most nor least
    assert "90.0% wrong" not in outline.text  # n too small
    assert "For its size (10.0% of the picture) most comes from the region eyes" in outline.text
    assert "What it looks at" in text


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("counterfactuals", {"model": "x"}, "it lacks .'n', 'seed', 'conditions'"),
        ("counterfactuals", {**FLIPS, "conditions": [{"name": "hat"}]}, "lacks .*'flip_rate'"),
        ("regions", {**LOOKS, "groups": []}, "it lacks groups"),
    ],
)
def test_a_file_that_measured_something_else_is_refused(kind, given, message):
    check("counterfactuals", FLIPS, "flips.json")
    check("regions", LOOKS, "looks.json")
    with pytest.raises(DatasetError, match=message):
        check(kind, given, "other.json")
