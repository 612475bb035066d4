"""Builds programs from Go modules, lays out charts and CRDs, and keeps virtualenvs."""
