"""The result files of the benchmarks outside the package."""

from collections.abc import Iterable

from genderscope.core.results import Document, Estimate, Provenance, Record, command_of, versions
from genderscope.evaluation.benchmark import machine
from genderscope.evaluation.benchmark.results import Ratio, TimedDocument, Timing

Range = tuple[float, float]


def provenance(
    module: str,
    libraries: Iterable[str] = machine.LIBRARIES,
    seed: int | None = None,
    fingerprint: str | None = None,
) -> Provenance:
    """The provenance of a result of ``python -m benchmarks.<module>``."""
    return Provenance(
        command=command_of(f"benchmarks.{module}"),
        versions=versions(libraries),
        seed=seed,
        fingerprint=fingerprint,
    )


class ThreadTiming(Timing, frozen=True, kw_only=True):
    """A way to use threads; ``busy`` is the mean number of busy cores."""

    to_one_thread: Ratio
    busy: float


class Threads(TimedDocument, frozen=True, kw_only=True):
    """Ways to use threads, by the number of faces per call and by name."""

    KIND = "threads"

    model: str
    threads: int
    ways: dict[str, dict[str, ThreadTiming]]
    rounds: int


class Size(Record, frozen=True, kw_only=True):
    parameters: int
    multiply_adds: int


class PhotographTiming(Timing, frozen=True, kw_only=True):
    """Timing per face of photographs with ``faces`` faces in total."""

    faces: int
    photographs_per_s: float


class Photographs(Record, frozen=True, kw_only=True):
    photographs: int
    detector: str
    ways: dict[str, PhotographTiming]
    sequential_to_stream: Ratio


class Peers(TimedDocument, frozen=True, kw_only=True):
    """Our networks and the reference, by name and batch size."""

    KIND = "peers"

    reference: Size
    times: dict[str, dict[str, Timing]]
    to_reference: dict[str, dict[str, Ratio]]
    to_torch_eager: dict[str, dict[str, Ratio]]
    photographs: Photographs
    rounds: int


class VariantTiming(Timing, frozen=True, kw_only=True):
    to_reference: Ratio


class Variant(Size, frozen=True, kw_only=True):
    """A variant of mini-Xception's layers, with times by batch size."""

    time: dict[str, VariantTiming]


class ChunkTiming(Timing, frozen=True, kw_only=True):
    to_whole: Ratio


class Variants(TimedDocument, frozen=True, kw_only=True):
    """Variants of layers, of ONNX Runtime settings by batch size, and of faces per call."""

    KIND = "variants"

    structures: dict[str, Variant]
    settings: dict[str, dict[str, Timing]]
    chunks: dict[str, ChunkTiming]
    rounds: int


class Run(Record, frozen=True, kw_only=True):
    killed: bool
    exit_code: int
    seconds: float
    peak_memory_mb: float
    results_after: int
    last_line: str


class Many(TimedDocument, frozen=True, kw_only=True):
    """Very many pictures in a run that was killed and resumed twice.

    Attributes:
        results: number of results, for ``different`` distinct pictures.
    """

    KIND = "many"

    detector: str
    pictures: int
    results: int
    different: int
    in_order: bool
    peak_memory_mb: float
    runs: tuple[Run, ...]


class Speed(Record, frozen=True, kw_only=True):
    workers: int
    pictures_per_second: float
    range: Range
    times_one_worker: float


class Curve(Record, frozen=True, kw_only=True):
    picture: str
    pictures_a_round: int
    rounds: int
    processor_ms_a_picture: float
    threads: tuple[Speed, ...]
    ray_processes: tuple[Speed, ...] = ()


class Scaling(TimedDocument, frozen=True, kw_only=True):
    """Pictures per second by the number of workers."""

    KIND = "scaling"

    model: str
    detector: str
    curves: tuple[Curve, ...]


class Way(Record, frozen=True, kw_only=True):
    pictures_per_second: float
    range: Range
    times_the_sequential: float
    faces_a_picture: float


class ClassifierShare(Record, frozen=True, kw_only=True):
    faces_a_picture: int
    median: float
    range: Range


class StageTimes(Record, frozen=True, kw_only=True):
    """Medians by stage over ``repeats`` of one picture."""

    faces: int
    repeats: int
    ms: dict[str, float]
    share: dict[str, float]


class Bound(Record, frozen=True, kw_only=True):
    """Faces found, and the boxes of faces that only full size finds."""

    faces: int
    lost: tuple[tuple[int, int, int, int], ...]


class Photograph(Record, frozen=True, kw_only=True):
    """Faces of a photograph by the limit on its longer side in pixels, or ``default``."""

    picture: str
    size: str
    faces_at_full_size: int
    bounds: dict[str, Bound]


class Throughput(TimedDocument, frozen=True, kw_only=True):
    """Pictures per second of sequential use and of ours."""

    KIND = "throughput"

    model: str
    picture: str
    pictures_a_round: int
    rounds: int
    ways: dict[str, Way]
    classifier_share_of_processor_time: ClassifierShare
    stages_of_ours_on_one_thread: StageTimes
    faces_found: tuple[Photograph, ...]


class AtAngle(Record, frozen=True, kw_only=True):
    """Faces rotated clockwise by ``degrees``.

    Attributes:
        accuracy: of those found, without abstention.
        processor_ms: for one picture of 240 x 240 pixels.
    """

    detector: str
    orientation: str
    degrees: int
    found: Estimate
    accuracy: Estimate
    processor_ms: float


class FillingFace(Record, frozen=True, kw_only=True):
    """Square pictures filled by one face; ``false_boxes`` is the total over all pictures."""

    detector: str
    side_px: int
    found: Estimate
    false_boxes: int


class Enlarged(Record, frozen=True, kw_only=True):
    """Faces found in a photograph by enlargement factor, and the time of ``auto``."""

    detector: str
    picture: str
    faces: dict[str, int]
    auto_to_upright_time: float


class FindFaces(TimedDocument, frozen=True, kw_only=True):
    """Faces found and classified correctly by angle, by size, and in enlarged photographs.

    Attributes:
        opposite_when_mirrored: by model, the share of faces whose label becomes the other one, both
            answers not ``uncertain``.
    """

    KIND = "find faces"

    model: str
    angles: tuple[AtAngle, ...]
    filling: tuple[FillingFace, ...]
    enlarged: tuple[Enlarged, ...]
    opposite_when_mirrored: dict[str, Estimate]


class Bar(Record, frozen=True, kw_only=True):
    """A median with the range of its rounds, and its target, ``bar``.

    Attributes:
        at_least: whether the target is a minimum, else a maximum.
    """

    what: str
    value: float
    range: Range
    bar: float
    at_least: bool
    met: bool


class SpeedBars(TimedDocument, frozen=True, kw_only=True):
    """Speeds that users notice, and their targets.

    Attributes:
        same: whether each result that must not change with speed is unchanged.
        medians: of all measurements, by case, quantity and version.
    """

    KIND = "speed bars"

    rounds: int
    bars: tuple[Bar, ...]
    same: dict[str, bool]
    medians: dict[str, float]


class Control(Record, frozen=True, kw_only=True):
    """Pairs that cannot be duplicates, and those ``within`` the distance of near duplicates, with
    the highest correlation of their details.
    """

    pairs: int
    within: int
    highest_correlation: float


class NearDuplicateCheck(Document, frozen=True, kw_only=True):
    """The near-duplicate check on changed pictures and on pairs that cannot be duplicates.

    Attributes:
        changes: the share of changed pictures found, by change.
        false_pairs: the number of pairs of different pictures, over all changes.
        median_distance_bits: between the hashes of pictures of two data sets.
        mirrored, unmirrored: pairs with one picture mirrored, and pairs of different data sets.
        copies_that_disagree: exact copies whose label or group differs.
    """

    KIND = "near duplicate check"

    changes: dict[str, Estimate]
    false_pairs: int
    median_distance_bits: float
    mirrored: Control
    unmirrored: Control
    copies_that_disagree: dict[str, int]


class CommandCost(Record, frozen=True, kw_only=True):
    """Time and memory of a command; ``peak_memory_mb`` is that of its largest process."""

    command: str
    pictures: int
    seconds: float
    processor_seconds: float
    peak_memory_mb: float


class DataSpeed(TimedDocument, frozen=True, kw_only=True):
    """Time and memory of the commands for data sets, each run once."""

    KIND = "data speed"

    commands: tuple[CommandCost, ...]


class PageCase(Record, frozen=True, kw_only=True):
    """The page with a camera, and the network in the ``service`` or in the ``tab``.

    Attributes:
        drawn_per_s: camera frames per second that the browser presents.
        round_trip_ms: the median time from sending a frame to its answer.
        sent: size of the sent frames in pixels.
        faces: mean number of faces found per frame.
        service_processor_ms, browser_processor_ms: processor time per answered frame.
    """

    camera: str
    network: str
    answered_per_s: float
    drawn_per_s: float
    round_trip_ms: float
    kilobytes_sent: float
    sent: str
    faces: float
    service_processor_ms: float
    browser_processor_ms: float


class PageFrames(TimedDocument, frozen=True, kw_only=True):
    """Frames per second that the page's camera shows and gets answers for."""

    KIND = "page frames"

    camera: str
    seconds: float
    cases: tuple[PageCase, ...]
