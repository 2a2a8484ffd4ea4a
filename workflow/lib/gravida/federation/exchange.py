"""The files that centres exchange: a request for each round, and each centre's answer to it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gravida.errors import SubmissionRefused
from gravida.federation.mail import OPENING
from gravida.federation.opening import opening_questions
from gravida.federation.protection import Answered, protected_answer, too_small
from gravida.federation.questions import Question, key_of, plain
from gravida.federation.selection import Holdings
from gravida.federation.signing import is_signed, signed
from gravida.files import read_yaml

SCHEMA = Path(__file__).resolve().parents[4] / "schemas/summary.schema.yaml"
REQUEST, SUMMARY = "gravida-request-1", "gravida-summary-1"
# Of a site: what a summary says and the sheet of sites as well.
OF_SITE = ("site", "policy", "data_cut")


@dataclass(frozen=True, slots=True)
class Request:
    """The questions of one round.

    Attributes
    ----------
    round : int
        From 1.
    plan : str
        Digest of the analysis plan.
    questions : mapping of key to Question
    """

    round: int
    plan: str
    questions: Mapping[str, Question]

    @property
    def digest(self) -> str:
        """What identifies the request."""
        text = json.dumps(self.document(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "format": REQUEST,
            "round": self.round,
            "plan": self.plan,
            "questions": {key: self.questions[key] for key in sorted(self.questions)},
        }


@dataclass(frozen=True, slots=True)
class Centre:
    """A centre that keeps its rows: its line in the sheet of sites, and its public key."""

    site: str
    policy: str
    data_cut: str
    public: str


def opening_request(plan: str, contrast: Mapping[str, Any]) -> Request:
    """Return the request of the first round, which follows from the plan.

    Parameters
    ----------
    plan : str
        Digest of the analysis plan.
    contrast : mapping
        Of the plan: period, numerator and covariates.
    """
    questions = opening_questions(contrast["period"], contrast["numerator"], contrast["covariates"])
    return Request(OPENING, plan, {key_of(each): json.loads(json.dumps(each)) for each in questions})


def text_of(document: Mapping[str, Any]) -> str:
    """Return the text of a file, a line for each answer; no other layout of the same content is read."""
    parts = [f"{json.dumps(name)}: {_lines(document[name])}" for name in sorted(document)]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(value: object) -> str:
    if not isinstance(value, Mapping):
        return json.dumps(value)
    parts = [f"  {json.dumps(key)}: {json.dumps(value[key], sort_keys=True)}" for key in sorted(value)]
    return "{\n" + ",\n".join(parts) + "\n}"


def read_request(text: str, where: str, expected: int, plan: str, public: str) -> Request:
    """Return the request of a round, as the coordinating centre sent it.

    Parameters
    ----------
    text : str
        Content of the file.
    where : str
        Name of the file, for messages.
    expected : int
        Number of the round.
    plan : str
        Digest of the plan that the centre knows.
    public : str
        Public key of the coordinating centre.

    Raises
    ------
    SubmissionRefused
        Naming the file and what is wrong with it.
    """
    found = _checked(text, where, REQUEST, expected, "the coordinating centre", public)
    if found["plan"] != plan:
        raise SubmissionRefused(f"{where}: it is of another analysis plan; use the plan that came with it")
    if any(key != key_of(question) for key, question in found["questions"].items()):
        raise SubmissionRefused(f"{where}: a question is not what its key says; ask for the file again")
    return Request(expected, found["plan"], found["questions"])


def summarise_site(
    request: Request,
    site: Mapping[str, str],
    held: Holdings,
    threshold: int,
    answered: Answered,
    private: str,
) -> tuple[dict[str, Any], Answered]:
    """Return a centre's signed answer to a request, and what it has answered then.

    Parameters
    ----------
    request : Request
    site : mapping
        Its ``site``, ``policy`` and ``data_cut``, as in the sheet of sites.
    held : Holdings
        Its rows.
    threshold : int
        The fewest women behind a number.
    answered : Answered
        What it answered before.
    private : str
        The centre's private key.
    """
    answers = {}
    for key, question in request.questions.items():
        answers[key] = plain(protected_answer(question, held, threshold, answered))
        if "refused" not in answers[key]:
            answered = answered.with_question(question)
    document = {
        "format": SUMMARY,
        **{name: site[name] for name in OF_SITE},
        "round": request.round,
        "plan": request.plan,
        "request": request.digest,
        "answers": answers,
    }
    return signed(document, private), answered


def read_summary(text: str, where: str, centre: Centre, request: Request, threshold: int) -> dict[str, Any]:
    """Return the answers of a centre to a request.

    Parameters
    ----------
    text : str
        Content of the file.
    where : str
        Name of the file, for messages.
    centre : Centre
        Whose answer it should be.
    request : Request
        What was asked.
    threshold : int
        The fewest women behind a number.

    Raises
    ------
    SubmissionRefused
        Naming the file and what is wrong with it.
    """
    site = centre.site
    found = _checked(text, where, SUMMARY, request.round, site, centre.public)
    if found["site"] != site:
        raise SubmissionRefused(f"{where}: it is the answer of another site; put the file of {site} there")
    for name in ("policy", "data_cut"):
        if found[name] != getattr(centre, name):
            raise SubmissionRefused(
                f"{where}: its {name} is {found[name]}, that of the sheet of sites {getattr(centre, name)}; "
                "with another data cut a new exchange begins, in an empty folder"
            )
    if found["request"] != request.digest:
        raise SubmissionRefused(f"{where}: it answers another request; send {site} the request again")
    if set(found["answers"]) != set(request.questions):
        raise SubmissionRefused(f"{where}: not every question is answered; ask {site} for the file again")
    fault = _misshapen(found, request)
    if fault:
        raise SubmissionRefused(f"{where}: {fault}; ask {site} which version of gravida made it")
    small = too_small(found["answers"], request.questions, threshold)
    if small:
        raise SubmissionRefused(f"{where}: {small}; {site} must not send so small a cell")
    return found["answers"]


def _misshapen(document: Mapping[str, Any], request: Request) -> str:
    """Return what about a summary is not as its schema says, "" where all is."""
    whole, by_kind = _validators()
    if not whole.is_valid(document):
        return "it has not the parts that a summary has"
    for key, answer in document["answers"].items():
        kind = request.questions[key]["kind"]
        if not any(by_kind[name].is_valid(answer) for name in (kind, "refused", "empty")):
            return f"an answer is not of the kind {kind}"
    return ""


@cache
def _validators() -> tuple[Any, dict[str, Any]]:
    """Return what checks a summary, and by kind of question its answers."""
    # Imported here: only who reads a summary needs it.
    from jsonschema import Draft202012Validator

    schema = read_yaml(SCHEMA)
    defs = schema["$defs"]
    kinds = {name: Draft202012Validator({"$defs": defs, **kind}) for name, kind in defs["answer"].items()}
    return Draft202012Validator(schema), kinds


def _checked(text: str, where: str, form: str, expected: int, signer: str, public: str) -> dict[str, Any]:
    """Return the content of a file that is of the right kind and round, and as it was signed."""
    try:
        document = json.loads(text, parse_constant=_no_number)
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("format") != form:
        raise SubmissionRefused(f"{where}: it is not a file of the form {form}")
    if not is_signed(document, public) or text_of(document) != text:
        raise SubmissionRefused(
            f"{where}: it was changed after it was signed, or not signed by {signer}; ask for the file again"
        )
    if document["round"] != expected:
        raise SubmissionRefused(f"{where}: it is of round {int(document['round'])}, not of round {expected}")
    return document


def _no_number(text: str) -> None:
    raise ValueError(text)
