import asyncio
import base64
import csv
import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import hypothesis
import numpy as np
import pytest

import genderscope
import serving
from fakes import BrightnessClassifier, CountingDetector
from genderscope import detection
from genderscope.core.records import SceneRecord, plain
from genderscope.core.types import Box, Face, Floats, Frame, Image, Scene
from genderscope.imaging import decode
from genderscope.imaging.preprocess import crop
from genderscope.inference.classifier import WEIGHTS, Classifier, shipped

httpx = pytest.importorskip("httpx")
schemathesis = pytest.importorskip("schemathesis")

from genderscope.server.app import HEADERS, create_app  # noqa: E402
from genderscope.server.engine import Model, load_models  # noqa: E402

SIDE = 256
PLAIN = "plain"  # a model that cannot explain


class MirrorExplainer:
    """Its map of a crop is the crop itself."""

    def __init__(self, classifier: Classifier | BrightnessClassifier) -> None:
        self._classifier = classifier

    def __call__(self, crops: Image, classes: Any = None) -> tuple[Floats, Any]:
        return self._classifier(crops), crops.astype(np.float32)

    def picture(self, guided: Any) -> Image:
        return guided.astype(np.uint8)


@pytest.fixture(scope="module")
def portrait(portrait: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quarter of the shared one, which the Haar cascade searches in a quarter of the time."""
    small = tmp_path_factory.mktemp("portrait") / "small.jpg"
    cv2.imwrite(str(small), cv2.resize(decode.read(portrait), (SIDE, SIDE)))
    return small


@pytest.fixture(scope="module")
def client(model: str) -> Iterator[Any]:
    classifier = Classifier.load(model, threads=1)
    file = WEIGHTS / f"{model}.onnx"
    models = {
        model: Model(classifier, MirrorExplainer(classifier), file),
        PLAIN: Model(classifier, None, file),
    }
    with serving.running(
        serving.engine_of(
            models, detection.create("haar"), workers=2, limits=decode.Limits(2_000_000)
        )
    ) as client:
        yield client


@pytest.fixture(scope="module")
def expected(model: str, portrait: Path) -> list[dict[str, Any]]:
    """The faces as the command line writes them."""
    image = decode.read(portrait)
    results = tuple(genderscope.load(model, "haar")(image))
    scene = Scene(Frame("", image), results)
    faces: list[dict[str, Any]] = plain(SceneRecord.of(scene))["faces"]
    assert len(faces) == 1
    return faces


def encoded(image: Image, suffix: str = ".png") -> bytes:
    return cv2.imencode(suffix, image)[1].tobytes()


def decoded(base64_png: str) -> Image:
    data = np.frombuffer(base64.b64decode(base64_png), np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_UNCHANGED).astype(np.uint8)


def flat(brightness: int, faces: int = 1) -> bytes:
    """What ``CountingDetector`` finds faces in."""
    image = np.full((20, 400, 3), brightness, np.uint8)
    image[0, 0] = faces
    return encoded(image)


def approximately(faces: list[dict[str, Any]], others: list[dict[str, Any]]) -> None:
    for face, other in zip(faces, others, strict=True):
        assert face.keys() == other.keys()
        assert face["box"] == other["box"]
        assert face["label"] == other["label"]
        assert face["scores"] == pytest.approx(other["scores"], abs=1e-5)
        assert face["confidence"] == pytest.approx(other["confidence"], abs=1e-5)


def test_csv_has_a_row_for_each_face(
    client: Any, portrait: Path, expected: list[dict[str, Any]]
) -> None:
    pictures = portrait.read_bytes(), encoded(np.zeros((99, 99, 3), np.uint8)), b"=text"
    sent = [("file", picture) for picture in pictures]
    answer = client.post("/v1/classify?format=csv", files=sent)
    assert answer.headers["content-type"].startswith("text/csv")
    face, empty, failed = csv.DictReader(io.StringIO(answer.text))
    assert (face["path"], face["label"]) == ("1", expected[0]["label"])
    assert float(face["man"]) == pytest.approx(expected[0]["scores"]["man"], abs=1e-5)
    assert float(face["width"]) == expected[0]["box"]["width"]
    assert (empty["path"], empty["label"], empty["error"]) == ("2", "", "")
    assert (failed["path"], failed["label"]) == ("3", "")
    assert "not a readable picture" in failed["error"]
    alone = {"files": sent[2:]}
    serving.problem(client.post("/v1/classify?format=csv", **alone), 422, "not a readable picture")
    serving.problem(client.post("/v1/classify?format=xml", **alone), 422, "format")


def test_one_picture_in_each_way(
    client: Any, portrait: Path, model: str, expected: list[dict[str, Any]]
) -> None:
    data = portrait.read_bytes()
    for request in (
        {"files": {"file": ("a.jpg", data, "image/jpeg")}},
        {"files": [("file", data)]},
        {"content": data, "headers": {"Content-Type": "image/jpeg"}},
        {"content": data, "headers": {"Content-Type": "application/octet-stream"}},
        {"content": data},
    ):
        response = client.post("/v1/classify", **request)
        assert response.status_code == 200, response.text
        answer = response.json()
        assert answer["model"] == model
        [picture] = answer["pictures"]
        assert (picture["width"], picture["height"]) == (SIDE, SIDE)
        approximately(picture["faces"], expected)


def test_several_files_keep_their_order_and_a_broken_one_its_place(
    client: Any, portrait: Path, expected: list[dict[str, Any]]
) -> None:
    nobody = encoded(np.zeros((90, 120, 3), np.uint8))
    files = [("file", portrait.read_bytes()), ("file", b"no picture"), ("file", nobody)]
    first, second, third = client.post("/v1/classify", files=files).json()["pictures"]
    approximately(first["faces"], expected)
    assert second.keys() == {"error"}
    assert "not a readable picture" in second["error"]
    left_out = {"small": 0, "faint": 0}
    assert third == {"width": 120, "height": 90, "faces": [], "left_out": left_out}


def test_a_face_turned_to_the_side_is_uncertain_on_request() -> None:
    def aside(image: Image) -> list[Face]:
        landmarks = ((15.0, 16.0), (25.0, 16.0), (24.0, 20.0), (16.0, 25.0), (24.0, 25.0))
        return [Face(Box(10, 10, 20, 20), landmarks=landmarks)]

    picture = cv2.imencode(".png", np.full((40, 40, 3), 250, np.uint8))[1].tobytes()
    with serving.running(serving.fake_engine(aside)) as client:
        for most, label in ((30, "uncertain"), (80, "man")):
            answer = client.post("/v1/classify", params={"max_yaw": most}, content=picture)
            [face] = answer.json()["pictures"][0]["faces"]
            assert face["label"] == label


def test_options(client: Any, portrait: Path, model: str) -> None:
    def face(**parameters: object) -> dict[str, Any]:
        answer = client.post(
            "/v1/classify", params=parameters, content=portrait.read_bytes()
        ).json()
        assert answer["model"] == (PLAIN if parameters.get("model") == PLAIN else model)
        return dict(answer["pictures"][0]["faces"][0])

    assert face(min_confidence=0)["label"] == "woman"
    assert face(min_confidence=1)["label"] == "uncertain"
    assert face(model=PLAIN) == face()
    assert face(model="fast") == face()
    assert face(crops=True).keys() - face().keys() == {"crop_png"}


def test_a_crop_and_the_network_give_the_same_scores_elsewhere(
    client: Any, portrait: Path, model: str, tmp_path: Path
) -> None:
    """What a page needs to run a model in the browser."""
    answer = client.post(
        "/v1/classify", params={"crops": True}, content=portrait.read_bytes()
    ).json()
    [face] = answer["pictures"][0]["faces"]
    cut = decoded(face["crop_png"])
    image = decode.read(portrait)
    scope = genderscope.load(model, "haar")
    np.testing.assert_array_equal(cut, crop(image, scope(image)[0].face, scope.classifier.spec))

    listed = client.get("/v1/models").json()
    assert listed["default"] == model
    card = listed["models"][0]
    assert card["spec"] == asdict(scope.classifier.spec)
    (tmp_path / "network.onnx").write_bytes(client.get(card["network"]).content)
    elsewhere = Classifier.load(tmp_path / "network.onnx")
    assert (card["temperature"], card["bias"]) == (elsewhere.temperature, elsewhere.bias)
    assert list(face["scores"].values()) == pytest.approx(elsewhere(cut[None])[0], abs=1e-5)


def test_explain(client: Any, portrait: Path, expected: list[dict[str, Any]]) -> None:
    data = portrait.read_bytes()

    def ask(accept: str = "*/*", **parameters: object) -> Any:
        return client.post(
            "/v1/explain", params=parameters, headers={"Accept": accept}, content=data
        )

    with_crop = ask(crops=True).json()["pictures"][0]["faces"]
    assert with_crop[0].pop("crop_png") == with_crop[0]["map_png"]
    guided = base64.b64decode(with_crop[0].pop("map_png"))
    approximately(with_crop, expected)
    for response in (ask("image/png"), ask(format="png"), ask("application/json", format="png")):
        assert response.headers["content-type"] == "image/png"
        assert response.content == guided
    assert ask("image/png", format="json").headers["content-type"] == "application/json"
    for accept in ("image/png;q=0, application/json", "application/json, image/png;q=0.1"):
        assert ask(accept).headers["content-type"] == "application/json"
    serving.problem(ask("image/png", face=1), 404, "no face 1: 1 found, numbered from 0")
    serving.problem(ask(model=PLAIN), 501, f"{PLAIN} has no guided graph")
    files = {"files": [("file", data), ("file", data)]}
    assert len(client.post("/v1/explain", **files).json()["pictures"]) == 2
    serving.problem(client.post("/v1/explain?format=png", **files), 422, "a PNG shows one")


def test_a_single_map_is_computed_alone() -> None:
    faces = np.random.default_rng(0).integers(0, 255, (20, 400, 3), np.uint8)
    faces[0, 0] = 3  # side by side
    sizes: list[int] = []
    classifier = BrightnessClassifier()
    models = {"brightness": Model(classifier, MirrorExplainer(classifier), Path(__file__))}
    engine = serving.engine_of(models, CountingDetector(), observe=sizes.append)
    with serving.running(engine) as client:
        sizes.clear()  # of the warming
        answer = client.post("/v1/explain", content=encoded(faces)).json()
        maps = [base64.b64decode(face["map_png"]) for face in answer["pictures"][0]["faces"]]
        for face, guided in enumerate(maps):
            shown = client.post(f"/v1/explain?format=png&face={face}", content=encoded(faces))
            assert shown.content == guided
        asked = client.post("/v1/explain?format=png&face=3", content=encoded(faces))
        serving.problem(asked, 404, "3 found, numbered from 0")
    assert len(set(maps)) == 3
    assert sizes == [3, 1, 1, 1]


def test_every_model_that_is_shipped_can_be_asked(portrait: Path, model: str) -> None:
    integers = f"{model}.int8"
    models, default = load_models(integers)
    assert default == integers
    assert models.keys() == {*shipped(), integers}
    image, detector = decode.read(portrait), detection.create("haar")
    with serving.running(serving.engine_of(models, detection.create("haar"))) as client:
        for card in client.get("/v1/models").json()["models"]:
            answer = client.post(
                "/v1/explain" if card["explains"] else "/v1/classify",
                params={"model": card["name"]},
                content=portrait.read_bytes(),
            ).json()
            [face] = answer["pictures"][0]["faces"]
            [result] = genderscope.load(card["name"], "haar")(image)
            assert face["label"] == result.prediction.label != "man"
            if explainer := models[card["name"]].explainer:
                cut = crop(image, detector(image)[0], explainer.spec)
                shown = decoded(face["map_png"])
                expected = explainer.picture(explainer(cut[None])[1][0])
                np.testing.assert_allclose(shown.astype(int), expected, atol=1)


def test_faces_of_concurrent_requests_share_batches() -> None:
    classifier = BrightnessClassifier()
    models = {"brightness": Model(classifier, None, Path(__file__))}
    sizes: list[int] = []
    gate = threading.Event()

    class Slow(BrightnessClassifier):
        def __call__(self, crops: Image) -> Floats:
            assert gate.wait(30)
            return classifier(crops)

    models["brightness"] = Model(Slow(), None, Path(__file__))
    engine = serving.engine_of(
        models, CountingDetector(), workers=8, batch_size=8, observe=sizes.append
    )
    gate.set()  # for the warming
    with serving.running(engine) as client, ThreadPoolExecutor(8) as pool:
        gate.clear()
        asked = [
            pool.submit(client.post, "/v1/classify", content=flat(20 * n, 2)) for n in range(8)
        ]
        looked = "genderscope_requests_inside 8.0"
        serving.wait_until(lambda: looked in client.get("/metrics").text)
        gate.set()
        answers = [one.result().json() for one in asked]
    assert sum(sizes[1:]) == 16
    assert max(sizes) <= 8
    assert len(sizes[1:]) < 8  # fewer batches than requests
    assert sizes == classifier.batches
    for number, answer in enumerate(answers):
        last = answer["pictures"][0]["faces"][1]  # the first holds the pixel that counts
        assert last["scores"]["man"] == pytest.approx(20 * number / 255, abs=1e-4)


def test_an_error_of_a_batch_is_an_answer_and_the_next_goes_through() -> None:
    class Failing(BrightnessClassifier):
        def __call__(self, crops: Image) -> Floats:
            if crops.max() == 250:
                raise RuntimeError("secret")
            return super().__call__(crops)

    models = {"failing": Model(Failing(), None, Path(__file__))}
    with serving.running(serving.engine_of(models, CountingDetector())) as client:
        failed = client.post("/v1/classify", content=flat(250))
        serving.problem(failed, 500, "not caused by the request")
        assert "secret" not in failed.text
        assert client.post("/v1/classify", content=flat(100)).status_code == 200


def test_health_and_metrics(client: Any, portrait: Path) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json() == {"status": "ready"}
    client.post("/v1/classify", content=portrait.read_bytes())
    client.get("/nobody-lives-here")
    text = client.get("/metrics").text
    assert 'genderscope_requests_total{route="/v1/classify",status="200"}' in text
    assert 'genderscope_requests_total{route="none",status="404"}' in text
    assert "genderscope_batch_faces_count" in text
    assert "nobody-lives-here" not in text


def test_the_addresses_of_a_model_with_any_name_work() -> None:
    file = WEIGHTS / "mini_xception.onnx"
    models = {"my model #1?": Model(Classifier.load(file, threads=1), None, file)}
    with serving.running(serving.engine_of(models, CountingDetector())) as client:
        [model] = client.get("/v1/models").json()["models"]
        assert model["name"] == "my model #1?"
        assert client.get(model["network"]).content == file.read_bytes()
        assert client.get(model["card"]).status_code == 200


def test_an_alias_is_a_name_unless_a_model_has_it() -> None:
    file = WEIGHTS / "standard_cnn.onnx"
    model = Model(Classifier.load(file, threads=1), None, file)
    models = {"standard_cnn": model, "fast": model}
    with serving.running(serving.engine_of(models, CountingDetector())) as client:
        for name in ("balanced", "fast"):
            assert client.get(f"/v1/models/{name}/network").content == file.read_bytes()
            assert client.get(f"/v1/models/{name}/card").status_code == 200
        sent: Any = {"files": {"file": flat(200)}}
        assert client.post("/v1/classify?model=fast", **sent).json()["model"] == "fast"
        assert client.post("/v1/classify?model=balanced", **sent).json()["model"] == "standard_cnn"
        serving.problem(client.get("/v1/models/accurate/card"), 404, "available: standard_cnn")


def test_a_file_that_the_client_has_is_not_sent_again(client: Any, model: str) -> None:
    for path in ("/", "/web/main.js", f"/v1/models/{model}/network"):
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert client.get(path, headers={"If-None-Match": '"old"'}).content == first.content


def test_head_is_get_without_a_body(client: Any) -> None:
    for path in ("/", "/healthz", "/v1/models", "/web/constants.js"):
        head, get = client.head(path), client.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == get.headers["content-length"]
    assert client.head("/v1/classify").status_code == 405
    assert 'route="/healthz",status="200"' in client.get("/metrics").text


def test_not_ready_before_it_is_warm() -> None:
    engine = serving.fake_engine(CountingDetector())
    transport = httpx.ASGITransport(create_app(engine))  # does not start the app's life

    async def ask() -> Any:
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            cold = await client.get("/readyz")
            await engine.warm_up()
            return cold, await client.get("/readyz")

    cold, warm = asyncio.run(ask())
    serving.problem(cold, 503, "still being warmed up")
    assert cold.headers["retry-after"] == "1"
    assert warm.json() == {"status": "ready"}
    engine.close()


def test_the_page_and_its_files_come_from_the_package(client: Any) -> None:
    for path in ("/", "/web/index.html"):
        response = client.get(path)
        assert response.headers["content-type"].startswith("text/html")
        assert "<h1>genderscope</h1>" in response.text
        assert HEADERS.items() <= {k.title(): v for k, v in response.headers.items()}.items()
    for path in ("/web/../server/app.py", "/web/%2e%2e/server/app.py", "/web/none.js"):
        assert client.get(path).status_code == 404
    assert "<script" not in client.get("/docs").text  # FastAPI's would load from elsewhere
    serving.problem(client.get("/redoc"), 404, "see /openapi.json")
    # A redirect would name http:// behind a proxy with TLS, and pictures would follow it.
    serving.problem(client.post("/v1/classify/"), 404, "see /openapi.json")
    serving.problem(client.get("/v1/classify"), 405, "Method Not Allowed")


def test_openapi_has_examples_and_names_the_problems(client: Any) -> None:
    document = client.get("/openapi.json").json()
    metrics = document["paths"]["/metrics"]["get"]["responses"]
    assert list(metrics["200"]["content"]) == ["text/plain"]
    assert {"401", "403"} <= metrics.keys()
    for path in ("/v1/classify", "/v1/explain"):
        operation = document["paths"][path]["post"]
        assert {"multipart/form-data", "image/jpeg"} <= operation["requestBody"]["content"].keys()
        assert {"413", "415", "422", "503", "504"} <= operation["responses"].keys()
        for status, response in operation["responses"].items():
            if status != "200":
                assert list(response["content"]) == ["application/problem+json"]
                example = response["content"]["application/problem+json"]["example"]
                assert example["status"] == int(status)
    assert document["components"]["schemas"]["Answer"]["examples"]


schema = schemathesis.openapi.from_dict(
    create_app(serving.fake_engine(CountingDetector())).openapi()
)


@schema.parametrize()
@hypothesis.settings(max_examples=15, deadline=None)
def test_what_the_document_allows_never_fails(case: Any, client: Any) -> None:
    # What it takes for a picture is none, so that not every request it calls sound is answered.
    case.call_and_validate(
        base_url=str(client.base_url),
        excluded_checks=[schemathesis.checks.positive_data_acceptance],
    )
