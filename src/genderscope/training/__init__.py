"""The training wing: everything that needs torch. Running a model needs only the ``.onnx`` file
that it exports.
"""
