"""Frames per second of the page's camera, and processor time per frame, in Chromium.

    python -m benchmarks.page_frames [--seconds 20] [--pictures DIR]

The real service and the real page, with a camera of 1280 x 720 at 30 frames per second that plays a
file: one moving face, and a photograph with ten. The network runs in the service, then in the tab.
Processor times are valid on a busy machine too; rates need an idle one. Writes
``results/page_frames.json``.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import cv2
import psutil
from playwright.sync_api import Browser

from benchmarks.results import PageCase, PageFrames, provenance
from genderscope.evaluation.benchmark import machine
from genderscope.imaging import decode

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import browsing  # noqa: E402

WIDTH, HEIGHT = 1280, 720
WARM_UP_S = 5
LIBRARIES = (*machine.LIBRARIES, "playwright")
# Counts frames sent and answers received over the WebSocket, and camera frames presented.
COUNTERS = """
    window.counted = { trips: [], bytes: 0, faces: 0, drawn: 0, picture: "" };
    const sent = [];
    window.WebSocket = class extends WebSocket {
        constructor(...address) {
            super(...address);
            this.addEventListener("message", ({ data }) => {
                const answer = JSON.parse(data);
                if (!answer.faces) return;
                counted.trips.push(performance.now() - sent.shift());
                counted.faces += answer.faces.length;
                counted.picture = `${answer.width} x ${answer.height}`;
            });
        }
        send(data) {
            if (data.size) {
                sent.push(performance.now());
                counted.bytes += data.size;
            }
            super.send(data);
        }
    };
    addEventListener("load", () => {
        const video = document.getElementById("camera-video");
        const count = (now, { presentedFrames }) => {
            counted.drawn = presentedFrames;
            video.requestVideoFrameCallback(count);
        };
        video.requestVideoFrameCallback(count);
    });
"""


def used(processes: list[psutil.Process]) -> float:
    """Processor seconds."""
    times = [process.cpu_times() for process in processes if process.is_running()]
    return sum(time.user + time.system for time in times)


def measure(
    browser: Browser,
    address: str,
    service: psutil.Process,
    camera: str,
    in_tab: bool,
    seconds: float,
) -> PageCase:
    page = browser.new_page(viewport={"width": WIDTH, "height": 900})
    page.add_init_script(COUNTERS)
    page.goto(address)
    page.wait_for_selector("#all:not([hidden])")
    if in_tab:
        page.check("#where input[value=tab]")
    page.click("#camera-tab")
    page.click("#camera-start")
    page.wait_for_selector("#tally dd:text-matches('[1-9]')")
    page.wait_for_timeout(1e3 * WARM_UP_S)
    browser_processes = [p for p in psutil.Process().children(recursive=True) if p != service]
    count = "({ ...counted, answered: counted.trips.length, at: performance.now() })"
    before = page.evaluate(count)
    began = used([service]), used(browser_processes)
    page.wait_for_timeout(1e3 * seconds)
    after = page.evaluate(count)
    ended = used([service]), used(browser_processes)
    page.close()
    answered = max(after["answered"] - before["answered"], 1)
    passed_s = (after["at"] - before["at"]) / 1e3
    return PageCase(
        camera=camera,
        network="tab" if in_tab else "service",
        answered_per_s=round(answered / passed_s, 2),
        drawn_per_s=round((after["drawn"] - before["drawn"]) / passed_s, 2),
        round_trip_ms=round(statistics.median(after["trips"][before["answered"] :]), 1),
        kilobytes_sent=round((after["bytes"] - before["bytes"]) / answered / 1e3, 1),
        sent=after["picture"],
        faces=round((after["faces"] - before["faces"]) / answered, 2),
        service_processor_ms=round(1e3 * (ended[0] - began[0]) / answered, 1),
        browser_processor_ms=round(1e3 * (ended[1] - began[1]) / answered, 1),
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--pictures", type=Path, default=ROOT.parent / "shared/data/photos")
    options.add_argument("--out", type=Path, default=ROOT / "results/page_frames.json")
    arguments = options.parse_args()
    described = machine.describe()  # now, for the load before the benchmark
    cameras = {
        "a portrait": cv2.resize(decode.read(decode.PORTRAIT), (HEIGHT, HEIGHT)),
        "a photograph": cv2.resize(
            decode.read(arguments.pictures / "12_angry_men.jpg"), (WIDTH, HEIGHT)
        ),
    }
    command = [sys.executable, "-m", "genderscope", "serve", "--port", "0"]
    cases = []
    with (
        tempfile.TemporaryDirectory() as scratch,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service,
        ExitStack() as stack,
    ):
        stack.callback(service.terminate)
        assert service.stdout is not None
        address = service.stdout.readline().split()[-1]
        for name, picture in cameras.items():
            file = Path(scratch) / "camera.mjpeg"
            browsing.to_and_fro(picture, file, WIDTH, step=8)
            process = psutil.Process(service.pid)
            with browsing.chromium(file) as browser:
                for in_tab in (False, True):
                    case = measure(browser, address, process, name, in_tab, arguments.seconds)
                    sys.stderr.write(f"{case}\n")
                    cases.append(case)
    PageFrames(
        provenance=provenance("page_frames", LIBRARIES),
        machine=described,
        camera=f"{WIDTH} x {HEIGHT}, 30 frames/s",
        seconds=arguments.seconds,
        cases=tuple(cases),
    ).save(arguments.out, overwrite=True)


if __name__ == "__main__":
    main()
