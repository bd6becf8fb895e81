"""Predictions, counterfactuals and regions to be audited, made here."""

import cv2
import numpy as np

from genderscope.core.results import Estimate, Provenance
from genderscope.evaluation.counterfactuals import ConditionResult, Counterfactuals
from genderscope.evaluation.predictions import Predictions
from genderscope.evaluation.region_survey import RegionGroup, RegionShare, RegionSurvey

SHEET = cv2.imencode(".jpg", np.full((8, 8, 3), 90, np.uint8))[1].tobytes()


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
        np.where(decided == 1, confidence, 1 - confidence) if scores else np.full(n, np.nan),
        np.where(confidence < 0.6, 2, decided),
        {"race": tuple(race.tolist()), "age": tuple(age.tolist()), **columns},
    )


def estimate(n: int, value: float | None = None, *interval: float) -> Estimate:
    return Estimate(n=n, value=value, interval=interval or None)


FLIPS = Counterfactuals(
    provenance=Provenance(command="genderscope counterfactuals", versions={}, seed=0),
    model="mine",
    dataset="made:here",
    n=120,
    skipped={},
    sheet="sheet.jpg",
    accuracy=estimate(120, 0.9, 0.83, 0.94),
    conditions=(
        ConditionResult(
            name="clear glasses",
            kind="worn",
            no_answer=0,
            flips=12,
            flip_rate=estimate(120, 0.1, 0.06, 0.17),
            to_man=0.075,
            to_woman=0.025,
            confidence_change=estimate(120, -0.02, -0.04, -0.01),
            accuracy=estimate(120, 0.8, 0.7, 0.9),
            by_group={"race": {"Black": estimate(100, 0.1, 0.05, 0.17), "White": estimate(20)}},
        ),
        ConditionResult(
            name="nothing measured",
            kind=None,
            no_answer=120,
            flips=0,
            flip_rate=estimate(0),
            to_man=None,
            to_woman=None,
            confidence_change=estimate(0),
            accuracy=estimate(0),
            by_group={"race": {}},
        ),
    ),
)


def regions_of(n: int) -> dict[str, RegionShare]:
    part = RegionShare(share=estimate(n, 0.4, 0.35, 0.45), area=0.1)
    nothing = RegionShare(share=estimate(n), area=None)
    return {"eyes": part if n >= 30 else nothing, "outside": part}


LOOKS = RegionSurvey(
    provenance=Provenance(command="genderscope regions", versions={}, seed=0),
    dataset="made:here",
    split="all",
    model="mine",
    detector="yunet",
    n=120,
    explained="the class with the higher score",
    energy_is="squares",
    groups=(
        *(
            RegionGroup(label=label, answers=answers, n=n, regions=regions_of(n))
            for label, answers, n in (
                ("all", "all", 120),
                ("woman", "right", 60),
                ("woman", "wrong", 12),
                ("man", "right", 48),
            )
        ),
        *(
            RegionGroup(
                label="all",
                answers="all",
                column="race",
                group=group,
                error=error,
                n=n,
                regions=regions_of(n),
            )
            for group, error, n in (("A", 0.2, 40), ("B", 0.1, 40), ("C", 0.05, 39), ("D", 0.9, 1))
        ),
    ),
    by_box=0,
    not_detected=0,
    no_gradient=0,
    unreadable=(),
    resamples=2000,
)
