import base64
import json
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import repeat
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import serving
from genderscope import detection
from genderscope.core.types import Image
from genderscope.imaging import decode
from genderscope.inference.classifier import Classifier
from serving import Gated, fake_engine, running, wait_until

client_module = pytest.importorskip("websockets.sync.client")
exceptions = pytest.importorskip("websockets.exceptions")

from genderscope.server.engine import Model  # noqa: E402
from genderscope.server.limits import Limits  # noqa: E402

TOKEN = "a-token-of-some-length"


@contextmanager
def connected(client: Any, **options: Any) -> Iterator[Any]:
    address = f"ws://{client.base_url.host}:{client.base_url.port}/v1/live"
    with client_module.connect(address, proxy=None, open_timeout=20, **options) as socket:
        yield socket


def frame(brightness: int) -> bytes:
    return cv2.imencode(".jpg", np.full((30, 40, 3), brightness, np.uint8))[1].tobytes()


def heard(socket: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(socket.recv(timeout=20))
    return answer


def man(answer: dict[str, Any]) -> float:
    [face] = answer["faces"]
    return float(face["scores"]["man"])


def test_options_hold_for_the_frames_after_them() -> None:
    detector = Gated()
    with running(fake_engine(detector)) as client, connected(client) as socket:
        detector.gate.clear()
        socket.send(frame(0))
        wait_until(lambda: detector.working == 1)
        for threshold in (0.7, 0.9):
            socket.send(json.dumps({"min_confidence": threshold}))
            if threshold == 0.7:
                socket.send(frame(0))
        socket.ping().wait(20)  # all of it has been read
        detector.gate.set()
        assert heard(socket)["min_confidence"] not in (0.7, 0.9)
        assert heard(socket)["min_confidence"] == 0.7


def test_the_newest_frame_wins() -> None:
    detector = Gated()
    with running(fake_engine(detector)) as client, connected(client) as socket:
        socket.send(frame(0))
        first = heard(socket)
        expected = {"frame", "model", "min_confidence", "width", "height", "faces", "left_out"}
        assert first.keys() == expected
        assert (first["frame"], first["width"], first["height"]) == (1, 40, 30)
        assert man(first) == pytest.approx(0, abs=0.01)
        detector.gate.clear()
        for brightness in (51, 102, 153, 204, 255):
            socket.send(frame(brightness))
            wait_until(lambda: detector.working)  # the first of them
        socket.send("{}")
        socket.send("no options")  # its answer says that all before has been received
        assert "frame" not in heard(socket)
        detector.gate.set()
        second, last = heard(socket), heard(socket)
        assert (second["frame"], last["frame"]) == (2, 6)
        assert man(second) == pytest.approx(51 / 255, abs=0.02)
        assert man(last) == pytest.approx(1, abs=0.02)


def test_options_hold_and_what_is_wrong_is_a_problem() -> None:
    with (
        running(fake_engine(Gated(), limits=decode.Limits(2_000))) as client,
        connected(client) as socket,
    ):
        socket.send(json.dumps({"min_confidence": 1.0, "crops": True}))
        for _ in range(2):
            socket.send(frame(50))
            [face] = heard(socket)["faces"]
            assert face["label"] == "uncertain"
            assert base64.b64decode(face["crop_png"]).startswith(b"\x89PNG")
        for options, status, words in (
            ("none", 422, "Invalid JSON"),
            ("[]", 422, "object"),
            ('{"model": "none"}', 422, "available: brightness"),
            ('{"min_confidence": 7}', 422, "min_confidence"),
            ('{"url": "http://x"}', 422, "url"),
            ('{"explain": true}', 501, "no guided graph"),
        ):
            socket.send(options)
            problem = heard(socket)["problem"]
            assert problem["status"] == status
            assert words in problem["detail"]
        large = cv2.imencode(".png", np.zeros((50, 50), np.uint8))[1].tobytes()
        for number, (data, words) in enumerate(
            [(b"", "empty"), (b"none", "not a readable"), (large, "above the limit")], start=3
        ):
            socket.send(data)
            answer = heard(socket)
            assert answer["frame"] == number
            assert words in answer["problem"]["detail"]
        socket.send(frame(50))
        assert heard(socket)["faces"][0]["label"] == "uncertain"


def test_a_frame_that_takes_too_long_is_a_problem() -> None:
    detector = Gated()
    limits = Limits(timeout_s=1)
    with running(fake_engine(detector), limits) as client, connected(client) as socket:
        detector.gate.clear()
        socket.send(frame(9))
        answer = heard(socket)
        assert (answer["frame"], answer["problem"]["status"]) == (1, 504)
        detector.gate.set()
        wait_until(lambda: not detector.working)
        socket.send(frame(9))
        assert heard(socket)["frame"] == 2


def test_a_camera_frame_with_its_guided_gradient(model: str, portrait: Path) -> None:
    classifier = Classifier.load(model, threads=1)

    class White:
        def __call__(self, crops: Image) -> Any:
            return classifier(crops), np.ones(crops.shape, np.float32)

        def picture(self, guided: Any) -> Image:
            return (guided * 255).astype(np.uint8)

    models = {model: Model(classifier, White(), Path("none"))}
    engine = serving.engine_of(models, detection.create("haar"))
    with running(engine) as client, connected(client) as socket:
        socket.send(json.dumps({"explain": True, "model": model}))
        socket.send(portrait.read_bytes())
        [face] = heard(socket)["faces"]
        assert face["label"] == "woman"
        guided = decode.read(base64.b64decode(face["map_png"]))
        assert guided.shape == (classifier.spec.size, classifier.spec.size, 3)
        assert guided.min() == 255


def refused(client: Any, status: int, words: str, **options: Any) -> None:
    with pytest.raises(exceptions.InvalidStatus) as caught, connected(client, **options):
        pass
    response = caught.value.response
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert words in json.loads(response.body)["detail"]


def test_who_may_connect() -> None:
    encoded = base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")
    allowed = "https://page.example"
    with running(fake_engine(Gated()), token=TOKEN, allow_origins=[allowed]) as client:
        right = {"additional_headers": {"Authorization": f"Bearer {TOKEN}"}}
        own = f"http://{client.base_url.host}:{client.base_url.port}"
        for options in (
            right,
            {"subprotocols": ["genderscope", f"genderscope.token.{encoded}"], "origin": own},
            {"subprotocols": [f"genderscope.token.{encoded}", "genderscope"], "origin": allowed},
        ):
            with connected(client, **options) as socket:
                assert socket.subprotocol == ("genderscope" if "origin" in options else None)
                socket.send(frame(1))
                assert heard(socket)["frame"] == 1
        refused(client, 401, "a token is needed")
        for wrong in ("", "x", "!", encoded[:-2]):
            refused(client, 401, "a token", subprotocols=[f"genderscope.token.{wrong}x"])
        refused(client, 403, "--allow-origin", origin="https://elsewhere.example", **right)


def test_places_are_limited_and_come_free() -> None:
    with running(fake_engine(Gated()), Limits(max_live=2)) as client:
        with ExitStack() as stack:
            for _ in range(2):
                stack.enter_context(connected(client))
            wait_until(lambda: "genderscope_live 2.0" in client.get("/metrics").text)
            refused(client, 503, "all 2 places are taken")
        wait_until(lambda: "genderscope_live 0.0" in client.get("/metrics").text)
        with connected(client) as socket:
            socket.send(frame(1))
            assert heard(socket)["frame"] == 1


@pytest.mark.parametrize(
    ("limits", "data", "code"),
    [({"live_idle_s": 1.0}, b"", 1001), ({"max_body_mb": 0.001}, b"x" * 1_001, 1009)],
)
def test_silence_and_too_much_are_closed(limits: dict[str, Any], data: bytes, code: int) -> None:
    with running(fake_engine(Gated()), Limits(**limits)) as client:
        with connected(client) as socket:
            if data:
                socket.send(data)
            with pytest.raises(exceptions.ConnectionClosed) as caught:
                socket.recv(timeout=20)
            assert caught.value.rcvd.code == code
        wait_until(lambda: "genderscope_live 0.0" in client.get("/metrics").text)
        with connected(client) as socket:
            socket.send(frame(1))
            assert heard(socket)["frame"] == 1


def test_a_client_that_reads_nothing_is_cut_off() -> None:
    refused = json.dumps({"x" * 100_000: 1})  # the answer names the unknown option
    with (
        running(fake_engine(Gated()), Limits(timeout_s=0.5)) as client,
        connected(client, max_queue=1) as socket,
    ):
        socket.socket.settimeout(20)
        with pytest.raises(exceptions.ConnectionClosed) as caught:
            deque(map(socket.send, repeat(refused)), maxlen=0)
        assert not isinstance(caught.value.__cause__, TimeoutError)
        wait_until(lambda: "genderscope_live 0.0" in client.get("/metrics").text)


def test_a_client_that_leaves_at_work_leaves_nothing() -> None:
    detector = Gated()
    with running(fake_engine(detector)) as client:
        with connected(client) as socket:
            detector.gate.clear()
            socket.send(frame(1))
            wait_until(lambda: detector.working)
        wait_until(lambda: "genderscope_live 0.0" in client.get("/metrics").text)
        detector.gate.set()
        with connected(client) as socket:
            socket.send(frame(1))
            assert heard(socket)["frame"] == 1
