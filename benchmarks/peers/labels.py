"""Labels as a group to compare by."""

from dataclasses import replace

from genderscope.core.types import LABELS, Sample


def labelled(sample: Sample) -> Sample:
    """A sample with its label, if it has one, as the group ``labelled``."""
    if sample.label is None:
        return sample
    return replace(sample, groups={**sample.groups, "labelled": LABELS[sample.label]})
