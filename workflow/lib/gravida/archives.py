"""Documents of Office as the same bytes in every run: they carry the time at which they were saved."""

import io
import re
import zipfile
from datetime import datetime

# What stands in for the time of saving.
MADE = datetime(2000, 1, 1)
_FIRST_OF_ZIP = (1980, 1, 1, 0, 0, 0)


def without_times(document: bytes) -> bytes:
    """Return the same document without the time at which it was made, in its properties and its archive."""
    fixed = io.BytesIO()
    moment = f"{MADE.isoformat()}Z".encode()
    with zipfile.ZipFile(io.BytesIO(document)) as source, zipfile.ZipFile(fixed, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*", rb"\g<1>" + moment, content)
            entry = zipfile.ZipInfo(name, _FIRST_OF_ZIP)
            entry.create_system = 0
            target.writestr(entry, content, compress_type=zipfile.ZIP_DEFLATED)
    return fixed.getvalue()
