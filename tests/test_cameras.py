"""Cameras, files and addresses, and what goes wrong with them: really cut, frozen and slow."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from fractions import Fraction
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

import moving_servers
from conftest import PORTRAIT
from genderscope.core.errors import SourceError, UsageError
from genderscope.core.types import Frame, Image
from genderscope.video.cameras import camera, open_source
from genderscope.video.newest import Connection, LiveSource, Patience
from moving_pictures import number, numbered, write_video

QUICK = Patience(frozen_s=0.5, retries=3, wait_s=0.05, max_wait_s=0.1)


def until(frames: Iterator[Frame], what: str) -> list[Frame]:
    """Frames up to the first with such an error."""
    found = []
    for frame in frames:
        found.append(frame)
        if frame.error is not None and what in frame.error:
            return found
    raise AssertionError(f"no {what!r} in {[frame.error for frame in found]}")


# Recorded sources


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "mpeg4"), ("a.mkv", "mpeg4"), ("a.avi", "mjpeg")]
)
def test_a_video_gives_every_frame_in_order_however_slow_the_taker(
    name: str, codec: str, tmp_path: Path
) -> None:
    file = write_video(tmp_path / name, numbered(30), 10, codec)
    source = open_source(str(file))
    frames = []
    for frame in source:
        time.sleep(0.005)
        frames.append(frame)
    assert not source.live
    assert source.dropped == 0
    assert [number(frame.image) for frame in frames] == [frame.index for frame in frames]
    assert [frame.time_s for frame in frames] == pytest.approx(np.arange(30) / 10)
    assert {frame.path for frame in frames} == {str(file)}


def test_a_file_without_times_has_those_of_its_frame_rate(tmp_path: Path) -> None:
    file = write_video(tmp_path / "a.h264", numbered(6), 25, codec="h264")
    times = [frame.time_s for frame in open_source(str(file))]
    assert times == pytest.approx(np.arange(6) / 25)


def test_a_looped_video_begins_anew_and_its_times_go_on(tmp_path: Path) -> None:
    file = write_video(tmp_path / "a.mp4", numbered(5), 10)
    with closing(iter(open_source(str(file), loop=True))) as stream:
        frames = list(islice(stream, 12))
    assert [number(frame.image) for frame in frames] == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    assert [frame.index for frame in frames] == list(range(12))
    assert [frame.time_s for frame in frames] == pytest.approx(np.arange(12) / 10)


def test_a_folder_is_a_source_whose_broken_pictures_are_errors(tmp_path: Path) -> None:
    for index, image in enumerate(numbered(3)):
        cv2.imwrite(str(tmp_path / f"{index}.png"), image)
    (tmp_path / "1.png").write_bytes(b"no picture")
    first, broken, last = open_source(str(tmp_path), frame_rate=5)
    assert (number(first.image), number(last.image)) == (0, 2)
    assert (last.index, last.time_s) == (2, 0.4)
    assert "1.png is not a readable picture" in broken.error


@pytest.mark.parametrize(
    ("name", "options", "share", "frames", "message"),
    [
        ("index first.mp4", {"movflags": "faststart"}, 0.6, True, "it is truncated"),
        ("a.mkv", {}, 0.6, True, "it is truncated"),
        ("index last.mp4", {}, 0.6, False, "is not a readable video"),
        ("only a head.mkv", {}, 0.02, False, "has no readable frame"),
        ("empty.mp4", {}, 0, False, "is not a readable video"),
    ],
)
def test_a_file_that_is_cut_off(
    name: str, options: dict[str, str], share: float, frames: bool, message: str, tmp_path: Path
) -> None:
    file = write_video(tmp_path / name, numbered(60, (320, 240)), 10, **options)
    os.truncate(file, int(file.stat().st_size * share))
    source = open_source(str(file), loop=True)
    if not frames:
        with pytest.raises(SourceError, match=message):
            list(source)
        return
    *good, last = source
    assert [number(frame.image) for frame in good] == [i % 30 for i in range(len(good))]
    assert message in last.error
    assert last.error.startswith(str(file))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_last_frame_may_be_shown_for_long(name: str, tmp_path: Path) -> None:
    file = write_video(tmp_path / name, numbered(4), 0.5)
    assert [frame.error for frame in open_source(str(file))] == [None] * 4


def test_a_film_that_begins_late_is_not_cut_off(tmp_path: Path) -> None:
    file = write_video(tmp_path / "a.mkv", numbered(4), 10, late_s=100)
    times = [frame.time_s for frame in open_source(str(file))]
    assert times == pytest.approx(np.arange(4) / 10)


@pytest.mark.parametrize("late_s", [0, 90_000])  # the second begins at such a time
def test_times_go_on_in_joined_transport_streams(late_s: int, tmp_path: Path) -> None:
    first = write_video(tmp_path / "first.ts", numbered(30), 10)
    second = write_video(tmp_path / "second.ts", numbered(30), 10, late_s=late_s)
    (tmp_path / "both.ts").write_bytes(first.read_bytes() + second.read_bytes())
    times = [frame.time_s for frame in open_source(str(tmp_path / "both.ts"))]
    assert len(times) == 60
    assert np.diff(times) == pytest.approx(0.1, abs=0.11)
    assert times[-1] == pytest.approx(5.9, abs=0.2)


def test_a_cut_off_matroska_file_with_sound_is_told(tmp_path: Path) -> None:
    file = write_video(tmp_path / "a.mkv", numbered(60, (320, 240)), 10, sound=True)
    assert len(list(open_source(str(file)))) == 60
    os.truncate(file, int(file.stat().st_size * 0.6))
    *_, last = open_source(str(file))
    assert "it is truncated" in last.error


def test_broken_frames_within_a_file_are_errors_and_the_rest_goes_on(tmp_path: Path) -> None:
    file = write_video(tmp_path / "a.mp4", numbered(60, (320, 240)), 10)
    data = bytearray(file.read_bytes())
    middle = len(data) // 4
    data[middle : middle + 2000] = bytes(2000)
    file.write_bytes(data)
    frames = list(open_source(str(file)))
    errors = [frame for frame in frames if frame.error]
    assert len(frames) == 60
    assert 0 < len(errors) < 40
    assert errors[0].error == f"{file}: frame {errors[0].index} cannot be decoded"
    assert frames[-1].error is None


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
        ((-1, 0, 0, 1), np.fliplr),
        ((1, 0, 0, -1), np.flipud),
        ((0, 1, 1, 0), lambda image: image.transpose(1, 0, 2)),
    ],
)
def test_a_turned_or_mirrored_film_comes_upright(
    matrix: tuple[int, ...], shown: Callable[[Image], Image], tmp_path: Path
) -> None:
    """A phone writes the film as its sensor lies, and a matrix that turns or mirrors it."""
    image = np.zeros((48, 64, 3), np.uint8)
    image[:24, :32] = 250  # left top
    file = write_video(tmp_path / "a.mp4", [image] * 3)
    data = bytearray(file.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    a, b, c, d = matrix
    values = (a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    data[place : place + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in values)
    file.write_bytes(data)
    frame = next(iter(open_source(str(file))))
    np.testing.assert_allclose(frame.image, shown(image), atol=60)
    assert frame.image.flags.c_contiguous


@pytest.mark.parametrize(
    ("ratio", "squeezed"), [(Fraction(2), (32, 48)), (Fraction(1, 2), (64, 24))]
)
def test_pixels_become_square(ratio: Fraction, squeezed: tuple[int, int], tmp_path: Path) -> None:
    sharp = cv2.resize(cv2.imread(str(PORTRAIT)), (64, 48), interpolation=cv2.INTER_AREA)
    image = cv2.GaussianBlur(sharp, (0, 0), 3)  # half of the pixels hold all of it
    small = cv2.resize(image, squeezed, interpolation=cv2.INTER_AREA)
    films = (
        write_video(tmp_path / "square.mp4", [image]),
        write_video(tmp_path / "other.mp4", [small], ratio=ratio),
    )
    square, other = (next(iter(open_source(str(film)))).image for film in films)
    assert other.shape == square.shape == (48, 64, 3)
    assert abs(other.astype(int) - square).mean() < 8


def test_an_absurd_shape_of_pixels_is_ignored(tmp_path: Path) -> None:
    file = write_video(tmp_path / "a.mp4", numbered(3), ratio=Fraction(255, 1))
    assert {frame.image.shape for frame in open_source(str(file))} == {(48, 64, 3)}


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("nothing.mp4", SourceError, "does not exist; name a camera by its number"),
        ("", SourceError, "the name of the source is empty; name a camera by its number"),
        ("20261128093000", SourceError, "does not exist; name a camera by its number"),
        ("HTTP://127.0.0.1:9/a", SourceError, "^http://127.0.0.1:9/a cannot be read"),
        ("ftp://127.0.0.1/video.mp4", UsageError, "ftp:// is not supported"),
        ("concat://a.mp4", UsageError, "concat:// is not supported"),
        ("http://someone:secret@127.0.0.1:9/a?b=c", SourceError, "^http://127.0.0.1:9/a cannot"),
        ("rtsp://someone:secret@127.0.0.1:9/a", SourceError, "^rtsp://127.0.0.1:9/a cannot"),
        ("rtsp://someone:secret@host:99999/a", UsageError, "^the address of the source is not va"),
        ("rtsp://someone:secret@[::1/a", UsageError, "^the address of the source is not valid"),
    ],
)
def test_what_is_no_source_is_refused(source: str, error: type[Exception], message: str) -> None:
    pytest.importorskip("av", reason="needs the extra [video]")
    with pytest.raises(error, match=message) as raised:
        open_source(source)
    assert "secret" not in str(raised.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs the extra [video]")
    (tmp_path / "empty").mkdir()
    for name in ("text.mp4", "text.txt"):
        (tmp_path / name).write_text("no video at all\n" * 50)
    for name, message in (
        ("empty", "has no readable frame"),
        ("text.mp4", "is not a readable video"),
        ("text.txt", "has no video stream"),
    ):
        with pytest.raises(SourceError, match=message):
            list(open_source(str(tmp_path / name)))


def test_a_loop_without_a_readable_frame_ends(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_text("no picture")
    frames = iter(open_source(str(tmp_path), loop=True))
    assert "is not a readable picture" in str(next(frames).error)
    with pytest.raises(SourceError, match="has no readable frame"):
        next(frames)


def test_a_file_on_a_web_server_is_read_whole_and_told_when_it_is_not(tmp_path: Path) -> None:
    file = write_video(tmp_path / "a.mp4", numbered(60, (320, 240)), 10, movflags="faststart")
    with moving_servers.Whole(file) as server:
        source = open_source(server.url, patience=QUICK)
        assert not source.live
        assert len(list(source)) == 60
    with moving_servers.Whole(file, share=0.6) as server:
        *good, last = open_source(server.url, patience=QUICK)
        assert 10 < len(good) < 60
        assert last.error


def test_photographs_are_told_from_frames_of_a_video(tmp_path: Path, portrait: Path) -> None:
    film, album = tmp_path / "film", tmp_path / "album"
    for folder, images in ((film, numbered(3)), (album, numbered(1))):
        folder.mkdir()
        for index, image in enumerate(images):
            cv2.imwrite(str(folder / f"{index}.png"), image)
    (album / "portrait.jpg").write_bytes(portrait.read_bytes())
    (tmp_path / "snapshot").write_bytes(portrait.read_bytes())
    for file in (portrait, tmp_path / "snapshot"):
        with moving_servers.Whole(file) as server:
            address = open_source(server.url, patience=QUICK)
            assert (address.live, address.stills, len(list(address))) == (False, True, 1)
    assert open_source(str(album)).stills
    assert open_source(str(portrait)).stills
    assert not open_source(str(film)).stills


# Live sources


def test_a_camera_that_is_absent_says_so() -> None:
    with pytest.raises(SourceError, match=r"camera 97 cannot be opened \(is it plugged in"):
        next(iter(open_source("97")))


def test_a_camera_that_is_unplugged_is_opened_again_and_given_up(tmp_path: Path) -> None:
    """OpenCV reads a film here as it reads a device, and its end is a device that went away."""
    file = write_video(tmp_path / "a.avi", numbered(5), 10, "mjpeg")
    source = LiveSource("camera 0", lambda: camera(str(file)), QUICK)
    stream = iter(source)
    frames = until(stream, "sends no more pictures") + until(stream, "sends no more pictures")
    file.unlink()
    with pytest.raises(SourceError, match=r"cannot be opened \(is it plugged in.*after 3 retries"):
        list(stream)
    pictures = [frame for frame in frames if frame.image is not None]
    assert pictures[-1].index + 1 == len(pictures) + source.dropped == 10


@pytest.fixture
def film() -> list[Image]:
    return list(numbered(30))


def test_a_slow_taker_gets_the_newest_and_what_was_dropped_is_counted(film: list[Image]) -> None:
    pytest.importorskip("av", reason="needs the extra [video]")
    with moving_servers.Mjpeg(film, rate=100) as server:
        source = open_source(server.url, patience=QUICK)
        assert source.live
        frames = []
        with closing(iter(source)) as stream:
            for frame in islice(stream, 6):
                frames.append(frame)
                time.sleep(0.1)
    assert source.dropped > 6
    steps = np.diff([frame.index for frame in frames])
    assert steps.max() > 2
    for frame in frames:  # its number says how many were there before it
        assert number(frame.image) == frame.index % 30
    assert source.name == f"http://127.0.0.1:{server.port}/stream"


def test_a_stream_that_dies_and_returns(film: list[Image]) -> None:
    pytest.importorskip("av", reason="needs the extra [video]")
    patience = Patience(frozen_s=5, retries=50, wait_s=0.05, max_wait_s=0.1)
    with moving_servers.Mjpeg(film) as server:
        stream = iter(open_source(server.url, patience=patience))
        before = list(islice(stream, 5))
    lost = until(stream, "(2 of 50)")
    assert f"http://127.0.0.1:{server.port}/stream" in lost[-1].error
    assert "reopening in 0.1 s" in lost[-1].error
    with closing(stream), server:
        after = next(frame for frame in stream if frame.image is not None)
    assert after.index > before[-1].index
    assert after.time_s > before[-1].time_s
    assert not any("secret" in frame.error for frame in lost if frame.error)


def test_a_stream_that_stays_away_is_given_up(film: list[Image]) -> None:
    pytest.importorskip("av", reason="needs the extra [video]")
    with moving_servers.Mjpeg(film) as server:
        stream = iter(open_source(server.url, patience=QUICK))
        next(stream)
    errors = []
    with pytest.raises(SourceError, match="gave up after 3 retries"):
        errors.extend(frame.error for frame in stream if frame.error)
    assert [error.split()[-3:] for error in errors] == [[f"({n}", "of", "3)"] for n in (1, 2, 3)]


def test_a_stream_that_freezes_is_opened_again(film: list[Image]) -> None:
    pytest.importorskip("av", reason="needs the extra [video]")
    with moving_servers.Mjpeg(film) as server:
        stream = iter(open_source(server.url, patience=QUICK))
        next(stream)
        server.silent.set()
        frozen = until(stream, "reopening")[-1].error
        assert "has sent no new picture for 0.5 s" in frozen or "does not answer in time" in frozen
        server.silent.clear()
        with closing(stream):
            assert next(frame for frame in stream if frame.image is not None)
        assert server.connections >= 2


def test_an_rtsp_camera_that_dies_and_returns(tmp_path: Path) -> None:
    film = write_video(tmp_path / "a.ts", numbered(600, (160, 120)), 25).read_bytes()
    patience = Patience(frozen_s=5, retries=50, wait_s=0.05, max_wait_s=0.1)
    with moving_servers.Rtsp(film, rate=200) as server:
        source = open_source(server.url, patience=patience)
        assert source.live
        stream = iter(source)
        before = list(islice(stream, 5))
        assert all(abs(f.image.mean() - 8 * (f.index % 30) - 4) < 9 for f in before)
    until(stream, "(1 of 50)")
    with closing(stream), server:
        assert next(frame for frame in stream if frame.image is not None).index > before[-1].index


def test_a_stream_that_changes_its_size() -> None:
    pytest.importorskip("av", reason="needs the extra [video]")
    mixed = [*numbered(2, (64, 48)), *numbered(2, (96, 128))]
    with (
        moving_servers.Mjpeg(mixed, rate=20) as server,
        closing(iter(open_source(server.url, patience=QUICK))) as stream,
    ):
        shapes = {frame.image.shape for frame in islice(stream, 12)}
    assert shapes == {(48, 64, 3), (128, 96, 3)}


def test_a_pipe_is_a_live_source(tmp_path: Path) -> None:
    film = write_video(tmp_path / "a.ts", numbered(100), 25).read_bytes()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def feed() -> None:
        with pipe.open("wb") as opened:
            opened.write(film)

    writer = threading.Thread(target=feed)
    writer.start()
    stream = iter(open_source(str(pipe), patience=Patience(frozen_s=5, retries=0)))
    with pytest.raises(SourceError, match="sends no more pictures; gave up after 0 retries"):
        list(stream)
    writer.join()


# The thread


def test_an_error_in_the_thread_reaches_the_taker_and_ends_the_thread() -> None:
    def broken() -> Iterator[Image]:
        yield from numbered(1)
        raise ZeroDivisionError("a mistake of ours")

    source = LiveSource("broken", broken, QUICK)
    with pytest.raises(ZeroDivisionError, match="a mistake of ours"):
        list(source)
    assert not [t for t in threading.enumerate() if t.name == "genderscope-reader"]


def test_the_thread_ends_with_its_taker() -> None:
    def endless() -> Iterator[Image]:
        while True:
            time.sleep(0.01)
            yield from numbered(1)

    stream = iter(LiveSource("endless", endless, QUICK))
    next(stream)
    [thread] = [t for t in threading.enumerate() if t.name == "genderscope-reader"]
    stream.close()
    assert not thread.is_alive()


def test_a_thread_that_hangs_holds_nobody_up() -> None:
    hung = threading.Event()

    def hanging() -> Iterator[Image]:
        yield from numbered(1)
        hung.wait(20)

    try:
        with Connection(hanging) as connection:
            assert number(connection.next(5)[1]) == 0
            with pytest.raises(SourceError, match=r"has sent no new picture for 0.1 s"):
                connection.next(0.1)
    finally:
        hung.set()


def test_the_waits_double_up_to_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("genderscope.video.newest.time.sleep", waits.append)
    opened = iter([list(numbered(1)), [], [], [], list(numbered(1)), [], []])

    def read() -> Iterator[Image]:
        yield from next(opened, [])

    patience = Patience(frozen_s=5, retries=4, wait_s=1, max_wait_s=3)
    with pytest.raises(SourceError, match="gave up after 4 retries"):
        list(LiveSource("weak", read, patience))
    # One picture ends a row of failures.
    assert waits == [1, 2, 3, 3, 1, 2, 3, 3]
