"""Where each table and figure of the report is from: its released file, the rules behind it, its digest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

# So many digits of a SHA-256 stand beside a table; the list at the end has them all.
SHORT = 12


@dataclass(frozen=True, slots=True)
class Source:
    """A released file: where it is, the rules that made it in their order, and the SHA-256 of its content."""

    path: str
    rules: tuple[str, ...]
    sha256: str

    @property
    def short(self) -> str:
        """Return the beginning of the digest."""
        return self.sha256[:SHORT]

    @property
    def made_by(self) -> str:
        """Return the rules in words."""
        return ", then ".join(self.rules)


def sources_by_name(made: Mapping[str, tuple[Sequence[str], str]]) -> dict[str, Source]:
    """Return the released files by name.

    Parameters
    ----------
    made : mapping of str to (rules, SHA-256)
        By the path of each file in the study.
    """
    found = (Source(path, tuple(rules), digest) for path, (rules, digest) in made.items())
    return {PurePosixPath(source.path).name: source for source in found}
