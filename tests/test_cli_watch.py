"""``genderscope watch`` as people run it, stop it, unplug it and cut it off."""

import csv
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import PIL.ImageGrab
import pytest
from typer.testing import CliRunner

import moving_servers
from console import COMMAND, run
from genderscope import detection
from genderscope.cli import _provenance, app
from genderscope.cli.watch import show
from genderscope.core import plugins
from genderscope.core.types import Frame, Scene
from genderscope.inference.classifier import GUIDED, find
from genderscope.inference.pipeline import Pipeline
from genderscope.video import Live
from genderscope.video.cameras import open_source
from genderscope.video.counts import Counts, LabelCounts
from moving_pictures import RATE, numbered, walk, write_video

pytest.importorskip("av", reason="needs the extra [video]")
QUICK = ("--detection-size", 320, "--min-face-px", 28)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Part of the test video: both people, before they cross."""
    images = [image for index, image in enumerate(walk()) if index < 15]
    return write_video(tmp_path_factory.mktemp("film") / "walk.mp4", images, movflags="faststart")


@pytest.fixture(scope="module")
def empty_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nobody in it, and quickly searched."""
    return write_video(tmp_path_factory.mktemp("film") / "nobody.mp4", numbered(20, (96, 96)))


def watch(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return run("watch", *arguments, "--detector", "haar", *QUICK, cwd=cwd)


def started(
    *arguments: object, stdout: int | None = None, **environment: str
) -> subprocess.Popen[str]:
    parts = [*COMMAND, "watch", *arguments, "--detector", "haar", *QUICK]
    return subprocess.Popen(
        list(map(str, parts)),
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )


def wait_for(what: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    for _ in range(1200):
        if what():
            return
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    raise TimeoutError("it never happened")


def lines(file: Path) -> int:
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_every_output_says_the_same(model: str, film: Path, tmp_path: Path) -> None:
    jsonl, rows, video, counts = (
        tmp_path / f"out.{end}" for end in ("jsonl", "csv", "mp4", "json")
    )
    done = watch(
        *(film, "--model", model, "--jsonl", jsonl, "--csv", rows, "--video", video),
        *("--counts", counts, "--interval", 1),
    )
    assert done.returncode == 0, done.stderr
    assert "frames: 15, dropped: 0, seconds: 1.1, tracks: 2 (women: 1, men: 1" in done.stderr
    records = [json.loads(line) for line in jsonl.read_text().splitlines()]
    assert [record["frame"] for record in records] == list(range(15))
    assert [record["time_s"] for record in records] == pytest.approx(np.arange(15) / RATE)
    faces = [(r["frame"], face) for r in records for face in r["faces"]]
    assert len(faces) > 20
    found = list(csv.DictReader(rows.read_text().splitlines(keepends=True)))
    assert len(found) == len(faces)
    for row, (frame, face) in zip(found, faces, strict=True):
        assert (int(row["frame"]), int(row["track"])) == (frame, face["track"])
        assert (row["label"], float(row["woman"])) == (face["label"], face["scores"]["woman"])
        assert float(row["frame_man"]) == face["frame_scores"]["man"]
        assert float(row["width"]) == face["box"]["width"]
    written = list(open_source(str(video)))
    assert len(written) == 15
    assert [frame.time_s for frame in written] == pytest.approx(np.arange(15) / RATE, abs=2e-3)
    report = Counts.load(counts)
    assert report.tracks.total == LabelCounts(woman=1, man=1, uncertain=0)
    assert (report.frames, report.model, report.detector) == (15, model, "haar")
    assert [interval.n for interval in report.tracks.intervals] == [2, 2]
    assert report.tracks.corrected.confusion.file.startswith(model)
    assert sorted(tmp_path.iterdir()) == sorted([jsonl, rows, video, counts])


def test_explaining_changes_no_answer(model: str, film: Path, tmp_path: Path) -> None:
    if not find(model).with_suffix(GUIDED).is_file():
        pytest.skip("needs the model's guided graph")
    records = []
    for options in ((), ("--explain", "--video", tmp_path / "out.mp4")):
        done = watch(film, "--model", model, "--max-frames", 3, "--jsonl", "-", *options)
        assert done.returncode == 0, done.stderr
        records.append([json.loads(line)["faces"] for line in done.stdout.splitlines()])
    plain, explained = ([face["scores"]["man"] for face in chain(*r)] for r in records)
    assert explained == pytest.approx(plain, abs=1e-5)
    assert len(list(open_source(str(tmp_path / "out.mp4")))) == 3


def test_photographs_are_for_classify_and_times_can_be_left_out(
    model: str, portrait: Path, tmp_path: Path
) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(portrait.read_bytes())
    cv2.imwrite(str(tmp_path / "c.png"), next(numbered(1)))
    cv2.imwrite(str(tmp_path / "d.png"), 255 - next(numbered(1, (200, 300))))
    out = tmp_path / "new" / "out.mp4"
    done = watch(tmp_path, "--model", model, "--no-hud", "--max-frames", 2, "--video", out)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(f"{tmp_path} looks like photographs, not a video: use classify ")
    first, second = (frame.image for frame in open_source(str(out)))
    corner = np.s_[-60:, :200]  # where times would be from the second frame on
    np.testing.assert_allclose(first[corner], second[corner], atol=12)


def test_nothing_is_written_unasked(model: str, film: Path, tmp_path: Path) -> None:
    unused = ("--explain", "--interval", 1)
    done = watch(film, "--model", model, "--max-frames", 3, *unused, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    explain, interval, summary = done.stderr.splitlines()
    assert explain == "--explain has no effect without --window or --video"
    assert interval == "--interval has no effect without --counts"
    assert summary.startswith("frames: 3, ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "frames"), [(("--max-frames", 45), 45), (("--max-seconds", 2), 26)]
)
def test_a_looped_file_stops_where_it_is_told(
    model: str, empty_film: Path, options: tuple[object, ...], frames: int
) -> None:
    done = watch(empty_film, "--model", model, "--loop", *options)
    assert done.returncode == 0
    assert f"frames: {frames}, " in done.stderr


def test_standard_output_is_pure(model: str, film: Path) -> None:
    done = watch(film, "--model", model, "--jsonl", "-", "--max-frames", 2)
    assert len([json.loads(line)["faces"] for line in done.stdout.splitlines()]) == 2


def test_private_videos_show_no_face(model: str, film: Path, tmp_path: Path, shared: Path) -> None:
    weights = next(shared.glob("models/*yunet*.onnx"))
    outputs = {
        "plain": ("--video", tmp_path / "plain.mp4"),
        "private": ("--video", tmp_path / "private.mp4", "--privacy", "blur"),
        "sink": ("--sink", f"video={tmp_path / 'sink.mp4'}", "--privacy", "blur"),
        "folder": ("--sink", f"annotate={tmp_path / 'folder'}", "--privacy", "blur"),
    }
    for options in outputs.values():
        done = run(
            *("watch", film, "--model", model, *options, *QUICK, "--detector-model", weights),
        )
        assert done.returncode == 0, done.stderr
    detector = detection.create("yunet", model=weights)
    places = [tmp_path / name for name in ("plain.mp4", "private.mp4", "sink.mp4", "folder")]
    seen = [sum(len(detector(f.image)) for f in open_source(str(place))) for place in places]
    assert seen[0] >= 25
    assert seen[1:] == [0, 0, 0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.mp4"], "nothing.mp4 does not exist; name a camera by its number"),
        (["97"], "camera 97 cannot be opened (is it plugged in and not in use?)"),
        (["{film}", "--video", "{film}"], "exists: add --overwrite"),
        (["{film}", "--video", "{film}", "--overwrite"], "is the source: choose another file"),
        (["{film}", "--video", "a.txt"], "should end in one of .mp4"),
        (["{film}", "--counts", "{film}/a.json"], "a.json cannot be written"),
        (["{film}", "--explain", "--privacy", "blur"], "choose one of them"),
        (["{film}", "--sink", "video={film}", "--overwrite"], "is the source: choose another file"),
        (["{film}", "--jsonl", "-", "--csv", "-"], "only one of --jsonl -, --csv - and --sink"),
        (["{film}", "--counts", "-"], "--counts needs a file"),
        (["{film}", "--jsonl", "-", "--sink", "json=-"], "only one of --jsonl -, --csv - and"),
        (["97", "--loop"], "not a live source"),
        (["97", "--rotate", "auto", "--orientation", "any"], "leave out --orientation, or name"),
        (["97", "--frozen-seconds", "inf"], "at most 86,400 s, not inf"),
        (["97", "--retry-seconds", "nan"], "a number of seconds, not nan"),
        (["{film}", "--counts", "a.json", "--interval", "inf"], "positive and finite, not inf s"),
        (["{film}", "--privacy", "mask"], "Invalid value for '--privacy'"),
        (["ftp://127.0.0.1/a"], "ftp:// is not supported"),
        (["http://a:secret@127.0.0.1:9/a?b=c"], "http://127.0.0.1:9/a cannot be read"),
    ],
)
def test_wrong_usage_is_2(model: str, film: Path, arguments: list[str], message: str) -> None:
    given = [argument.format(film=film) for argument in arguments]
    options = ("--model", model, "--detector", "haar", "--max-frames", "2")
    done = CliRunner().invoke(app, ["watch", *given, *options])
    assert done.exit_code == 2
    assert message in done.stderr
    assert "secret" not in done.stderr


def test_the_stored_command_hides_passwords_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sources = {
        "0": "0",
        "rtsp://a:secret@b/c": "rtsp://b/c",
        "RTSP://a:p@secret@[::1]:554/c@d?key=secret": "'RTSP://[::1]:554/c@d'",
        "http://a:p?secret@b/c": "http://b/c",
        "s3://bucket/a?.jpg": "'s3://bucket/a?.jpg'",
        "--sink=table=sql://a:secret@b/c": "--sink=table=sql://b/c",
    }
    for source, name in sources.items():
        monkeypatch.setattr("sys.argv", ["genderscope", "watch", source, "--interval", "60"])
        assert _provenance.command() == f"genderscope watch {name} --interval 60"


def test_a_film_that_is_cut_off_is_1_and_what_there_is_is_written(
    model: str, film: Path, tmp_path: Path
) -> None:
    cut, video = tmp_path / "cut.mp4", tmp_path / "out.mp4"
    cut.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    done = watch(cut, "--model", model, "--video", video)
    assert done.returncode == 1
    assert f"{cut} ends at" in done.stderr
    assert 2 < len(list(open_source(str(video)))) < 15


def test_a_film_without_a_frame_is_2(model: str, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    named = {f"--{kind}": tmp_path / f"out.{kind}" for kind in ("jsonl", "csv", "counts")}
    outputs = [word for pair in named.items() for word in pair]
    video = tmp_path / "out.mp4"
    done = watch(tmp_path / "a.mp4", "--model", model, "--video", video, *outputs)
    assert done.returncode == 2
    assert "is not a readable video" in done.stderr
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_a_reader_that_leaves_early_does_not_lose_the_counts(
    model: str, empty_film: Path, tmp_path: Path
) -> None:
    counts = tmp_path / "counts.json"
    parts = (empty_film, "--model", model, "--loop", "--jsonl", "-", "--counts", counts)
    with started(*parts, stdout=subprocess.PIPE) as process:
        for _ in range(3):
            assert "frame" in process.stdout.readline()
        process.stdout.close()
        process.wait(60)
    assert process.returncode == 1
    assert Counts.load(counts).frames >= 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_whole_files(
    model: str, empty_film: Path, tmp_path: Path, number: int
) -> None:
    jsonl, video, counts = (tmp_path / f"out.{end}" for end in ("jsonl", "mp4", "json"))
    with started(
        *(empty_film, "--model", model, "--loop", "--jsonl", jsonl, "--video", video),
        *("--counts", counts),
    ) as process:
        wait_for(lambda: lines(jsonl) >= 30, process)
        process.send_signal(number)
        process.send_signal(number)  # a second one cuts nothing off
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    records = [json.loads(line) for line in jsonl.read_text().splitlines()]
    frames = list(open_source(str(video)))
    assert len(frames) >= 29
    assert abs(len(records) - len(frames)) <= 1
    assert all(frame.error is None for frame in frames)
    assert Counts.load(counts).frames >= 29


def test_sigterm_alone_stops_a_background_job(model: str, empty_film: Path, tmp_path: Path) -> None:
    jsonl = tmp_path / "out.jsonl"
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited, as from a shell's "&"
    process = started(empty_film, "--model", model, "--loop", "--jsonl", jsonl)
    signal.signal(signal.SIGINT, handler)
    with process:
        wait_for(lambda: lines(jsonl) >= 5, process)
        process.send_signal(signal.SIGINT)
        before = lines(jsonl)
        wait_for(lambda: lines(jsonl) >= before + 5, process)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors


def test_a_video_can_be_played_even_after_a_kill(
    model: str, empty_film: Path, tmp_path: Path
) -> None:
    jsonl, video = tmp_path / "out.jsonl", tmp_path / "out.mp4"
    arguments = (empty_film, "--model", model, "--loop", "--jsonl", jsonl, "--video", video)
    with started(*arguments) as process:
        wait_for(lambda: lines(jsonl) >= 150, process)
        process.kill()
        process.communicate(timeout=60)
    assert len([f for f in open_source(str(video)) if f.image is not None]) >= 50


def test_a_camera_on_the_network_that_dies_and_returns(model: str, tmp_path: Path) -> None:
    jsonl = tmp_path / "out.jsonl"
    server = moving_servers.Mjpeg(list(numbered(30, (96, 96))))
    with server:
        process = started(
            *(server.url, "--model", model, "--jsonl", jsonl, "--retry-seconds", 0.1),
            *("--max-frames", 100_000, "--retries", 100, "--frozen-seconds", 5),
        )
        wait_for(lambda: lines(jsonl) >= 5, process)
    wait_for(lambda: "reopening in" in jsonl.read_text(), process)
    before = lines(jsonl)
    with server:
        wait_for(lambda: lines(jsonl) >= before + 20, process)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    message = f"http://127.0.0.1:{server.port}/stream sends no more pictures; reopening in 0.1 s"
    assert message in errors or "cannot be read" in errors
    assert "secret" not in errors + jsonl.read_text()
    assert "frame" in json.loads(jsonl.read_text().splitlines()[-1])


def test_seconds_also_pass_while_a_source_is_lost(model: str, tmp_path: Path) -> None:
    counts = tmp_path / "counts.json"
    with moving_servers.Mjpeg(list(numbered(30, (96, 96)))) as server:
        process = started(
            *(server.url, "--model", model, "--counts", counts, "--interval", 1),
            *("--max-seconds", 3, "--retry-seconds", 0.2, "--retries", 1000),
        )
        wait_for(lambda: counts.exists() and Counts.load(counts).frames > 0, process)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert len(Counts.load(counts).tracks.intervals) >= 3


def test_a_camera_on_the_network_that_stays_away_is_1(model: str, tmp_path: Path) -> None:
    jsonl = tmp_path / "out.jsonl"
    with moving_servers.Mjpeg(list(numbered(30, (96, 96)))) as server:
        process = started(
            *(server.url, "--model", model, "--jsonl", jsonl, "--retry-seconds", 0.05),
            *("--retries", 2),
        )
        wait_for(lambda: lines(jsonl) >= 5, process)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "(1 of 2)" in errors
    assert "gave up after 2 retries" in errors
    assert "frames: " in errors.splitlines()[-1]


# The window


@pytest.fixture(scope="module")
def screen() -> Iterator[str]:
    """The name of an X display that nobody sees."""
    if not (server := shutil.which("Xvfb")):
        pytest.skip("needs Xvfb (apt-get install xvfb)")
    pytest.importorskip("tkinter", reason="this Python has no tkinter")
    reading, writing = os.pipe()
    with subprocess.Popen(
        [server, "-displayfd", str(writing), "-screen", "0", "800x600x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(writing)
        with os.fdopen(reading) as opened:
            name = f":{opened.readline().strip()}"
        yield name
        process.terminate()


def test_without_a_screen_a_window_is_refused(model: str, film: Path) -> None:
    pytest.importorskip("tkinter", reason="this Python has no tkinter")
    with started(film, "--model", model, "--window", DISPLAY="") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "a window needs a screen" in errors
    assert "--video FILE" in errors


def test_a_window_shows_the_frames(model: str, film: Path, screen: str) -> None:
    def shown() -> bool:
        return np.asarray(PIL.ImageGrab.grab(xdisplay=screen)).std() > 5

    arguments = (film, "--model", model, "--window", "--loop")
    with started(*arguments, DISPLAY=screen) as process:
        wait_for(shown, process)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors


def test_keys_and_closing(
    model: str,
    screen: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from fakes import BrightnessClassifier, CountingDetector

    monkeypatch.setenv("DISPLAY", screen)
    live = Live(Pipeline(BrightnessClassifier(), CountingDetector()))
    large = Scene(Frame("", np.full((1200, 2000, 3), 200, np.uint8), time_s=0.0))
    small = Scene(Frame("", np.full((100, 150, 3), (20, 40, 220), np.uint8), time_s=0.0))
    with plugins.load("sinks", "window").create() as window:

        def typed(key: str, scene: Scene = small) -> bool:
            window.root.focus_force()
            window.root.update()
            window.root.event_generate(f"<Key-{key}>")
            return show(window, scene, live, model, paced=False)

        assert not typed("x", large)
        assert window.photo.width() <= 720
        assert not typed("x")
        assert (window.photo.width(), window.photo.height()) == (150, 100)
        assert window.root.tk.call(str(window.photo), "get", 75, 95) == (220, 40, 20)
        assert not typed("g")
        assert live.explainer is not None
        assert not typed("g")
        assert live.explainer is None
        window.root.event_generate("<Key-g>")
        assert not show(window, small, live, "mini_xception.int8", paced=False)
        assert "a quantised model has no gradients" in capsys.readouterr().err
        live.private = True
        assert not typed("g")
        assert live.explainer is None
        assert not show(window, Scene(Frame("", error="lost")), live, model, paced=True)
        assert typed("q")
        assert not show(window, small, live, model, paced=False)
        window.root.tk.call(window.root.protocol("WM_DELETE_WINDOW"))
        assert show(window, small, live, model, paced=False)
