"""Words that customers use for the same thing, in any shop, bank or support desk: a small English thesaurus.

A table and its look-up, nothing else. A word may stand in several groups.
"""

from collections.abc import Sequence

from clustering.words import stem

_GROUPS = """
deliver delivery ship shipping shipment arrive dispatch courier parcel package track tracking
refund reimburse reimbursement moneyback
broken broke damage damaged faulty defective defect crack cracked
lost lose missing misplaced disappeared vanished gone
stolen steal stole theft thief robbed fraud fraudulent compromised hacked unauthorized unauthorised suspicious scam
login log signin sign access
password passcode pin passphrase
cancel terminate unsubscribe revoke
fee cost price charge bill rate
phone mobile cell smartphone telephone
appointment booking book reservation reserve schedule rescheduled
block blocked lock locked frozen freeze suspended disabled
decline declined reject rejected refuse refused denied
withdraw withdrawal withdrew atm cash
deposit deposited cheque check paycheck salary
verify verification identity identify confirm authenticate
twice double duplicate doubled duplicated
expire expired expiry expiration
abroad foreign international overseas travel country
currency exchange conversion euro pounds gbp usd
limit maximum restriction
activate activation enable
transfer wire
flight plane airport airline
bus train
wifi network internet router connection connect wlan
bluetooth pair pairing
invoice receipt bill
crash crashes freezes hangs closes
slow slowly lag
leak leaks leaking
noise noisy loud hum buzzing
battery charger charging charge
balance remaining
address moved relocation
name surname married
pending waiting processing
replace replacement new another
open create start setup set
close delete remove
"""


def _by_stem() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for number, line in enumerate(_GROUPS.strip().split("\n")):
        for word in dict.fromkeys(stem(word) for word in line.split()):
            found.setdefault(word, []).append(f"+{number}")
    return {word: tuple(names) for word, names in found.items()}


_NAMES = _by_stem()


def related(term: str) -> tuple[str, ...]:
    """Names of the groups that a stem stands in; no name is a word.

    >>> related(stem("shipment")) == related(stem("delivery"))
    True
    >>> related("kettle")
    ()
    """
    return _NAMES.get(term, ())


def with_related(terms: Sequence[str]) -> list[str]:
    """The stems, and behind them the names of the groups that they stand in, each group once for each different stem."""
    return [*terms, *(name for term in dict.fromkeys(terms) for name in related(term))]
