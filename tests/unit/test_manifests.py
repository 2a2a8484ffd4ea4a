"""Where the files of a run are and came from, what of that may leave, and whether it is still so."""

import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from gravida.__main__ import main
from gravida.errors import ConfigurationError
from gravida.files import check_folders, distrust_future, distrust_older
from gravida.ledger import release_name
from gravida.provenance import code_digest, inputs
from gravida.provenance.checkout import git_state
from gravida.provenance.kept import earlier_records, keep_release, last_record
from gravida.provenance.logs import closing_words, failures, log_times
from gravida.provenance.manifest import Provenance, RunFacts, RunFiles, record_provenance
from gravida.provenance.places import SUBMITTED as TABLE_NAMES
from gravida.provenance.places import WORKFLOW, find_again, name_submitted, place, shown_names
from gravida.provenance.steps import Step, files_made, files_not_made, who_made_what
from gravida.provenance.verify import verify

from schemas.submission import TABLES

WRITTEN = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
SALT = bytes(range(32))
FUTURE = 4_000_000_000
PERSON = "Ana Novak 1987.csv"
# Path in the study to content; each file has another size.
MADE = {
    "results/restricted/intake/a/pregnancies.parquet": "rows of a",
    "results/restricted/intake/b/pregnancies.parquet": "rows of the site b",
    "results/internal/tables/sites.csv": "site,women\na,3\nb,40\n",
    "results/release/tables/sites.csv": "site,women,suppressed\na,,True\nb,40,False\n",
    "results/release/report.html": "<p>report</p>",
}
SUBMITTED = {
    "a/2019-06-30/pregnancies.csv": "one submission",
    "a/2020-06-30/pregnancies.csv": "another submission",
    f"b/{PERSON}": "a woman's name is in the name of the file",
    "b/relapses.JSmith": "and in the ending of this one",
}
FOLDERS = {"a/2019-06-30": "a/2019-06-30", "a/2020-06-30": "a/2020-06-30", "b": "b"}
NAMED = {
    "a/2019-06-30/pregnancies.csv": "a/2019-06-30/pregnancies.csv",
    "a/2020-06-30/pregnancies.csv": "a/2020-06-30/pregnancies.csv",
    "b/file 1": f"b/{PERSON}",
    "b/file 2": "b/relapses.JSmith",
}
STEPS = {
    "intake_site": {
        "script": "intake_site",
        "runs": 2,
        "inputs": ["submission files of {site}", f"{WORKFLOW}resources/codes.csv"],
        "outputs": ["results/restricted/intake/{site}/pregnancies.parquet"],
    },
    "estimate_sites": {
        "script": "estimate_sites",
        "runs": 1,
        "inputs": ["results/restricted/intake/{site}/pregnancies.parquet", "../elsewhere/studies.csv"],
        "outputs": ["results/internal/tables/sites.csv"],
    },
    "release_tables": {
        "script": "release_tables",
        "runs": 1,
        "inputs": ["results/internal/tables/sites.csv"],
        "outputs": ["results/release/tables/sites.csv"],
    },
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")


class Study:
    """A finished run, in a folder of its own beside a workflow of two files."""

    def __init__(self, folder: Path) -> None:
        self.base, self.folder = folder / "workflow", folder / "study"
        write(self.base, {"Snakefile": "rule all", "workflow/lib/gravida/a.py": "x = 1"})
        write(self.base, {"config/config.yaml": "seed: 1", "resources/codes.csv": "code"})
        write(folder, {"elsewhere/studies.csv": "study"})
        write(self.folder, MADE | SUBMITTED | {"sites.tsv": "a\nb", "config.yaml": "sites: sites.tsv"})
        shutil.copy(self.base / "Snakefile", self.folder / "results/release/Snakefile")

    def facts(self) -> RunFacts:
        configuration = {"seed": 7, "sites": "sites.tsv", "evidence": {"studies": "/home/me/studies.csv"}}
        return RunFacts(configuration, code_digest(self.base), STEPS, str(self.base))

    def record(self, salt: bytes = SALT) -> Provenance:
        """Record it from its folder, and write what was recorded."""
        files = RunFiles(
            [*MADE, "results/release/Snakefile"],
            [str(self.base / "resources/codes.csv"), "../elsewhere/studies.csv"],
            ["config.yaml", str(self.base / "config/config.yaml")],
            ["sites.tsv"],
            [*SUBMITTED],
            FOLDERS,
        )
        recorded = record_provenance(files, self.facts(), WRITTEN, salt)
        texts = {
            "results/internal/manifest.json": recorded.internal,
            "results/release/manifest.json": recorded.released,
            "results/release/ro-crate-metadata.json": recorded.crate,
        }
        write(self.folder, texts)
        return recorded

    def verify(self) -> list[str]:
        return verify(self.folder, self.base)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    made = Study(tmp_path)
    monkeypatch.chdir(made.folder)
    return made


def sha(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def test_the_internal_manifest_has_every_file_and_no_size_of_one_with_rows(study: Study) -> None:
    kept = json.loads(study.record().internal)
    for name, content in MADE.items():
        size = {} if "restricted" in name else {"bytes": len(content)}
        assert kept["outputs"][name] == {"sha256": sha(content)} | size
    assert kept["inputs"]["submissions"] == {
        name: {"sha256": sha(SUBMITTED[path])} for name, path in NAMED.items()
    }
    assert set(kept["inputs"]["configuration"]) == {"config.yaml", f"{WORKFLOW}config/config.yaml"}
    assert set(kept["inputs"]["resources"]) == {f"{WORKFLOW}resources/codes.csv", "../elsewhere/studies.csv"}
    assert kept["inputs"]["sheets"] == {"sites.tsv": {"sha256": sha("a\nb"), "bytes": 3}}
    assert (kept["seed"], kept["written"]) == (7, "2026-03-01T12:30:00+00:00")
    assert kept["code"] == {"sha256": code_digest(study.base)}
    assert kept["software"]["numpy"]
    assert str(study.base.parent) not in study.record().internal


def test_no_file_of_a_submission_is_named_by_a_name_that_is_not_a_table_s(study: Study) -> None:
    recorded = study.record()
    for text in (recorded.internal, recorded.released, recorded.crate):
        assert "Novak" not in text and "JSmith" not in text


def test_the_tables_whose_names_are_repeated_are_the_contract_s() -> None:
    assert set(TABLE_NAMES) == set(TABLES)
    for table in [*TABLES, "submission"]:
        assert dict(name_submitted([f"a/{table}.XLSX"], {"a": "a"}, "/w")) == {
            f"a/{table}.XLSX": f"a/{table}.XLSX"
        }


def test_what_is_not_released_leaves_neither_digest_nor_size_nor_place(study: Study) -> None:
    recorded = study.record()
    hidden = {**MADE, **SUBMITTED, "sites.tsv": "a\nb"}
    for text in (recorded.released, recorded.crate):
        for name, content in hidden.items():
            released = name.startswith("results/release")
            assert (sha(content) in text) == released, name
            if not released:
                # Neither hashed in another common way.
                for kind in ("md5", "sha1", "sha512", "blake2b"):
                    assert hashlib.new(kind, content.encode()).hexdigest() not in text
        assert SALT.hex() not in text
        assert "../elsewhere" not in text and "/home/me" not in text and "2019-06-30" not in text
    released = json.loads(recorded.released)
    assert set(released["outputs"]) == {name for name in MADE if "release/" in name} | {
        "results/release/Snakefile"
    }
    assert released["steps"]["estimate_sites"]["inputs"][1] == "elsewhere:1/studies.csv"
    assert released["inputs"]["resources"]["elsewhere:1/studies.csv"]["sha256"] == sha("study")
    assert released["configuration"]["evidence"] == {"studies": "studies.csv"}


def test_the_commitment_is_the_hmac_of_what_is_withheld(study: Study) -> None:
    told = {f"submissions/{name}": sha(SUBMITTED[path]) for name, path in NAMED.items()}
    told |= {name: sha(content) for name, content in MADE.items() if "release/" not in name}
    told |= {"sheets/sites.tsv": sha("a\nb")}
    expected = hmac.new(SALT, json.dumps(told, sort_keys=True).encode(), hashlib.sha256).hexdigest()
    first = json.loads(study.record().released)["withheld"]["hmac_sha256"]
    assert first == expected
    # Without the key nobody can try what a file holds.
    assert json.loads(study.record(bytes(32)).released)["withheld"]["hmac_sha256"] != first
    write(study.folder, {"results/internal/tables/sites.csv": "site,women\na,4\nb,40\n"})
    assert json.loads(study.record().released)["withheld"]["hmac_sha256"] != first


def test_a_step_ended_when_its_last_file_was_written(study: Study) -> None:
    for site, time in (("a", 1_000_000_000), ("b", 1_000_000_060)):
        os.utime(f"results/restricted/intake/{site}/pregnancies.parquet", (time, time))
    steps = json.loads(study.record().internal)["steps"]
    assert steps["intake_site"]["ended"] == "2001-09-09T01:47:40+00:00"


def test_only_times_differ_between_two_records(study: Study) -> None:
    first = study.record()
    os.utime("results/release/report.html", (5, 5))
    again = study.record()
    assert first == again


def references(content: Any) -> set[str]:
    """Return every identifier that is referred to."""
    if isinstance(content, list):
        return set().union(*map(references, content))
    if isinstance(content, dict):
        return {content["@id"]} if set(content) == {"@id"} else references(list(content.values()))
    return set()


def test_the_crate_is_whole(study: Study) -> None:
    """It holds what the profiles of Workflow Run RO-Crate 0.6 ask for."""
    recorded = study.record()
    crate = json.loads(recorded.crate)
    graph = {entity["@id"]: entity for entity in crate["@graph"]}
    assert len(graph) == len(crate["@graph"])
    for entity in crate["@graph"]:
        missing = {name for name in references(entity) - set(graph) if not name.startswith("https://")}
        assert not missing, entity
    root = graph["./"]
    assert {
        "https://w3id.org/ro/wfrun/workflow/0.6",
        "https://w3id.org/ro/wfrun/provenance/0.6",
    } <= references(root["conformsTo"])
    assert all(root[name] for name in ("name", "description", "datePublished", "license"))
    on_disk = {
        path.relative_to("results/release").as_posix(): sha(path.read_text())
        for path in Path("results/release").rglob("*")
        if path.is_file() and path.name != "ro-crate-metadata.json"
    }
    assert references(root["hasPart"]) == set(on_disk)
    assert {name: graph[name]["sha256"] for name in on_disk} == on_disk
    main_workflow = graph[root["mainEntity"]["@id"]]
    assert {"File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"} <= set(main_workflow["@type"])


def test_the_crate_tells_each_execution_of_each_step(study: Study) -> None:
    graph = {entity["@id"]: entity for entity in json.loads(study.record().crate)["@graph"]}
    of_type = {
        kind: [entity for entity in graph.values() if entity["@type"] == kind]
        for kind in ("CreateAction", "ControlAction", "OrganizeAction", "HowToStep")
    }
    # One for the run; intake ran for two sites.
    assert len(of_type["CreateAction"]) == 1 + sum(step["runs"] for step in STEPS.values()) == 5
    assert references(graph["./"]["mentions"]) == {action["@id"] for action in of_type["CreateAction"]}
    assert references(graph["Snakefile"]["step"]) == {step["@id"] for step in of_type["HowToStep"]}
    for control in of_type["ControlAction"]:
        action = graph[control["object"]["@id"]]
        assert graph[control["instrument"]["@id"]]["workExample"] == action["instrument"]
        assert references(graph["Snakefile"]["hasPart"]) >= references(action["instrument"])
    (organised,) = of_type["OrganizeAction"]
    assert references(organised["object"]) == {control["@id"] for control in of_type["ControlAction"]}
    assert organised["result"] == {"@id": "#run"}
    released = graph["#run-release_tables-1"]
    assert references(released["result"]) == {"tables/sites.csv"}
    (read,) = references(released["object"])
    assert graph[read] == {
        "@id": read,
        "@type": "CreativeWork",
        "name": "results/internal/tables/sites.csv",
    }


def test_all_is_well_after_a_run(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    study.record()
    assert study.verify() == []
    # From another folder too.
    os.chdir("/")
    assert study.verify() == []


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *((name, name) for name in MADE),
        *((name, name) for name in ("sites.tsv", "config.yaml", "../elsewhere/studies.csv")),
        *(
            (f"results/release/{name}",) * 2
            for name in ("Snakefile", "manifest.json", "ro-crate-metadata.json")
        ),
        *((path, name) for name, path in NAMED.items()),
        ("../workflow/config/config.yaml", f"{WORKFLOW}config/config.yaml"),
        ("../workflow/resources/codes.csv", f"{WORKFLOW}resources/codes.csv"),
        ("../workflow/workflow/lib/gravida/a.py", "the code of the workflow"),
    ],
)
def test_a_changed_byte_and_a_lost_file_are_named(study: Study, path: str, name: str) -> None:
    study.record()
    flip(study.folder / path)
    (line,) = study.verify()
    assert line.removesuffix(" (or is missing)") == f"differs: {name}"
    (study.folder / path).unlink()
    (line,) = study.verify()
    gone = "differs" if name.startswith(("the code", "b/file ")) else "missing"
    assert line.removesuffix(" (or is missing)") == f"{gone}: {name}"


def test_any_changed_byte_of_the_internal_manifest_is_noticed(study: Study) -> None:
    text = study.record().internal
    path = study.folder / "results/internal/manifest.json"
    for position in range(0, len(text), 37):
        path.write_text(text[:position] + chr(ord(text[position]) ^ 1) + text[position + 1 :])
        assert study.verify() == ["differs: results/internal/manifest.json (nothing else was compared)"]
    for other in ("[]", "", "{}", '{"seal": 1}', "\n" + text):
        path.write_text(other)
        assert study.verify() == ["differs: results/internal/manifest.json (nothing else was compared)"]
    path.unlink()
    assert study.verify() == ["missing: results/internal/manifest.json (a finished run writes it)"]


def test_what_is_new_in_the_release_is_named(study: Study) -> None:
    study.record()
    write(study.folder, {"results/release/figures/new.png": "", "results/internal/new.csv": ""})
    Path("results/release/link").symlink_to("nowhere")
    assert study.verify() == ["new: results/release/figures/new.png", "new: results/release/link"]


def test_a_released_manifest_of_another_record_is_noticed(study: Study) -> None:
    """Whoever changes a withheld file and writes its manifest anew cannot change the one that left."""
    left = study.record().released
    write(study.folder, {"results/internal/tables/sites.csv": "site,women\na,4\nb,40\n"})
    forged = json.loads(study.record().internal)
    del forged["seal"]
    forged["outputs"]["results/release/manifest.json"]["sha256"] = sha(left)
    sealed = {**forged, "seal": sha(json.dumps(forged, indent=2, ensure_ascii=False) + "\n")}
    write(
        study.folder,
        {
            "results/internal/manifest.json": json.dumps(sealed, indent=2, ensure_ascii=False) + "\n",
            "results/release/manifest.json": left,
        },
    )
    line = "differs: results/release/manifest.json from results/internal/manifest.json"
    assert line in study.verify()


def test_the_command_says_so_and_ends_with_1(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(study.folder)])
    assert ended.value.code == 1
    assert capsys.readouterr().out == "missing: results/internal/manifest.json (a finished run writes it)\n"
    assert main(["verify", str(study.folder / "nowhere")]) == 1
    assert re.fullmatch(r"ConfigurationError: the folder .* is not there; .*\n", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("study", "path", "name"),
    [
        ("/s", "/s/a.csv", "a.csv"),
        ("/s", "/w/resources/a.csv", "gravida:resources/a.csv"),
        ("/w/mine", "/w/mine/a.csv", "a.csv"),
        ("/w/mine", "/w/resources/a.csv", "gravida:resources/a.csv"),
        ("/w", "/w/resources/a.csv", "gravida:resources/a.csv"),
        ("/s", "/data/a.csv", "../data/a.csv"),
        # A workflow kept inside the study.
        ("/", "/w/resources/a.csv", "gravida:resources/a.csv"),
        ("/", "/a.csv", "a.csv"),
    ],
)
def test_a_place_is_found_again(study: str, path: str, name: str) -> None:
    assert place(path, "/w", study) == name
    assert os.path.normpath(find_again(name, "/w", study)) == path


def test_files_outside_keep_their_last_name_apart() -> None:
    names = ["a.csv", "../x/a.csv", "../y/a.csv", "gravida:a.csv"]
    assert shown_names(names) == {
        "a.csv": "a.csv",
        "../x/a.csv": "elsewhere:1/a.csv",
        "../y/a.csv": "elsewhere:2/a.csv",
        "gravida:a.csv": "gravida:a.csv",
    }


@pytest.fixture
def git(tmp_path: Path) -> Callable[..., str]:
    """Return git, at work in a new checkout and deaf to the caller's own settings."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]

    def run(*arguments: str) -> str:
        command = ["git", "-C", str(tmp_path), *who, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout

    run("init", "--quiet")
    return run


def test_the_commit_and_whether_it_is_changed_since(
    tmp_path: Path, git: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert git_state(tmp_path) is None, "nothing is committed yet"
    write(tmp_path, {"Snakefile": "rule all", "workflow/a.py": "x = 1"})
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    commit = git("rev-parse", "HEAD").strip()
    assert git_state(tmp_path) == {"commit": commit, "dirty": False}
    write(tmp_path, {"notes.txt": "", "mystudy/config.yaml": ""})
    assert git_state(tmp_path) == {"commit": commit, "dirty": False}, "a study beside it changes nothing"
    write(tmp_path, {"workflow/b.py": "a new module does"})
    assert git_state(tmp_path) == {"commit": commit, "dirty": True}
    # Whoever calls may be at work in a checkout of his own.
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert git_state(tmp_path) == {"commit": commit, "dirty": True}
    assert git_state(tmp_path / "workflow") is None, "a folder in somebody else's checkout"


def test_no_checkout_and_no_git_are_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert git_state(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(Path(__file__).parents[2]) is None


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder of a study, which is the working directory."""
    (tmp_path / "study").mkdir()
    monkeypatch.chdir(tmp_path / "study")
    return tmp_path / "study"


def put(folder: Path, *names: str) -> None:
    """Write files of no content."""
    write(folder, dict.fromkeys(names, ""))


def row(site: str, submission: str, mapping: str = "") -> dict[str, str]:
    common = {"mode": "rows", "data_cut": "2018-01-31"}
    return {"site": site, "submission": submission, "mapping": mapping, **common}


def find(*rows: dict[str, str], is_shipped: bool = False) -> dict[str, inputs.Site]:
    return inputs.find_submissions(rows, Path("../workflow").resolve(), is_shipped)


def test_submissions_are_found_by_data_cut_and_by_the_names_of_their_files(here: Path) -> None:
    put(here, "a/pregnancies.csv", "a/submission.xlsx", "a/relapses.JSmith")
    put(here, "a/notes.txt", "a/relapses.c-v", "a/relapses.{x}", "a/infusions.csv/x", "a/.hidden/x")
    put(here, "b/2019-06-30/relapses.csv", "b/2018-06-30/pregnancies.csv", "b/2018-06-30/x.csv")
    sites = find(row("a", "a"), row("b", "b"))
    assert [sites[name]["data_cut"] for name in "ab"] == ["2018-01-31", "2019-06-30"]
    assert inputs.cut_files(sites["a"]) == [["a/pregnancies.csv", "a/relapses.JSmith", "a/submission.xlsx"]]
    assert inputs.cut_files(sites["b"]) == [["b/2018-06-30/pregnancies.csv"], ["b/2019-06-30/relapses.csv"]]
    assert inputs.files_read(sites["b"]) == ["b/2018-06-30/pregnancies.csv", "b/2019-06-30/relapses.csv"]
    assert inputs.count_strange(sites["a"]) == {"2018-01-31": 4}
    assert inputs.count_strange(sites["b"]) == {"2018-06-30": 1, "2019-06-30": 0}
    assert inputs.label_folders(sites, here.parent / "workflow") == {
        "a": "a",
        "b/2018-06-30": "b/2018-06-30",
        "b/2019-06-30": "b/2019-06-30",
    }


def test_a_site_that_keeps_its_rows_has_no_folder_here(here: Path) -> None:
    sites = find(row("a", "exchange") | {"mode": "summary"})
    assert sites["a"]["folders"] == inputs.cut_files(sites["a"]) == inputs.files_read(sites["a"]) == []
    assert inputs.label_folders(sites, here) == {}


def test_a_mapping_file_names_the_files_that_are_read(here: Path) -> None:
    put(here, f"a/{PERSON}", "a/pregnancies.csv", "a/{x}.csv")
    write(here, {"map.yaml": f"file: {PERSON}, file: '{{x}}.csv'"})
    site = find(row("a", "a", "map.yaml"))["a"]
    assert inputs.files_read(site) == [f"a/{PERSON}", "map.yaml"]
    # Snakemake would read a brace as a wildcard.
    assert inputs.count_strange(site) == {"2018-01-31": 2}


def test_only_the_shipped_sheet_names_folders_of_the_workflow(here: Path) -> None:
    write(here.parent, {"workflow/demo/a/pregnancies.csv": ""})
    shipped = find(row("a", "demo/a"), is_shipped=True)
    assert inputs.label_folders(shipped, here.parent / "workflow") == {"a": f"{WORKFLOW}demo/a"}
    with pytest.raises(ConfigurationError, match="submission of site a: demo/a is not there"):
        find(row("a", "demo/a"))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([row("a", "file")], "submission of site a: file is not a folder"),
        ([row("a", "a"), row("b", "link")], "sites a and b have the same submission"),
        ([row("a", "a"), row("b", "of_a")], "sites a and b have the same submission"),
        ([row("a", "mixed")], "submission of site a: beside folders of data cuts"),
        ([row("a", "no_day")], "submission of site a: 2019-02-30 is no date"),
        ([row("a", "no_folder")], "submission of site a: 2019-06-30 is no date .* or a file"),
        ([row("a", "a", "map.yaml")], "mapping of site a: map.yaml is not there"),
        ([row("a", "a", "other")], "submission of site a: its folder or mapping file cannot be read"),
        ([row("a", "a", "new.yaml")], "mapping of site a: a file is dated in the future"),
        ([row("a", "new")], "submission of site a: a file is dated in the future"),
        ([row("a", "a") | {"mode": "summary"}], "a site that keeps its rows has exchange as its submission"),
        ([row("a", "exchange", "x") | {"mode": "summary"}], "as its submission, and no mapping here"),
    ],
)
def test_what_cannot_be_found_is_one_line(here: Path, rows: list[dict[str, str]], words: str) -> None:
    put(here, "a/2019-06-30/pregnancies.csv", "file", "other/x", "new.yaml")
    put(here, "mixed/2019-06-30/x", "mixed/x", "no_day/2019-02-30/x", "no_folder/2019-06-30")
    put(here, "new/2018-06-30/relapses.csv", "new/2019-06-30/pregnancies.csv")
    (here / "link").symlink_to("a")
    (here / "of_a").symlink_to("a/2019-06-30")
    for name in ("new.yaml", "new/2018-06-30/relapses.csv"):
        os.utime(name, (FUTURE, FUTURE))
    with pytest.raises(ConfigurationError, match=words):
        find(*rows)


def test_files_have_their_names_in_the_study(here: Path) -> None:
    paths = [here / "config.yaml", "config.yaml", "/w/config/config.yaml", here / "{x}.yaml", "../a.yaml"]
    assert inputs.named_here(paths) == ["config.yaml", "/w/config/config.yaml", "../a.yaml"]


READ_AND_MADE = [
    Step(
        "intake_site",
        "intake_site",
        ["submission files of {site}", "/w/codes.csv"],
        ["rows/{site}", "{site}.json"],
    ),
    Step("pool", "pool", ["rows/a", "rows/b", "studies.csv", "results/internal/releases/x.json"], ["table"]),
    Step("check", "pool", ["{site}.json", "table", "table"], ["checked/{site}"]),
]


def test_what_steps_read_and_make() -> None:
    sites = ["a", "b"]
    made = {"rows/a", "rows/b", "a.json", "b.json", "table", "checked/a", "checked/b"}
    found = files_made(READ_AND_MADE, sites)
    assert set(found) == made and len(found) == len(made)
    not_made = ["/w/codes.csv", "results/internal/releases/x.json", "studies.csv"]
    assert files_not_made(READ_AND_MADE, sites) == not_made


def test_where_no_site_sends_rows_no_step_of_one_is_told_of() -> None:
    told = who_made_what(READ_AND_MADE, [], "/w")
    assert "intake_site" not in told and told
    assert files_made(READ_AND_MADE, []) == [
        path for step in READ_AND_MADE for path in step.makes if "{site}" not in path
    ]


def test_who_made_what_names_no_site_and_no_release() -> None:
    told = who_made_what(READ_AND_MADE, ["a", "b"], "/w")
    assert told["intake_site"] == {
        "script": "intake_site",
        "runs": 2,
        "inputs": ["submission files of {site}", f"{WORKFLOW}codes.csv"],
        "outputs": ["rows/{site}", "{site}.json"],
    }
    assert told["pool"]["inputs"] == ["rows/{site}", "studies.csv", "results/internal/releases/"]
    assert (told["pool"]["runs"], told["check"]["runs"]) == (1, 2)
    assert told["check"]["inputs"] == ["{site}.json", "table"]


def test_a_finished_release_is_kept_once(here: Path) -> None:
    cuts = {"a": "2019-06-30"}
    name, plan = "2018-06-30-0", "7"
    made, report = here / "results/internal/release.json", here / "results/release/report.html"
    keep_release()
    write(here, {"results/internal/release.json": json.dumps({"release": name, "plan": plan})})
    write(here, {"results/internal/release/counts.json": '{"sites": [4]}'})
    write(here, {"results/internal/release/counts_evidence.json": '{"evidence_pooled": [40]}'})
    keep_release()
    # While there is no report, or only an older one, there is no release.
    write(here, {"results/release/report.html": ""})
    os.utime(report, (1_000_000_000, 1_000_000_000))
    keep_release()
    kept = here / "results/internal/releases"
    assert not kept.exists() and last_record(cuts) == []
    os.utime(made, (1_000_000_000, 1_000_000_000))
    keep_release()
    counts = {"sites": [4], "evidence_pooled": [40]}
    record = {"release": name, "plan": plan, "turn": 1, "counts": counts}
    path = kept / f"{name}-{plan}.json"
    assert json.loads(path.read_text()) == record
    os.utime(path, (5, 5))
    keep_release()
    assert path.stat().st_mtime == 5
    found = [f"results/internal/releases/{name}-{plan}.json"]
    assert last_record(cuts) == earlier_records(cuts, plan) == earlier_records(cuts, "8") == found
    # One of these data cuts under another plan came earlier, but is not the last release.
    name = release_name(cuts)
    path.unlink()
    write(here, {f"results/internal/releases/{name}-{plan}.json": json.dumps({"release": name, "turn": 1})})
    assert last_record(cuts) == earlier_records(cuts, plan) == []
    assert earlier_records(cuts, "8") == [f"results/internal/releases/{name}-{plan}.json"]


@pytest.mark.parametrize("name", ["release.json", "releases/x.json"])
def test_a_damaged_record_of_a_release_is_one_line(here: Path, name: str) -> None:
    write(here, {"results/internal/release.json": "{}", f"results/internal/{name}": "{"})
    put(here, "results/release/report.html")
    for part in ("counts", "counts_evidence"):
        write(here, {f"results/internal/release/{part}.json": "{}"})
    with pytest.raises(ConfigurationError, match=f"results/internal/{name}: .* damaged"):
        keep_release()


def test_the_last_words_are_of_this_run(here: Path) -> None:
    log, table = here / "results/logs/pool.log", here / "results/release/tables/evidence_pooled.csv"
    write(
        here, {"results/logs/pool.log": "Defect: old\n", "results/logs/intake_site/a.log": "Warning: old\n"}
    )
    earlier = log_times()
    assert failures(earlier).startswith("\nDefect: a step ended before it could say why")
    assert closing_words(earlier, True) == ""
    write(here, {"results/logs/pool.log": "Warning: new\nNotEstimable: new\n"})
    write(here, {"results/logs/draw.log": "Warning: new\n"})
    os.utime(log, (5, 5))
    assert failures(earlier) == "\nNotEstimable: new\n"
    assert closing_words(earlier, True) == "Warning: new\n"
    write(here, {"results/logs/release_evidence.log": ""})
    assert closing_words(earlier, True) == f"\nWarning: new\nEvidence: {table}\n"
    alone = "No registry is among the evidence: this study has no sheet of sites.\n"
    assert closing_words(earlier, False) == f"\nWarning: new\n{alone}Evidence: {table}\n"
    write(here, {"results/release/report.html": "", "results/release/headline.txt": "It is so."})
    stale = "The report is older than these tables: run without a target to write it again.\n"
    assert closing_words(earlier, True) == f"\nWarning: new\n{stale}Evidence: {table}\n"
    write(here, {"results/logs/write_report.log": ""})
    page = here / "results/release/report.html"
    assert closing_words(earlier, False) == f"\nWarning: new\nIt is so.\nReport: {page}\n"


def test_all_folders_that_cannot_be_written_are_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(here, {"results/release": "", "results/logs/x": "", "results/internal/x": ""})
    (here / "link").symlink_to("nowhere")
    check_folders([".", "results/logs", "not there"])
    monkeypatch.setattr(os, "access", lambda path, how: Path(path).name != "logs")
    with pytest.raises(ConfigurationError) as fault:
        check_folders(["results/logs", "results/internal", "results/release", "link"])
    told = "results/release is not a folder, link is not a folder, results/logs cannot be written; "
    assert str(fault.value).startswith(told)


def test_results_dated_in_the_future_keep_their_order_and_lose_their_dates(here: Path) -> None:
    dates = {"logs/x.log": 1_000_000_000, "cohort.parquet": FUTURE, "internal/a.json": 1_500_000_000}
    write(here, {f"results/{name}": "" for name in dates})
    paths = {name: here / "results" / name for name in dates}

    def set_dates(changed: dict[str, int]) -> list[float]:
        for name, date in (dates | changed).items():
            os.utime(paths[name], (date, date))
        distrust_future("results")
        return [paths[name].stat().st_mtime for name in dates]

    assert set_dates({"cohort.parquet": 1_400_000_000}) == [1_000_000_000, 1_400_000_000, 1_500_000_000]
    assert set_dates({}) == [1, 3, 2]


def test_a_source_put_in_place_later_makes_a_result_look_old(here: Path) -> None:
    write(here, {"result": "", "old": "", "new": ""})
    distrust_older("not there", ["new"])
    os.utime("result", (FUTURE, FUTURE))
    distrust_older("result", ["old", "new"])
    assert Path("result").stat().st_mtime == FUTURE
    # The date of a file can be set to anything; the time at which that was done cannot.
    os.utime("new", (5, 5))
    os.utime("result", (1_000_000_000, 1_000_000_000))
    distrust_older("result", ["new"])
    assert Path("result").stat().st_mtime == 1
