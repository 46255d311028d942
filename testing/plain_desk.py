"""The sample helpdesk without sockets, keys or limits: what a client would get from it, with something happening between two calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from common.web import Refusal, Refused
from demo.helpdesk_api import TicketApi
from freshdesk.client import Reply


@dataclass
class PlainDesk:
    """Stands where a `FreshdeskClient` stands. `before` is called with the number of each call; `refuse` says which calls are refused."""

    tickets: dict[int, dict[str, Any]]
    before: Callable[[int], None] = lambda _number: None
    refuse: Callable[[int, Mapping[str, str]], bool] = lambda _number, _params: False
    options: dict[str, Any] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    credits: float = 0
    archive_refused: bool = False

    def get(self, path: str, *, expect: type, credits: float, params: dict[str, str] | None = None) -> Reply:
        """The reply as the client would give it; raises `Refused`."""
        number = len(self.asked)
        self.before(number)
        self.asked.append({"path": path, **(params or {})})
        self.credits += credits
        if self.refuse(number, self.asked[-1]):
            raise Refused(Refusal(403, "access_denied", "not now"))
        answer = TicketApi(self.tickets, **self.options).answer(f"/api/v2/{path}", params or {}, "http://desk")
        if answer.status != 200:
            raise Refused(Refusal(answer.status, "", str(answer.value)))
        assert isinstance(answer.value, expect)
        assert answer.credits == credits
        return Reply(answer.value, has_next="Link" in answer.headers)


def raw_ticket(number: int, created_at: str, **fields: Any) -> dict[str, Any]:
    """A closed ticket of a list; it was changed when it was created unless `fields` say otherwise."""
    return {"id": number, "subject": f"ticket {number}", "status": 5, "created_at": created_at, "updated_at": created_at} | fields
