"""Count the faces of a camera, and offer the counts to Prometheus.

    pip install '.[video,serve]'
    python examples/camera_metrics.py 0 9100           # http://127.0.0.1:9100/metrics

No picture is kept. Tell the people in front of the camera: see docs/limits.md.
"""

import sys

from prometheus_client import Counter, Gauge, start_http_server

import genderscope

FRAMES = Counter("camera_frames", "Frames processed.")
ERRORS = Counter("camera_errors", "Frames that could not be read.")
VISIBLE = Gauge("camera_faces", "Faces in the latest frame, by label.", ["label"])
TRACKS = Counter("camera_tracks", "Faces that passed, each counted once, by label.", ["label"])


def count(source: str) -> None:
    """Until the source ends. A track's label is that of the frame in which it first counts."""
    counted: set[int] = set()
    for scene in genderscope.load().video(source):
        FRAMES.inc()
        if scene.frame.error is not None:
            ERRORS.inc()
            continue
        labels = [result.label for result in scene.results]
        for label in (*genderscope.LABELS, genderscope.UNCERTAIN):
            VISIBLE.labels(label).set(labels.count(label))
        for result in scene.results:
            track = result.track
            if track and track.confirmed and track.number not in counted:
                counted.add(track.number)
                TRACKS.labels(result.label).inc()


if __name__ == "__main__":
    start_http_server(int(sys.argv[2]) if len(sys.argv) > 2 else 9100, addr="127.0.0.1")
    count(sys.argv[1])
