"""The oracle's money that enters and leaves: its part of tests.engine.oracle."""

from engine.model import events as e
from engine.model.enums import HOLD_FROZEN

INT64_MAX = 2**63 - 1
TEXT = "some text"


class Transfers:
    """What the oracle does with deposits and withdrawals."""

    def on_Deposit(self, x):  # noqa: N802
        total = sum(v for (_, asset), v in self.money.items() if asset == x.asset)
        if (
            x.account not in self.refdata.accounts
            or x.amount <= 0
            or x.reference in self.deposits
            or total + x.amount > INT64_MAX
        ):
            self.out.append(e.CommandRefused(TEXT))
            return
        self.deposits.append(x.reference)
        self.give(x.account, x.asset, x.amount)
        after = self.available(x.account, x.asset)
        self.out.append(e.Deposited(x.account, x.asset, x.amount, after, x.reference))

    def on_HoldWithdrawal(self, x):  # noqa: N802
        if x.reference in self.withdrawals:
            self.out.append(e.CommandRefused(TEXT))
            return
        self.withdrawals[x.reference] = [x, "refused"]
        if (
            x.account not in self.refdata.accounts
            or x.amount <= 0
            or x.fee < 0
            or self.holds.get(x.account, [0])[0] == HOLD_FROZEN
            or x.amount + x.fee > self.available(x.account, x.asset)
        ):
            self.out.append(e.CommandRefused(TEXT))
            return
        self.withdrawals[x.reference] = [x, "held"]
        after = self.available(x.account, x.asset)
        self.out.append(e.WithdrawalHeld(x.account, x.asset, x.amount, x.fee, after, x.reference))

    def on_ReleaseWithdrawal(self, x):  # noqa: N802
        if (w := self.end_withdrawal(x.reference, "released")) is not None:
            after = self.available(w.account, w.asset)
            self.out.append(
                e.WithdrawalReleased(
                    w.account, w.asset, w.amount, w.fee, after, x.reference, x.reason
                )
            )

    def on_SettleWithdrawal(self, x):  # noqa: N802
        if (w := self.end_withdrawal(x.reference, "settled")) is not None:
            self.give(w.account, w.asset, -w.amount - w.fee)
            self.give(0, w.asset, w.fee)
            after = self.available(w.account, w.asset)
            self.out.append(
                e.WithdrawalSettled(w.account, w.asset, w.amount, w.fee, after, x.reference)
            )

    def end_withdrawal(self, reference, how):
        known = self.withdrawals.get(reference)
        if known is None or known[1] != "held":
            self.out.append(e.CommandRefused(TEXT))
            return None
        known[1] = how
        return known[0]

    def on_ReverseDeposit(self, x):  # noqa: N802
        if (
            x.account not in self.refdata.accounts
            or x.amount <= 0
            or x.deposit not in self.deposits
            or x.reference in self.reversals
        ):
            self.out.append(e.CommandRefused(TEXT))
            return
        self.reversals.append(x.reference)
        taken = min(x.amount, self.available(x.account, x.asset))
        self.give(x.account, x.asset, -taken)
        after = self.available(x.account, x.asset)
        self.out.append(
            e.DepositReversed(x.account, x.asset, x.amount, taken, after, x.deposit, x.reference)
        )
