"""A period on which the treatment cannot act: the year before pregnancy, as a negative control outcome.

A ratio away from 1 there is a difference between the arms that immunoglobulin after this delivery did not
make. Source: Lipsitch, Tchetgen Tchetgen and Cohen (2010), Epidemiology 21:383-388.
"""

from dataclasses import replace

from gravida.statistics.comparison import Comparison
from gravida.statistics.contrasts import Contrasts
from gravida.words import joined

PERIOD = "pre_pregnancy_year"
NO_OVERLAP = "without pregnancies whose year before overlaps a postpartum year of the same woman"


def negative_controls(contrasts: Contrasts) -> list[Comparison]:
    """Return the contrast in the year before pregnancy: crude and, where that is the primary one, by site.

    Each also without the pregnancies that follow another within two years: their year before may lie in the
    months after a treated delivery.

    Parameters
    ----------
    contrasts : Contrasts
        Of the outcome period.
    """
    before = replace(contrasts, settings=replace(contrasts.settings, period=PERIOD))
    controls = []
    for these, said in ((before, ""), (before.without_overlap(), NO_OVERLAP)):
        crude = these.crude("negative_control", these.between_note)
        controls.append(_saying(said, crude))
        if contrasts.within:
            controls.append(_saying(said, these.by_site("negative_control", immortal=False)))
    return controls


def _saying(said: str, comparison: Comparison) -> Comparison:
    return replace(comparison, note=joined(said, comparison.note))
