"""Take documents that lie outside docs into the site, so that links to them work there too."""

import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
# Where it lies, and the page of the site that it becomes.
TAKEN_IN = {
    "config/README.md": "configuration.md",
    "resources/data_dictionary.md": "data_dictionary.md",
    "resources/calibration.md": "calibration.md",
    "resources/pictures/course.png": "course.png",
    "resources/pictures/workflow.svg": "workflow.svg",
    "CONTRIBUTING.md": "contributing.md",
    "config/examples/README.md": "examples.md",
    "CHANGELOG.md": "changes.md",
}


def on_files(files, config):
    """Add the documents to the files of the site."""
    for source, page in TAKEN_IN.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_bytes()))
    return files


def on_page_markdown(markdown, page, config, files):
    """Let links to the documents, and of the documents, lead to pages of the site."""
    here = {name: source for source, name in TAKEN_IN.items()}.get(page.file.src_uri)
    folder = (ROOT / here).parent if here else ROOT / "docs"

    def lead(found):
        source = (folder / found["path"]).resolve().relative_to(ROOT).as_posix()
        return f"]({TAKEN_IN.get(source, source.removeprefix('docs/'))}{found['anchor'] or ''})"

    return re.sub(r"\]\((?P<path>[\w./-]+)(?P<anchor>#[\w-]+)?\)", lead, markdown)
