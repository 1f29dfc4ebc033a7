# The workflow is in workflow/Snakefile; this file lets `snakemake` find it as before.
include: "workflow/Snakefile"


# Snakemake forgets the default target of a file that is included.
if not IMPORTED:
    workflow.default_target = "all"
