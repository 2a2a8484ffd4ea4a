"""What the numbers were computed with."""

import platform
from importlib import metadata

from gravida import __version__

PACKAGES = ("snakemake", "pandas", "pandera", "numpy", "scipy", "pyarrow", "matplotlib", "great-tables")


def software_versions() -> dict[str, str]:
    """Return the version of gravida, of Python and of the libraries that made the numbers and pages."""
    versions = {"gravida": __version__, "Python": platform.python_version()}
    return versions | {name: metadata.version(name) for name in PACKAGES}
