"""How networks were trained, and what was tried."""

from pathlib import Path
from statistics import mean

from common import RESULTS, between, estimate, percent, row

from experiments.results import (
    AblationRun,
    Ablations,
    CrossFit,
    Imbalance,
    SecondLooks,
    Seeds,
    Shapes,
    UnseenGroups,
)
from genderscope.evaluation.evaluate import Evaluation
from genderscope.inference.classifier import WEIGHTS
from genderscope.training.record import Study, TrainingRecord


def records() -> str:
    """How each network was trained, and its final accuracy on the held-out part."""
    lines = [
        "| run | teachers | occluded % | age weight | faces | epochs | rotation up to | hours "
        "| n held out | accuracy held out % | loss |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|---|--:|",
    ]
    shipped = sorted(WEIGHTS.glob("*.record.json"))
    others = sorted((RESULTS / "training").glob("*.json"))
    for file in (*shipped, *(f for f in others if not f.name.startswith("preset-"))):
        run = TrainingRecord.load(file)
        settings, n, last = run.settings, run.data.validation, run.history[-1]
        teachers = (*settings.teachers, *settings.teacher_scores)
        cells = [
            f"`{file.name.partition('.')[0]}`" + (", shipped" if file in shipped else ""),
            ", ".join(f"`{Path(name).name.removesuffix('.csv')}`" for name in teachers),
            f"{100 * settings.occlusion_share:g}",
            f"{settings.age_weight:g}",
            f"{run.data.train:,}",
            str(settings.epochs),
            f"{settings.augmentation.angle_deg:g}°",
            f"{run.seconds / 3600:.1f}",
            f"{n:,}",
            estimate(run.held_out),
            f"{last.loss:.3f}",
        ]
        lines.append(row(cells))
    return "\n".join(lines)


def last_third() -> str:
    """The gain from the last third of each shipped network's training, on the held-out part."""
    lines = [
        "| network | epochs | accuracy % after two thirds | at the end | loss after two thirds "
        "| at the end |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for file in sorted(WEIGHTS.glob("*.record.json")):
        run = TrainingRecord.load(file)
        epochs = run.settings.epochs  # one more entry may follow, for averaged weights
        before, end = run.history[2 * epochs // 3 - 1], run.history[-1]
        cells = [f"`{run.settings.model}`", epochs]
        cells += [percent(before.accuracy), percent(end.accuracy)]
        lines.append(row([*cells, f"{before.loss:.4f}", f"{end.loss:.4f}"]))
    return "\n".join(lines)


def colour() -> str:
    """Each student in grey, as shipped, and in colour, fine-tuned from there."""
    lines = [
        "| network | input | held out, n | accuracy % | loss | FairFace val, n | accuracy % |",
        "|---|---|--:|---|--:|--:|---|",
    ]
    folder, evaluated = RESULTS / "training", "fairface-val.yunet.json"
    for coloured in sorted(folder.glob("*_colour.json")):
        run = TrainingRecord.load(coloured)
        model = run.settings.model
        grey = TrainingRecord.load(WEIGHTS / f"{model}.record.json")
        shipped = WEIGHTS / f"{model}.{evaluated}"
        one_view = RESULTS / "tried" / f"{model}_one_view.{evaluated}"
        for name, record, evaluation in (
            ("grey", grey, one_view if one_view.is_file() else shipped),
            ("colour", run, RESULTS / "colour" / f"{model}.{evaluated}"),
        ):
            val = Evaluation.load(evaluation)
            cells = [f"`{model}`", name, f"{record.data.validation:,}", estimate(record.held_out)]
            cells += [f"{record.history[-1].loss:.4f}", f"{val.n:,}", estimate(val.rates.accuracy)]
            lines.append(row(cells))
    return "\n".join(lines)


def presets() -> str:
    """A row for each run of the comparison of presets."""
    lines = [
        "| network | preset | epochs | seed | n | validation accuracy % |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for file in sorted((RESULTS / "training").glob("preset-*.json")):
        run = TrainingRecord.load(file)
        cells = [
            f"`{run.settings.model}`",
            f"`{run.spec.name}`",
            str(run.settings.epochs),
            str(run.settings.seed),
            f"{run.data.validation:,}",
            estimate(run.held_out),
        ]
        lines.append(row(cells))
    return "\n".join(lines)


def shapes() -> str:
    """A row for each variant of mini-Xception: its layers, or a wider view of the picture."""
    lines = [
        "| variant | parameters | epochs | seed | n | accuracy % | loss |",
        "|---|--:|--:|--:|--:|---|--:|",
    ]
    for run in Shapes.load(RESULTS / "shapes.json").runs:
        cells = [
            run.variant,
            f"{run.parameters:,}",
            str(run.epochs),
            str(run.seed),
            f"{run.accuracy.n:,}",
            estimate(run.accuracy),
            f"{run.loss:.4f}",
        ]
        lines.append(row(cells))
    return "\n".join(lines)


def imbalance() -> str:
    """A row for each method against class imbalance, on the same unbalanced crops."""
    lines = [
        "| `--balance` | epochs | seed | n | accuracy % | balanced % | women's recall % "
        "| men's recall % | ROC-AUC % |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for run in Imbalance.load(RESULTS / "imbalance.json").runs:
        cells = [
            f"`{run.settings.balance}`",
            str(run.settings.epochs),
            str(run.settings.seed),
            f"{run.accuracy.n:,}",
            estimate(run.accuracy),
            percent(run.balanced_accuracy),
            *(percent(run.recall[label]) for label in ("woman", "man")),
            percent(run.roc_auc),
        ]
        lines.append(row(cells))
    return "\n".join(lines)


def ablations(file: str) -> str:
    """A row for each variant, with the baseline compared on the same seeds."""
    runs: dict[str, list[AblationRun]] = {}
    for run in Ablations.load(RESULTS / file).runs:
        runs.setdefault(run.variant, []).append(run)
    base = {run.seed: run.loss for run in runs["baseline"]}
    lines = [
        "| variant | epochs | seeds | n | accuracy %, each seed | 95% interval of the first "
        "| loss, mean | against the baseline, same seeds |",
        "|---|--:|--:|--:|---|---|--:|--:|",
    ]
    for name, seeds in runs.items():
        loss = mean(run.loss for run in seeds)
        cells = [
            name,
            str(seeds[0].epochs),
            ", ".join(str(run.seed) for run in seeds),
            f"{seeds[0].accuracy.n:,}",
            ", ".join(percent(run.accuracy.value) for run in seeds),
            between(seeds[0].accuracy.interval),
            f"{loss:.4f}",
            "" if name == "baseline" else f"{mean(r.loss - base[r.seed] for r in seeds):+.4f}",
        ]
        lines.append(row(cells))
    return "\n".join(lines)


def seeds() -> str:
    """A row for each seed of the same recipe."""
    lines = [
        "| seed | epochs | held out, n | accuracy % | loss | FairFace val, n | accuracy % |",
        "|--:|--:|--:|---|--:|--:|---|",
    ]
    for run in Seeds.load(RESULTS / "seeds.json").runs:
        cells = [str(run.seed), str(run.epochs), f"{run.held_out.n:,}", estimate(run.held_out)]
        cells += [f"{run.loss:.4f}", f"{run.validation.n:,}", estimate(run.validation)]
        lines.append(row(cells))
    return "\n".join(lines)


def study() -> str:
    """The best trials of the search, and the worst that was not stopped early."""
    trials = Study.load(RESULTS / "study.json").trials
    complete = sorted((t for t in trials if t.state == "complete"), key=lambda t: t.losses[-1])
    names = list(complete[0].options)
    lines = [
        row(["trial", *(name.replace("_", " ") for name in names), "loss"]),
        f"|{'--:|' * (len(names) + 2)}",
    ]
    for trial in (*complete[:5], complete[-1]):
        options = (f"{trial.options[name]:.2g}" for name in names)
        lines.append(row([str(trial.number), *options, f"{trial.losses[-1]:.4f}"]))
    stopped = len(trials) - len(complete)
    return f"{len(trials)} trials, {stopped} of them stopped early.\n\n" + "\n".join(lines)


def unseen_groups() -> str:
    """A row for each variant: its accuracy on each group that training never saw, and the mean."""
    runs = UnseenGroups.load(RESULTS / "unseen_groups.json").runs
    groups = list(dict.fromkeys(run.group for run in runs))
    sizes = {run.group: run.accuracy.n for run in runs}
    heads = ["variant", *(f"{group} (n = {sizes[group]:,}), %" for group in groups), "mean, %"]
    lines = [row(heads), "|---" + "|--:" * (len(groups) + 1) + "|"]
    for variant in dict.fromkeys(run.variant for run in runs):
        accuracies = [
            run.accuracy
            for group in groups
            for run in runs
            if run.group == group and run.variant == variant
        ]
        overall = percent(mean(accuracy.value or 0 for accuracy in accuracies))
        lines.append(row([variant, *map(estimate, accuracies), overall]))
    return "\n".join(lines)


def second_look() -> str:
    """Each network by which faces get a second look, and how."""
    lines = [
        "| network | second look | turned by | % | n | accuracy % "
        "| area under error by coverage, % |",
        "|---|---|--:|--:|--:|---|---|",
    ]
    for look in SecondLooks.load(RESULTS / "second_look.json").looks:
        cells = [f"`{look.model}`", look.second_look + ", as shipped" * look.shipped]
        cells += ["" if look.second_look == "none" else f"{look.second_look_deg:g}°"]
        cells += [percent(look.scored_twice.value or 0), f"{look.accuracy.n:,}"]
        value, (low, high) = look.aurc.value or 0, look.aurc.interval or (0, 0)
        cells += [estimate(look.accuracy), f"{100 * value:.2f} ({100 * low:.2f}–{100 * high:.2f})"]
        lines.append(row(cells))
    return "\n".join(lines)


def cross_fit() -> str:
    """A row for each part: the biases, and the recall gap on faces that each was not fitted to."""
    lines = [
        "| half | n | accuracy % | its bias | recall gap with the held-out bias, points "
        "| held out, n | held-out bias | recall gap with the bias of the half, points |",
        "|--:|--:|---|--:|---|--:|--:|---|",
    ]
    for number, part in enumerate(CrossFit.load(RESULTS / "cross_fit.json").parts, 1):
        cells = [
            str(number),
            f"{part.accuracy.n:,}",
            estimate(part.accuracy),
            f"{part.bias:+.3f}",
            estimate(part.recall_gap),
            f"{part.accuracy_held_out.n:,}",
            f"{part.bias_held_out:+.3f}",
            estimate(part.recall_gap_held_out),
        ]
        lines.append(row(cells))
    return "\n".join(lines)
