"""Protect every table that is listed, and let it out."""

from pathlib import Path

from _job import job

with job(snakemake.log[0]):
    from gravida.disclosure import release_tables
    from gravida.files import open_to_others, read_json, write_json
    from gravida.tables import read_table, write_table

    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    internal = {Path(path).stem: read_table(path) for path in inputs if path.endswith(".csv")}
    earlier = [read_json(path).get("counts", {}) for path in inputs.earlier]
    gate = release_tables(internal, params.threshold, earlier, params.rounding, params.confidence)
    for name in params.tables:
        write_table(outputs[name], gate.tables[name])
    write_table(outputs.decisions, gate.decisions[gate.decisions["table"].isin(params.tables)])
    write_json(outputs.counts, {name: gate.counts[name] for name in params.tables})
    leaving = [outputs[name] for name in params.tables]
    if "verdict" in dict(outputs.items()):
        write_json(outputs.verdict, read_json(inputs.verdict))
        leaving.append(outputs.verdict)
    open_to_others(leaving)
