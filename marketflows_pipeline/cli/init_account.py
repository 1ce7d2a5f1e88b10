"""The account of `marketflows init`: which provider, with which plan and key, and whether the key is good."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from marketflows_pipeline.cli.init_questions import Terminal
from marketflows_pipeline.errors import PlanLimitError, UserInputError
from marketflows_pipeline.options import ServiceName

# The provider that needs no key, and the one that may have one.
WITHOUT_KEY: ServiceName = "coinpaprika"
WITH_KEY: ServiceName = "coingecko"
KeyPlan = Literal["demo", "pro", "keyless"]
_TRIES = 3


@dataclass(frozen=True)
class Account:
    """A provider and how it is asked.

    Attributes:
        provider: of market caps.
        plan: of the account; None for the only one without a key.
        new_key: a key that is to be written to secrets.toml.
        has_key: whether there is a key for `WITH_KEY`, new or not.
    """

    provider: ServiceName
    plan: KeyPlan | None = None
    new_key: str | None = None
    has_key: bool = False

    @property
    def sends_key(self) -> bool:
        """Whether there is a key to check."""
        return self.has_key and self.provider == WITH_KEY and self.plan != "keyless"


def key_of(api_key_file: Path | None) -> str | None:
    """The key in a file that an option names.

    Raises:
        UserInputError: the file cannot be read, or holds something else.
    """
    from marketflows_pipeline.settings.files import read_key
    from marketflows_pipeline.settings.keys import is_sendable

    if api_key_file is None:
        return None
    faults: list[str] = []
    source = f"--api-key-file {str(api_key_file)!r}"
    key = read_key(api_key_file, source, faults)
    if not faults and (key is None or not is_sendable(key)):
        faults.append(f"{source}: expected a file with nothing but the key, on one line and without spaces")
    if faults:
        raise UserInputError("\n".join(faults))
    return key


def has_stored_key(secrets: Path, environ: Mapping[str, str]) -> bool:
    """Whether environment or secrets file have a key already.

    Raises:
        UserInputError: one of them is wrong.
    """
    from marketflows_pipeline.settings.keys import read_keys

    faults: list[str] = []
    keys = read_keys([WITH_KEY], secrets, environ, faults)
    if faults:
        raise UserInputError("\n".join(faults))
    return WITH_KEY in keys


def _chosen_account(
    provider: ServiceName | None, plan: KeyPlan | None, new_key: str | None, *, is_stored: bool
) -> Account:
    """The account that options mean; without any, the provider whose key there is, else the one without.

    Raises:
        UserInputError: options contradict each other.
    """
    has_key = new_key is not None or is_stored
    provider = provider or (WITH_KEY if has_key or plan is not None else WITHOUT_KEY)
    if provider != WITH_KEY:
        if plan is not None or new_key is not None:
            option = "--plan" if plan is not None else "--api-key-file"
            raise UserInputError(
                f"{option}: expected with --provider {WITH_KEY}; {provider} is used without a key here"
            )
        return Account(provider, has_key=is_stored)
    if plan == "keyless" and new_key is not None:
        raise UserInputError("--api-key-file: expected another --plan than keyless, which sends no key")
    if plan in {"demo", "pro"} and not has_key:
        raise UserInputError(
            f"--plan {plan}: expected a key for it, by --api-key-file FILE or {WITH_KEY.upper()}_API_KEY in the "
            "environment"
        )
    return Account(provider, plan or ("demo" if has_key else "keyless"), new_key, has_key)


def account_of(
    terminal: Terminal | None,
    provider: ServiceName | None,
    plan: KeyPlan | None,
    new_key: str | None,
    *,
    is_stored: bool,
    check: Callable[[Account], None],
) -> Account:
    """The account that options mean, or as far as they do not say somebody at a terminal.

    Its key is one that `check` accepts; without one there may be none.

    Raises:
        UserInputError: options contradict each other, or `check` refuses the key of one of them.
    """
    if terminal is not None and provider is None:
        terminal.tell(f"Market caps come from {WITHOUT_KEY} (no key, 364 days of daily history) or from {WITH_KEY}")
        terminal.tell("(with a free key hourly history, more categories, exchanges; without one slowly).")
        default = WITH_KEY if is_stored or new_key or plan else WITHOUT_KEY
        provider = (
            WITH_KEY if terminal.one_of("Provider", (WITHOUT_KEY, WITH_KEY), default) == WITH_KEY else WITHOUT_KEY
        )
    if terminal is None or provider != WITH_KEY or plan == "keyless" or new_key or is_stored:
        account = _chosen_account(provider, plan, new_key, is_stored=is_stored)
        if account.sends_key:
            check(account)
        return account
    for _ in range(_TRIES):
        key = terminal.secret("API key (not shown; empty to go slowly without one)")
        if not key:
            break
        kind = plan or terminal.one_of("The key's plan", ("demo", "pro"), "demo")
        account = Account(provider, "pro" if kind == "pro" else "demo", key, has_key=True)
        try:
            check(account)
        except (PlanLimitError, UserInputError) as error:
            terminal.tell(str(error))
            continue
        return account
    terminal.tell("Going on without a key, slowly.")
    return Account(provider, "keyless")
