"""What the terminal says once a run is over: where its results are, or which logs tell why it is not finished.

The rule `report` of each run that was asked for has written what is named here.
"""


