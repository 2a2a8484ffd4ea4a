"""Relapses of multiple sclerosis around pregnancy: from the rows of a registry to a release."""

__version__ = "0.1.0"
