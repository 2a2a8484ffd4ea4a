"""Snakemake, as `make` starts it: whoever stops it before the first step or after the last reads a line."""

import sys

try:
    from snakemake.cli import main

    sys.exit(main())
except KeyboardInterrupt:
    sys.exit("Stopped: run again to go on; what was finished is kept.")
