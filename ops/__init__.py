"""Commands for people who run a stack."""
