"""Every kind of picture that callers may give."""

import gzip
import http.server
import io
import os
import re
import shutil
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from fakes import BrightnessClassifier, CountingDetector
from genderscope.api import Scope
from genderscope.core.errors import PictureError, UsageError
from genderscope.imaging import decode, inputs, opening


class Pictures(http.server.BaseHTTPRequestHandler):
    """Answers by the address: the portrait, another address, too much, or a header without end."""

    portrait = b""

    def do_GET(self) -> None:
        name = self.path.partition("?")[0]
        if name in ("/file", "/moved", "/round"):
            self.send_response(302)
            targets = {"/file": "file:///etc/hostname", "/moved": "/portrait.jpg"}
            self.send_header("Location", targets.get(name, name))
            self.end_headers()
        elif name == "/slow":
            with suppress(OSError):  # the client leaves
                for _ in range(40):
                    self.wfile.write(b"H")
                    time.sleep(0.1)
        elif name == "/mine.jpg":
            told = (
                self.headers["Authorization"] == "Basic " + b64encode(b"ann:s\xc3\xa9cret").decode()
            )
            self.send_response(302 if told else 401)
            self.send_header("Location", "/portr%C3%A4t.jpg")
            self.end_headers()
        elif name == "/empty.jpg":
            self.send_response(200)
            self.send_header("Content-Length", "5000")
            self.end_headers()
        elif name in ("/portrait.jpg", "/large", "/portr%C3%A4t.jpg"):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.portrait if name != "/large" else bytes(2_000_000))
        else:
            self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def address(portrait: Path) -> Iterator[str]:
    Pictures.portrait = portrait.read_bytes()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pictures) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


def test_a_picture_may_be_of_any_kind(portrait: Path, address: str) -> None:
    image = decode.read(portrait)
    data = portrait.read_bytes()
    grey = image[..., 1]
    with portrait.open("rb") as file, PIL.Image.open(portrait) as opened:
        for picture in (
            *(str(portrait), portrait, data, bytearray(data), memoryview(data), io.BytesIO(data)),
            *(file, opened, image, image[::-1][::-1], image / 255, (image / 255).astype("f2")),
            *(f"{address}/portrait.jpg?size=1", f"{address}/moved"),
        ):
            np.testing.assert_array_equal(inputs.read(picture), image)
    np.testing.assert_array_equal(inputs.read(image[..., ::-1], channel_order="rgb"), image)
    for one in (grey, grey[..., None]):
        np.testing.assert_array_equal(inputs.read(one), np.stack([grey] * 3, 2))


def test_transparency_is_white_as_in_files(tmp_path: Path) -> None:
    blue = np.array([[[0, 0, 255, 255], [0, 0, 255, 51], [0, 0, 255, 0]]], np.uint8)
    PIL.Image.fromarray(blue).save(tmp_path / "a.png")
    expected = [[[255, 0, 0], [255, 204, 204], [255, 255, 255]]]
    for picture, order in (
        (tmp_path / "a.png", "bgr"),
        (PIL.Image.fromarray(blue), "bgr"),
        (blue, "rgb"),
        (blue[..., [2, 1, 0, 3]], "bgr"),
    ):
        assert inputs.read(picture, channel_order=order).tolist() == expected


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        (None, "an http:// or https:// address, bytes, .* not NoneType"),
        (7, "not int"),
        ({"a.jpg": 1}, "not dict"),
        ([np.zeros((9, 9, 3), np.uint8), None], r"not NoneType \(picture 1\)"),
        ([np.zeros((9, 9), int)], r"not of int64 \(picture 0\)"),
        (io.StringIO("text"), "not StringIO"),
        (io.TextIOWrapper(io.BytesIO(b"\xff\xd8")), "not TextIOWrapper"),
        (np.zeros((9, 9, 2), np.uint8), r"shape must be .* 1, 3 or 4\), not \(9, 9, 2\)"),
        (np.zeros((0, 9, 3), np.uint8), r"not \(0, 9, 3\)"),
        (np.zeros((9, 9, 3), np.uint16), "of uint8, or of floats from 0 to 1, not of uint16"),
        (np.full((9, 9, 3), 255.0), "from 0 to 1, not 255 to 255"),
        (np.full((9, 9, 3), np.nan), "from 0 to 1, not nan"),
    ],
)
def test_anything_else_is_wrong_usage(picture: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Scope(BrightnessClassifier(), CountingDetector())(picture)


def test_the_channel_order_is_one_of_two() -> None:
    with pytest.raises(UsageError, match="'bgr' or 'rgb', not 'gbr'"):
        inputs.load(np.zeros((9, 9, 3), np.uint8), "gbr")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/nothing?key=secret", "/nothing answered 404 Not Found"),
        ("/file", "answered 302"),
        ("/round", "answered 302 [^\n]*infinite loop[^\n]*$"),
        ("/large", "/large is larger than 1 MB"),
        ("/empty.jpg", "/empty.jpg is empty"),
        ("/slow", "/slow did not send a picture within 0.5 s"),
    ],
)
def test_an_address_is_limited(
    path: str, says: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "MAX_BYTES", 1_000_000)
    monkeypatch.setattr(inputs, "TIMEOUT_S", 0.5)
    with pytest.raises(PictureError, match=says):
        inputs.read(address + path)


def test_an_address_may_have_a_password_and_any_letters(address: str, portrait: Path) -> None:
    image = decode.read(portrait)
    np.testing.assert_array_equal(inputs.read(f"{address}/porträt.jpg"), image)
    mine = address.replace("//", "//ann:s%C3%A9cret@") + "/mine.jpg"
    np.testing.assert_array_equal(inputs.read(mine), image)
    with pytest.raises(PictureError, match=rf"^{address}/mine.jpg answered 401") as raised:
        inputs.read(mine.replace("ann:", "bob:"))
    assert "cret" not in str(raised.value)


def test_an_address_without_a_server_is_an_error() -> None:
    with pytest.raises(PictureError, match=r"http://127\.0\.0\.1:9/a\.jpg cannot be reached"):
        inputs.read("http://127.0.0.1:9/a.jpg")


def test_a_file_that_cannot_be_read_says_why(portrait: Path) -> None:
    read = io.BytesIO(b"all")
    read.read()
    with portrait.open("rb") as closed:
        pass
    broken = gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(b"all")[:-4]))
    for picture, says in (
        (read, r"is empty, or was read to its end: seek\(0\) first"),
        (closed, "cannot be read: read of closed file"),
        (broken, "^the picture cannot be read: Compressed file ended"),
        (PIL.Image.new("L", (0, 5)), "has no pixels"),
    ):
        with pytest.raises(PictureError, match=says):
            inputs.read(picture)


def test_a_name_that_no_picture_has_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for path, says in (
        ("", "the path of the picture is empty"),
        ("a\0b.jpg", r"a\x00b.jpg cannot be the name of a file: embedded null byte"),
        ("a\n\udcff.jpg", r"a\n\udcff.jpg is not there; check the path"),
        ("~/a.jpg", f"~/a.jpg is not there; write {tmp_path}/a.jpg: ~ is not expanded here"),
        ("*.jpg", "*.jpg is not there; a pattern is not expanded here: use glob.glob"),
        ("http://127.0.0.1:9/a\nb", r"http://127.0.0.1:9/a\nb cannot be reached: "),
    ):
        with pytest.raises(PictureError, match=f"^{re.escape(says)}"):
            inputs.read(path)


def test_a_name_that_is_not_utf_8_is_read(portrait: Path, tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg")
    try:
        shutil.copy(portrait, odd)
    except OSError:
        pytest.skip("needs a file system that takes any bytes in names")
    np.testing.assert_array_equal(inputs.read(odd), decode.read(portrait))


def test_several_pictures_are_answered_in_order_and_in_batches(tmp_path: Path) -> None:
    classifier = BrightnessClassifier()
    scope = Scope(classifier, CountingDetector())
    pictures = [np.full((20, 400, 3), count, np.uint8) for count in (0, 2, 1)]
    alone = [scope(picture) for picture in pictures]
    classifier.batches.clear()
    assert [len(results) for results in alone] == [0, 2, 1]
    assert scope(pictures) == scope(iter(pictures)) == scope(np.stack(pictures)) == alone
    assert classifier.batches == [3, 3, 3]
    assert scope([]) == []

    broken = PIL.Image.open(io.BytesIO(_half_a_jpeg()))
    bad = [tmp_path / "absent.jpg", b"", b"text", broken]
    several = scope([pictures[1], *bad, pictures[2]], errors="return")
    assert [several[0], several[-1]] == [alone[1], alone[2]]
    assert [str(error).partition(" (")[0] for error in several[1:-1]] == [
        f"{tmp_path / 'absent.jpg'} is not there; check the path",
        "picture 2 is empty; get another copy",
        f"picture 3 is not a readable picture; supported formats: {', '.join(opening.FORMATS)}",
        "picture 4 is broken",
    ]
    assert all(isinstance(error, PictureError) for error in several[1:-1])
    with pytest.raises(PictureError, match=r"absent\.jpg is not there"):
        scope([pictures[1], *bad])


def _half_a_jpeg() -> bytes:
    file = io.BytesIO()
    PIL.Image.effect_noise((64, 64), 90).save(file, "JPEG")
    return file.getvalue()[: len(file.getvalue()) // 2]
