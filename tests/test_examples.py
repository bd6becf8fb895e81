"""The examples run: the notebooks, the page, the client, the camera's metrics."""

import csv
import re
import subprocess
import sys
import urllib.request

import pytest

import documents

EXAMPLES = documents.ROOT / "examples"
pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def folder(shared, model, tmp_path_factory):
    pytest.importorskip("matplotlib", reason="needs the extra [eval]")
    folder = tmp_path_factory.mktemp("examples")
    documents.make_folder(folder)
    return folder


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.ipynb")), ids=lambda file: file.stem)
def test_a_notebook_runs_and_is_stored_without_outputs(file, folder):
    nbformat = pytest.importorskip("nbformat", reason="needs the extra [dev]")
    nbclient = pytest.importorskip("nbclient", reason="needs the extra [dev]")
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    client = nbclient.NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    assert any(cell.get("outputs") for cell in notebook.cells)


def test_the_page_labels_a_picture_and_follows_its_threshold(model):
    testing = pytest.importorskip("streamlit.testing.v1", reason="needs the extra [dev]")
    page = testing.AppTest.from_file(EXAMPLES / "page.py", default_timeout=600).run()
    assert not page.exception
    assert page.dataframe[0].value["label"].tolist() == ["woman"]
    page.slider[0].set_value(1.0).run()
    assert page.dataframe[0].value["label"].tolist() == ["uncertain"]
    assert (EXAMPLES / "page.py").read_text().count("\n") < 60


def test_the_client_writes_a_row_for_each_face(folder, model):
    serving = pytest.importorskip("serving", reason="needs the extra [serve]")
    with serving.serving("--model", model) as (client, _):
        result = subprocess.run(
            [sys.executable, EXAMPLES / "client.py", "photos", str(client.base_url)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    assert result.returncode == 0, result.stderr
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert [row["file"] for row in rows] == ["photos/astronaut.jpg", "photos/grace_hopper.jpg"]
    assert {row["label"] for row in rows} <= {"woman", "man", "uncertain"}


def test_the_client_refuses_a_folder_that_is_not_there(tmp_path):
    pytest.importorskip("httpx")
    command = [sys.executable, EXAMPLES / "client.py", "none"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "none is not a folder\n"


def test_the_client_says_that_no_service_answers(folder):
    pytest.importorskip("httpx")
    command = [sys.executable, EXAMPLES / "client.py", "photos", "http://127.0.0.1:9"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert re.fullmatch("the service does not answer: .*'genderscope serve'\n", result.stderr)


def test_a_person_without_a_name_gets_no_answer(tmp_path):
    pytest.importorskip("gender_guesser")
    # As Excel saves it, with a byte order mark.
    people = "file,label,name\na.jpg,woman,Grace Hopper\nb.jpg,man,\n"
    (tmp_path / "people.csv").write_text(people, encoding="utf-8-sig")
    command = [sys.executable, EXAMPLES / "names.py", "people.csv", "names.csv"]
    subprocess.run(command, cwd=tmp_path, check=True)
    rows = (tmp_path / "names.csv").read_text().splitlines()
    assert rows == ["file,label,prediction", "a.jpg,woman,woman", "b.jpg,man,"]


def test_the_camera_metrics_count_a_face_once(folder, model, monkeypatch):
    pytest.importorskip("av", reason="needs the extra [video]")
    prometheus = pytest.importorskip("prometheus_client", reason="needs the extra [serve]")
    monkeypatch.syspath_prepend(EXAMPLES)
    import camera_metrics

    camera_metrics.count(str(folder / "talk.mp4"))
    server, thread = prometheus.start_http_server(0, addr="127.0.0.1")
    with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics") as answer:
        metrics = answer.read().decode()
    server.shutdown()
    server.server_close()
    thread.join()
    assert "camera_frames_total 30.0" in metrics
    tracks = [line for line in metrics.splitlines() if line.startswith("camera_tracks_total")]
    assert sum(float(line.rpartition(" ")[2]) for line in tracks) == 1
