"""`python -m tests.chart` writes the golden files and docs/values.md anew; read the diff."""

from tests.chart import values_page
from tests.chart.golden import GOLDEN
from tests.chart.rendering import ROOT


def main() -> None:
    texts = {golden.path: golden.render() for golden in GOLDEN}
    texts[values_page.PAGE] = values_page.page(values_page.read())
    for path, text in texts.items():
        path.write_text(text)
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
