"""The training wing: networks, views, training that resumes, export."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="needs the extra [lab]")
pytest.importorskip("lightning", reason="needs the extra [lab]")

from lightning.pytorch.callbacks import Callback  # noqa: E402
from msgspec.structs import replace  # noqa: E402
from torch import nn  # noqa: E402

from genderscope.cli import app  # noqa: E402
from genderscope.core import plugins  # noqa: E402
from genderscope.core.errors import ModelError, UsageError  # noqa: E402
from genderscope.core.types import Sample  # noqa: E402
from genderscope.data.prepare import prepare  # noqa: E402
from genderscope.data.prepare.crops import Crops  # noqa: E402
from genderscope.data.prepare.shards import Recipe  # noqa: E402
from genderscope.imaging.preprocess import PRESETS  # noqa: E402
from genderscope.inference.classifier import WEIGHTS, Classifier, calibrated  # noqa: E402
from genderscope.training import export as onnx_export  # noqa: E402
from genderscope.training import lightning_module, recipes  # noqa: E402
from genderscope.training.augmentation import augment  # noqa: E402
from genderscope.training.batches import Batches, age_groups, split  # noqa: E402
from genderscope.training.calibration import COVERAGE, Views, calibrate  # noqa: E402
from genderscope.training.export import export, export_run, multiply_adds  # noqa: E402
from genderscope.training.lightning_module import ClassifierModule  # noqa: E402
from genderscope.training.record import Study, TrainingRecord, chance  # noqa: E402
from genderscope.training.runs import fill, load  # noqa: E402
from genderscope.training.settings import Augmentation, Settings  # noqa: E402
from genderscope.training.train import train, train_parents  # noqa: E402

torch.set_num_threads(1)  # the networks are small, and other tests may run beside

METADATA = {"name": "x", "temperature": 1.0, "bias": 0.0, "abstention": {"min_confidence": 0.5}}


@pytest.fixture(scope="module", params=["mini_xception", "residual_cnn", "standard_cnn"])
def network(request):
    torch.manual_seed(0)
    return plugins.load("training.models", request.param).create()


@pytest.fixture(scope="module")
def crops(tmp_path_factory, portrait):
    """Sixty views of a portrait: plain ones are woman, mirrored ones with a bar are man."""
    folder = tmp_path_factory.mktemp("pictures")
    picture = cv2.imread(str(portrait))
    draw = np.random.default_rng(0)
    samples = []
    for number in range(60):
        view = cv2.convertScaleAbs(picture, alpha=draw.uniform(0.6, 1.2), beta=draw.uniform(0, 30))
        if number % 2:
            view = np.ascontiguousarray(view[:, ::-1])
            view[125:150, 200:350] = 0
        file = folder / f"{number:02d}.png"
        cv2.imwrite(str(file), view)
        samples.append(Sample(file, number % 2, groups={"age": ("20-29", "3-9")[number // 30]}))
    out = folder / "cache"
    recipe = Recipe(PRESETS["aligned"], "haar")
    list(prepare(samples, recipe, out, sources=["folder"], jobs=1))
    return Crops(out)


@pytest.fixture(scope="module")
def occlusions(crops):
    samples = [
        Sample(crops.folder.parent / file, number % 2) for number, file in enumerate(crops.files)
    ]
    recipe = Recipe(crops.spec, "haar", counterfactual="random")
    list(prepare(samples, recipe, crops.folder.parent / "occlusions", sources=["f"], jobs=1))
    return Crops(crops.folder.parent / "occlusions")


@pytest.fixture(scope="module")
def brief():
    return Settings(epochs=3, batch_size=16, validation_ratio=0.2, ema_decay=0.9)


def layers(network, kind):
    return [layer for layer in network.modules() if isinstance(layer, kind)]


def test_the_standard_network_is_the_one_of_the_paper():
    network = plugins.load("training.models", "standard_cnn").create()
    assert [len(layers(network, kind)) for kind in (nn.Conv2d, nn.BatchNorm2d, nn.ReLU)] == [9] * 3
    assert not layers(network, nn.Linear)
    assert 550_000 <= sum(p.numel() for p in network.parameters()) <= 650_000


def test_mini_xception_has_four_residual_separable_blocks():
    module = plugins.load("training.models", "mini_xception")
    network = module.create()
    assert len(layers(network, module.Block)) == 4
    assert len(layers(network, module.SeparableConvolution)) == 8
    assert not layers(network, nn.Linear)
    assert sum(p.numel() for p in network.parameters()) <= 60_000


def test_each_activation_is_a_module_that_runs_once(network):
    """Guided back-propagation hooks modules, and cannot tell two calls of one apart."""
    calls = []
    hooks = [
        layer.register_forward_hook(lambda layer, *_: calls.append(id(layer)))
        for layer in layers(network, nn.ReLU)
    ]
    graph_relus = 0
    logits = network.eval()(torch.rand(1, 1, 64, 64))
    seen, queue = set(), [logits.grad_fn]
    while queue:
        node = queue.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        graph_relus += "Relu" in type(node).__name__
        queue += [following for following, _ in node.next_functions]
    for hook in hooks:
        hook.remove()
    assert len(calls) == len(set(calls)) == graph_relus > 5


def test_multiply_adds_by_hand():
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Flatten(), nn.Linear(4 * 64 * 64, 2))
    assert multiply_adds(network, PRESETS["aligned"]) == 64 * 64 * 9 * 4 + 4 * 64 * 64 * 2


def test_files_of_a_run_execute_nothing(crops, brief, tmp_path):
    class Hostile:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "executed",))

    for name in ("last.ckpt", "weights.pt"):
        torch.save({"settings": {}, "model": Hostile(), "channels": 1}, tmp_path / name)
    with pytest.raises(UsageError, match=r"last\.ckpt is not a file of a training run"):
        train(crops, brief, tmp_path, resume=True)
    with pytest.raises(UsageError, match=r"weights\.pt is not a file of a training run"):
        load(tmp_path)
    assert not (tmp_path / "executed").exists()


def test_views_without_any_strength_are_the_crops_or_their_mirror_images():
    still = Augmentation().times(0)
    wide = torch.rand(16, 1, 96, 96) * 255
    middle = wide[:, :, 16:80, 16:80]
    views = augment(wide, 64, still)
    plain = torch.isclose(views, middle, atol=0.02).flatten(1).all(1)
    mirrored = torch.isclose(views, middle.flip(3), atol=0.02).flatten(1).all(1)
    assert (plain | mirrored).all()
    assert plain.any()
    assert mirrored.any()


def test_views_differ_by_face_and_keep_their_range():
    wide = torch.rand(1, 1, 96, 96).expand(32, 1, 96, 96) * 255
    torch.manual_seed(1)
    views = augment(wide, 64, Augmentation())
    assert views.shape == (32, 1, 64, 64)
    assert 0 <= views.min() < views.max() <= 255
    assert (views[1:] - views[:1]).abs().mean((1, 2, 3)).min() > 1
    torch.manual_seed(1)
    assert torch.equal(views, augment(wide, 64, Augmentation()))


def test_training_learns_resumes_and_ships_a_model_that_runs(crops, brief, tmp_path):
    brief = replace(brief, muon_rate=0.02, small_share=0.34)
    whole = train(crops, brief, tmp_path / "whole")
    record = TrainingRecord.load(tmp_path / "whole" / "record.json")
    assert [epoch.epoch for epoch in record.history] == [0, 1, 2]
    assert record.data.train + record.data.validation == len(crops)
    assert record.spec == crops.spec
    assert record.provenance.fingerprint == crops.manifest.fingerprint

    # Stop after the second epoch, as a power cut would: only what lies on disk is left.
    cut_short = tmp_path / "cut"

    class Impatient(ClassifierModule):
        def on_train_epoch_start(self):
            if self.current_epoch == 2:
                raise KeyboardInterrupt
            super().on_train_epoch_start()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genderscope.training.train.ClassifierModule", Impatient)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            train(crops, brief, cut_short)
    # The checkpoint of a version without some setting can be resumed too.
    checkpoint = torch.load(cut_short / "last.ckpt", weights_only=True)
    del checkpoint["settings"]["balance"]
    torch.save(checkpoint, cut_short / "last.ckpt")
    resumed = train(crops, brief, cut_short, resume=True)
    assert [epoch.epoch for epoch in resumed.history] == [0, 1, 2]
    # One that has ended ends the same once more.
    earlier = tmp_path / "earlier"
    earlier.hardlink_to(cut_short / "weights.pt")
    again = train(crops, brief, cut_short, resume=True)
    assert not earlier.samefile(cut_short / "weights.pt")  # replaced, never written in place
    for name, weight in whole.network.state_dict().items():
        torch.testing.assert_close(resumed.network.state_dict()[name], weight, msg=name)
        torch.testing.assert_close(again.network.state_dict()[name], weight, msg=name)

    with pytest.raises(UsageError, match="other settings"):
        train(crops, replace(brief, epochs=9), cut_short, resume=True)
    elsewhere = Crops(shutil.copytree(crops.folder, tmp_path / "other"))
    elsewhere.manifest = replace(
        elsewhere.manifest, provenance=replace(crops.manifest.provenance, fingerprint="other")
    )
    with pytest.raises(UsageError, match="was trained on other crops than those in"):
        train(elsewhere, brief, cut_short, resume=True)
    with pytest.raises(UsageError, match="was not trained on the crops in"):
        export_run(cut_short, elsewhere)
    for ratio in (0, 1):
        with pytest.raises(UsageError, match=f"validation_ratio is {ratio}: choose one between"):
            train(crops, replace(brief, validation_ratio=ratio), tmp_path / "ratio")
    with pytest.raises(UsageError, match=r"\d\d training crops do not fill a batch of 128"):
        train(crops, Settings(), tmp_path / "large")
    alike = Crops(crops.folder)
    alike.labels = np.zeros_like(crops.labels)
    with pytest.raises(UsageError, match="12 held-out faces have one label only"):
        train(alike, brief, tmp_path / "alike")
    with pytest.raises(UsageError, match="no checkpoint"):
        train(crops, brief, tmp_path / "nothing", resume=True)

    model = Classifier.load(export_run(tmp_path / "whole", crops))
    assert model.spec == crops.spec
    assert model.metadata.data.name == "folder"
    assert model.metadata.data.fingerprint == crops.manifest.fingerprint
    scores = model(crops.exact(np.arange(5)))
    assert scores.shape == (5, 2)
    assert scores.sum(1) == pytest.approx(1)

    taught = replace(brief, epochs=1, teachers=(str(tmp_path / "whole"),))
    student = train(crops, taught, tmp_path / "s")
    assert not [name for name in student.state_dict() if "teacher" in name]
    record = TrainingRecord.load(tmp_path / "s" / "record.json")
    assert record.settings.teachers == ("whole",)
    assert str(tmp_path) not in (tmp_path / "s" / "record.json").read_text()
    with pytest.raises(UsageError, match=r"with seed 0, not 1: it has seen faces"):
        train(crops, replace(taught, seed=1), tmp_path / "t")
    with pytest.raises(UsageError, match=r"whole are of another network"):
        train(
            crops,
            replace(brief, model="standard_cnn", init_from=taught.teachers[0]),
            tmp_path / "t",
        )
    with pytest.raises(UsageError, match="holds no finished run"):
        train(crops, replace(brief, teachers=(str(tmp_path),)), tmp_path / "t")


def test_a_large_seed_and_a_recipe_on_itself_are_refused(crops: Crops, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="seed is 4294967296: choose one of at most 4294967295"):
        train(crops, Settings(seed=2**32), tmp_path / "seed")
    own = tmp_path / "own.toml"
    own.write_text(f"teachers = ['{own}']")
    with pytest.raises(UsageError, match=r"own.toml builds on itself"):
        train_parents(recipes.read(str(own)), crops, tmp_path, 0, None, print)
    both = ["train", "--cache", str(crops.folder), "--out", str(tmp_path / "run"), "--resume"]
    refused = CliRunner().invoke(app, [*both, "--overwrite"])
    assert refused.exit_code == 2
    assert "--resume keeps what --overwrite replaces" in refused.output


def test_final_weights_are_the_mean_of_those_before_and_after(crops, brief, tmp_path):
    before = train(crops, replace(brief, epochs=1), tmp_path / "before").network
    again = replace(brief, epochs=1, init_from=str(tmp_path / "before"))
    after = train(crops, again, tmp_path / "after").network
    module = train(crops, replace(again, init_share=0.25), tmp_path / "mean")
    for name, weight in module.network.state_dict().items():
        if weight.is_floating_point():
            own = after.state_dict()[name].lerp(before.state_dict()[name], 0.25)
            torch.testing.assert_close(weight, own)
    assert [one.epoch for one in module.history] == [0, 1]
    with pytest.raises(UsageError, match="init_share needs init_from"):
        train(crops, replace(brief, init_share=0.5), tmp_path / "none")


@pytest.mark.parametrize("name", ["mini_xception", "standard_cnn"])
def test_a_network_in_colour_starts_as_the_grey_one(tmp_path, name):
    module = plugins.load("training.models", name)
    grey, colour = module.create(1).eval(), module.create(3).eval()
    fill(colour, grey.state_dict(), tmp_path)
    faces = torch.rand(4, 1, 64, 64)
    torch.testing.assert_close(colour(faces.repeat(1, 3, 1, 1)), grey(faces))


def test_the_first_epochs_see_smaller_views_and_a_teacher_never_does(
    crops, brief, tmp_path, monkeypatch
):
    taught = replace(brief, teachers=(str(tmp_path / "first"),), small_share=0.67)
    train(crops, replace(brief, epochs=1), tmp_path / "first")
    sides: dict[str, list[int]] = {"student": [], "teacher": []}
    scores = lightning_module.teacher
    monkeypatch.setattr(
        lightning_module,
        "teacher",
        lambda runs: (
            lambda views: (sides["teacher"].append(views.shape[-1]), scores(runs)(views))[1]
        ),
    )

    class Watching(Callback):
        def on_train_batch_start(self, trainer, module, *_):
            hook = lambda layer, views: sides["student"].append(views[0].shape[-1])  # noqa: E731
            self.hook = module.network[0].register_forward_pre_hook(hook)

        def on_train_batch_end(self, *_):
            self.hook.remove()

    train(crops, taught, tmp_path / "second", callbacks=[Watching()])
    steps = len(sides["student"]) // 3
    assert sides["student"] == [40] * 2 * steps + [64] * steps
    assert set(sides["teacher"]) == {64}


def test_a_run_of_ten_steps_ends(crops, brief, tmp_path):
    task = train(crops, replace(brief, epochs=10, batch_size=48), tmp_path)
    assert task.global_step == 10
    assert len(task.history) == 10


def test_ages_teach_and_are_forgotten(crops, brief, tmp_path):
    ages, names = age_groups(crops)
    assert names == ["3-9", "20-29"]
    assert ages.tolist() == [1] * 30 + [0] * 30
    settings = replace(brief, epochs=1, age_weight=0.5, mixup=0.2)
    task = train(crops, settings, tmp_path)
    assert task.ages.out_features == 2
    assert not torch.equal(task.ages.weight, ClassifierModule(settings, crops.spec, 2).ages.weight)
    assert Classifier.load(export_run(tmp_path, crops)).logits(crops.exact(np.arange(3))).shape == (
        3,
        2,
    )
    assert ClassifierModule(brief, crops.spec, 2).ages is None
    with pytest.raises(UsageError, match="no age groups"):
        ClassifierModule(settings, crops.spec)
    again = ClassifierModule(replace(settings, init_from=str(tmp_path)), crops.spec, 2).network
    assert again.training
    torch.testing.assert_close(again.state_dict(), load(tmp_path).state_dict())
    with pytest.raises(UsageError, match="naive_cnn does not end in maps"):
        ClassifierModule(replace(settings, model="naive_cnn"), crops.spec, 2)


def test_tables_of_scores_teach_instead_of_labels(crops, brief):
    settings = replace(brief, teacher_scores={"a.csv": 1.0}, teacher_weight=1.0)
    module = ClassifierModule(settings, crops.spec).eval()
    module.log = lambda *_, **__: None
    batch = Batches(crops, np.arange(60), exact=False)[list(range(60))]
    labels = batch.labels.float()

    def loss(scores):
        return module.training_step(batch._replace(scores=scores), 0).item()

    nothing = torch.full((60,), torch.nan)
    assert loss(labels) == pytest.approx(loss(nothing)), "labels where a teacher is silent"
    assert loss(labels) + loss(1 - labels) == pytest.approx(
        2 * loss(torch.full((60,), 0.5)), rel=1e-4
    )


def test_occlusions_are_learnt_and_a_teacher_sees_the_same_without(
    crops, brief, occlusions, tmp_path
):
    indices = np.arange(60)
    bare, mixed, all_of_them = (
        Batches(crops, indices, exact=False, occlusions=occlusions, share=share)[list(range(60))]
        for share in (0, 0.5, 1)
    )
    assert not len(bare[1])
    assert torch.equal(mixed[1], bare[0])
    assert torch.equal(all_of_them[1], bare[0])
    assert not torch.equal(all_of_them[0], bare[0])
    drawn_on = (mixed[0] != bare[0]).any(2).any(1)
    assert 15 <= drawn_on.sum() <= 45
    assert torch.equal(mixed[0][drawn_on], all_of_them[0][drawn_on])

    train(crops, replace(brief, epochs=1), tmp_path / "teacher")
    settings = replace(
        brief,
        teachers=(str(tmp_path / "teacher"),),
        teacher_weight=1.0,
        augmentation=Augmentation().times(0),
    )
    task = ClassifierModule(settings, crops.spec).eval()
    task.log = lambda *_, **__: None
    answer, shown = task.teacher, []
    task.teacher = lambda views: shown.append(views) or answer(views)
    losses = [
        task.training_step(batch, 0).item()
        for batch in (bare, mixed, all_of_them, mixed._replace(labels=1 - mixed.labels))
    ]
    assert all(torch.equal(views, shown[0]) for views in shown)
    assert len(set(losses)) == 3, "what the network sees matters"
    assert losses[1] == losses[3], "the labels do not, where the teacher counts for all"

    half = replace(brief, epochs=1, occlusion_share=0.5)
    assert train(crops, half, tmp_path, occlusions=occlusions).history
    record = TrainingRecord.load(tmp_path / "record.json")
    assert record.data.occlusions == "random, seed 0"
    with pytest.raises(UsageError, match="needs a cache of crops with occlusions"):
        train(crops, half, tmp_path / "none")


def test_every_recipe_is_of_a_network_and_builds_on_recipes(tmp_path):
    assert {"mini_xception", "standard_cnn", "residual_cnn"} <= set(recipes.names())
    for name in recipes.names():
        options = recipes.read(name)
        settings = recipes.settings(options, tmp_path)
        assert settings.model == name.removesuffix("_first").removesuffix("_second")
        built_on = [*settings.teachers, *filter(None, [settings.init_from])]
        assert {Path(run).name for run in built_on} <= set(recipes.names())
        assert all(Path(run).parent == tmp_path for run in built_on)


def test_a_recipe_says_what_is_wrong_with_it(tmp_path):
    with pytest.raises(UsageError, match=r"no recipe 'no such'.*residual_cnn"):
        recipes.read("no such")
    (tmp_path / "broken.toml").write_text("epochs = ")
    with pytest.raises(UsageError, match=r"broken.toml is not valid TOML"):
        recipes.read(str(tmp_path / "broken.toml"))
    with pytest.raises(UsageError, match="no setting epoch; there are: model, epochs"):
        recipes.settings({"epoch": 1}, tmp_path)
    for weight, reason in ((-1, "Expected `float` >= 0"), (float("inf"), "is infinite")):
        for table in ({"teacher_scores": {"a.csv": weight}}, {"augmentation": {"noise": weight}}):
            with pytest.raises(UsageError, match=f"a setting is not valid: .*{reason}"):
                recipes.settings(table, tmp_path)


def test_one_command_trains_a_recipe_and_what_it_builds_on_first(crops, tmp_path, monkeypatch):
    monkeypatch.setattr(recipes, "FOLDER", tmp_path)
    brief = "epochs = 1\nbatch_size = 16\n"
    (tmp_path / "standard_cnn.toml").write_text(f'model = "standard_cnn"\n{brief}')
    taught = f'model = "mini_xception"\nteachers = ["standard_cnn"]\n{brief}'
    (tmp_path / "mini_first.toml").write_text(taught)
    (tmp_path / "mini_xception.toml").write_text(f'{taught}init_from = "mini_first"\n')
    command = ["train", "--recipe", "mini_xception", "--cache", str(crops.folder)]
    command += ["--out", str(tmp_path / "runs" / "mini")]
    monkeypatch.setattr("sys.argv", ["genderscope", *command])
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    record = TrainingRecord.load(tmp_path / "runs" / "mini" / "record.json")
    assert record.settings.teachers == ("standard_cnn",)
    assert record.settings.init_from == "mini_first"
    assert record.provenance.command.startswith("genderscope ")
    trained = [line.split()[1] for line in result.stderr.splitlines() if " first, in " in line]
    assert trained == ["standard_cnn", "mini_first"]
    assert Classifier.load(tmp_path / "runs" / "mini" / "mini_xception.onnx").name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--exclude", "leaks.json"], "--exclude requires --dataset"),
        (["--split", "val"], "--split requires --dataset"),
        (["--detector", "haar"], "--detector requires --dataset"),
        (["--preset", "paper"], "are not of the preset paper"),
        (["--occlusions", "other"], "--occlusions requires the setting occlusion_share"),
        (["--set", "occlusion_share=0.5"], "occlusion_share requires --occlusions"),
        (["--set", "epochs"], "write NAME=VALUE"),
        (["--set", "epochs=0"], "a setting is not valid: Expected `int` >= 1 - at `$.epochs`"),
        (["--set", "second_look=some"], "train --help' describes the settings"),
        (["--set", "mixup=inf"], "a setting is not valid: mixup is infinite"),
        (["--set", "augmentation=-1"], "a setting is not valid: Expected `float` >= 0"),
        (["--set", "augmentation=nan"], "a setting is not valid: Expected `float` >= 0"),
        (["--set", "balance=x"], "Invalid enum value 'x' - at `$.balance`"),
    ],
)
def test_what_a_cache_cannot_do_is_refused(crops, tmp_path, options, message):
    command = ["train", "--cache", str(crops.folder), "--out", str(tmp_path / "run"), *options]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--study", "STUDY"], "cannot be opened as a study: file is not a database"),
        (["--study", "new.sqlite", "--model", "foo"], "no model 'foo'; there are"),
    ],
)
def test_a_search_that_cannot_begin_leaves_nothing_behind(
    crops, tmp_path, monkeypatch, options, message
):
    pytest.importorskip("optuna", reason="needs the extra [lab]")
    monkeypatch.chdir(tmp_path)
    other = tmp_path / "other.sqlite"
    other.write_text("something else, and long enough to be read as a header of a database" * 9)
    words = [str(other) if word == "STUDY" else word for word in options]
    result = CliRunner().invoke(app, ["tune", "--cache", str(crops.folder), *words])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert message in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["other.sqlite"]


def test_a_search_goes_on_where_it_was_stopped(crops, tmp_path):
    pytest.importorskip("optuna", reason="needs the extra [lab]")
    command = ["tune", "--cache", str(crops.folder), "--study", str(tmp_path / "study.sqlite")]
    command += ["--epochs", "1", "--batch-size", "16"]
    for trials, ran in (("1", 1), ("2", 1), ("2", 0)):
        result = CliRunner().invoke(app, [*command, "--trials", trials])
        assert result.exit_code == 0, result.output
        assert result.stderr.count("trial ") == ran
    kept = tmp_path / "study.json"
    assert CliRunner().invoke(app, [*command, "--trials", "2", "--json", str(kept)]).exit_code == 0
    trials = Study.load(kept).trials
    assert [(t.number, t.state, len(t.losses)) for t in trials] == [
        (0, "complete", 1),
        (1, "complete", 1),
    ]
    assert 0.005 <= trials[0].options["muon_rate"] <= 0.1
    other = CliRunner().invoke(app, [*command, "--seed", "1"])
    assert other.exit_code == 2
    assert "is a study of other settings or crops" in other.stderr
    recipe = tmp_path / "best.toml"
    recipe.write_text(result.stdout)
    assert recipes.settings(recipes.read(str(recipe)), tmp_path).model == "mini_xception"


def test_a_search_needs_no_ages_and_its_file_may_have_any_name(crops, tmp_path):
    pytest.importorskip("optuna", reason="needs the extra [lab]")
    samples = [Sample(crops.folder.parent / file, n % 2) for n, file in enumerate(crops.files)]
    cache, study = tmp_path / "cache", tmp_path / "a?b #1 %20.sqlite"
    list(prepare(samples, Recipe(crops.spec, "haar"), cache, sources=["folder"], jobs=1))
    command = ["tune", "--cache", str(cache), "--study", str(study), "--trials", "1"]
    result = CliRunner().invoke(app, [*command, "--epochs", "1", "--batch-size", "16"])
    assert result.exit_code == 0, result.output
    assert "age_weight" not in result.stdout
    assert sorted(tmp_path.iterdir()) == [study, cache]


def test_a_trial_that_diverges_does_not_end_the_search(crops, tmp_path, monkeypatch):
    pytest.importorskip("optuna", reason="needs the extra [lab]")
    from genderscope.training import tune

    rates = {"augmentation": 1.0, "learning_rate": 1e30, "muon_rate": 1e30}
    monkeypatch.setattr(tune, "suggest", lambda *_: dict(rates))
    command = ["tune", "--cache", str(crops.folder), "--study", str(tmp_path / "study.sqlite")]
    command += ["--epochs", "1", "--batch-size", "16"]
    result = CliRunner().invoke(app, [*command, "--trials", "1"])
    assert result.exit_code == 2, result.output
    assert "trial 0: loss not a number" in result.stderr
    assert "study.sqlite ended with a loss: repeat the command to try others" in result.stderr
    monkeypatch.undo()
    result = CliRunner().invoke(app, [*command, "--trials", "1"])
    assert result.exit_code == 0, result.output
    assert "# trial 1 of 2: validation loss" in result.stdout


def test_training_and_validation_share_nothing(crops):
    train_part, held = split(crops, 0.2, 0)
    assert not set(train_part) & set(held)
    assert len(train_part) + len(held) == len(crops)
    assert crops.labels[held].mean() == pytest.approx(0.5, abs=0.05)
    assert not np.array_equal(held, split(crops, 0.2, 1)[1])


def test_identities_are_never_split(crops):
    class Known:
        labels = crops.labels
        identities = tuple(f"person {number // 6}" for number in range(60))

    parts = split(Known(), 0.2, 0)
    people = [{Known.identities[index] for index in part} for part in parts]
    assert not people[0] & people[1]
    assert all(people)


@pytest.mark.parametrize("preset", ["paper", "aligned"])
def test_the_exported_file_equals_the_network(network, preset, tmp_path):
    spec = PRESETS[preset]
    faces = np.random.default_rng(0).integers(0, 256, (7, 64, 64), np.uint8)
    export(network, spec, faces, METADATA, tmp_path / "x.onnx")
    model = Classifier.load(tmp_path / "x.onnx")
    assert model.spec == spec
    assert model.metadata.parameters == sum(p.numel() for p in network.parameters())
    for count in (1, 3, 7):
        inputs = onnx_export.to_input(faces[:count], spec)
        with torch.no_grad():
            expected = network.eval()(torch.from_numpy(inputs).float()).numpy()
        np.testing.assert_allclose(model.logits(faces[:count]), expected, atol=1e-4)
    assert str(tmp_path).encode() not in (tmp_path / "x.onnx").read_bytes()
    assert b"site-packages" not in (tmp_path / "x.onnx").read_bytes()


def test_a_file_that_differs_from_the_network_is_not_kept(network, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "PARITY", -1.0)
    faces = np.zeros((2, 64, 64), np.uint8)
    with pytest.raises(ModelError, match="differ by"):
        export(network, PRESETS["aligned"], faces, METADATA, tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


def test_calibration_undoes_overconfidence_and_favours_neither_label():
    draw = np.random.default_rng(0)
    labels = (draw.random(40_000) < 0.6).astype(np.int64)
    # Equal and opposite evidence, so that its log odds are right where both labels are as frequent.
    logit = draw.normal(np.where(labels, 2, -2), 2)
    logits = 3 * np.stack([0 * logit, logit - 0.5], 1)
    fitted = calibrate(Views(logits, logits, logits), labels)
    assert fitted.temperature == pytest.approx(3, rel=0.05)
    assert fitted.bias == pytest.approx(0.5, abs=0.05)
    abstention = fitted.abstention
    assert abstention.coverage == pytest.approx(0.9, abs=0.001)
    assert abstention.error_of_answered < abstention.error_without_abstention


def test_faces_that_mirroring_turns_to_the_opposite_label_are_uncertain():
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, 10_000)
    logit = draw.normal(np.where(labels, 2, -2), 2)
    logits = np.stack([0 * logit, logit], 1)
    mirrored = np.stack([0 * logit, logit + draw.normal(0, 2, len(logit))], 1)
    fitted = calibrate(Views(logits, mirrored, logits), labels, second_look="none")
    scores, again = (calibrated(one, fitted.temperature, fitted.bias) for one in (logits, mirrored))
    both = np.minimum(scores.max(1), again.max(1)) >= fitted.abstention.min_confidence
    flips = both & (scores.argmax(1) != again.argmax(1))
    assert flips.mean() == pytest.approx(0.005, abs=0.0002)
    assert fitted.abstention.coverage < 0.89


def test_calibration_counts_the_second_look():
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, 10_000)
    evidence = np.where(labels, 2, -2) + draw.normal(0, 1, len(labels))
    lead = [evidence + draw.normal(0, 0.4, len(labels)) for _ in range(2)]
    lead.append((lead[0] + lead[1]) / 2 + 0.3)
    views = Views(*(np.stack([0 * each, each], 1) for each in lead))
    once, twice, all_ = (
        calibrate(views, labels, second_look=faces) for faces in ("none", "uncertain", "all")
    )
    assert (once.scored_twice, all_.scored_twice) == (0, 1)
    mean = Views(views.mean, views.mean, views.mean)
    assert all_ == replace(
        calibrate(mean, labels, second_look="none"), second_look="all", scored_twice=1.0
    )
    assert twice.temperature == once.temperature
    cut = -all_.bias * all_.temperature  # the mean of the looks decides the label near the border
    assert -twice.bias * twice.temperature == pytest.approx(cut)
    assert abs(cut + once.bias * once.temperature) > 0.2
    threshold = twice.abstention.min_confidence
    first, both = (
        calibrated(each, twice.temperature, twice.bias) for each in (views.faces, views.mean)
    )
    again = first.max(1) < threshold
    assert twice.scored_twice == again.mean() > 1 - COVERAGE
    final = np.where(again[:, None], both, first)
    assert (final.max(1) >= threshold).mean() == pytest.approx(twice.abstention.coverage)
    assert twice.abstention.coverage == pytest.approx(COVERAGE, abs=0.001)
    wrong = final.argmax(1) != labels
    assert wrong.mean() == pytest.approx(twice.abstention.error_without_abstention)
    assert wrong.mean() < once.abstention.error_without_abstention


def test_a_network_that_learnt_nothing_is_calibrated_and_reported():
    labels = np.array([0, 1] * 20)
    same = np.zeros((40, 2))
    constant = calibrate(Views(same, same, same), labels)
    assert constant.abstention.error_without_abstention == 0.5
    with pytest.raises(UsageError, match="40 held-out faces have one label only"):
        calibrate(Views(same, same, same), labels * 0)
    shipped = TrainingRecord.load(WEIGHTS / "mini_xception.record.json")
    assert chance(shipped, labels) == ""
    last = replace(shipped.history[-1], accuracy=0.53)
    few = replace(shipped.data, validation=100)
    warning = chance(replace(shipped, history=(last,), data=few), labels)
    assert "53.0% of 100 held-out faces are right, no better than chance (50.0%)" in warning
