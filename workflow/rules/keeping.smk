"""Finished outputs are replaced only on success, although Snakemake deletes them before a job and after a failed one.

Needs: the previous outputs of a job that reruns.
Gives: after a failure, the same outputs with the same timestamps, and Snakemake's record of them.

Snakemake has no hook around a job, so this wraps the two methods that delete. A job in a queue is prepared by a
separate Snakemake, and ends in the one that submitted it; only the latter restores or drops outputs.
"""

from functools import wraps

from snakemake.jobs import Job
from snakemake_interface_executor_plugins.settings import ExecMode

from hsir.storage.kept import Kept, Output

DRIVES = workflow.exec_mode == ExecMode.DEFAULT
kept = Kept(Path(".snakemake/hsir-kept"))


def finished_outputs(job):
    """Return the outputs of a stage's job, and the locations of Snakemake's records of them; none without records."""
    files = job.dag.workflow.persistence
    if "hsir.stages" not in (job.rule.shellcmd or "") or not hasattr(files, "_record_path"):
        return []
    places = [(Path(path), files._get_key(path)) for path in job.output if not path.is_storage]
    return [
        Output(
            path, *(Path(files._record_path(folder, key)) for folder in (files._metadata_path, files._incomplete_path))
        )
        for path, key in places
    ]


def keeping(prepare):
    """Keep the outputs of a job before its preparation, which deletes them."""

    @wraps(prepare)
    async def kept_first(job):
        if outputs := finished_outputs(job):
            try:
                kept.keep(outputs)
            except OSError as error:
                logger.warning(f"{outputs[0].path}: cannot be kept while it is made again: {error}")
        return await prepare(job)

    kept_first.keeps = True
    return kept_first


def putting_back(postprocess):
    """After a job has ended, restore its old outputs if it failed, else delete them."""

    @wraps(postprocess)
    async def put_back_after(job, *args, error=False, **options):
        await postprocess(job, *args, error=error, **options)
        outputs = finished_outputs(job) if DRIVES else []
        if outputs and error:
            for path in kept.put_back(outputs):
                logger.info(f"{path}: the job failed; the output of before is back")
        elif outputs:
            kept.drop(outputs)

    return put_back_after


if not hasattr(Job.prepare, "keeps"):
    Job.prepare, Job.postprocess = keeping(Job.prepare), putting_back(Job.postprocess)

if DRIVES and not any(Path(".snakemake/locks").glob("*")):
    if back := kept.recover():
        logger.info(f"back as they were before a run that was killed: {', '.join(map(str, back))}")
