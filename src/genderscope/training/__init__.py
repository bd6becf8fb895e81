"""The training wing: all that needs torch. Running a model needs only its ``.onnx`` file."""
