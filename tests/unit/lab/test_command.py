"""What the lab's command makes of the words after `kubectl` and `helm`."""

import pytest

from tests.lab.__main__ import words_apart


@pytest.mark.parametrize(
    ("rule", "typed", "read"),
    [
        ("a flag of kubectl's may come first", "kubectl -n x get pods", "kubectl -- -n x get pods"),
        ("the lab's name stays ours", "helm --name a -n x list", "helm --name a -- -n x list"),
        ("in either spelling", "kubectl --name=a get ns", "kubectl --name=a -- get ns"),
        ("a later --name is kubectl's", "kubectl get --name a", "kubectl -- get --name a"),
        ("who separates them already may", "kubectl -- -n x get ns", "kubectl -- -n x get ns"),
        ("help is the lab's", "kubectl --help", "kubectl --help"),
        ("a name may be missing", "kubectl --name", "kubectl --name --"),
        ("other commands are left alone", "up --nodes 0", "up --nodes 0"),
        ("nothing is nothing", "", ""),
    ],
)
def test_words_are_told_from_the_labs_own_flags(rule: str, typed: str, read: str) -> None:
    assert words_apart(typed.split()) == read.split(), rule
