"""The Kubernetes side of a node: plan in, status out. It never touches a packet."""
