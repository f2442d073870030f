"""What the system did in slow calls: the outliers of the races, as far as they were recorded."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

Data = dict[str, Any]

SLOWER = 1.5  # times the median, from which on a call counts as slow
MOST = 20  # rows of the table


def outliers(data: Data) -> list[tuple[Data, Data]]:
    """Return the races of ours with a slow call, and what ours took in each; the slowest first."""
    found = [
        (race, race["times"]["ours"])
        for race in data["races"]
        if "slowest" in race["times"]["ours"]
        and race["times"]["ours"]["slowest"]["seconds"] > SLOWER * race["times"]["ours"]["median"]
    ]
    return sorted(found, key=lambda pair: pair[1]["median"] / pair[1]["slowest"]["seconds"])


def recorded(data: Data) -> int:
    """Return in how many races it was recorded what the system did."""
    return sum("slowest" in race["times"]["ours"] for race in data["races"])


def sentence(data: Data) -> str:
    """Return in one sentence what slow calls have in common."""
    races = recorded(data)
    if not races:
        return "Not measured: this run did not record the system's time."
    found = [entry for _, entry in outliers(data)]
    if not found:
        return f"In {races} races no call of ours took {SLOWER:g} times the median."

    def usual(call: str, key: str) -> float:
        return statistics.median(entry[call][key] for entry in found)

    return (
        f"In {len(found)} of {races} races a call of ours took more than {SLOWER:g} times the "
        f"median. The slowest call of each spent {usual('slowest', 'system') * 1e3:.3g} ms in the "
        f"system, with {usual('slowest', 'faults'):.0f} page faults; a usual call of the same "
        f"races {usual('usual', 'system') * 1e3:.3g} ms, with {usual('usual', 'faults'):.0f} "
        "(medians over these races)."
    )


def table(data: Data) -> Iterator[list[str]]:
    """Yield rows: the race; lower quartile, median, slowest; system time and faults of both."""
    for race, entry in outliers(data)[:MOST]:
        calls = [entry["usual"], entry["slowest"]]
        yield [
            f"{race['framework']}, {race['surrogate']}, {race['size']:.0e}, {race['dtype']}, "
            f"{race['threads']} threads",
            *(_ms(s) for s in (entry["low"], entry["median"], entry["slowest"]["seconds"])),
            *(_ms(call["system"]) for call in calls),
            *(f"{call['faults']:.0f}" for call in calls),
        ]


COLUMNS = [
    "race",
    "lower quartile, ms",
    "median, ms",
    "slowest, ms",
    "in the system, usually, ms",
    "in the slowest, ms",
    "page faults, usually",
    "in the slowest",
]


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3g}"
