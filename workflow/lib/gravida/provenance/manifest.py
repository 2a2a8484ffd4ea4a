"""The manifests of a run: what went in, what came out, and what made it.

There are two. ``results/internal/manifest.json`` holds the SHA-256 of every file that was read or made, and
stays. ``results/release/manifest.json`` leaves with the release, so it holds no digest of anything that is
not released: the digest of a small table can be turned round by trying every table it may be of, and an
internal table differs from its released twin in a few cells of one to four. The same goes for rows, and the
size of a file tells its number of rows; no manifest holds the size of a file with rows. For all these files
together the released manifest has one commitment, an HMAC of their names and digests. Its key is random and
stays in the internal manifest: without it nothing can be tried, and whoever is given it (an auditor) can
check every file. The sheet of sites and the mapping files are kept back too, for they may name folders.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gravida.files import json_text, sha256
from gravida.provenance import software_versions
from gravida.provenance.checkout import git_state
from gravida.provenance.places import name_submitted, place, shown_names

RELEASE = "results/release/"
ROWS = "results/restricted/"
MANIFEST = f"{RELEASE}manifest.json"
CRATE = f"{RELEASE}ro-crate-metadata.json"
WITHHELD = (
    "HMAC-SHA256 of the names and SHA-256 digests of all files that are not released (rows, internal tables, "
    "submissions); its key is in the manifest that stays with the study"
)
Digests = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files of a run, as seen from the study's folder.

    Parameters
    ----------
    made : sequence of str
        What the steps made, relative to the study.
    resources, configuration : sequence of str
        What was read beside submissions; the files of the configuration.
    sheets : sequence of str
        The sheet of sites and their mapping files.
    submitted : sequence of str
        Every file of the submissions.
    folders : mapping of str to str
        Where these are, see `gravida.provenance.places.name_submitted`.
    """

    made: Sequence[str]
    resources: Sequence[str]
    configuration: Sequence[str]
    sheets: Sequence[str]
    submitted: Sequence[str]
    folders: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is known of a run beside its files.

    Parameters
    ----------
    configuration : mapping
        Merged.
    code : str
        Digest of the workflow's code.
    steps : mapping
        Name of a step to its ``inputs`` and ``outputs``, lists of patterns, and ``runs``, how often it ran.
    base : str
        Folder of the workflow.
    """

    configuration: Mapping[str, Any]
    code: str
    steps: Mapping[str, Mapping[str, Any]]
    base: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """The texts of the two manifests and of the crate."""

    internal: str
    released: str
    crate: str


def record_provenance(files: RunFiles, facts: RunFacts, written: datetime, salt: bytes) -> Provenance:
    """Record where everything came from.

    Parameters
    ----------
    files : RunFiles
    facts : RunFacts
    written : datetime
        Now.
    salt : bytes
        Random key of the commitment.
    """
    # Imported here: to verify a study needs no description of a crate.
    from gravida.provenance.crate import describe_crate

    submitted = dict(name_submitted(files.submitted, files.folders, facts.base))
    inputs = {
        "configuration": _placed(files.configuration, facts.base),
        "resources": _placed(files.resources, facts.base),
        "sheets": _placed(files.sheets, facts.base),
        "submissions": {name: {"sha256": sha256(path)} for name, path in sorted(submitted.items())},
    }
    outputs = _digests({name: name for name in files.made})
    common = _common(facts, written, outputs)
    released = _released(common, inputs, outputs, salt)
    texts = {MANIFEST: json_text(released)}
    texts[CRATE] = json_text(describe_crate(released, texts[MANIFEST]))
    for name, text in texts.items():
        content = text.encode()
        outputs[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    internal = common | {
        "inputs": inputs,
        "folders": dict(files.folders),
        "outputs": outputs,
        "salt": salt.hex(),
    }
    return Provenance(sealed(internal), texts[MANIFEST], texts[CRATE])


def sealed(content: Mapping[str, Any]) -> str:
    """Return the text of a manifest with a digest of itself, by which a change in it is noticed."""
    return json_text({**content, "seal": hashlib.sha256(json_text(content).encode()).hexdigest()})


def commitment(inputs: Mapping[str, Digests], outputs: Digests, salt: bytes) -> str:
    """Return the HMAC of all files that are not released, by name and digest.

    Parameters
    ----------
    inputs, outputs : mapping
        As in the internal manifest.
    salt : bytes
    """
    hidden = {
        f"{kind}/{name}": entry for kind in ("sheets", "submissions") for name, entry in inputs[kind].items()
    }
    hidden |= {name: entry for name, entry in outputs.items() if not name.startswith(RELEASE)}
    told = json.dumps({name: entry["sha256"] for name, entry in hidden.items()}, sort_keys=True)
    return hmac.new(salt, told.encode(), "sha256").hexdigest()


def _common(facts: RunFacts, written: datetime, outputs: Iterable[str]) -> dict[str, Any]:
    """Return what both manifests say."""
    steps = {step: {**told, "ended": _ended(told["outputs"], outputs)} for step, told in facts.steps.items()}
    return {
        "written": _moment(written),
        "software": software_versions(),
        "code": {"sha256": facts.code, **(git_state(facts.base) or {})},
        "seed": facts.configuration["seed"],
        "configuration": _without_addresses(facts.configuration),
        "steps": steps,
    }


def _released(
    common: Mapping[str, Any], inputs: Mapping[str, Digests], outputs: Digests, salt: bytes
) -> dict[str, Any]:
    """Return the manifest that may leave."""
    kinds = ("configuration", "resources")
    shown = shown_names([name for kind in kinds for name in inputs[kind]])
    steps = {
        step: told | {"inputs": [shown.get(name, name) for name in told["inputs"]]}
        for step, told in common["steps"].items()
    }
    return {
        **common,
        "steps": steps,
        "inputs": {kind: {shown[name]: entry for name, entry in inputs[kind].items()} for kind in kinds},
        "outputs": {name: entry for name, entry in outputs.items() if name.startswith(RELEASE)},
        "withheld": {"what": WITHHELD, "hmac_sha256": commitment(inputs, outputs, salt)},
    }


def _placed(paths: Iterable[str], base: str) -> Digests:
    return _digests({place(path, base): path for path in paths})


def _digests(paths: Mapping[str, str]) -> Digests:
    """Return digest and size of files by their names; of a file with rows the digest alone."""
    return {
        name: {"sha256": sha256(path)}
        | ({} if name.startswith(ROWS) else {"bytes": Path(path).stat().st_size})
        for name, path in sorted(paths.items())
    }


def _ended(patterns: Iterable[str], outputs: Iterable[str]) -> str:
    """Return when the last of a step's files was written."""
    expression = "|".join(re.escape(pattern).replace(r"\{site\}", "[^/]+") for pattern in patterns)
    times = [Path(name).stat().st_mtime for name in outputs if re.fullmatch(expression, name)]
    return _moment(datetime.fromtimestamp(max(times), UTC))


def _moment(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds")


def _without_addresses(content: Any) -> Any:
    """Return a configuration in which a path that leads out of the study is cut to its last part."""
    if isinstance(content, Mapping):
        return {key: _without_addresses(value) for key, value in content.items()}
    leads_out = isinstance(content, str) and (content[:1] in ("/", "~") or ".." in Path(content).parts)
    return Path(content).name if leads_out else content
