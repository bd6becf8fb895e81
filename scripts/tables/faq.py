"""What lowers a model's accuracy: groups, conditions and face sizes, in short."""

from common import RESULTS, estimate, row

from genderscope.evaluation.counterfactuals import Counterfactuals
from genderscope.evaluation.evaluate import Evaluation
from genderscope.inference.classifier import WEIGHTS

MODEL = "mini_xception"
GROUPS = {
    ("adult", "20-59"): "adults, 20 to 59 years",
    ("age", "10-19"): "10 to 19 years",
    ("age", "3-9"): "3 to 9 years",
    ("age", "0-2"): "under 3 years",
    ("age", "60-69"): "60 to 69 years",
}
CONDITIONS = {
    "dark": "a sixth of the light, with grain",
    "side light": "light from one side",
    "blur": "blur",
    "surgical mask": "a surgical mask",
    "dark glasses": "dark glasses",
    "head scarf": "a head scarf",
    "hat": "a hat",
}


def groups() -> str:
    """Accuracy by age, and for the race groups with the fewest and the most errors."""
    found = Evaluation.load(WEIGHTS / f"{MODEL}.fairface-val-no-leaks.yunet.json").by_group
    races = sorted(found["race"], key=lambda race: found["race"][race].accuracy.value)
    extremes = {
        ("race", race): f"labelled {race}, the race group with the {rank} errors"
        for race, rank in ((races[-1], "fewest"), (races[0], "most"))
    }
    lines = [
        "| faces | n | accuracy % | women's recall % | men's recall % |",
        "|---|--:|--:|--:|--:|",
    ]
    for (column, value), name in (GROUPS | extremes).items():
        group = found[column][value]
        recalls = (estimate(group.recall[label]) for label in ("woman", "man"))
        lines.append(row([name, f"{group.accuracy.n:,}", estimate(group.accuracy), *recalls]))
    return "\n".join(lines)


def conditions() -> str:
    """Flip rates and accuracy for the same faces under other conditions."""
    found = Counterfactuals.load(WEIGHTS / f"{MODEL}.counterfactuals.json")
    results = {result.name: result for result in found.conditions}
    lines = [
        f"| the same {found.n:,} faces, with | flip rate % | accuracy % |",
        "|---|--:|--:|",
        row(["nothing changed", "", estimate(found.accuracy)]),
    ]
    for condition, name in CONDITIONS.items():
        result = results[condition]
        lines.append(row([name, estimate(result.flip_rate), estimate(result.accuracy)]))
    return "\n".join(lines)


def robustness() -> str:
    """Faces redetected in changed pictures, and the accuracy of each model on these."""
    results = [Counterfactuals.load(file) for file in sorted((RESULTS / "robustness").glob("*"))]
    models = [f"accuracy %, `{result.model}`" for result in results]
    lines = [
        row([f"{results[0].n:,} faces", "found %", *models]),
        f"|---|--:|{'--:|' * len(models)}",
        row(["upright", "", *(estimate(result.accuracy) for result in results)]),
    ]
    for conditions in zip(*(result.conditions for result in results), strict=True):
        first = conditions[0]  # detection does not depend on the model
        accuracies = (estimate(condition.accuracy_of_found) for condition in conditions)
        lines.append(row([first.name, estimate(first.found), *accuracies]))
    return "\n".join(lines)


def sizes() -> str:
    """Accuracy by the size of the face."""
    found = Evaluation.load(WEIGHTS / f"{MODEL}.fairface-val.yunet.json")
    assert found.face_size is not None
    points = found.face_size.curve
    return "\n".join(
        [
            row(["pixels across", *(point.face_px for point in points)]),
            f"|---|{'--:|' * len(points)}",
            row(["accuracy %", *(estimate(point.accuracy) for point in points)]),
        ]
    )
