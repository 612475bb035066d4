"""A stack under load, on the real control plane: through the real gateway and picker, to stand-ins for vLLM.

`up.py` brings the stack up and takes it down. On it, `inside.py` runs one of three: the command of `ops.load`,
`overhead.py`, what gateway and picker add to a request, or `chaos.py`, what is lost while something fails or changes;
`traffic.py` asks meanwhile, and `faults.py` is what fails.
"""
