"""The speaker: one per node, it answers on the LAN for the addresses that the node holds.

Three processes: the supervisor, the agent (knows Kubernetes) and the wire (knows packets).
"""
