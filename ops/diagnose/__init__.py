"""Why is a model not Ready, and what next? `python -m ops diagnose`, and live, `python -m ops watch`."""
