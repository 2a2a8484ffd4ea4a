"""Record what went in, what came out, and what made it."""

from _job import job

with job(snakemake.log[0]):
    import secrets
    from datetime import UTC, datetime
    from pathlib import Path

    from gravida.files import open_to_others, read_bytes, write_bytes, write_text, write_yaml
    from gravida.provenance.manifest import RunFacts, RunFiles, record_provenance

    inputs, output, params = snakemake.input, snakemake.output, snakemake.params
    write_bytes(output.snakefile, read_bytes(inputs.snakefile))
    write_yaml(output.configuration, dict(params.configuration))
    made = [*inputs.made, output.snakefile, output.configuration]
    read = (inputs.resources, inputs.configuration, inputs.sheets, inputs.submitted)
    files = RunFiles(made, *map(list, read), dict(params.folders))
    base = Path(inputs.snakefile).parent
    facts = RunFacts(dict(params.configuration), params.code, dict(params.steps), base)
    recorded = record_provenance(files, facts, datetime.now(UTC), secrets.token_bytes(32))
    write_text(output.released, recorded.released)
    write_text(output.crate, recorded.crate)
    write_text(output.internal, recorded.internal)
    open_to_others([output.released, output.crate, output.snakefile])
