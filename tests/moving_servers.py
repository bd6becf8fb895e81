"""Sources on the network for tests: an HTTP camera and an RTSP camera that can be stopped."""

import io
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import cv2

from genderscope.core.types import Image

PACKET = 188


class Server:
    """A context manager that serves on a port, closes all its connections, and can come back."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.connections = 0

    def __enter__(self) -> "Server":
        self.stopped = threading.Event()
        self._sockets: list[socket.socket] = []
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                outer.connections += 1
                outer._sockets.append(self.request)
                with suppress(OSError):  # the reader went away, or the server was stopped
                    outer.serve(self.request)

        class Threads(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Threads(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for connection in self._sockets:
            with suppress(OSError):  # it is closed already
                connection.shutdown(socket.SHUT_RDWR)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def serve(self, connection: socket.socket) -> None:
        raise NotImplementedError


class Mjpeg(Server):
    """An HTTP camera: JPEG after JPEG; ``silent`` holds the line and sends nothing more."""

    def __init__(self, images: list[Image], rate: float = 50, port: int = 0) -> None:
        super().__init__(port)
        self._images, self._rate = images, rate
        self.silent = threading.Event()

    @property
    def url(self) -> str:
        return f"http://someone:secret@127.0.0.1:{self.port}/stream?token=hidden"

    def serve(self, connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(
            b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next\r\n\r\n"
        )
        while not self.stopped.is_set():
            for image in self._images:
                data = cv2.imencode(".jpg", image)[1].tobytes()
                head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                connection.sendall(head.encode() + data + b"\r\n")
                self.stopped.wait(1 / self._rate)
                while self.silent.is_set() and not self.stopped.is_set():
                    self.stopped.wait(0.02)


class Whole(Server):
    """A web server with one file, of which it sends a part only."""

    def __init__(self, file: Path, share: float = 1.0) -> None:
        super().__init__()
        data, self._name = file.read_bytes(), file.name
        self._length, self._data = len(data), data[: round(len(data) * share)]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{self._name}"

    def serve(self, connection: socket.socket) -> None:
        connection.recv(65536)
        head = (
            f"HTTP/1.0 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: {self._length}\r\n\r\n"
        )
        connection.sendall(head.encode() + self._data)


class Rtsp(Server):
    """An RTSP camera (RFC 2326) that sends an MPEG transport stream over the same connection."""

    def __init__(self, transport_stream: bytes, rate: float, port: int = 0) -> None:
        super().__init__(port)
        self._stream, self._rate = transport_stream, rate

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/live"

    def serve(self, connection: socket.socket) -> None:
        sdp = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\n"
        extra = {
            "OPTIONS": "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n",
            "SETUP": "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n",
            "PLAY": "Session: 1\r\n",
        }
        for request in self._requests(connection):
            method = request.split(" ", 1)[0]
            [number] = [ln for ln in request.split("\r\n") if ln.lower().startswith("cseq")]
            body = sdp if method == "DESCRIBE" else ""
            kind = "Content-Type: application/sdp\r\n" if body else ""
            connection.sendall(
                f"RTSP/1.0 200 OK\r\n{number}\r\n{extra.get(method, '')}{kind}"
                f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            if method == "PLAY":
                break
        for data in self._packets():
            connection.sendall(data)
            if self.stopped.wait(1 / self._rate):
                return

    def _requests(self, connection: socket.socket) -> Iterator[str]:
        waiting = b""
        while data := connection.recv(65536):
            waiting += data
            while b"\r\n\r\n" in waiting:
                request, waiting = waiting.split(b"\r\n\r\n", 1)
                yield request.decode()

    def _packets(self) -> Iterator[bytes]:
        """RTP packets (RFC 3550) of seven transport packets each, interleaved."""
        began = time.monotonic()
        stream = io.BytesIO(self._stream)
        sequence = 0
        while data := stream.read(7 * PACKET):
            stamp = int((time.monotonic() - began) * 90_000) & 0xFFFFFFFF
            head = bytes([0x80, 33]) + sequence.to_bytes(2, "big") + stamp.to_bytes(4, "big")
            rtp = head + b"test" + data
            yield b"$\0" + len(rtp).to_bytes(2, "big") + rtp
            sequence = (sequence + 1) & 0xFFFF
