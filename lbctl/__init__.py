"""lbctl: a LoadBalancer controller for Kubernetes on bare metal."""
