"""The lab: everything that needs torch. It trains, exports and explains; nothing here runs in the
product, and what it hands over is an ``.onnx`` file with its metadata.
"""
