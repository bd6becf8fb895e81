"""Pixels in, pixels out: decoding, the crop that networks read, drawing."""
