"""Every path of the sample helpdesk speaks Freshdesk's dialect, paging and errors included."""

import time

import pytest

from testing.raw_calls import desk, get, ids, search, ticket

MANY = [ticket(number) for number in range(1, 331)]


def test_search_gives_thirty_a_page_ten_pages_and_a_true_total() -> None:
    with desk(MANY) as (_, url):
        pages = [get(url, search('"status:5"', page)).value for page in range(1, 11)]
        assert {page["total"] for page in pages} == {330}
        assert [len(page["results"]) for page in pages] == [30] * 10
        assert len({number for page in pages for number in ids(page["results"])}) == 300
        beyond = get(url, search('"status:5"', 11))
        assert (beyond.status, beyond.value["errors"][0]["field"]) == (400, "page")


BAD_QUERIES = {
    "no double quotes": "status:5",
    "an unknown field": '"colour:5"',
    "NOT": '"NOT status:5"',
    "a word as number": '"status:closed"',
    "a date without quotes": '"created_at:>2025-01-01"',
    "no such date": "\"created_at:>'2025-02-30'\"",
    "an open parenthesis": '"(status:5"',
    "two conditions side by side": '"status:5 priority:1"',
    "nothing": '""',
    "too long": '"' + " OR ".join(["status:5"] * 50) + '"',
}


@pytest.mark.parametrize("query", BAD_QUERIES.values(), ids=BAD_QUERIES)
def test_a_query_that_is_none_is_a_400_with_words(query: str) -> None:
    with desk([ticket(1)]) as (_, url):
        refused = get(url, search(query))
        assert refused.status == 400
        assert refused.value["errors"][0]["field"] == "query"
        assert refused.value["errors"][0]["message"]


HIDDEN = [ticket(1), ticket(2, deleted=True), ticket(3, spam=True), ticket(4, archived=True), ticket(5, status=2)]


def test_search_and_list_leave_out_deleted_spam_and_archived() -> None:
    with desk(HIDDEN) as (_, url):
        assert ids(get(url, search('"status:5"')).value["results"]) == [1]
        assert ids(get(url, "tickets?updated_since=2020-01-01T00:00:00Z&order_type=asc").value) == [1, 5]
        assert ids(get(url, "tickets?updated_since=2020-01-01T00:00:00Z&filter=deleted").value) == [2]
        assert ids(get(url, "tickets?updated_since=2020-01-01T00:00:00Z&filter=new_and_my_open").value) == [5]


def test_without_updated_since_the_list_goes_back_thirty_days() -> None:
    recent = ticket(2, created_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 86_400)))
    with desk([ticket(1), recent]) as (_, url):
        assert ids(get(url, "tickets").value) == [2]


def test_the_list_pages_up_to_a_hundred_with_a_link_and_without_descriptions() -> None:
    with desk(MANY) as (_, url):
        first = get(url, "tickets?updated_since=2020-01-01T00:00:00Z&per_page=100")
        assert len(first.value) == 100
        assert "description" not in first.value[0]
        assert 'rel="next"' in first.headers["link"]
        assert "page=2" in first.headers["link"]
        assert "link" not in get(url, "tickets?updated_since=2020-01-01T00:00:00Z&per_page=100&page=4").headers
        assert "description" in get(url, "tickets?updated_since=2020-01-01T00:00:00Z&include=description").value[0]


@pytest.mark.parametrize("query", ["per_page=101", "per_page=0", "page=301", "page=0", "page=x", "updated_since=yesterday"])
def test_the_list_refuses_what_the_api_refuses(query: str) -> None:
    with desk([ticket(1)]) as (_, url):
        assert get(url, f"tickets?{query}").status == 400


def test_a_ticket_comes_with_its_oldest_ten_messages_only_when_asked() -> None:
    with desk([ticket(1, messages=12)], limit=100) as (_, url):
        assert "conversations" not in get(url, "tickets/1").value
        asked = get(url, "tickets/1?include=conversations")
        assert [message["body_text"] for message in asked.value["conversations"]] == [f"message {number}" for number in range(1, 11)]
        assert asked.headers["x-ratelimit-used-currentrequest"] == "2.0"


def test_messages_are_paged_with_a_link() -> None:
    with desk([ticket(1, messages=35)]) as (_, url):
        first, second = get(url, "tickets/1/conversations"), get(url, "tickets/1/conversations?page=2")
        assert (len(first.value), len(second.value)) == (30, 5)
        assert "page=2" in first.headers["link"]
        assert "link" not in second.headers


def test_each_kind_of_ticket_that_cannot_be_had_answers_in_its_own_way() -> None:
    with desk(HIDDEN, forbidden=frozenset({5})) as (_, url):
        gone = get(url, "tickets/99")
        assert (gone.status, gone.body) == (404, b"")
        assert get(url, "tickets/4").status == 404
        assert get(url, "tickets/archived/4").value["id"] == 4
        assert get(url, "tickets/archived/4/conversations").value == []
        assert get(url, "tickets/archived/1").status == 404
        assert get(url, "tickets/2").value["deleted"] is True
        assert (get(url, "tickets/5").status, get(url, "tickets/5").value["code"]) == (403, "access_denied")
    with desk(HIDDEN, has_archive=False) as (_, url):
        assert get(url, "tickets/archived/4").value["code"] == "require_feature"
