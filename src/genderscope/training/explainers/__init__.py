"""Explanations in torch, one file each: ``explain(network, inputs, classes) -> maps``.

``network`` maps ``inputs``, (n, channels, size, size) floats, to (n, 2) logits; ``classes`` is (n,)
int64, an index into ``contracts.LABELS`` for each face. The network stays as it is: nothing is
hooked to it, and two calls give the same. What runs without torch is ``lab.reverse``'s; these are
what it is checked against, and what ``lab.sanity`` examines.
"""
