"""Are the questions available? Files are read row by row, as the stage data does; the hub is not contacted."""

from collections.abc import Iterable, Iterator

from hsir.config import Plan
from hsir.config.plan import EVAL, test_set
from hsir.errors import InputError
from hsir.planning.budget.work import Work
from hsir.planning.doctor.finding import Finding, ok, problem, skipped
from hsir.tasks.base import BaseTask, Split

SPLITS: dict[str, Split] = {"seed": "seed", "gold": "unlabelled", "questions": "unlabelled"}


def questions(plan: Plan, work: Work) -> Iterator[Finding]:
    """Check every split that the work reads."""
    for name, split in needed(plan, work):
        task, what = plan.config.tasks[name].task, f"task {name}, {split} set"
        remote = task.remote(split)
        if remote:
            told = f"{remote}: from the hub, not checked"
            yield skipped(what, told, "if compute nodes have no network, set `path:` to a local copy")
        else:
            yield _read(what, name, task, split)


def needed(plan: Plan, work: Work) -> Iterable[tuple[str, Split]]:
    """Return the splits that the work reads, as (task, split)."""
    found: dict[tuple[str, Split], None] = {}
    for one in work.trainings:
        method = plan.method(one.policy)
        found |= {(one.task, SPLITS[given]): None for given in method.given}
        if method.pools:
            found[one.task, "unlabelled"] = None
    for draw in work.draws:
        if draw.pool.startswith(EVAL):
            found[test_set(draw.pool), "test"] = None
    return found


def _read(what: str, name: str, task: BaseTask, split: Split) -> Finding:
    try:
        count = len(task.questions(split, 0))
    except ImportError as error:
        return skipped(what, f"cannot be read here ({error}); its job reads it")
    except (InputError, OSError) as error:
        return problem(what, str(error), f"fix the file, or the options of `task` in config/tasks/{name}.yaml")
    if not count:
        return problem(what, "no question", f"check files and sizes in config/tasks/{name}.yaml")
    return ok(what, f"{count:,} questions")
