"""How is a stack? `python -m ops status`, on one screen."""
