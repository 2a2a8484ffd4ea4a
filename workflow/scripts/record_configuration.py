"""Keep the configuration the study was run with."""

from _job import job

with job(snakemake.log[0]):
    from gravida.files import write_yaml

    write_yaml(snakemake.output.record, dict(snakemake.params.configuration))
