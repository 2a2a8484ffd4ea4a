"""Synthetic registries whose truth is known: no row of theirs is a real person."""

from gravida.synthetic.design import RegistryDesign, SiteDesign
from gravida.synthetic.generate import generate, write_registry
from gravida.synthetic.published import published_registry

__all__ = ["RegistryDesign", "SiteDesign", "generate", "published_registry", "write_registry"]
