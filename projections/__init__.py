"""Read models: the log's facts as tables for lists, details and the audit. Each folder has its tables, its statements and a pure function
from a fact to the statements it means (`project.py`), and the questions that can be asked (`queries.py`). All of it can be thrown away
and made again from the log."""
