"""The folder of an exchange: what the coordinating centre reads there and what it asks next."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gravida.errors import ConfigurationError
from gravida.federation.contrasts import PooledContrasts
from gravida.federation.exchange import Centre, Request, read_request, text_of
from gravida.federation.mail import COORDINATOR, KEYS, OPENING, answered_files, round_folder
from gravida.federation.rounds import Exchange, gather, next_request, questions_left
from gravida.federation.signing import signed
from gravida.files import read_text

MAKE_KEYS = "python -m gravida exchange-keys exchange/keys"


def gather_answers(opening: Request, sites: Iterable[Mapping[str, str]], threshold: int) -> Exchange:
    """Return what was asked and answered so far.

    Parameters
    ----------
    opening : Request
        Of the first round.
    sites : iterable of mapping
        Lines of the sheet of sites, of those that keep their rows.
    threshold : int
        The fewest women behind a number.

    Raises
    ------
    ConfigurationError
        Naming a key that is not there, or a first answer.
    SubmissionRefused
        Naming a file and what is wrong with it.
    """
    centres = [
        Centre(site["site"], site["policy"], site["data_cut"], read_key(f"{site['site']}.pub", "the centre"))
        for site in sites
    ]
    requests, texts = _requests(opening, [centre.site for centre in centres]), {}
    for request in requests:
        for centre in centres:
            path = round_folder(request.round) / f"{centre.site}.json"
            if path.exists():
                texts[request.round, centre.site] = read_text(path)
            elif request.round == OPENING:
                raise ConfigurationError(
                    f"site {centre.site} keeps its rows: {path} is not there; the centre makes it with "
                    "snakemake site_summary and sends it"
                )
    return gather(requests, texts, centres, threshold)


def ask_centres(answered: Mapping[str, Any], contrasts: PooledContrasts, plan: str) -> dict[str, Any]:
    """Return what is to be asked next, as `mail.send_request` takes it.

    Parameters
    ----------
    answered : mapping
        ``round``, the last that was answered, and ``awaited``.
    contrasts : PooledContrasts
        With the covariates of the plan.
    plan : str
        Digest of the analysis plan.

    Raises
    ------
    ConfigurationError
        If the key of the coordinating centre is not there.
    """
    state = {name: answered[name] for name in ("round", "awaited")}
    left = {} if state["awaited"] else questions_left(contrasts)
    request, text = next_request(state["round"], plan, left), ""
    if request:
        text = text_of(signed(request.document(), read_key(f"{COORDINATOR}.key", "the coordinating centre")))
    return state | {"request": text, "left": len(left), "sites": list(contrasts.pool.given)}


def read_key(name: str, whose: str) -> str:
    """Return the text of a key.

    Parameters
    ----------
    name : str
        Of the file.
    whose : str
        Who makes it, for messages.

    Raises
    ------
    ConfigurationError
        If it is not there.
    """
    path = KEYS / name
    if not path.is_file():
        raise ConfigurationError(f"{path} is not there: {whose} makes it once, with {MAKE_KEYS} {path.stem}")
    return read_text(path)


def read_asked(sent: Sequence[str], number: int, opening: Request) -> Request:
    """Return the request of a round, as a site that keeps its rows was sent it.

    Parameters
    ----------
    sent : sequence of str
        The file and that of the public key of the coordinating centre; nothing in the first round.
    number : int
        Of the round.
    opening : Request
        Of the first round.

    Raises
    ------
    SubmissionRefused
        Naming the file and what is wrong with it.
    """
    if not sent:
        return opening
    path, public = sent
    return read_request(read_text(path), path, number, opening.plan, read_text(public))


def _requests(opening: Request, sites: Sequence[str]) -> list[Request]:
    """Return the request of each round that some centre has answered; nobody has to answer the first."""
    found = [opening]
    while files := answered_files(len(found) + 1, sites):
        path, *_ = files
        public = read_key(f"{COORDINATOR}.pub", "the coordinating centre")
        found.append(read_request(read_text(path), str(path), len(found) + 1, opening.plan, public))
    return found
