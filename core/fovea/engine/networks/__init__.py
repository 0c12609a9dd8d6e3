"""Networks and where they can be read: backbones by name, depths, readouts, detectors, linear heads."""
