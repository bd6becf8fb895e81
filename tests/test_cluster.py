"""Ray's engine on a cluster of this machine: the same as the local engine."""

import tarfile
import warnings
from collections import Counter

import cv2
import numpy as np
import pytest

from genderscope.core.types import Box, Sample
from genderscope.data import prepare
from genderscope.data.prepare.crops import Crops
from genderscope.data.prepare.shards import Recipe
from genderscope.imaging.preprocess import PRESETS

pytest.importorskip("pyarrow", reason="needs the extra [eval]")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    psutil = pytest.importorskip("psutil", reason="needs the extra [dev]")
    ray = pytest.importorskip("ray", reason="needs the extra [cluster]")
    pytest.importorskip("ray.data", reason="needs the extra [cluster]")

from genderscope.core.errors import UsageError
from genderscope.data.prepare.cluster import shards as cluster_shards
from genderscope.inference import bulk, cluster
from genderscope.inference.bulk import Settings, archives
from genderscope.sinks import parquet

# Ray's own, about sockets and settings to come. Its processes start slowly on a busy machine.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def machines():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.mark.usefixtures("machines")
@pytest.mark.parametrize(
    "recipe", [Recipe(PRESETS["paper"], None), Recipe(PRESETS["aligned"], "haar")]
)
def test_shards_are_those_of_the_local_engine(recipe, portrait, tmp_path, monkeypatch):
    monkeypatch.setattr(prepare, "SHARD_ROWS", 4)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "relative.jpg").symlink_to(portrait)
    samples = [
        Sample(portrait, number % 2, Box(150 + number, 60, 120, 130), identity=f"person {number}")
        for number in range(11)
    ]
    samples += [Sample(tmp_path / "missing.jpg", 0), Sample(tmp_path / "relative.jpg", None)]
    samples.append(Sample((tmp_path / "relative.jpg").relative_to(tmp_path), 1))
    made = {}
    for engine in (prepare.processes, cluster_shards):
        out = tmp_path / f"cache of {engine.__module__}"
        progress = list(prepare.prepare(samples, recipe, out, jobs=2, engine=engine))
        assert progress[0] == (0, 14)
        assert progress[-1] == (14, 14)
        assert len(progress) == 5
        made[engine] = {file.name: file.read_bytes() for file in out.iterdir()}
    assert made[prepare.processes] == made[cluster_shards]
    assert len(made[cluster_shards]) == 2 * 4 + 2
    assert sum(Crops(out).manifest.failures.values()) == 1


def busy_workers():
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if (process.info["cmdline"] or [""])[0].startswith("ray::")
        and "_Worker" in process.info["cmdline"][0]
    ]


@pytest.mark.usefixtures("machines")
def test_results_are_those_of_the_local_engine_though_a_worker_is_killed(
    model, portrait, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    image = cv2.imread(str(portrait))
    (tmp_path / "pictures").mkdir()
    with tarfile.open("packed.tar", "w") as archive:
        for number in range(20):
            file = f"pictures/{number:03d}.jpg"
            cv2.imwrite(file, np.roll(image, number, 1))
            archive.add(file)
        archive.add(file, "a.pdf")
    (tmp_path / "pictures" / "broken.jpg").write_bytes(b"no picture")
    places = ["pictures", f"file://{tmp_path}/packed.tar"]
    settings = Settings(model=model, detector="haar")

    unread, errors = Counter(), []
    made = cluster.classify(
        places, "out", settings, workers=2, size=4, unread=unread, report=errors.append
    )
    begun = next(made)
    assert begun == Counter(shards=7, parts=0)
    tallies = [next(made)]
    busy_workers()[0].kill()
    tallies += list(made)
    assert len(tallies) == 7
    total = sum(tallies, Counter())
    assert (total["pictures"], total["failed"]) == (41, 1)
    assert unread == {".pdf": 1}
    assert [error.partition(" ")[0] for error in errors] == ["pictures/broken.jpg"]

    with parquet.create("alone") as sink:
        listed = (p for shard in archives.shards(places) for p in archives.pictures(shard))
        for scene in bulk.classify(listed, settings, 2):
            sink.write(scene)
    pq = pytest.importorskip("pyarrow.parquet")
    assert pq.read_table("out").equals(pq.read_table("alone"))

    (tmp_path / "out" / parquet.file_name(3)).unlink()
    again = list(cluster.classify(places, "out", settings, workers=2, size=4))
    assert again[0] == Counter(shards=7, parts=6)
    assert [tally["pictures"] for tally in again[1:]] == [4]
    assert pq.read_table("out").equals(pq.read_table("alone"))
    with pytest.raises(UsageError, match="min_face_px was 24 and is 30"):
        next(cluster.classify(places, "out", Settings(model=model, min_face_px=30), size=4))
