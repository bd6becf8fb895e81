"""Training: everything that needs torch. Inference needs only a model's ``.onnx`` file."""
