"""`python3 -m sandbox.build`: what a real control plane takes."""

from .modules import main

main()
