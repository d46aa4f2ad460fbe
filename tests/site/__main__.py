"""`python -m tests.site` writes the generated pages anew and lays out what the site is built from.

With `--check` no page is written: it fails when a generated one is not what would be written.
"""

import argparse
import sys

from tests.pages import ROOT
from tests.site import metrics, reasons, reference
from tests.site.stage import stage

GENERATED = {
    reasons.PAGE: reasons.page,
    reference.PAGE: reference.page,
    metrics.PAGE: metrics.page,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.site", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write no page")
    if parser.parse_args().check:
        stale = [
            str(path.relative_to(ROOT))
            for path, page in GENERATED.items()
            if not path.exists() or path.read_text(encoding="utf-8") != page()
        ]
        for name in stale:
            print(f"{name} is not what the code says: run python -m tests.site", file=sys.stderr)
        if stale:
            return 1
    else:
        for path, page in GENERATED.items():
            path.write_text(page(), encoding="utf-8")
    print(stage().relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
