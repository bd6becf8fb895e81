"""The shipped networks side by side, to choose one."""

from common import estimate, percent, row
from models import adult_accuracy

from genderscope.evaluation.counterfactuals import Counterfactuals
from genderscope.evaluation.evaluate import Evaluation
from genderscope.inference.classifier import ALIASES, WEIGHTS, Classifier


def choice() -> str:
    """A column for each network."""
    columns = [_column(alias, model) for alias, model in ALIASES.items()]
    head = ["", *(f"`{model}`" for model in ALIASES.values())]
    lines = [row(head), row(["---", *["--:" for _ in columns]])]
    lines += [row([name, *(column[name] for column in columns)]) for name in columns[0]]
    return "\n".join(lines)


def _column(alias: str, model: str) -> dict[str, str]:
    network = Classifier.load(model, threads=1)
    spec, metadata = network.spec, network.metadata
    fairface = Evaluation.load(WEIGHTS / f"{model}.fairface-val-no-leaks.yunet.json")
    utkface = Evaluation.load(WEIGHTS / f"{model}.utkface-all.yunet.json")
    flips = Counterfactuals.load(WEIGHTS / f"{model}.counterfactuals.json")
    rates = {condition.name: condition.flip_rate for condition in flips.conditions}
    races = [group.accuracy.value for group in fairface.by_group["race"].values()]
    return {
        "alias": f"`{alias}`",
        "input": f"{spec.size} x {spec.size}, {'grey' if spec.colour == 'grey' else 'colour'}",
        "parameters": f"{metadata.parameters:,}",
        "multiply-adds per face, millions": f"{metadata.multiply_adds / 1e6:.1f}",
        "file, kB": f"{(WEIGHTS / f'{model}.onnx').stat().st_size / 1e3:,.0f}",
        "version in 8-bit integers": "yes" if (WEIGHTS / f"{model}.int8.onnx").exists() else "no",
        "FairFace val, no leaks, %": estimate(fairface.rates.accuracy),
        "of these, adults, %": estimate(adult_accuracy(fairface)),
        "of these, the race group with the most errors, %": percent(min(races)),
        "UTKFace %": estimate(utkface.rates.accuracy),
        "answered, %": percent(fairface.selective.coverage.value),
        "accuracy of these, %": estimate(fairface.selective.accuracy),
        "flip rate with a surgical mask, %": estimate(rates["surgical mask"]),
        "flip rate with dark glasses, %": estimate(rates["dark glasses"]),
    }
