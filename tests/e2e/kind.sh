#!/usr/bin/env bash
# Make a kind cluster for the end-to-end tests, where Docker is:
#   tests/e2e/kind.sh up && pytest tests/e2e --kubeconfig build/kind.kubeconfig \
#       --client-command 'docker exec lbctl-client' --helm-values build/kind-values.yaml
#   tests/e2e/kind.sh down
# Not run by `make test`; the maintainers' machines have no Docker, so treat it as untested.
set -euo pipefail
cd "$(dirname "$0")/../.."
name=lbctl

case "${1:-}" in
up)
    mkdir -p build
    docker build -t localhost/lbctl:dev .
    kind create cluster --name "$name" --kubeconfig build/kind.kubeconfig --config - <<'KIND'
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {ipFamily: dual}
nodes: [{role: control-plane}, {role: worker}, {role: worker}]
KIND
    kind load docker-image --name "$name" localhost/lbctl:dev
    docker run -d --rm --name "$name-client" --network kind --cap-add NET_RAW debian:trixie sleep infinity
    docker exec "$name-client" sh -c 'apt-get update -qq && apt-get install -qq -y arping curl >/dev/null'
    # The pool must lie in kind's own network: the last addresses of its IPv4 subnet.
    subnet=$(docker network inspect kind -f '{{range .IPAM.Config}}{{.Subnet}} {{end}}' | tr ' ' '\n' | grep -m1 '\.')
    echo "kind's network is $subnet: write the last addresses of it into examples/01-quickstart/pool.yaml"
    echo '{}' > build/kind-values.yaml
    ;;
down)
    docker rm -f "$name-client" >/dev/null 2>&1 || true
    kind delete cluster --name "$name"
    ;;
*) echo "usage: $0 up|down" >&2; exit 2 ;;
esac
