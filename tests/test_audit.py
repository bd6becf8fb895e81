"""An audit's report, its sentences, its page and its Markdown, from predictions made here."""

import numpy as np
import pytest
from msgspec.structs import replace

pytest.importorskip("matplotlib", reason="needs the eval extra")

from audits import FLIPS, LOOKS, SHEET, predicted
from genderscope.core.errors import DatasetError, UsageError
from genderscope.core.results import Estimate, Provenance
from genderscope.evaluation import audit
from genderscope.evaluation.audit.results import Audit
from genderscope.evaluation.predictions import NO_ANSWER, Predictions
from genderscope.reporting import tables
from genderscope.reporting.audit import page, sentences
from html_outline import Outline, assert_self_contained

NAN = np.nan
NASTY = """<script>x</script>|'"&`*_[a](b)\n\x1b[31m"""


def report(
    predictions: Predictions, by: str = "race,age,gender", seed: int = 0, **options: object
) -> Audit:
    made = Provenance(command="genderscope audit", versions={}, seed=seed)
    results = audit.report(
        predictions, by.split(","), provenance=made, dataset="made:here", **options
    )
    assert Audit.decode(results.encode(), "here") == results
    return results


def documents(results: Audit, sheet: bytes | None = None) -> tuple[Outline, str]:
    """The page, read strictly, and the Markdown."""
    made = page.documents(results, sheet)
    return assert_self_contained(made["audit.html"]), made["audit.md"]


def test_an_audit_has_every_group_and_counts_what_was_left_out():
    predictions = predicted()
    results = report(predictions)
    assert (results.n, results.unlabelled) == (1960, 40)
    assert [part.columns for part in results.divisions] == [
        ("race",),
        ("age",),
        ("gender",),
        ("race", "age"),
        ("race", "gender"),
        ("age", "gender"),
    ]
    for part in results.divisions:
        assert sum(group.n for group in part.groups) == 1960
        for group in part.groups:
            assert sum(group.answers.values()) == sum(group.labels.values()) == group.n
            assert set(group.answers) == {"woman", "man", "uncertain", "no answer"}
    labelled = predictions.truth >= 0
    wrong = (predictions.forced != predictions.truth)[labelled]
    assert results.overall.measures["error"].value == pytest.approx(wrong.mean())
    crossed = results.divisions[4]
    assert crossed.extremes["error"].most.group == {"race": "Black", "gender": "woman"}
    verdicts = {
        tuple(group.group.values()): group.comparisons["error"].verdict for group in crossed.groups
    }
    assert verdicts["Black", "woman"] == "more"
    assert "more" not in [verdict for group, verdict in verdicts.items() if group[1] == "man"]


def test_groups_below_30_are_withheld_and_below_100_marked():
    sizes = {"a": 29, "b": 30, "c": 99, "d": 100}
    truth = np.zeros(sum(sizes.values()), np.int64)
    columns = {"g": tuple(name for name, n in sizes.items() for _ in range(n))}
    files = tuple(map(str, range(len(truth))))
    predictions = Predictions("x", files, truth, np.full(len(truth), 0.2), truth, columns)
    results = report(predictions, "g")
    groups = results.divisions[0].groups
    assert [group.size for group in groups] == ["too small", "few", "few", "enough"]
    assert groups[0].measures["error"] == Estimate(n=29, value=None, interval=None)
    outline, text = documents(results)
    assert "Withheld, n too small: a (29 pictures together)." in outline.text
    assert "Imprecise, with fewer than 100 pictures: b; c." in outline.text
    assert "n too small" in text


def test_without_scores_there_is_no_calibration_and_uncertain_is_an_error():
    results = report(predicted(scores=False), "race")
    assert results.without_score == 1960
    assert results.uncertain_without_score == results.overall.answers["uncertain"] > 0
    measures = results.overall.measures
    assert measures["error"].value == measures["missed"].value
    assert measures["overconfidence"] == Estimate(n=0, value=None, interval=None)
    assert results.overall.calibration is None
    outline, _ = documents(results)
    assert "Confidence and accuracy" not in outline.text
    assert "are uncertain, have no score to force a label" in outline.text


def test_no_answer_is_an_error_and_is_counted():
    predictions = predicted()
    predictions.labels[100:200], predictions.score[100:200] = NO_ANSWER, NAN
    results = report(predictions, "race")
    silent = int((predictions.truth[100:200] >= 0).sum())
    assert results.no_answer == results.overall.answers["no answer"] == silent
    notes = documents(results)[0].text
    assert f"Pictures that have no answer and count as errors: {silent}." in notes


def test_persons_are_the_column_identity():
    identity = tuple("" if row % 10 == 0 else str(row // 5) for row in range(2_000))
    results = report(predicted(identity=identity), "race")
    # Four of each five pictures show one person; each without a name is a person of its own.
    labelled = [name for row, name in enumerate(identity) if row % 50]
    assert results.persons == len(set(labelled) - {""}) + labelled.count("")
    plain = report(predicted(), "race").overall.measures["error"]
    clustered = results.overall.measures["error"]
    assert clustered.value == plain.value
    assert clustered.interval != plain.interval
    outline, _ = documents(results)
    assert f"{results.persons:,} persons" in outline.text


def test_another_person_alone_is_no_group_to_compare_with():
    """40 pictures of as many persons, all right, and 100 of one, all wrong."""
    truth = np.zeros(140, np.int64)
    answers = np.repeat([0, 1], [40, 100])
    columns = {"race": ("x",) * 40 + ("y",) * 100}
    columns["identity"] = (*map(str, range(40)), *["one"] * 100)
    files = tuple(map(str, range(140)))
    results = report(Predictions("m", files, truth, np.full(140, NAN), answers, columns), "race")
    x, y = results.divisions[0].groups
    assert (x.size, y.size, x.persons, y.persons) == ("few", "too small", 40, 1)
    assert x.comparisons == y.comparisons == {}
    outline, _ = documents(results)
    assert "Fewer than two groups have the 30 persons that a rate needs" in outline.text
    assert "Imprecise, with fewer than 100 persons: x." in outline.text
    assert "* fewer than 100 persons" in outline.text
    assert "rings mark groups of fewer than 100 persons" in outline.text
    assert "A group of fewer than 30 persons has no numbers" in outline.text


def test_a_score_of_one_half_is_as_right_as_its_prediction():
    truth = np.ones(600, np.int64)
    files, columns = tuple(map(str, range(600))), {"race": ("x",) * 600}
    results = report(Predictions("m", files, truth, np.full(600, 0.5), truth, columns), "race")
    overall = results.overall
    assert (overall.measures["error"].value, overall.calibration.accuracy) == (0, 1)
    assert overall.measures["overconfidence"].value == -0.5


def test_sentences_of_no_answers_and_of_rare_errors():
    truth = np.zeros(200, np.int64)
    answers = np.repeat([0, 2, NO_ANSWER], [80, 20, 100])
    files, columns = tuple(map(str, range(200))), {"race": ("x",) * 200}
    said = Predictions("m", files, truth, np.full(200, NAN), answers, columns)
    assert list(sentences.overall(report(said, "race")))[1] == (
        "With abstention, 10.0% are uncertain; of those given a label, 0.0% are wrong. Together, "
        "60.0% do not get their label."
    )
    truth = np.zeros(40_000, np.int64)
    answers = np.tile(np.repeat([1, 0], [20, 19_980]), 2)
    answers[20_020:20_060] = 1  # 20 and 60 of 20,000
    columns = {"race": ("x",) * 20_000 + ("y",) * 20_000}
    files = tuple(map(str, range(40_000)))
    results = report(Predictions("m", files, truth, np.full(40_000, NAN), answers, columns), "race")
    assert sentences.headline(results.divisions[0], results) == (
        "By race: of 100 y faces, about 0.3 (0.2 to 0.4) get the other label; of 100 x faces, "
        "about 0.1 (0.06 to 0.2). The difference is between 0.1 and 0.3 of 100."
    )


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


def test_a_column_called_gender_is_not_replaced_by_the_label():
    predictions = predicted(gender=("nonbinary",) * 2_000)
    with pytest.raises(UsageError, match=r"mine has a column 'gender' of its own, .*: rename"):
        report(predictions, "race,gender")
    assert report(predictions, "race").by == ("race",)


def test_nothing_labelled_is_nothing_to_audit():
    predictions = Predictions(
        "x", ("a",), np.array([-1]), np.array([0.5]), np.array([2]), {"race": ("Black",)}
    )
    with pytest.raises(DatasetError, match="x has no labelled picture"):
        report(predictions, "race")


def test_few_pictures_and_one_group_make_a_page_too():
    columns = {"race": ("Black",) * 5}
    truth = np.array([0, 1, 0, 1, 1])
    predictions = Predictions("x", tuple("abcde"), truth, np.full(5, NAN), truth, columns)
    outline, _ = documents(report(predictions, "race,gender"))
    assert "n too small for any rate" in outline.text
    assert "there is nothing to compare" in outline.text


def test_the_page_is_made_for_people():
    results = report(predicted())
    outline, text = documents(results)
    assert "Audit of mine on made" in outline.text
    for sentence in page.summary(results):
        assert sentence in outline.text
    assert "Of 100 Black women, about " in outline.text
    assert all(held["aria-label"] for held in outline.named("svg"))
    assert len(outline.named("table")) == len(outline.named("caption"))
    assert outline.named("h2")
    assert "not stated" in outline.text  # an empty age is a group
    assert text.startswith("# Audit of mine on made\n")
    assert text.count("\n## ") == len(outline.named("section"))
    assert "Summary" in text
    assert results.divisions[0].groups[0].group == {"race": "Black"}
    assert "<caption>mine: errors by group, 95% intervals<" in results._repr_html_()
    assert "<td>age not stated</td>" in results._repr_html_()


def test_names_of_any_kind_stay_text():
    columns = {NASTY: tuple(NASTY if row % 2 else "é" * 500 for row in range(2_000))}
    outline, text = documents(report(predicted(**columns), NASTY))
    assert "<script>" in outline.text  # as text: the outline holds no such element
    assert "\x1b" not in outline.text
    assert "\\<script\\>" in text
    assert "\x1b" not in text


def test_sentences_claim_no_more_than_the_intervals():
    coat = np.random.default_rng(1).choice(["x", "y"], 2_000)  # independent of the errors
    results = report(predicted(seed=3, coat=tuple(coat.tolist())), "coat")
    found = list(sentences.findings(results.divisions[0], results))
    assert sum("do not show a difference" in sentence for sentence in found) == 2
    assert not [sentence for sentence in found if "Significantly" in sentence]


def test_the_same_seed_makes_the_same_audit():
    one, other = (report(predicted(), "race,gender", seed=4) for _ in range(2))
    assert one == other
    assert documents(one)[0].text == documents(other)[0].text


def test_other_measurements_have_sections_of_their_own():
    results = report(predicted(), "race")
    bare, _ = documents(results)
    assert "Counterfactual evaluation" not in bare.text
    assert "Regions of the face" not in bare.text
    outline, text = documents(replace(results, counterfactuals=FLIPS, regions=LOOKS), SHEET)
    [image] = outline.named("img")
    assert image["alt"]
    sentence = "Clear glasses: a flip rate of 10.0% (6.0 to 17.0)"
    assert f"{sentence}." in outline.text  # 9 of 12 to man may be chance
    uneven = replace(FLIPS.conditions[0], to_man=11 / 120, to_woman=1 / 120)
    flips = replace(FLIPS, conditions=(uneven,))
    shown = documents(replace(results, counterfactuals=flips))[0].text
    assert f"{sentence}, mostly to man." in shown
    assert "women, right (n = 60)" in outline.text
    assert "women, wrong" not in outline.text  # n too small
    assert "20.0% wrong (n = 40)" in outline.text
    assert "5.0% wrong (n = 39)" in outline.text
    assert "10.0% wrong" not in outline.text  # neither wrong most nor least
    assert "90.0% wrong" not in outline.text  # n too small
    assert "Most energy for its area: eyes, with 40.0% (35.0 to 45.0) of the energy" in outline.text
    assert "Regions of the face" in text


def test_groups_of_regions_are_printed_with_their_column():
    shown = tables.regions(LOOKS.groups)
    assert [*shown.columns[0].cells][-3:] == ["race B", "race C", "race D"]


def test_a_difference_that_correction_does_not_show_explains_itself():
    """Twenty groups of 60, all with 12 errors but one with 21."""
    group = np.repeat(np.arange(20), 60)
    place = np.tile(np.arange(60), 20)
    truth = place % 2
    wrong = place < np.where(group == 7, 21, 12)
    answers = np.where(wrong, 1 - truth, truth)
    columns = {"site": tuple(f"s{number:02d}" for number in group)}
    files = tuple(f"{number}.jpg" for number in range(1200))
    results = report(Predictions("x", files, truth, np.full(1200, NAN), answers, columns), "site")
    [division] = results.divisions
    comparison = division.groups[7].comparisons["error"]
    assert comparison.difference_interval[0] > 0
    assert comparison.verdict == "inconclusive"
    reason = "not significant after correction for 20 comparisons"
    [sentence] = [text for text in sentences.findings(division, results) if "excludes zero" in text]
    assert sentence.startswith("The interval of the difference excludes zero for s07, but it is ")
    assert reason in sentence
    headline = sentences.headline(division, results)
    assert ("The difference is between" in headline) == (reason in headline)
