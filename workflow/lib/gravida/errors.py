"""What can go wrong for a reason that a person can act on.

Every message is one line: what, where and the next step. It never holds a value of a submitted row.
"""


class GravidaError(Exception):
    """Base of the errors that are shown to users as ``CLASS: message``."""

    def line(self) -> str:
        """Return the single line that is printed and logged."""
        return f"{type(self).__name__}: {' '.join(str(self).split())}"


class ConfigurationError(GravidaError):
    """The configuration or the sheet of sites asks for something that cannot be done."""


class SubmissionRefused(GravidaError):
    """A site's submission breaks a rule of the data dictionary."""


class NotEstimable(GravidaError):
    """The data hold no answer to the question; the message is the reason shown in the table."""

    status = "not_estimable"


class NotConverged(NotEstimable):
    """An answer may exist, but the fit did not pass its acceptance checks."""

    status = "not_converged"


class Awaiting(NotEstimable):
    """A centre that keeps its rows has not answered yet."""


class ReleaseRefused(GravidaError):
    """Something that is not protected was about to leave."""
