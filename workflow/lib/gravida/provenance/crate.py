"""The release as a research object: who made what, in the terms of the Workflow Run RO-Crate profiles.

The crate is the folder of the release. Its workflow is the Snakefile, of which the release holds a copy; a
step is a rule, its tool the script. What is not released is named and not described further. Nobody is named
as the one who ran it, for the workflow does not know.
"""

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

RELEASE = "results/release/"
SNAKEFILE = "Snakefile"
VERSION = "1.3"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.6": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.6": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.6": "Provenance Run Crate",
}
TERMS = "https://w3id.org/ro/terms/workflow-run/context"
FORMATS = {
    "csv": "text/csv",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "html": "text/html",
    "json": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
NAME = "Relapses of multiple sclerosis around pregnancy: a release"
DESCRIPTION = (
    "Protected tables, figures and report of one study, and how they were made. Of files that are not "
    "released only the names are given."
)
LICENCE = (
    "No licence is stated in this release; the study that published it says under which terms it may be used."
)


def describe_crate(released: Mapping[str, Any], manifest: str) -> dict[str, Any]:
    """Return the metadata of the crate as JSON-LD.

    Parameters
    ----------
    released : mapping
        The released manifest, see `gravida.provenance.manifest`.
    manifest : str
        Its text, which is itself a file of the crate.
    """
    crate = ROCrate(version=VERSION)
    crate.metadata.extra_contexts.append(TERMS)
    for address, name in PROFILES.items():
        kind = {"@type": ["CreativeWork", "Profile"], "name": name, "version": address.rpartition("/")[2]}
        crate.root_dataset.append_to("conformsTo", crate.add(ContextEntity(crate, address, kind)))
    crate.name, crate.description, crate.license = NAME, DESCRIPTION, LICENCE
    crate.datePublished = released["written"]
    content = manifest.encode()
    own = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    _add_files(crate, released["outputs"] | {f"{RELEASE}manifest.json": own}, released["software"])
    for name, entry in {**released["inputs"]["configuration"], **released["inputs"]["resources"]}.items():
        _add_named(crate, name, {"sha256": entry["sha256"], "contentSize": str(entry["bytes"])})
    _add_run(crate, released)
    return crate.metadata.generate()


def _add_files(crate: ROCrate, outputs: Mapping[str, Any], software: Mapping[str, str]) -> None:
    """Add the released files, the Snakefile among them as the workflow."""
    for path, entry in outputs.items():
        name = path.removeprefix(RELEASE)
        described = {"name": name, "sha256": entry["sha256"], "contentSize": str(entry["bytes"])}
        if name == SNAKEFILE:
            _add_workflow(crate, described, software)
        else:
            described["encodingFormat"] = FORMATS.get(name.rpartition(".")[2], "application/octet-stream")
            crate.add_file(dest_path=name, properties=described)


def _add_workflow(crate: ROCrate, described: Mapping[str, str], software: Mapping[str, str]) -> None:
    properties = {
        **described,
        "name": "gravida",
        "description": "The entry of the workflow; its rules, scripts and library are known by their digest.",
        "version": software["gravida"],
    }
    workflow = crate.add_workflow(
        dest_path=SNAKEFILE,
        properties=properties,
        main=True,
        lang="snakemake",
        lang_version=software["snakemake"],
    )
    # What refers to its steps is a HowTo beside its other types.
    workflow.properties()["@type"].append("HowTo")


def _add_run(crate: ROCrate, released: Mapping[str, Any]) -> None:
    """Add the run, and each step of it: what it read, what it made, by which script."""
    workflow, root = crate.mainEntity, crate.root_dataset
    code = released["code"]
    commit = f", commit {code['commit']}{' and changes since' * code['dirty']}" if "commit" in code else ""
    properties = {
        "name": "The run that made this release",
        "description": f"Code with SHA-256 {code['sha256']}{commit}; seed {released['seed']}.",
        "endTime": released["written"],
    }
    inputs = released["inputs"]
    read = [crate.get(_identifier(name)) for kind in inputs for name in inputs[kind]]
    made = [crate.get(_identifier(name)) for name in released["outputs"]]
    run = crate.add_action(workflow, "#run", object=read, result=made, properties=properties)
    root.append_to("mentions", run)
    engine = {
        "@type": "SoftwareApplication",
        "name": "Snakemake",
        "softwareVersion": released["software"]["snakemake"],
    }
    controls = []
    for step, told in released["steps"].items():
        controls += _add_step(crate, step, told)
    organise = {"@type": "OrganizeAction", "name": "The run of Snakemake", "endTime": released["written"]}
    crate.add_action(
        crate.add(ContextEntity(crate, "#snakemake", engine)), "#organise", controls, run, organise
    )


def _add_step(crate: ROCrate, step: str, told: Mapping[str, Any]) -> list[ContextEntity]:
    """Add a step with its script, and an action for each time it ran; return what steered these."""
    script = {"@type": "SoftwareSourceCode", "name": f"workflow/scripts/{told['script']}.py"}
    tool = crate.get(f"#script-{told['script']}") or crate.add(
        ContextEntity(crate, f"#script-{told['script']}", script)
    )
    if tool not in crate.mainEntity.get("hasPart", []):
        crate.mainEntity.append_to("hasPart", tool)
    described = {"@type": "HowToStep", "name": step, "workExample": tool}
    plan = crate.add(ContextEntity(crate, f"#step-{step}", described))
    crate.mainEntity.append_to("step", plan)
    read, made = ([_add_named(crate, name) for name in told[kind]] for kind in ("inputs", "outputs"))
    controls = []
    for number in range(1, told["runs"] + 1):
        of_site = f", site {number} of {told['runs']}" if told["runs"] > 1 else ""
        properties = {"name": f"{step}{of_site}", "endTime": told["ended"]}
        action = crate.add_action(tool, f"#run-{step}-{number}", read, made, properties)
        crate.root_dataset.append_to("mentions", action)
        steered = {"@type": "ControlAction", "name": f"Snakemake runs {step}{of_site}"}
        controls.append(crate.add_action(plan, f"#control-{step}-{number}", action, properties=steered))
    return controls


def _add_named(crate: ROCrate, name: str, properties: Mapping[str, str] | None = None) -> ContextEntity:
    """Return the entity of a file or of a pattern of files; if it is not released, add its name alone."""
    described = {"@type": "CreativeWork", "name": name, **(properties or {})}
    return crate.get(_identifier(name)) or crate.add(ContextEntity(crate, _identifier(name), described))


def _identifier(name: str) -> str:
    """Return the identifier of a file: of one in the crate its path there."""
    return quote(name.removeprefix(RELEASE)) if name.startswith(RELEASE) else f"#file-{quote(name)}"
