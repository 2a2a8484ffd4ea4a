"""Record what went in, what came out, and what made it."""

from _job import job

with job(snakemake.log[0]):
    import secrets
    from datetime import UTC, datetime
    from pathlib import Path

    from gravida.files import open_to_others, read_bytes, write_bytes, write_text
    from gravida.provenance.manifest import RunFacts, RunFiles, record_provenance

    inputs, output, params = snakemake.input, snakemake.output, snakemake.params
    write_bytes(output.snakefile, read_bytes(inputs.snakefile))
    read = (inputs.resources, inputs.configuration, inputs.sheets, inputs.submitted)
    files = RunFiles([*inputs.made, output.snakefile], *map(list, read), dict(params.folders))
    facts = RunFacts(
        dict(params.configuration), params.code, dict(params.steps), Path(inputs.snakefile).parent
    )
    recorded = record_provenance(files, facts, datetime.now(UTC), secrets.token_bytes(32))
    write_text(output.released, recorded.released)
    write_text(output.crate, recorded.crate)
    write_text(output.internal, recorded.internal)
    open_to_others([output.released, output.crate, output.snakefile])
