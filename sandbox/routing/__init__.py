"""What `routing` is worth: the same load on each strategy, through the real gateway and picker.

`workload.py` is what is asked, `environment.py` installs who asks (inference-perf), `compare.py` brings the models up
and has them asked, `report.py` reads what came of it, and `__main__.py` puts them together.
"""
