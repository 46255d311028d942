"""Credits are counted as Freshdesk counts them."""

from testing.raw_calls import desk, get, ticket


def test_credits_are_counted_in_decimals_and_the_wall_is_a_429() -> None:
    with desk([ticket(1)], limit=5, window_s=30.0, used_by_others=1) as (helpdesk, url):
        left = [get(url, "tickets/1?include=conversations").headers["x-ratelimit-remaining"] for _ in range(2)]
        refused = get(url, "tickets/1")
        assert left == ["2.0", "0.0"]
        assert refused.status == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 30
        get(url, "tickets/1")
        assert [call.status for call in helpdesk.calls] == [200, 200, 429, 429]
        assert [call.too_soon for call in helpdesk.calls] == [False, False, False, True]
