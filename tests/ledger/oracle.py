"""What the ledger should say, from nothing but the list of what was posted: slow and plain."""

from collections import defaultdict

from custody.ledger.transfers import Phase


def sums(posted):
    """{account: (debits, credits, pending debits, pending credits)} by going over all of it."""
    made = defaultdict(lambda: [0, 0, 0, 0])
    waiting = {}
    for entry in posted:
        for index, t in enumerate(entry.batch.transfers):
            if t.pending:
                held = waiting.pop(t.pending)
                made[held.debit][2] -= held.amount
                made[held.credit][3] -= held.amount
            if t.phase in (Phase.POSTED, Phase.POST):
                made[t.debit][0] += t.amount
                made[t.credit][1] += t.amount
            elif t.phase == Phase.PENDING:
                waiting[f"{entry.batch.key}#{index}"] = t
                made[t.debit][2] += t.amount
                made[t.credit][3] += t.amount
    return {name: tuple(four) for name, four in made.items()}
