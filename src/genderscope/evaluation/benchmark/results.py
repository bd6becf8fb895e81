"""The results of benchmarks, keyed by model, data set, stage, operator or batch size."""

from genderscope.core.results import Document, Estimate, Interval, Record
from genderscope.evaluation.metrics.paired import McNemar


class Machine(Record, frozen=True, kw_only=True):
    """The machine that ran the benchmark, without its name; None where unknown."""

    cpu: str
    architecture: str
    cpu_family_model: tuple[str | None, ...]
    instructions: tuple[str, ...]
    cores: int | None
    cores_allowed: int | None
    caches: dict[str, str]
    system: str
    load_average_1m: float | None


class TimedDocument(Document, frozen=True, kw_only=True):
    """A result that depends on the machine; its provenance has the versions."""

    machine: Machine


class Timing(Record, frozen=True, kw_only=True):
    """Median and 95th percentile of ``calls`` calls, divided by the faces per call."""

    median_ms: float
    p95_ms: float
    faces_per_s: float
    calls: int


class Ratio(Record, frozen=True, kw_only=True):
    """The median over rounds of the ratio of two times, with its 95% interval (bootstrap)."""

    value: float
    interval: Interval
    rounds: int


class TrainingTime(Record, frozen=True, kw_only=True):
    epochs: int | None
    seconds: float | None
    seconds_per_epoch: float | None


class ModelResult(Record, frozen=True, kw_only=True):
    """A model: ``looks`` is the mean number of times that it scores a face; ``accuracy`` is without
    abstention, by data set; ``time`` is that of one look, by ``network`` and ``classifier`` (from
    crops to logits), then by batch size.
    """

    source: str | None
    parameters: int
    multiply_adds: int
    looks: float = 1.0
    file_bytes: int
    training: TrainingTime
    accuracy: dict[str, Estimate]
    time: dict[str, dict[str, Timing]]

    @property
    def ms_per_face(self) -> float:
        """Mean milliseconds of the network alone, one face at a time."""
        return self.looks * self.time["network"]["1"].median_ms


class PairedAccuracy(Record, frozen=True, kw_only=True):
    """A's accuracy minus B's on the same pictures, and McNemar's test."""

    difference: Estimate
    test: McNemar


class Pair(Record, frozen=True, kw_only=True):
    """Two models: A's time divided by B's, by batch size, and their accuracy, by data set."""

    a: str
    b: str
    time_ratio: dict[str, Ratio]
    accuracy: dict[str, PairedAccuracy]


class Benchmark(TimedDocument, frozen=True, kw_only=True):
    """Models compared by accuracy, size and speed; ``time_is`` says what was timed, and how."""

    KIND = "benchmark"

    detector: str
    models: dict[str, ModelResult]
    pairs: tuple[Pair, ...]
    time_is: str
    rounds: int


class Ceiling(Record, frozen=True, kw_only=True):
    """One thread's peak throughput: GFLOP/s by the side of square float32 matrices, where a
    multiplication and an addition are two operations, and GB/s of a memory copy, read and written.
    """

    matrix_gflops: dict[str, float]
    best_gflops: float
    copy_gbytes_per_s: float


class Operator(Record, frozen=True, kw_only=True):
    """An operator of a network, for one face."""

    operator: str
    output: tuple[int, ...]
    multiply_adds: int
    bytes: float
    microseconds: float


class NetworkProfile(Record, frozen=True, kw_only=True):
    """The operators of a network and their totals, for one face of a batch of ``faces``."""

    faces: int
    microseconds: float
    multiply_adds: int
    bytes: float
    gflops: float
    gbytes_per_s: float
    operators: tuple[Operator, ...]


class NetworkSpeed(Record, frozen=True, kw_only=True):
    """A network compared with the machine's ceiling, by batch size."""

    multiply_adds: int
    time: dict[str, Timing]
    gflops: dict[str, float]
    profile: dict[str, NetworkProfile]


class Rates(Record, frozen=True, kw_only=True):
    ms: float
    pictures_per_s: float
    faces_per_s: float


class Stage(Rates, frozen=True, kw_only=True):
    share: float


class Stages(Rates, frozen=True, kw_only=True):
    """The rates of all stages together and of each."""

    stages: dict[str, Stage]


class Pictures(Record, frozen=True, kw_only=True):
    """The time of pictures: one by one by stage, ``apart``, and in batches by ``Pipeline.stream``,
    ``together``, without explaining and drawing; ``unreadable`` are reasons.
    """

    pictures: int
    faces: int
    rounds: int
    apart: Stages
    together: Rates
    unreadable: tuple[str, ...]


class Profile(TimedDocument, frozen=True, kw_only=True):
    """Time by stage of a picture, and by operator of each network."""

    KIND = "profile"

    detector: str
    model: str
    pictures: Pictures
    ceiling: Ceiling
    networks: dict[str, NetworkSpeed]


class Stream(Stages, frozen=True, kw_only=True):
    """The mean times of a video's frames."""

    frames: int
    faces_a_frame: float


class VideoRun(Record, frozen=True, kw_only=True):
    """A video: ``plain``, ``whole``, with faces detected in every whole frame, and ``explained``;
    ``guided_to_plain`` is the time ratio of the network with maps to that without.
    """

    plain: Stream
    whole: Stream | None = None
    explained: Stream | None = None
    guided_to_plain: Ratio | None = None


class VideoBenchmark(TimedDocument, frozen=True, kw_only=True):
    """Frames per second, by the number of faces in a frame."""

    KIND = "video benchmark"

    detector: str
    model: str
    faces: dict[str, VideoRun]
