"""Whether a dead peer's machine lives: what a whole wire finds out on a simulated LAN."""

from speaker.messages import PeerState
from tests.unit.speaker.simulation import DELAY, INTERFACE, Lan, Node

UP = 5.0
"""Seconds until sessions are up and the address is held."""
ENOUGH = 0.6
"""For the detection of a death and one round of questions."""


def lan(count: int = 3) -> Lan:
    made = Lan(count, seed=1)
    made.run(UP)
    return made


def cut(node: Node) -> None:
    """Its power: neither its wire nor its kernel is heard again."""
    node.kill()
    node.side = 9


def says(witness: Node, about: Node) -> tuple[PeerState, bool | None]:
    [report] = [each for each in witness.liveness.reports() if each.node == about.name]
    return report.state, report.answers


def test_a_machine_without_power_does_not_answer() -> None:
    whole = lan()
    first, second, third = whole.nodes
    cut(first)
    whole.run(ENOUGH)
    assert says(second, first) == says(third, first) == (PeerState.DOWN, False)


def test_a_machine_whose_speaker_was_killed_answers() -> None:
    whole = lan()
    first, second, _ = whole.nodes
    first.kill()
    whole.run(ENOUGH)
    assert says(second, first) == (PeerState.DOWN, True)


def test_a_machine_whose_speaker_stopped_answers() -> None:
    whole = lan()
    first, second, _ = whole.nodes
    first.stop()
    whole.run(ENOUGH)
    assert says(second, first) == (PeerState.ADMIN_DOWN, True)


def test_while_all_is_well_nobody_is_asked_about() -> None:
    whole = lan()
    assert says(whole.nodes[0], whole.nodes[1]) == (PeerState.UP, None)
    assert not whole.nodes[0].keeper.ports[INTERFACE].awaited


def test_who_is_cut_off_itself_says_of_nobody_that_he_is_silent() -> None:
    whole = lan()
    first, second, third = whole.nodes
    first.side = 9
    whole.run(10.0)
    assert says(first, second)[1] is says(first, third)[1] is None


def test_a_machine_that_loses_its_power_later_is_found_silent_later() -> None:
    whole = lan()
    first, second, _ = whole.nodes
    first.kill()
    whole.run(ENOUGH)
    cut(first)
    whole.run(6.0)
    assert says(second, first)[1] is False


def test_a_machine_that_boots_is_found_to_answer_before_its_speaker_is_back() -> None:
    whole = lan()
    first, second, _ = whole.nodes
    cut(first)
    whole.run(ENOUGH)
    first.side = 0
    whole.run(6.0)
    assert says(second, first) == (PeerState.DOWN, True)


def test_a_peer_that_is_back_is_not_asked_about_any_more() -> None:
    whole = lan()
    first, second, _ = whole.nodes
    cut(first)
    whole.run(ENOUGH)
    first.side = 0
    first.start()
    whole.run(UP)
    assert says(second, first) == (PeerState.UP, None)
    assert not second.keeper.ports[INTERFACE].awaited


def test_one_lost_question_is_no_silence() -> None:
    whole = lan()
    first, second, _ = whole.nodes
    first.kill()
    whole.run(0.24)  # not dead for anybody yet
    died = whole.now
    whole.mute.add((second.name, first.name))
    while says(second, first)[0] is PeerState.UP:
        whole.run(DELAY)
        assert whole.now < died + 1.0
    whole.run(0.02)  # the first question is lost, the others are not
    whole.mute.clear()
    whole.run(0.2)
    assert says(second, first) == (PeerState.DOWN, True)


def test_a_peer_that_the_plan_drops_is_forgotten() -> None:
    whole = lan()
    first, second, third = whole.nodes
    cut(first)
    whole.run(ENOUGH)
    whole.nodes = [second, third]
    second.obey(whole.plan_for(second, [second, third]))
    assert [report.node for report in second.liveness.reports()] == [third.name]
    assert not second.keeper.ports[INTERFACE].awaited


def test_who_cannot_ask_says_nothing() -> None:
    whole = lan()
    first, second, _ = whole.nodes
    [line] = second.keeper.ports[INTERFACE].lines.values()
    line.socket.send = lambda frame: False  # type: ignore[method-assign]  # noqa: ARG005  # the kernel refuses
    cut(first)
    whole.run(ENOUGH)
    assert says(second, first) == (PeerState.DOWN, None)
