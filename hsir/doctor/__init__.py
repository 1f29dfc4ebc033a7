"""What must be in order before anything is queued: a finding for each thing that was looked at."""
