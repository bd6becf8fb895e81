"""The problems of a data set in words, with their numbers and examples."""

from collections.abc import Iterator, Sequence

from genderscope.core.storage import text
from genderscope.core.types import LABELS
from genderscope.evaluation.exploration.pictures import OpenedPicture
from genderscope.evaluation.exploration.results import Identities, Imbalance, Problem, Sizes
from genderscope.evaluation.exploration.tally import EXAMPLES, UNLABELLED, Tally

IMBALANCE_RATIO = 1.5  # a larger imbalance is a problem
DOMINANT_SHARE, DOMINANT_TIMES = 0.01, 10
"""A dominant identity has more than this share of all pictures and this many times the mean."""
ROWS = (
    ("missing", "", "Missing pictures", "Download or exclude them."),
    ("repeated", "", "Pictures listed more than once", "A copy in a test split is leakage."),
    ("unlabelled", "", "Pictures without a label", "They can neither train nor evaluate a model."),
    ("boxless", "box_side_px", "Face locations out of range or without area", "Detect the face."),
    ("ageless", "age_years", "Pictures without an age", "A date is missing or not valid."),
    ("faceless", "face_score", "Pictures without a detected face", "Their score is infinite."),
    ("crowded", "second_face_score", "Pictures with a second face", "The label may be of either."),
)
"""Keys of ``Tally.odd``, the measure that a data set must have, titles, and advice."""


def problems(
    tally: Tally,
    opened: Sequence[OpenedPicture],
    imbalance: Imbalance | None,
    sizes: Sizes | None,
    identities: Identities | None,
) -> Iterator[Problem]:
    """What to know before training."""
    for label, n in zip(LABELS, tally.labels.tolist(), strict=False):
        if not n:
            yield _problem(f"No picture is labelled {label}.", tally.n)
    if imbalance and imbalance.ratio > IMBALANCE_RATIO:
        yield _unequal(imbalance, int(tally.labels[:UNLABELLED].max()))
    if sizes:
        yield from _of_pictures(opened, sizes)
    for name, measure, title, advice in ROWS:
        if not measure or tally.has(measure):
            rows = tally.odd[name]
            yield from _counted(title, rows.examples, tally.n, advice, rows.n)
    if identities:
        yield from _of_identities(identities)


def _unequal(imbalance: Imbalance, pictures: int) -> Problem:
    majority = imbalance.majority
    accuracy = imbalance.trivial[f"always_{majority}"].accuracy
    return _problem(
        f"The classes are unequal, {imbalance.ratio:.2f} to 1: always answering {majority} would "
        f"be {accuracy:.1%} accurate. Weight the classes, and compare recalls.",
        pictures,
    )


def _of_pictures(opened: Sequence[OpenedPicture], sizes: Sizes) -> Iterator[Problem]:
    low, high = sizes.unreadable_interval
    advice = f"In the whole data set it is {low:.1%} to {high:.1%} (95% interval)."
    reasons = [picture.error.partition(";")[0] for picture in opened if picture.error]
    yield from _counted("Opened pictures that cannot be read", reasons, sizes.opened, advice)
    files = [str(picture.sample.file) for picture in opened if picture.outside]
    readable = sizes.opened - sizes.unreadable
    advice = "They may belong to another version of the pictures."
    yield from _counted("Boxes that extend beyond an opened picture", files, readable, advice)


def _of_identities(identities: Identities) -> Iterator[Problem]:
    first, mean = identities.most_frequent[0], identities.mean_pictures
    share = first.pictures / identities.pictures
    if share > DOMINANT_SHARE and first.pictures > DOMINANT_TIMES * mean:
        yield _problem(
            f"One person has {share:.1%} of the pictures, {first.pictures / mean:.0f} times "
            "the mean: a model may learn the person.",
            first.pictures,
            [first.identity],
        )
    advice = "They are namesakes, or some of their labels are wrong."
    both = identities.of_both_labels
    yield from _counted("Persons with both labels", [], identities.n, advice, both)


def _counted(
    title: str, examples: Sequence[str], total: int, advice: str, n: int | None = None
) -> Iterator[Problem]:
    """A problem with its number, by default that of the examples; nothing if it is 0."""
    if n := len(examples) if n is None else n:
        share = f"{n / total:.1%}" if n / total >= 0.001 else "under 0.1%"
        yield _problem(f"{title}: {n:,} of {total:,} ({share}). {advice}", n, examples)


def _problem(words: str, n: int, examples: Sequence[str] = ()) -> Problem:
    return Problem(text=words, n=n, examples=tuple(map(text, examples[:EXAMPLES])))
