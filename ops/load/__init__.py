"""How much a stack answers, how fast, and whether that can be true: a load generator, asked to ask, and judged.

`workload.py` is what is asked, `generator.py` runs who asks (inference-perf), `measured.py` is what came of it,
`bound.py` how much could have come of it, `judge.py` refuses what cannot have, `report.py` and `plots.py` show it.
"""
