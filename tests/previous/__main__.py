"""`python -m tests.previous REVISION`: after a release, upgrades are tested from that one."""

import argparse

from tests.previous import sources


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.previous", description=__doc__)
    parser.add_argument("revision", help="a tag or a commit")
    sources.freeze(parser.parse_args().revision)
    size = sources.ARCHIVE.stat().st_size / 1000
    print(f"{sources.ARCHIVE}: {sources.commit()[:12]}, {size:.0f} kB")


if __name__ == "__main__":
    main()
