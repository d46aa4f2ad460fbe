"""``python -m lbctl``: the same as the command ``lbctl``."""

from lbctl.cli.main import main

if __name__ == "__main__":
    main()
