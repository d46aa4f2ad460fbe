"""`make bench-failover`: what a client outside sees of each fault, in a real cluster.

`client.py` opens a new connection each 10 ms, `listener.py` hears who announces, `faults.py` is
what goes wrong, `trial.py` runs one, `figures.py` reads them, `results.py` keeps them, `report.py`
and `plot.py` show them against the goals.
"""
