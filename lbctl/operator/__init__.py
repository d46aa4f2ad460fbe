"""The operator: a kopf app whose handlers only enqueue, and the reconcilers."""
