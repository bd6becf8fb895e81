import base64
import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import browsing
import serving
from browsing import film, labels, opened, saved, slide, until, upload
from genderscope.core.records import face_record, plain
from genderscope.core.types import Box, Face, Faces, Image, LeftOut, Prediction, Result
from genderscope.imaging import decode, preprocess
from genderscope.inference.classifier import Classifier, find, shipped
from genderscope.server.app import WEB
from genderscope.server.engine import Model

pytestmark = pytest.mark.skipif(browsing.CHROMIUM is None, reason="needs chromium")

BUILT = (WEB / "onnxruntime" / "ort.wasm.bundle.min.mjs").is_file()
ACCESSIBLE = (Path(__file__).parent / "accessible.js").read_text()
TOKEN = "a-token-of-some-length"
NASTY = '=<img src=x onerror="document.title=1">, "a".jpg'
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
SIDES = (("x", "width"), ("y", "height"))
WIDTHS = (360, 390, 480, 768, 1000, 1190, 1400)


@pytest.fixture(scope="module")
def small(portrait: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The middle of the portrait, which the Haar cascade searches quickly."""
    file = tmp_path_factory.mktemp("pictures") / "small, but fine.png"
    cv2.imwrite(str(file), cv2.resize(decode.read(portrait)[20:240, 110:330], (240, 240)))
    return file


@pytest.fixture(scope="module")
def client(model: str) -> Iterator[Any]:
    with serving.serving("--model", model) as (client, _):
        yield client


@pytest.fixture(scope="module")
def address(client: Any) -> str:
    return str(client.base_url)


@pytest.fixture(scope="module")
def browser(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    camera = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    browsing.to_and_fro(decode.read(small), camera)
    with browsing.chromium(camera) as browser:
        yield browser


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    with opened(browser, address) as page:
        yield page


def answered(client: Any, picture: Path, model: str | None = None) -> Any:
    """What the service says of a picture."""
    query = {"model": model} if model else {}
    return client.post("/v1/classify", content=picture.read_bytes(), params=query).json()


def read(page: Any) -> Any:
    """The results as the page would save them: a download for each look would take its time."""
    return json.loads(
        page.evaluate(
            """() => {
                const { createObjectURL } = URL;
                const { click } = HTMLAnchorElement.prototype;
                let saved;
                URL.createObjectURL = (blob) => (saved = blob) && "data:,";
                HTMLAnchorElement.prototype.click = () => {};
                document.getElementById("save-json").click();
                Object.assign(URL, { createObjectURL });
                Object.assign(HTMLAnchorElement.prototype, { click });
                return saved.text();
            }"""
        )
    )


def test_pictures_are_answered_shown_and_saved(page: Any, client: Any, small: Path) -> None:
    upload(page, small, bad=NASTY)
    assert labels(page) == ["woman"]
    assert page.locator("article h3").all_inner_texts() == [small.name, NASTY]
    assert page.title() == "genderscope"
    [problem] = page.locator("article .problem:visible").all_inner_texts()
    assert "not a readable picture" in problem
    assert "1 picture could not be read" in page.inner_text("#progress")
    assert page.inner_text("#counts") == "1 face shown: 1 woman, 0 men, 0 uncertain"

    answer = answered(client, small)
    [face] = answer["pictures"][0]["faces"]
    name, content = saved(page, "#save-csv")
    assert name == "genderscope.csv"
    good, failed = csv.DictReader(io.StringIO(content.decode(), newline=""))
    assert good["file"] == small.name
    assert (good["face"], good["label"], good["network"]) == ("1", "woman", "service")
    assert float(good["man"]) == face["scores"]["man"]
    assert float(good["confidence"]) == face["confidence"]
    assert {side: float(good[side]) for side in face["box"]} == face["box"]
    assert (failed["file"], failed["label"]) == (f"'{NASTY}", "")
    assert "not a readable picture" in failed["error"]

    name, text = saved(page, "#save-json")
    content = json.loads(text)
    assert (name, content) == ("genderscope.json", read(page))
    assert content["model"] == answer["model"]
    assert content["min_confidence"] == answer["min_confidence"]
    assert content["pictures"][0] == {"file": small.name, **answer["pictures"][0]}

    name, content = saved(page, "article button:has-text('PNG')")
    assert name == "small, but fine-faces.png"
    drawn, plain = decode.read(content), decode.read(small)
    assert drawn.shape == plain.shape
    assert 0.02 < (drawn != plain).any(-1).mean() < 0.5
    assert (drawn == (0, 159, 230)).all(-1).sum() > 100  # the box and the plate of its label

    page.click("article button:has-text('Remove') >> nth=0")
    assert page.locator("article h3").all_inner_texts() == [NASTY]
    page.click("#clear")
    assert page.locator("article").count() == 0
    assert page.inner_text("#counts") == "No faces yet."


def test_the_threshold_works_at_once_and_asks_nobody(page: Any, small: Path) -> None:
    upload(page, small)
    own, before = page.inner_text("#threshold-value"), len(page.asked)
    slide(page, "End")
    assert labels(page) == ["uncertain"]
    assert page.inner_text("#threshold-value") == "100.0%"
    assert page.inner_text("#counts") == "1 face shown: 0 women, 0 men, 1 uncertain"
    assert page.locator("#strip span[data-label=uncertain]").count() == 1
    slide(page, "Home")
    assert labels(page) == ["woman"]
    page.click("#threshold-own")
    assert page.inner_text("#threshold-value") == own
    assert [other for other in page.asked[before:] if not other.startswith("data:")] == []


def test_the_camera_is_followed_live(page: Any) -> None:
    film(page)
    once = ["woman", "1", "man", "0", "uncertain", "0"]
    until(page, lambda: page.inner_text("#tally").split() == once)
    guided = page.locator("#camera-faces td.map img")
    first = guided.get_attribute("src")
    until(page, lambda: guided.count() == 1 and guided.get_attribute("src") != first)
    shown = decode.read(base64.b64decode(guided.get_attribute("src").partition(",")[2]))
    assert shown.shape == (64, 64, 3)
    assert shown.std() > 5

    slide(page, "End")
    assert labels(page, "#camera") == ["uncertain"]
    assert page.inner_text("#tally").split()[-1] == "1"
    page.click("#threshold-own")
    page.uncheck("#explain")  # counts begin anew
    until(page, lambda: not guided.is_visible())
    until(page, lambda: page.inner_text("#tally").split() == once)

    [row] = csv.DictReader(io.StringIO(saved(page, "#camera-csv")[1].decode()))
    assert row["label"] == "woman"
    assert int(row["frames"]) >= 3
    assert decode.read(saved(page, "#camera-png")[1]).shape == (240, 320, 3)
    page.click("#pictures-tab")
    assert page.evaluate("document.getElementById('camera-video').srcObject") is None
    assert page.inner_text("#counts") == "No faces yet."
    page.click("#camera-tab")
    assert page.inner_text("#camera-start") == "Start the camera"


def test_a_camera_that_is_lost_stops(page: Any) -> None:
    film(page)
    page.evaluate(
        """() => {
            const [track] = document.getElementById("camera-video").srcObject.getVideoTracks();
            track.dispatchEvent(new Event("ended"));
        }"""
    )
    assert "The camera is gone" in page.inner_text("#camera-problem")
    assert page.inner_text("#camera-start") == "Start the camera"
    page.click("#camera-start")
    until(page, lambda: page.inner_text("#camera-start") == "Stop the camera")
    assert not page.is_visible("#camera-problem")


def test_the_camera_draws_its_video_and_sends_small_pictures(browser: Any, address: str) -> None:
    """With crops and maps only where the list is shown anew."""
    with opened(browser, address) as page:
        page.evaluate(
            """() => {
                window.sent = [];
                const { send } = WebSocket.prototype;
                WebSocket.prototype.send = function (data) {
                    window.sent.push(data.size ?? JSON.parse(data));
                    return send.call(this, data);
                };
            }"""
        )
        film(page)
        until(page, lambda: len(page.evaluate("sent")) > 20)
        sent = page.evaluate("sent")
        assert max(size for size in sent if isinstance(size, int)) < 20_000
        options = [one for one in sent if not isinstance(one, int)]
        assert all(one["explain"] == one["crops"] for one in options)
        assert {one["crops"] for one in options} == {True, False}
        assert page.is_visible("#camera-video")
        transparent = page.evaluate(
            """() => {
                const canvas = document.getElementById("camera-canvas");
                const { width, height } = canvas;
                const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
                const opacities = data.filter((_, place) => place % 4 === 3);
                return opacities.filter((opacity) => !opacity).length / opacities.length;
            }"""
        )
        assert 0.5 < transparent < 0.99  # the video shows through, but for boxes and labels
        page.click("#camera-start")
        until(page, lambda: page.inner_text("#camera-start") == "Start the camera")
        still = decode.read(saved(page, "#camera-png")[1])
        assert still.shape == (240, 320, 3)
        assert still.std() > 20


@pytest.mark.parametrize("spec", [preprocess.ALIGNED, preprocess.WIDE], ids=lambda spec: spec.name)
def test_the_tab_cuts_faces_out_as_the_service_does(
    page: Any, portrait: Path, spec: preprocess.PreprocessSpec
) -> None:
    image = decode.read(portrait)
    eyes_to_mouth = ((210.5, 100), (250, 110.2), (226, 131), (204, 148), (238, 156))
    faces = [
        Face(Box(170, 70, 100, 130)),
        Face(Box(170, 70, 100, 130), landmarks=eyes_to_mouth),
        Face(Box(180, 80, 30, 30), turn_deg=90),
        Face(Box(-20, 400, 250, 200)),  # partly outside
    ]
    png = base64.b64encode(cv2.imencode(".png", image)[1].tobytes()).decode()
    for face in faces:
        record = plain(face_record(Result(face, Prediction((0.5, 0.5)))))
        found = page.evaluate(
            """async ([png, face, spec]) => {
                const { cut } = await import("/web/crops.js");
                const bytes = Uint8Array.from(atob(png), (character) => character.charCodeAt(0));
                const picture = await createImageBitmap(new Blob([bytes]));
                return Array.from(cut(picture, face, spec));
            }""",
            [png, record, asdict(spec)],
        )
        here = np.reshape(found, (spec.channels, spec.size, spec.size)).squeeze()
        there = preprocess.crop(image, face, spec)
        there = there if spec.channels == 1 else there.transpose(2, 0, 1)
        assert abs(here - there).max() <= 2
        assert abs(here - there).mean() < 0.5  # OpenCV samples at 32nds of a pixel and rounds twice


def test_what_is_left_is_counted_and_not_saved(page: Any, small: Path) -> None:
    page.evaluate(
        """() => {
            const find = (id) => document.getElementById(id);
            const [progress, save] = [find("progress"), find("save-csv")];
            window.told = [];
            const keep = () => told.push([progress.textContent, save.disabled]);
            new MutationObserver(keep).observe(progress, { childList: true });
        }"""
    )
    page.set_input_files("#files", small)
    page.select_option("#model", index=1)
    page.select_option("#model", index=0)
    until(page, lambda: page.inner_text("#progress") == "1 picture, 1 face.")
    told = page.evaluate("told")
    assert told[0][0].startswith("1 picture remaining")
    assert all(disabled == ("remaining" in text) for text, disabled in told)
    assert not any("2 pictures" in text for text, _ in told)


def test_another_model_is_asked(page: Any, client: Any, small: Path) -> None:
    upload(page, small)
    for name in shipped():
        page.select_option("#model", name)
        answer = answered(client, small, name)
        right = {"file": small.name, **answer["pictures"][0]}
        until(page, lambda: read(page)["pictures"] == [right])  # noqa: B023
        assert read(page)["model"] == name
        assert read(page)["min_confidence"] == answer["min_confidence"]


@pytest.mark.skipif(not BUILT, reason="scripts/build_web.sh has not been run")
def test_the_network_in_the_tab_scores_as_the_service_does(
    page: Any, client: Any, small: Path, portrait: Path
) -> None:
    files = small, portrait
    upload(page, *files, faces=sum(len(_men(answered(client, file))) for file in files))
    page.check("#where input[value=tab]")
    for name in shipped():
        page.select_option("#model", name)
        until(page, lambda: "differ" in page.inner_text("#agreement"))
        until(page, lambda: page.inner_text("#progress").startswith("2 pictures,"))
        content = read(page)
        assert (content["model"], content["network"]) == (name, "tab")
        for file, found in zip(files, content["pictures"], strict=True):
            here, there = _men({"pictures": [found]}), _men(answered(client, file, name))
            assert here == pytest.approx(there, abs=1e-3)
            assert here != there  # the service rounds to six digits; the tab has its own
    film(page)


def _men(answer: Any) -> list[float]:
    return [face["scores"]["man"] for face in answer["pictures"][0]["faces"]]


@pytest.mark.skipif(BUILT, reason="scripts/build_web.sh has been run")
def test_without_its_files_the_tab_has_no_network(page: Any) -> None:
    """The page does not mention it, and requests no file that does not exist."""
    assert not page.is_visible("#where")
    assert "build_web" not in page.content()


def test_the_model_card_is_one_click_away(page: Any, client: Any, model: str) -> None:
    button = page.locator(".notice [data-text=card]")
    button.click()
    page.wait_for_selector("#text:visible")
    assert page.inner_text("#text-title") == f"Model card: {model}"
    text = page.inner_text("#text-body")
    assert "Out of scope" in text
    assert "**" not in text
    assert page.locator("#text-body table").count() > 1
    assert page.evaluate(ACCESSIBLE) == []
    page.keyboard.press("Escape")
    assert not page.is_visible("#text")
    assert button.evaluate("button => button === document.activeElement")
    serving.problem(client.get("/v1/models/none/card"), 404, f"{model}, ")


def test_the_page_says_what_changes_an_answer(page: Any) -> None:
    text = page.inner_text("main")
    for words in ("How a face is turned", "How large a face is", "The threshold", "Small changes"):
        assert words in text
    assert re.search(r"The model’s own is \d\d\.\d%: .* it answers \d\d%, of which", text)
    page.click(".notice [data-text=limits]")
    page.wait_for_selector("#text:visible")
    assert page.inner_text("#text-title") == "Limits and ethics"
    shown = page.inner_text("#text-body")
    assert "Uses that we advise against" in shown
    assert not re.search(r"<!--|\]\(|\.md\b", shown)


def test_the_api_is_documented_without_other_sites(page: Any, client: Any) -> None:
    page.click("footer a")
    page.wait_for_url("**/docs")
    text = page.inner_text("main")
    described = client.get("/openapi.json").json()
    for path, operations in described["paths"].items():
        for method in operations:
            assert f"{method.upper()} {path}" in text
    assert "Below it a face is uncertain" in text


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing(browser: Any, address: str, small: Path, viewport: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()

    def check() -> None:
        found = axe.run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"][:100]) for one in found] == []

    with opened(browser, address, viewport=viewport) as page:
        upload(page, small, bad="bad")
        page.click("#pictures-tab")
        check()
        page.click(".notice [data-text=limits]")
        page.wait_for_selector("#text:visible")
        check()
        page.goto(f"{address}/docs")
        check()


def test_on_a_phone_the_upload_comes_first(browser: Any, address: str, small: Path) -> None:
    """And the threshold stays beside the results."""
    with opened(browser, address, viewport=PHONE, has_touch=True) as page:
        drop, threshold = _edges(page, "#drop"), _edges(page, ".threshold")
        assert 0 < drop["top"] < drop["bottom"] <= threshold["top"]
        assert threshold["bottom"] <= PHONE["height"]
        upload(page, small, bad="bad")
        for place in ("article >> nth=0", "article >> nth=-1"):
            page.locator(place).scroll_into_view_if_needed()
            assert _edges(page, ".threshold")["bottom"] <= PHONE["height"]
        own = page.inner_text("#threshold-value")
        page.locator("#threshold").click()  # fails if anything covers it
        assert page.inner_text("#threshold-value") != own
        assert "shown" in page.inner_text("#counts")


def test_at_a_desk_the_threshold_stays_beside_the_results(
    page: Any, small: Path, portrait: Path
) -> None:
    page.set_viewport_size(DESK)
    upload(page, small, bad="bad")
    page.locator("article >> nth=-1").scroll_into_view_if_needed()
    results, threshold = _edges(page, "article >> nth=-1"), _edges(page, ".threshold")
    assert results["right"] <= threshold["left"]
    assert 0 <= threshold["top"] < threshold["bottom"] <= DESK["height"]


def _edges(page: Any, selector: str) -> Any:
    return page.locator(selector).evaluate("one => one.getBoundingClientRect().toJSON()")


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_crowd_stays_readable(
    browser: Any, address: str, client: Any, small: Path, tmp_path: Path, viewport: Any
) -> None:
    """Numbers in the picture and a list of them, each marked by the other."""
    file = tmp_path / "crowd.png"
    face = cv2.resize(decode.read(small), (100, 100))
    cv2.imwrite(str(file), np.tile(face, (4, 7, 1)))
    faces = answered(client, file)["pictures"][0]["faces"]
    assert len(faces) > 15
    with opened(browser, address, viewport=viewport) as page:
        page.evaluate(
            """() => {
                window.written = [];
                const { prototype } = CanvasRenderingContext2D;
                const { fillText } = prototype;
                prototype.fillText = function (text, ...place) {
                    const [size] = this.font.match(/[0-9.]+(?=px)/);
                    const zoom = this.canvas.clientWidth / this.canvas.width;
                    window.written.push([text, size * zoom]);
                    return fillText.call(this, text, ...place);
                };
            }"""
        )

        def words(number: int) -> Any:
            return page.evaluate(f"window.written.slice(-{number})")

        upload(page, file, faces=len(faces))
        numbers = [str(number) for number in range(1, len(faces) + 1)]
        written = words(len(faces))
        assert [text for text, _ in written] == numbers
        assert min(size for _, size in written) > 10.5
        assert page.locator("tbody th").all_inner_texts() == numbers

        page.focus("tbody tr:nth-child(3) button")
        assert re.fullmatch(r"3  (wo)?man \d\d%|3  uncertain \d\d%", words(1)[0][0])
        assert page.locator("tr.marked th").all_inner_texts() == ["3"]
        box, canvas = faces[5]["box"], page.locator("article canvas")
        zoom = canvas.evaluate("one => one.clientWidth") / 700
        canvas.scroll_into_view_if_needed()
        middle = {side: zoom * (box[side] + box[length] / 2) for side, length in SIDES}
        canvas.hover(position=middle)
        assert page.locator("tr.marked th").all_inner_texts() == ["6"]
        assert words(1)[0][0].startswith("6  ")
        canvas.click(position=middle)
        assert page.evaluate("document.activeElement.textContent") == "6"
        page.hover("tbody tr:nth-child(2) .label")
        assert page.locator("tr.marked th").all_inner_texts() == ["2"]


def test_a_token_is_asked_for_and_a_lost_service_is_told(browser: Any, small: Path) -> None:
    with (
        serving.serving("--token", TOKEN) as (client, process),
        opened(browser, str(client.base_url), "#token-form:visible") as page,
    ):
        assert not page.is_visible("#all")
        page.fill("#token", "another-one-altogether")
        page.click("#token-form button")
        until(page, lambda: page.inner_text("#failure") == "The token is wrong.")
        page.fill("#token", TOKEN)
        page.evaluate(
            """() => {
                const form = document.getElementById("token-form");
                form.requestSubmit();
                form.requestSubmit();
            }"""
        )
        page.wait_for_selector(browsing.SHOWN)
        upload(page, small)
        downloads: list[Any] = []
        page.on("download", downloads.append)
        page.click("#save-csv")
        page.wait_for_timeout(500)
        assert len(downloads) == 1
        film(page)
        for stored in ("document.cookie", "localStorage.length", "sessionStorage.length"):
            assert not page.evaluate(stored)
        process.kill()
        until(page, lambda: "was lost" in page.inner_text("#camera-problem"))
        assert page.inner_text("#camera-start") == "Start the camera"


def test_the_camera_tells_of_faces_left_out(browser: Any) -> None:
    class Small:
        name = "small"

        def __call__(self, image: Image) -> Faces:
            faces = Faces()
            faces.left_out = LeftOut(small=2)
            return faces

    file = find("mini_xception")
    model = Model(Classifier.load(file, 1), None, file)
    with (
        serving.running(serving.engine_of({"mini_xception": model}, Small())) as client,
        opened(browser, str(client.base_url)) as page,
    ):
        page.click("#camera-tab")
        page.click("#camera-start")
        told = "2 smaller faces left out."
        until(page, lambda: page.inner_text("#camera-left-out") == told)


def test_every_width_from_a_phone_on_shows_all_of_it(
    browser: Any, address: str, small: Path
) -> None:
    with opened(browser, address, viewport=PHONE, has_touch=True) as page:
        for summary in page.locator("summary").all():
            summary.click()
        upload(page, small, bad="x" * 80)
        slide(page, "End")  # the longest label
        _fits(page)
        film(page, "uncertain")
        _fits(page)
        page.click(".notice [data-text=card]")
        page.wait_for_selector("#text:visible")
        _fits(page)


def _fits(page: Any) -> None:
    for width in WIDTHS:
        page.set_viewport_size({**PHONE, "width": width})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        outside = page.evaluate(
            """() => [...document.querySelectorAll("body :not(.wide *, body > *)")]
                .filter((one) => one.checkVisibility() && !one.matches(".strip span"))
                .filter((one) => one.getBoundingClientRect().right
                    > one.closest("article, main, body").getBoundingClientRect().right + 1)
                .map((one) => one.outerHTML.slice(0, 80))"""
        )
        assert outside == [], width


def test_everything_can_be_read_and_reached(page: Any, small: Path) -> None:
    page.click(".notice summary")
    upload(page, small, bad="bad")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(ACCESSIBLE) == []
    _walk(page)
    page.focus("#pictures-tab")
    page.keyboard.press("ArrowRight")
    assert page.is_visible("#camera-start")
    assert page.evaluate(ACCESSIBLE) == []
    page.keyboard.press("Home")
    assert page.is_visible("#drop")


def _walk(page: Any) -> None:
    """Tab from the top to the end: each stop shows that it has the focus, and none is missed."""
    page.focus(".skip")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")  # only with the keyboard a focus shows
    reached = []
    for _ in range(60):
        stop = page.evaluate(
            """() => {
                const one = document.activeElement;
                if (one === document.body) return null;
                const shown = one.type === "file" ? one.parentElement : one;
                const { outlineStyle, outlineWidth } = getComputedStyle(shown);
                return [one.id || one.textContent || one.value, outlineStyle, outlineWidth];
            }"""
        )
        if stop is None:
            break
        assert stop[1:] == ["solid", "3px"], stop
        reached.append(stop[0])
        page.keyboard.press("Tab")
    wanted = ["Skip to pictures and camera", "model card", "limits", "pictures-tab", "files"]
    wanted += ["save-csv", "save-json", "clear", "As PNG", "Remove", "1"]
    wanted += ["threshold", "model", "explain"]
    places = [reached.index(one) for one in wanted]
    assert places == sorted(places), reached
