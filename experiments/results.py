"""The result files of the experiments."""

from genderscope.core.results import Document, Estimate, Provenance, Record, command_of, versions
from genderscope.core.types import SecondLook
from genderscope.data.prepare.crops import Crops
from genderscope.training.settings import Settings


def provenance(module: str, crops: Crops, seed: int | None = None) -> Provenance:
    """The provenance of networks that ``python -m experiments.<module>`` trained on crops."""
    return Provenance(
        command=command_of(f"experiments.{module}"),
        versions=versions(("torch", "lightning")),
        seed=seed,
        fingerprint=crops.manifest.fingerprint,
    )


class AblationRun(Record, frozen=True, kw_only=True):
    """A variant of the recipe with one seed, on the validation part.

    Attributes:
        changes: settings that differ from the baseline; teachers are named ``teacher``.
    """

    variant: str
    changes: dict[str, str | float]
    seed: int
    epochs: int
    commit: str
    accuracy: Estimate
    loss: float
    seconds: int


class Ablations(Document, frozen=True, kw_only=True):
    KIND = "ablations"

    runs: tuple[AblationRun, ...] = ()


class ShapeEpoch(Record, frozen=True, kw_only=True):
    loss: float
    accuracy: float


class ShapeRun(Record, frozen=True, kw_only=True):
    """A variant of the network, on the validation part."""

    variant: str
    parameters: int
    epochs: int
    seed: int
    accuracy: Estimate
    loss: float
    history: tuple[ShapeEpoch, ...]
    seconds: int


class Shapes(Document, frozen=True, kw_only=True):
    KIND = "shapes"

    runs: tuple[ShapeRun, ...] = ()


class UnseenGroup(Record, frozen=True, kw_only=True):
    """The accuracy on all faces of a group, by a network that was trained without them."""

    group: str
    variant: str
    epochs: int
    accuracy: Estimate


class UnseenGroups(Document, frozen=True, kw_only=True):
    KIND = "unseen-groups"

    runs: tuple[UnseenGroup, ...] = ()


class CrossFitPart(Record, frozen=True, kw_only=True):
    """A network on training faces that it did not learn from (a part), and on held-out faces.

    Attributes:
        bias: of the calibration, in logits, fitted on the part.
        bias_held_out: the same, fitted on the held-out faces.
        recall_gap: on the part, with the bias of the held-out faces.
        recall_gap_held_out: on the held-out faces, with the bias of the part.
    """

    accuracy: Estimate
    accuracy_held_out: Estimate
    bias: float
    bias_held_out: float
    recall_gap: Estimate
    recall_gap_held_out: Estimate


class CrossFit(Document, frozen=True, kw_only=True):
    KIND = "cross-fit"

    parts: tuple[CrossFitPart, ...]


class Look(Record, frozen=True, kw_only=True):
    """A network on held-out faces, some of which get a second look.

    Attributes:
        second_look: which ones; ``shipped`` if the network's file does the same.
        second_look_deg: the angle by which they are also turned either way.
        scored_twice: their share.
        aurc: area under the error by coverage: see ``evaluation.metrics.calibration``.
    """

    model: str
    second_look: SecondLook
    second_look_deg: float
    shipped: bool
    scored_twice: Estimate
    accuracy: Estimate
    aurc: Estimate


class SecondLooks(Document, frozen=True, kw_only=True):
    KIND = "second-looks"

    looks: tuple[Look, ...]


class ImbalanceRun(Record, frozen=True, kw_only=True):
    """One value of the setting ``balance``, on FairFace's validation split.

    Attributes:
        recall: by label.
    """

    settings: Settings
    accuracy: Estimate
    balanced_accuracy: float | None
    recall: dict[str, float | None]
    roc_auc: float | None


class Imbalance(Document, frozen=True, kw_only=True):
    KIND = "imbalance"

    runs: tuple[ImbalanceRun, ...]


class SeedRun(Record, frozen=True, kw_only=True):
    """A recipe with one seed.

    Attributes:
        held_out: accuracy on the faces that this seed holds out.
        loss: on the same faces.
        validation: accuracy on FairFace's validation split.
    """

    seed: int
    epochs: int
    held_out: Estimate
    loss: float
    validation: Estimate
    seconds: int


class Seeds(Document, frozen=True, kw_only=True):
    KIND = "seeds"

    runs: tuple[SeedRun, ...]


class Similarity(Record, frozen=True, kw_only=True):
    """Similarity of two sets of maps: means over the faces whose maps are not constant, with 95%
    intervals (bootstrap over faces).
    """

    spearman: Estimate
    ssim: Estimate


class Stage(Similarity, frozen=True, kw_only=True):
    """Similarity to the trained network after ``part`` and all later ones got random weights."""

    part: str


class MethodSanity(Record, frozen=True, kw_only=True):
    """The maps of a method, compared with those of randomised networks and with references.

    Attributes:
        cascade: from the last part to the first.
        other_class: maps of the other class of the same face.
        other_face: maps of the next face.
        edges: the picture's edges (Sobel), independent of the network.
    """

    cascade: tuple[Stage, ...]
    other_class: Similarity
    other_face: Similarity
    edges: Similarity


class CaptumComparison(Record, frozen=True, kw_only=True):
    """How many guided gradients, of ``maps``, equal Captum's, and the differences.

    Attributes:
        within: how many differ by at most ``tolerance``.
        median, largest: of the differences.
        captums_within: like ``within``, for Captum in 32 bits against Captum in 64.
    """

    maps: int
    tolerance: float
    within: int
    median: float
    largest: float
    captums_within: int


class NetworkSanity(Record, frozen=True, kw_only=True):
    model: str
    captum: CaptumComparison
    n: int
    seeds: tuple[int, ...]
    methods: dict[str, MethodSanity]


class Sanity(Document, frozen=True, kw_only=True):
    """The sanity test of explanations.

    Attributes:
        faces, explained: which faces were used, and which class was explained.
    """

    KIND = "sanity"

    networks: tuple[NetworkSanity, ...]
    faces: str
    explained: str
