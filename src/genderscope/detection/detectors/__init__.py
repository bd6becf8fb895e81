"""Face detectors, one file each: see ``genderscope.detection.create``."""
