"""A run in the browser: `hsir browse`. Pages over its questions, samples, verdicts, cuts, scores and training sets.

- `places.py`: the sets of questions of a run or a folder of results, and the tables of their pools.
- `library.py`: tables that are verified when they are first read; missing and damaged ones are noted.
- `samples.py`: the columns of a pool that are kept in memory. `chosen.py`: which filter dropped a solution.
- `listing.py`: filters, order and pages of a list of questions. `question.py`: all that is shown of one question.
- `app.py`: the pages, served to this machine alone; `templates/`. `browse.py`: the command.

Nothing here imports pandas: it runs in the environment of `envs/driver.yaml`.
"""
