"""Will a stack come up? Asked before anything is created: a file for each thing that can stand in the way.

Rules are pure functions from what was answered to findings; `cloud` asks Google Cloud, `run` asks all side by side.
"""
