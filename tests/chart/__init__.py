"""The Helm chart: what it renders, what it refuses, and that its pages say the same."""
