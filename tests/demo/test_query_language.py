"""The search language: what matches, how far a day reaches, and what is refused."""

import pytest

from demo.query_language import parse_query

ROW = {
    "status": 4,
    "priority": 2,
    "type": "How to",
    "group_id": None,
    "responder_id": 12,
    "tags": ["vip"],
    "custom_fields": {"cf_device": "kettle"},
    "created_at": "2025-03-05T23:30:00Z",
    "updated_at": "2025-03-07T00:00:00Z",
}


QUERIES = {
    "status:4 OR status:5": True,
    "status:4 AND priority:3": False,
    "(status:5 OR priority:2) AND type:'How to'": True,
    "status:5 OR priority:2 AND type:'Other'": False,
    "priority:>2": True,
    "priority:>3": False,
    "priority:<2": True,
    "group_id:null": True,
    "type:null": False,
    "agent_id:12": True,
    "tag:'vip'": True,
    "tag:'vi'": False,
    "cf_device:'kettle'": True,
    "cf_device:null": False,
    "created_at:'2025-03-05'": True,
    "created_at:>'2025-03-05'": True,
    "created_at:>'2025-03-06'": False,
    "created_at:<'2025-03-04'": False,
    "created_at:>'2025-03-01' AND created_at:<'2025-03-06'": True,
    "created_at:<'2025-03-05'": True,
    "due_by:null": True,
}


@pytest.mark.parametrize(("query", "matches"), QUERIES.items(), ids=QUERIES)
def test_the_query_language(query: str, matches: bool) -> None:
    assert parse_query(query)(ROW) is matches


@pytest.mark.parametrize("query", ["status:5)", "OR", "status:", "priority:2.5", "type:>'a'", "created_at:>'2025-3-5'"])
def test_what_is_not_of_the_language_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match=r"query|searched|Integer|condition|date"):
        parse_query(query)
