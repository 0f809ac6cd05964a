"""The place that the tests of S3 share."""

from s3_places import place

__all__ = ["place"]
