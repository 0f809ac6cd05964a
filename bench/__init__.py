"""Measurements: each is a ratio against a floor or a peer taken in the same run (`make bench`)."""
