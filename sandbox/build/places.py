"""Where things lie that the sandbox builds: all in `.sandbox` of this clone."""

from pathlib import Path

HOME = Path(__file__).resolve().parents[2] / ".sandbox"
BIN = HOME / "bin"
CHARTS = HOME / "charts"
CRDS = HOME / "crds"
TOOLS = Path(__file__).resolve().parent / "tools"
"""Folders of Go modules, each of which pins with go.mod and go.sum what is built or copied from it."""
LOCK = HOME.parent / "requirements.txt"
