"""The result files of the benchmarks outside the package."""

from genderscope.core.results import Document, Estimate, Record
from genderscope.evaluation.benchmark.results import Ratio, TimedDocument, Timing

Range = tuple[float, float]


class ThreadTiming(Timing, frozen=True, kw_only=True):
    """A way to use threads; ``busy`` is how many cores it keeps busy."""

    to_one_thread: Ratio
    busy: float


class Threads(TimedDocument, frozen=True, kw_only=True):
    """Ways to use threads, by the number of faces at once and by name."""

    KIND = "threads"

    model: str
    threads: int
    ways: dict[str, dict[str, ThreadTiming]]
    rounds: int


class Size(Record, frozen=True, kw_only=True):
    parameters: int
    multiply_adds: int


class PhotographTiming(Timing, frozen=True, kw_only=True):
    """Timing per face of photographs with so many ``faces`` in all."""

    faces: int
    photographs_per_s: float


class Photographs(Record, frozen=True, kw_only=True):
    photographs: int
    detector: str
    ways: dict[str, PhotographTiming]
    sequential_to_stream: Ratio


class Peers(TimedDocument, frozen=True, kw_only=True):
    """Our networks and the reference's, by name and batch size."""

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
    """Layers of mini-Xception, with their times by batch size."""

    time: dict[str, VariantTiming]


class ChunkTiming(Timing, frozen=True, kw_only=True):
    to_whole: Ratio


class Variants(TimedDocument, frozen=True, kw_only=True):
    """Layers, settings of ONNX Runtime by batch size, and faces at once."""

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
    """Very many pictures in a run that was killed twice and resumed.

    Attributes:
        results: how many there are, of ``different`` pictures.
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
    """Medians over ``repeats`` of a picture, by stage."""

    faces: int
    repeats: int
    ms: dict[str, float]
    share: dict[str, float]


class Bound(Record, frozen=True, kw_only=True):
    """Faces found, and the boxes lost beside the full size."""

    faces: int
    lost: tuple[tuple[int, int, int, int], ...]


class Photograph(Record, frozen=True, kw_only=True):
    """Faces of a photograph, by the bound on its longer side in pixels, or ``default``."""

    picture: str
    size: str
    faces_at_full_size: int
    bounds: dict[str, Bound]


class Throughput(TimedDocument, frozen=True, kw_only=True):
    """Pictures per second of the sequential way and of ours."""

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
    """Faces turned clockwise by so many degrees.

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
    """Square pictures of so many pixels that one face fills; ``false_boxes`` of all of them."""

    detector: str
    side_px: int
    found: Estimate
    false_boxes: int


class Enlarged(Record, frozen=True, kw_only=True):
    """Faces found in a photograph enlarged so many times, and the time of ``auto``."""

    detector: str
    picture: str
    faces: dict[str, int]
    auto_to_upright_time: float


class FindFaces(TimedDocument, frozen=True, kw_only=True):
    """Faces found and answered right by angle, by size, and in enlarged photographs.

    Attributes:
        opposite_when_mirrored: by model, the share of faces whose firm answer becomes the opposite
            firm answer.
    """

    KIND = "find faces"

    model: str
    angles: tuple[AtAngle, ...]
    filling: tuple[FillingFace, ...]
    enlarged: tuple[Enlarged, ...]
    opposite_when_mirrored: dict[str, Estimate]


class Bar(Record, frozen=True, kw_only=True):
    """A median with the range of its rounds, and the bar that it is to reach.

    Attributes:
        at_least: the bar is the least value, else the largest.
    """

    what: str
    value: float
    range: Range
    bar: float
    at_least: bool
    met: bool


class SpeedBars(TimedDocument, frozen=True, kw_only=True):
    """What a user waits for, and the bars.

    Attributes:
        same: what must not change with the speed, and whether it is the same.
        medians: of all that was measured, by case, quantity and version.
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
    """What the check for near duplicates finds again, and what it says of strangers.

    Attributes:
        changes: the share found by change; ``false_pairs`` of two pictures in all.
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
    """What a command over so many pictures takes; ``peak_memory_mb`` is of its largest process."""

    command: str
    pictures: int
    seconds: float
    processor_seconds: float
    peak_memory_mb: float


class DataSpeed(TimedDocument, frozen=True, kw_only=True):
    """What the commands for data sets take, each run once."""

    KIND = "data speed"

    commands: tuple[CommandCost, ...]


class PageCase(Record, frozen=True, kw_only=True):
    """A camera before the page, with the network in the ``service`` or in the ``tab``.

    Attributes:
        drawn_per_s: pictures of the camera that the browser presents.
        round_trip_ms: the median time from sending a frame to its answer.
        sent: size in pixels.
        faces: found in a frame, on average.
        service_processor_ms: processor time for each answered frame, as for the browser.
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
    """How many frames a second the page's camera shows and has answered."""

    KIND = "page frames"

    camera: str
    seconds: float
    cases: tuple[PageCase, ...]
