"""Ray's engine on a cluster of this machine: the same bytes as the local engine."""

import warnings

import pytest

from genderscope import prepare
from genderscope.contracts import Box, Sample
from genderscope.crops import Crops
from genderscope.preprocess import PRESETS
from genderscope.shards import Recipe

pytest.importorskip("pyarrow", reason="needs the extra [eval]")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    ray = pytest.importorskip("ray", reason="needs the extra [cluster]")
    pytest.importorskip("ray.data", reason="needs the extra [cluster]")

from genderscope import cluster

# Ray's own, about sockets and settings to come.
pytestmark = pytest.mark.filterwarnings("ignore")


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
    for engine in (prepare.processes, cluster.shards):
        out = tmp_path / f"cache of {engine.__module__}"
        progress = list(prepare.prepare(samples, recipe, out, jobs=2, engine=engine))
        assert progress[0] == (0, 14)
        assert progress[-1] == (14, 14)
        assert len(progress) == 5
        made[engine] = {file.name: file.read_bytes() for file in out.iterdir()}
    assert made[prepare.processes] == made[cluster.shards]
    assert len(made[cluster.shards]) == 2 * 4 + 2
    assert sum(Crops(out).failures.values()) == 1
