"""Downloads over a real local server: kept only with the pinned hash."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from socket import create_server
from threading import Thread

import pytest

from console import run
from genderscope.core.errors import DownloadError, UsageError
from genderscope.detection import downloads


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def served(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GENDERSCOPE_YUNET", raising=False)


def test_the_pinned_file_is_kept_and_found(served, shared):
    folder, address = served
    weights = shared / "models" / "face_detection_yunet_2026may.onnx"
    (folder / "yunet.onnx").write_bytes(weights.read_bytes())
    assert downloads.find("yunet") is None
    file = downloads.pull("yunet", f"{address}/yunet.onnx")
    assert file.read_bytes() == weights.read_bytes()
    assert downloads.find("yunet") == file


def test_a_file_from_elsewhere_is_installed(shared, tmp_path):
    weights = shared / "models" / "face_detection_yunet_2026may.onnx"
    done = run("models", "pull", "yunet", "--from", weights)
    assert done.returncode == 0, done.stderr
    assert downloads.find("yunet").read_bytes() == weights.read_bytes()
    other = tmp_path / "other.onnx"
    other.write_bytes(b"something else")
    assert run("models", "--from", weights).returncode == 2  # without pull, nothing is installed
    refused = run("models", "pull", "yunet", "--from", other)
    assert refused.returncode == 2
    assert "instead of ebafce4e" in refused.stderr


def test_another_file_is_refused_and_nothing_is_kept(served):
    folder, address = served
    (folder / "yunet.onnx").write_text("something else")
    with pytest.raises(DownloadError, match=r"SHA-256 .* instead of ebafce4e"):
        downloads.pull("yunet", f"{address}/yunet.onnx")
    with (folder / "yunet.onnx").open("wb") as file:
        file.truncate(10**10)
    with pytest.raises(DownloadError, match="sends more than 67,108,864 bytes"):
        downloads.pull("yunet", f"{address}/yunet.onnx")
    assert downloads.find("yunet") is None
    assert not list(downloads.DOWNLOADS["yunet"].file.parent.iterdir())


def test_an_address_that_does_not_answer_is_named(served):
    _, address = served
    with pytest.raises(DownloadError, match=r"absent\.onnx could not be read.* --from FILE"):
        downloads.pull("yunet", f"{address}/absent.onnx")
    official = downloads.DOWNLOADS["yunet"]
    with pytest.raises(DownloadError, match=rf"127\.0\.0\.1:9.*{official.url}.*{official.sha256}"):
        downloads.pull("yunet", "http://127.0.0.1:9/yunet.onnx")


@pytest.mark.parametrize(
    "answer",
    [
        b"SMTP ready\r\n\r\n",  # another protocol
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ncut",  # ends too early
    ],
)
def test_a_broken_answer_is_an_error(answer):
    with create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(9999)
                connection.sendall(answer)

        Thread(target=serve, daemon=True).start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/yunet.onnx"
        with pytest.raises(DownloadError, match=r"yunet\.onnx could not be read"):
            downloads.pull("yunet", address)
    with pytest.raises(DownloadError, match=r"yunet\.onnx could not be read: unknown url type"):
        downloads.pull("yunet", "yunet.onnx")


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(UsageError, match="there are: yunet"):
        downloads.pull("retinaface")


def test_the_environment_names_a_file(monkeypatch, tmp_path):
    monkeypatch.setenv("GENDERSCOPE_YUNET", str(tmp_path / "mine.onnx"))
    assert downloads.find("yunet") == tmp_path / "mine.onnx"
