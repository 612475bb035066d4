"""`python3 -m sandbox.build`: what a real control plane takes."""

from .programs import main

main()
