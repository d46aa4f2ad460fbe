"""Two ways to run the property tests.

`gate`, the default, draws the same examples each time: a red build is about the change, never about
luck. `hunt` draws new ones, and many, to look for what nobody thought of:
`LBCTL_HYPOTHESIS=hunt pytest tests/property`. Every find becomes a row of a story table.
"""

import os

from hypothesis import HealthCheck, settings

SLOW_MACHINES_ARE_FINE = (HealthCheck.too_slow,)

settings.register_profile(
    "gate",
    derandomize=True,
    deadline=None,
    max_examples=150,
    stateful_step_count=50,
    suppress_health_check=SLOW_MACHINES_ARE_FINE,
)
settings.register_profile(
    "hunt",
    deadline=None,
    max_examples=2_000,
    stateful_step_count=80,
    print_blob=True,
    suppress_health_check=SLOW_MACHINES_ARE_FINE,
)
settings.load_profile(os.environ.get("LBCTL_HYPOTHESIS", "gate"))
