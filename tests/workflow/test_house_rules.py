"""The rules of the house that a machine can hold."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from snakemake.scheduling.job_scheduler import JobScheduler

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "workflow/lib/gravida"
SCRIPTS = sorted(path for path in (ROOT / "workflow/scripts").glob("*.py") if path.name[0] != "_")
MODULES = sorted(LIBRARY.rglob("*.py"))
SCHEMAS = sorted((ROOT / "schemas").glob("*.py"))
RULE_FILES = sorted((ROOT / "workflow/rules").glob("*.smk"))
RULES = "\n".join(path.read_text(encoding="utf-8") for path in RULE_FILES)

# Rooms by floor: a module imports only from its own floor's folder or from floors below.
FLOORS = [
    {"__init__", "errors"},
    {"files"},
    {"tables", "schemas"},
    {"periods", "settings", "guide", "words", "ledger", "archives"},
    {"intake", "person_time", "models"},
    {"attrition"},
    {"cohort", "statistics", "evidence", "disclosure", "synthetic"},
    {"federation"},
    {"admission", "at_centre", "calibration", "provenance", "releases"},
    {"figures", "report"},
    {"__main__"},
]


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def room(name: str) -> str:
    """Return the room of a dotted module name."""
    parts = name.split(".")
    if parts[0] == "schemas":
        return "schemas"
    return parts[1] if len(parts) > 1 and (LIBRARY / parts[1]).exists() else parts[1].removesuffix(".py")


def floor(name: str) -> int:
    return next(level for level, rooms in enumerate(FLOORS) if name in rooms)


def rule_blocks() -> dict[str, str]:
    parts = re.split(r"^rule (\w+):$", RULES, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_one_rule_one_script_one_name() -> None:
    blocks = rule_blocks()
    assert set(blocks) == {path.stem for path in SCRIPTS}
    for name, block in blocks.items():
        assert f'"../scripts/{name}.py"' in block
        assert "run:" not in block
        assert "log:" in block
        assert re.match(r'\n    """[^"A-Z][^";]+"""\n', block), f"{name} has no words for who watches a run"
        assert "code=CODE" in block, f"{name} would not notice an edited library"


def test_every_script_calls_the_function_of_its_name() -> None:
    for path in SCRIPTS:
        called = {
            node.func.id
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert path.stem in called, path.name


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 25
    assert "snakemake.config" not in path.read_text(encoding="utf-8")


def test_only_common_defines_functions() -> None:
    for path in RULE_FILES:
        text = path.read_text(encoding="utf-8")
        assert path.stem == "common" or not re.search(r"^\s*def ", text, re.MULTILINE)
        assert not re.search(r"^[ \t]+rule ", text, re.MULTILINE), "a rule inside a condition"
        assert text.startswith("# "), "a rule file opens with its contract"


def test_released_files_alone_are_shown_each_with_its_own_caption() -> None:
    """What is in the report that Snakemake makes is in test_shipped_study."""
    assert len(re.findall(r"(?<!\w)report\(", RULES)) == 1
    shown = re.findall(r"\bshown\(\s*f?\"([^\"]+)\"", RULES)
    assert shown and all(name.startswith("results/release/") for name in shown)
    captions = [path for path in (ROOT / "workflow/report").rglob("*.rst") if path.stem != "study"]
    texts = [path.read_text(encoding="utf-8") for path in captions]
    assert len(set(texts)) == len(texts) and all(len(text) > 60 for text in texts)


def test_snakemake_has_what_the_workflow_switches_off() -> None:
    (name,) = re.findall(r"workflow[.]scheduler[.](\w+) = None", RULES)
    assert name in vars(JobScheduler)["__init__"].__code__.co_names


def test_library_does_not_know_snakemake_or_the_configuration_file() -> None:
    for path in [*MODULES, *SCHEMAS]:
        assert not any(name.split(".")[0] == "snakemake" for name in imported(path)), path
        assert not any(isinstance(node, ast.Name) and node.id == "snakemake" for node in ast.walk(tree(path)))


@pytest.mark.parametrize("path", [*MODULES, *SCHEMAS], ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    own = "schemas" if path in SCHEMAS else path.relative_to(LIBRARY).parts[0].removesuffix(".py")
    for name in imported(path):
        if name.split(".")[0] not in {"gravida", "schemas"} or name in {"gravida.__version__", "schemas"}:
            continue
        other = room(name)
        if other == "__version__" or other == own:
            continue
        assert floor(other) < floor(own), f"{own} imports {other}"


def test_only_files_and_tables_touch_the_disk() -> None:
    writing = {
        "write_text",
        "write_bytes",
        "open",
        "rename",
        "replace",
        "unlink",
        "mkdir",
        "to_csv",
        "to_parquet",
    }
    for path in MODULES:
        if path in {LIBRARY / "files.py", LIBRARY / "tables.py"}:
            continue
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.Call):
                continue
            if isinstance(node.func, ast.Name):
                assert node.func.id != "open", path
            elif isinstance(node.func, ast.Attribute) and node.func.attr in writing - {"replace", "rename"}:
                # A frame's text may be made with to_csv() when it is given no file.
                assert node.func.attr == "to_csv" and not _names_a_file(node), (
                    f"{path.name} line {node.lineno}"
                )


def _names_a_file(call: ast.Call) -> bool:
    return bool(call.args) and not (isinstance(call.args[0], ast.Name) and call.args[0].id == "text")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_files_stay_readable(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 320
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef):
            start = (
                node.body[1].lineno if ast.get_docstring(node) and len(node.body) > 1 else node.body[0].lineno
            )
            assert node.end_lineno - start < 42, f"{node.name} is long"


def test_public_functions_say_what_they_do() -> None:
    for path in [*MODULES, *SCHEMAS]:
        assert ast.get_docstring(tree(path)) is not None or path.name == "__init__.py", path
        for node in tree(path).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name[0] != "_":
                assert ast.get_docstring(node), f"{path.name}: {node.name}"


def pinned(name: str) -> dict[str, str]:
    """Return the versions of a lock."""
    lock = (ROOT / name).read_text(encoding="utf-8")
    entries = re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)(?: ; ([^\\]+))?", lock, re.MULTILINE)
    return {name: version for name, version, marker in entries if "python_full_version >=" not in marker}


def test_conda_and_pip_hold_the_same_stack() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    direct = project["dependencies"] + project["optional-dependencies"]["dev"]
    names = {re.split(r"[<>=]", line)[0].lower() for line in direct}
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    conda = yaml.safe_load(text)["dependencies"]
    of_pip = [entry for part in conda if isinstance(part, dict) for entry in part["pip"]]
    of_conda = [entry for entry in conda if isinstance(entry, str) and " =" in entry]
    found = dict(entry.split(" =", 1) for entry in of_conda)
    found |= dict(entry.split(" ==") for entry in of_pip)
    assert len(found) == len(of_conda) + len(of_pip) and ("pip" in conda or not of_pip)
    found["snakemake"] = found.pop("snakemake-minimal")
    lock = pinned("requirements.lock")
    assert found == {name: lock[name] for name in names}
    assert conda[0] == f"python {project['requires-python']},<3.12"
    (plugin,) = re.findall(r"^# .*: (snakemake-executor-plugin-slurm) =(\S+)$", text, re.MULTILINE)
    assert plugin in pinned("requirements-slurm.lock").items()


def test_the_profile_for_slurm_says_again_what_the_default_says() -> None:
    default, slurm = (
        yaml.safe_load((ROOT / f"profiles/{name}/profile.yaml").read_text(encoding="utf-8"))
        for name in ("default", "slurm")
    )
    assert default.pop("cores") == "all"
    assert default.items() <= slurm.items()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-slurm.lock"])
def test_no_address_of_a_registry_and_no_path_of_a_machine(name: str) -> None:
    lock = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in lock
    assert "--index" not in lock and "--find-links" not in lock
    assert all("--hash=sha256:" in part for part in re.split(r"\n(?=[a-z])", lock)[1:])
