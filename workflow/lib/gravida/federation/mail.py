"""What lies in the folder of an exchange, and who has to send what; every run asks, so imports are few."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gravida.files import write_text

FOLDER = Path("exchange")
KEYS = FOLDER / "keys"
COORDINATOR = "coordinator"
# The first request follows from the plan: nobody has to send it.
OPENING = 1
MOST_ROUNDS = 14


def round_folder(number: int) -> Path:
    """Return the folder of a round."""
    return FOLDER / f"round_{number:02}"


def files_sent(sites: Sequence[str]) -> list[Path]:
    """Return the files of every round that some site has answered, and the public keys that are there."""
    keys = [KEYS / f"{name}.pub" for name in (*sites, COORDINATOR)] if sites else []
    rounds = range(OPENING, MOST_ROUNDS + 1)
    answered = [path for number in rounds for path in answered_files(number, sites)]
    return [*answered, *(path for path in keys if path.exists())]


def answered_files(number: int, sites: Sequence[str]) -> list[Path]:
    """Return the request of a round and the answers to it, or nothing where no site has answered."""
    folder = round_folder(number)
    answers = [path for site in sites if (path := folder / f"{site}.json").exists()]
    return [*([] if number == OPENING else [folder / "request.json"]), *answers] if answers else []


def send_request(state: Mapping[str, Any]) -> str:
    """Put the request of the next round into its folder, and return in words who has to do what.

    Parameters
    ----------
    state : mapping
        ``round``, the last that was answered; ``awaited``, pairs of round and site; ``request``, the text of
        the next request or ""; ``left``, how many questions are; ``sites``, that keep their rows.
    """
    who = "Centres that keep their rows:"
    if state["awaited"]:
        answers = ", ".join(f"round {number} of {site}" for number, site in state["awaited"])
        return f"{who} waiting for {answers}."
    if state["request"]:
        path = round_folder(state["round"] + 1) / "request.json"
        if not path.exists():
            write_text(path, state["request"])
        return (
            f"{who} send {path} to {', '.join(state['sites'])}; each puts it in the same place, runs "
            "snakemake site_summary, and sends its answer back."
        )
    if state["left"]:
        return f"{who} after {MOST_ROUNDS} rounds some estimates have not settled; their rows say so."
    return f"{who} all is answered, after {state['round']} rounds."
