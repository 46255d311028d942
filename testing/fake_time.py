"""A clock for tests, so that no test waits. The fixture `testing.fake_time` puts it in the place of the real one."""

from dataclasses import dataclass, field


@dataclass
class FakeTime:
    """A clock that only moves when somebody sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
