"""From pictures to predictions with ONNX Runtime."""
