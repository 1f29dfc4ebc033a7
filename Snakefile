# The workflow is in workflow/Snakefile; this file lets plain `snakemake` find it.
include: "workflow/Snakefile"


# Snakemake does not keep the default target of an included file.
if not IMPORTED:
    workflow.default_target = "all"
