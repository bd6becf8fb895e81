"""Networks, one file each: ``create(channels) -> nn.Module`` from (n, channels, size, size) floats
to (n, 2) logits in the order of ``LABELS``.

Each activation is its own module, so that guided back-propagation reaches it.
"""
