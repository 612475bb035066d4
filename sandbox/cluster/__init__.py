"""A real control plane on this machine, and the nodes, Pods and network around it."""
