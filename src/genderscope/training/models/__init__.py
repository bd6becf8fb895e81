"""Networks, one file each: ``create(channels) -> nn.Module`` from (n, channels, size, size) floats
to (n, 2) logits in the order of ``contracts.LABELS``.

Activations are modules and none is used twice, so that guided back-propagation reaches each.
"""
