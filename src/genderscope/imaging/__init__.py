"""Pixels in, pixels out: decoding, the networks' crops, drawing."""
