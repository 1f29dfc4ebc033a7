"""The last lines on the terminal: where the results are, or why jobs failed, with their logs.

Needs: the requested runs; the logs of failed jobs.
"""


def last_line(path):
    """Return the last line of a log, or say that the job did not start."""
    if not Path(path).is_file():
        return "no such file: the job did not start"
    return (Path(path).read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["empty"])[-1]


onsuccess:
    for run in sorted({job.wildcards.run for job in workflow.dag.jobs if job.rule.name == "report"}):
        folder = f"{PLACED}/runs/{run}"
        logger.info(
            f"\n{run} is finished.\n"
            f"  results: {folder}/\n"
            f"  table:   python -m hsir show {folder}\n"
            "  report:  the same command with --report report.html"
        )


onerror:
    failed = sorted({log for job in workflow.scheduler.failed for log in job.log})
    told = "".join(f"\n  {log}\n    {last_line(log)}" for log in failed)
    logger.error(
        f"\nNot finished: {len(workflow.scheduler.failed)} failed. Finished work is kept: fix the cause, and rerun"
        f" the same command.{told}"
    )
