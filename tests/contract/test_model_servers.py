"""What servers of the wild do to the client, and what comes of it; the cases stand in `testing/wild_servers.py`."""

import pytest

from testing.wild_servers import CASES, Wild, play


@pytest.mark.parametrize("wild", CASES, ids=[f"{wild.kind.split()[0]} {wild.name}" for wild in CASES])
def test_a_server_of_the_wild_costs_no_more_than_it_should(wild: Wild) -> None:
    outcome = play(wild)
    assert wild.holds(outcome), f"{outcome.results[:5]}; {len(outcome.seen)} calls; {outcome.formats[:5]}; waits {outcome.waits[:3]}"
