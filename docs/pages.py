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
    for source, name in TAKEN_IN.items():
        markdown = markdown.replace(f"](../{source}", f"]({name}")
    if page.file.src_uri in TAKEN_IN.values():
        markdown = re.sub(r"\]\((docs/|\.\./docs/)", "](", markdown)
    return markdown
