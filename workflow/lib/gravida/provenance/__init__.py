"""What the numbers were computed with, and where each file of a run came from."""

import platform
from importlib import metadata
from pathlib import Path

from gravida import __version__
from gravida.files import digest

PACKAGES = ("snakemake", "pandas", "pandera", "numpy", "scipy", "pyarrow", "matplotlib")
CODE = (
    *("workflow/lib/gravida/**/*.py", "workflow/lib/gravida/**/*.j2", "workflow/lib/gravida/**/*.html"),
    *("workflow/lib/gravida/**/*.css", "workflow/lib/gravida/**/*.js"),
    *("workflow/scripts/*.py", "workflow/rules/*.smk", "schemas/*.py", "schemas/*.yaml"),
    *("Snakefile", "requirements.lock"),
)


def software_versions() -> dict[str, str]:
    """Return the version of gravida, of Python and of the libraries that made the numbers and pages."""
    versions = {"gravida": __version__, "Python": platform.python_version()}
    return versions | {name: metadata.version(name) for name in PACKAGES}


def code_digest(base: str | Path) -> str:
    """Return one SHA-256 over library, scripts, rules, schemas and lock of the workflow in `base`."""
    return digest([path for pattern in CODE for path in Path(base).glob(pattern)], base)
