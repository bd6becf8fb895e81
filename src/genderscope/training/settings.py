"""The settings of a training run, checked on construction. Does not import torch."""

from typing import Annotated, Literal

from msgspec import Meta, field
from msgspec.structs import asdict

from genderscope.core.results import Record
from genderscope.core.types import SecondLook

Ratio = Annotated[float, Meta(ge=0, le=1)]
Weight = Annotated[float, Meta(ge=0)]


class Augmentation(Record, frozen=True, kw_only=True):
    """The strength of the random views, which are drawn for each face.

    Attributes:
        angle_deg: largest rotation to either side.
        zoom_ratio: largest change of scale, as a bound on its logarithm.
        shift_ratio: largest translation along each axis, in units of the crop's side.
        gamma_ratio: largest exponent of the gamma curve, as a bound on its logarithm.
        slope: largest change of the brightness factor from one side of the crop to the other.
        noise: largest standard deviation of the noise, in grey levels, 0-255.
        blur_probability: share of faces seen at a lower resolution.
        cover_probability: share of faces with an erased rectangle.
        cover_ratio: largest side of that rectangle, in units of the crop's side.
        far_angle_deg: largest rotation of some of the faces, as of tilted heads.
        far_probability: share of those faces.
    """

    angle_deg: Weight = 20
    zoom_ratio: Weight = 0.18
    shift_ratio: Weight = 0.06
    gamma_ratio: Weight = 0.5
    slope: Weight = 0.5
    noise: Weight = 8
    blur_probability: Weight = 0.3
    cover_probability: Weight = 0.3
    cover_ratio: Weight = 0.5
    far_angle_deg: Weight = 45
    far_probability: Weight = 0.0

    def times(self, strength: float) -> "Augmentation":
        """Every value multiplied by a strength."""
        return Augmentation(**{name: strength * value for name, value in asdict(self).items()})


class Settings(Record, frozen=True, kw_only=True):
    """What defines a training run, besides its crops.

    Attributes:
        model: network, a file of ``training/models``.
        epochs: passes over the training part.
        batch_size: faces per training step.
        learning_rate: peak of the one-cycle schedule, which warms up for a tenth of the steps and
            then falls to zero.
        muon_rate: peak for the matrices that Muon updates (see ``optimizers``); 0 turns Muon off.
        small_share: share of the epochs, from the first, that train on views of ``small_scale``
            times the side (progressive resizing, Howard 2018). Teachers see the full size.
        small_scale: side of those views, as a share of the network's own.
        weight_decay: for all weights except biases and normalisation.
        label_smoothing: probability mass of a label that both classes share equally.
        mixup: parameter of the Beta distribution by which two faces and their labels are mixed
            (Zhang et al. 2018, arXiv:1710.09412); 0 turns it off.
        age_weight: weight of an auxiliary loss on the data set's age groups. Its layer is dropped
            after training; no output predicts age.
        occlusion_share: share of the faces augmented with occlusions, such as drawn glasses.
            Teachers see the same views without them, so the student learns the bare face's scores.
        group_weighting: exponent by which groups of race and label with a higher loss count more:
            a group's weight is (its mean loss / the mean over groups) ** group_weighting. 0 weights
            all faces alike.
        pretrained: initialise from the weights that the network's ``pretrained`` reads.
        init_from: folder of a finished run, to initialise from; a network in colour may start from
            a grey one.
        init_share: share of those weights in the final ones, which interpolate between the start
            and the end of the run (Wortsman et al. 2022, arXiv:2109.01903).
        teachers: folders of finished runs; the mean of their scores on the same views is learnt
            beside the labels (Hinton et al. 2015, arXiv:1503.02531).
        teacher_scores: weights of tables of precomputed teachers' scores, by file, instead of
            ``teachers``: see ``training.teacher_scores``.
        teacher_weight: weight of the teachers' loss, 0-1; the labels' loss has the rest.
        ema_decay: decay per step of the averaged weights that are validated and exported.
        validation_ratio: share of the crops held out for every choice.
        seed: random seed of the split, the batches, the views and initial weights.
        balance: for classes of unequal size: ``weights`` equalises them in the loss, ``sampler``
            draws equally many faces of both, ``none`` does nothing.
        augmentation: strength of the random views, 0 for none; in a recipe also a table of
            ``Augmentation``'s fields.
        second_look: faces that the exported model scores again, mirrored, to answer with the mean
            logits: ``none``, ``uncertain`` or ``all``.
        second_look_deg: angle by which it also turns them, both ways; 0 does not turn them.
        worst_group_bias: the exported model's bias maximises the lowest recall among groups of race
            and label on all labelled crops, instead of the likelihood on the held-out ones.
    """

    model: str = "mini_xception"
    epochs: Annotated[int, Meta(ge=1)] = 40
    batch_size: Annotated[int, Meta(ge=2)] = 128
    learning_rate: Weight = 4e-3
    muon_rate: Weight = 0.0
    small_share: Ratio = 0.0
    small_scale: Annotated[float, Meta(gt=0, le=1)] = 0.625
    weight_decay: Weight = 0.05
    label_smoothing: Ratio = 0.05
    mixup: Weight = 0.0
    age_weight: Weight = 0.0
    occlusion_share: Ratio = 0.0
    group_weighting: Weight = 0.0
    pretrained: bool = False
    init_from: str | None = None
    init_share: Ratio = 0.0
    teachers: tuple[str, ...] = ()
    teacher_scores: dict[str, Weight] = field(default_factory=dict)
    teacher_weight: Ratio = 0.5
    ema_decay: Ratio = 0.998
    validation_ratio: Ratio = 0.075
    seed: Annotated[int, Meta(ge=0)] = 0
    balance: Literal["none", "weights", "sampler"] = "none"
    augmentation: Augmentation = Augmentation()
    second_look: SecondLook = "uncertain"
    second_look_deg: Annotated[float, Meta(ge=0, le=45)] = 8.0
    worst_group_bias: bool = False
