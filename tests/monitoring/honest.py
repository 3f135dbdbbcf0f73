"""Customers whose money moves as if it had something to hide, and has not."""

from engine.model.clock import NANOS_PER_DAY
from engine.model.enums import BUY, SELL
from tests.engine.streams import BTC, USD
from tests.monitoring.schemes import ASSETS, MONTHLY, settled_in, shares
from tests.monitoring.till import CLIENT, DAY, HOUR, MINUTE, SUSPECT

HONEST = {}


def like(kind):
    """Of which kind of scheme it might be taken for one."""

    def kept(function):
        HONEST.setdefault(kind, []).append(function)
        return function

    return kept


# --- structuring ------------------------------------------------------------------------------


@like("structuring")
def payroll(till):
    """Salaries of a firm, all on one day of the month."""
    rnd = till.random
    settled_in(till, SUSPECT, 400_000)
    salaries = [10 ** rnd.uniform(3.2, 4.2) for _ in range(rnd.randint(4, 12))]
    for _ in range(3):
        for salary in salaries:
            till.withdraw(SUSPECT, salary)
            till.between(0, 5 * MINUTE)
        till.let(30 * DAY)


@like("structuring")
def daily_top_up(till):
    """A fund that puts by the same sum each day."""
    rnd = till.random
    value = 10 ** rnd.uniform(2.5, 5)
    for _ in range(rnd.randint(10, 30)):
        till.deposit(SUSPECT, value)
        till.let(DAY)


@like("structuring")
def invoices(till):
    """A merchant whose customers pay what they owe."""
    rnd = till.random
    mean = rnd.uniform(2.8, 4.2)
    for _ in range(rnd.randint(30, 80)):
        till.deposit(SUSPECT, 10 ** rnd.gauss(mean, 0.3), rnd.choice(ASSETS))
        till.between(1 * HOUR, 12 * HOUR)


@like("structuring")
def monthly_rent(till):
    """The same payment each month, just below a round sum."""
    rnd = till.random
    settled_in(till, SUSPECT, 200_000)
    value = rnd.choice((1_000, 3_000, 10_000)) * rnd.uniform(0.92, 0.999)
    for _ in range(6):
        till.withdraw(SUSPECT, value)
        till.let(30 * DAY)


# --- velocity ---------------------------------------------------------------------------------


@like("velocity")
def maker_in_a_storm(till):
    """A maker on the wildest day of the month: more of what it does each day. It began slowly."""
    rnd = till.random
    settled_in(till, SUSPECT, 500_000)
    for day in range(20):
        for _ in range(min(day + 2, rnd.randint(3, 6)) * (2 if day == 19 else 1)):
            value = rnd.uniform(10_000, 40_000)
            asset = rnd.choice((USD, BTC))
            till.deposit(SUSPECT, value, asset)
            till.trade(SUSPECT, value * 2, side=SELL if asset == BTC else BUY)
            till.withdraw(SUSPECT, value * rnd.uniform(0.5, 1))
            till.between(0, 1 * HOUR)
        till.let(DAY - till.now % NANOS_PER_DAY // 10**9)


@like("velocity")
def month_end(till):
    """A treasury that moves much in a few transfers, once a month."""
    rnd = till.random
    for _ in range(3):
        for _ in range(rnd.randint(2, 4)):
            till.deposit(SUSPECT, 10 ** rnd.uniform(5, 6.3), rnd.choice(ASSETS))
            till.between(0, 2 * HOUR)
        till.let(28 * DAY)


@like("velocity")
def growing_firm(till):
    """Business that grows by the week."""
    rnd = till.random
    size = rnd.uniform(2_000, 20_000)
    for _ in range(8):
        for _ in range(rnd.randint(3, 7)):
            till.deposit(SUSPECT, size * rnd.uniform(0.5, 1.5), rnd.choice(ASSETS))
            till.between(12 * HOUR, 30 * HOUR)
        size *= rnd.uniform(1.0, 1.6)


# --- pass-through -----------------------------------------------------------------------------


@like("pass_through")
def trades_and_leaves(till):
    """Coins are sold, and the money goes home within the hour."""
    rnd = till.random
    settled_in(till, SUSPECT, 5_000)
    for _ in range(5):
        value = 10 ** rnd.uniform(3.5, 5.5)
        till.deposit(SUSPECT, value, BTC)
        till.between(1 * MINUTE, 10 * MINUTE)
        for part in shares(rnd, rnd.randint(1, 5)):
            till.trade(SUSPECT, value * part * 0.98, side=SELL)
            till.between(10, 120)
        till.withdraw(SUSPECT, till.has(SUSPECT) * 0.99)
        till.between(2 * DAY, 6 * DAY)


@like("pass_through")
def own_money(till):
    """A firm with much here: something comes, something else goes."""
    rnd = till.random
    settled_in(till, SUSPECT, 2_000_000)
    for _ in range(6):
        till.deposit(SUSPECT, 10 ** rnd.uniform(3, 5), rnd.choice(ASSETS))
        till.between(1 * MINUTE, 50 * MINUTE)
        till.withdraw(SUSPECT, 10 ** rnd.uniform(3, 5))
        till.between(1 * DAY, 3 * DAY)


@like("pass_through")
def arbitrage(till):
    """Buys here what is dearer elsewhere, and takes it there."""
    rnd = till.random
    settled_in(till, SUSPECT, 10_000)
    for _ in range(8):
        value = 10 ** rnd.uniform(4, 5.5)
        till.deposit(SUSPECT, value)
        till.between(1 * MINUTE, 5 * MINUTE)
        till.trade(SUSPECT, value * rnd.uniform(0.9, 0.99), side=BUY)
        till.withdraw(SUSPECT, till.has(SUSPECT, BTC) * 0.999, BTC)
        till.between(4 * HOUR, 30 * HOUR)


# --- a new customer ---------------------------------------------------------------------------


@like("first_deposit_out")
def tries_the_pipes(till):
    """A little in and out first; then what it came for, which stays."""
    rnd = till.random
    till.deposit(SUSPECT, rnd.uniform(20, 800))
    till.between(10 * MINUTE, 3 * HOUR)
    till.withdraw(SUSPECT, till.has(SUSPECT) * rnd.uniform(0.8, 1))
    till.between(1 * HOUR, 3 * DAY)
    value = 10 ** rnd.uniform(4.5, 6)
    till.deposit(SUSPECT, value)
    for _ in range(6):
        till.between(2 * HOUR, 20 * HOUR)
        till.trade(SUSPECT, value * rnd.uniform(0.05, 0.2))


@like("first_deposit_out")
def takes_some_profit(till):
    """Trades on the first day, and takes a part out."""
    rnd = till.random
    value = 10 ** rnd.uniform(4.3, 6)
    till.deposit(SUSPECT, value)
    for _ in range(4):
        till.between(1 * HOUR, 3 * HOUR)
        till.trade(SUSPECT, value * rnd.uniform(0.1, 0.2))
    till.withdraw(SUSPECT, min(till.has(SUSPECT), value * rnd.uniform(0.05, 0.5)))
    till.let(DAY)


@like("first_deposit_out")
def leaves_within_the_week(till):
    """A broker that buys for a client, and delivers some days later."""
    rnd = till.random
    value = 10 ** rnd.uniform(4.3, 6)
    till.deposit(SUSPECT, value)
    till.between(1 * HOUR, 8 * HOUR)
    till.trade(SUSPECT, value * 0.95, side=BUY)
    till.let(rnd.uniform(1.6, 6) * DAY)
    till.withdraw(SUSPECT, till.has(SUSPECT, BTC) * 0.999, BTC)


# --- long silences ----------------------------------------------------------------------------


@like("dormant")
def quarterly(till):
    """Comes once a quarter."""
    rnd = till.random
    settled_in(till, SUSPECT, 300_000)
    for _ in range(3):
        till.let(rnd.uniform(80, 125) * DAY)
        till.deposit(SUSPECT, 10 ** rnd.uniform(4, 5.5))
        till.withdraw(SUSPECT, 10 ** rnd.uniform(3, 4.5))


@like("dormant")
def comes_back_to_trade(till):
    """Waits for better times, and trades with what is here."""
    rnd = till.random
    settled_in(till, SUSPECT, 10 ** rnd.uniform(4.5, 6))
    till.let(rnd.uniform(190, 400) * DAY)
    for _ in range(10):
        till.trade(SUSPECT, till.has(SUSPECT) * rnd.uniform(0.05, 0.2))
        till.between(4 * HOUR, 30 * HOUR)
    till.deposit(SUSPECT, rnd.uniform(100, 5_000))


@like("dormant")
def holds_and_rebalances(till):
    """Trades twice a year, and moves money in between."""
    rnd = till.random
    settled_in(till, SUSPECT, 500_000)
    for _ in range(4):
        till.let(rnd.uniform(60, 110) * DAY)
        till.trade(SUSPECT, rnd.uniform(1_000, 20_000))
        till.let(rnd.uniform(40, 60) * DAY)
        till.withdraw(SUSPECT, 10 ** rnd.uniform(3, 4.8))


# --- what was said ----------------------------------------------------------------------------


@like("profile_mismatch")
def about_as_much_as_it_said(till):
    """Business as expected, some months more and some less."""
    rnd = till.random
    for _ in range(3):
        month = MONTHLY * rnd.uniform(0.4, 1.15)
        for part in shares(rnd, 12):
            asset = rnd.choice(ASSETS)
            if till.has(SUSPECT, asset) > month * part and rnd.random() < 0.5:
                till.withdraw(SUSPECT, month * part, asset)
            else:
                till.deposit(SUSPECT, month * part, asset)
            till.let(2.5 * DAY)


@like("profile_mismatch")
def large_as_it_said(till):
    """A large firm, which said so."""
    rnd = till.random
    for _ in range(30):
        till.deposit(CLIENT, 10 ** rnd.uniform(4, 4.9))
        till.between(1 * DAY, 2 * DAY)


@like("profile_mismatch")
def opens_large(till):
    """What it has comes in the first month; then little."""
    rnd = till.random
    for part in shares(rnd, 3):
        till.deposit(SUSPECT, MONTHLY * rnd.uniform(0.9, 1.3) * part)
        till.between(1 * DAY, 4 * DAY)
    for _ in range(30):
        till.let(DAY)
        till.deposit(SUSPECT, MONTHLY * rnd.uniform(0, 0.01))


# --- refusals ---------------------------------------------------------------------------------


@like("repeated_refusals")
def busy_with_mistakes(till):
    """Dozens of withdrawals a week, of which some come to nothing."""
    rnd = till.random
    settled_in(till, SUSPECT, 900_000)
    for _ in range(rnd.randint(30, 60)):
        value = rnd.uniform(500, 9_000)
        (till.fail if rnd.random() < 0.08 else till.withdraw)(SUSPECT, value)
        till.between(1 * HOUR, 6 * HOUR)


@like("repeated_refusals")
def wrong_address(till):
    """Typed wrong, taken back, asked for again."""
    rnd = till.random
    settled_in(till, SUSPECT, 100_000)
    for _ in range(3):
        till.fail(SUSPECT, 5_000)
        till.between(10 * MINUTE, 2 * HOUR)
        till.withdraw(SUSPECT, 5_000)
        till.let(rnd.uniform(4, 20) * DAY)


@like("repeated_refusals")
def asks_for_too_much(till):
    """More than is there: the venue refuses, and there is nothing to it."""
    rnd = till.random
    settled_in(till, SUSPECT, 10_000)
    for _ in range(6):
        assert till.ask(SUSPECT, rnd.uniform(20_000, 50_000), USD) is None
        till.between(1 * MINUTE, 1 * HOUR)
