"""The training wing: everything that needs torch. It trains, exports and verifies.

Nothing here is needed to run a model: what it hands over is an ``.onnx`` file with its metadata.
"""
