"""Every issuer of funds that there is a client of; a new one is added here."""

from __future__ import annotations

from marketflows_pipeline.providers.fund_issuers.blackrock import BlackRock
from marketflows_pipeline.providers.fund_issuers.grayscale import Grayscale
from marketflows_pipeline.providers.fund_issuers.invesco import Invesco
from marketflows_pipeline.providers.fund_issuers.issuer import Issuer
from marketflows_pipeline.providers.fund_issuers.spdr_gold import SpdrGold
from marketflows_pipeline.providers.fund_issuers.ssga import StateStreet
from marketflows_pipeline.providers.fund_issuers.twentyone_shares import TwentyOneShares
from marketflows_pipeline.providers.fund_issuers.vaneck import VanEck

ISSUERS: tuple[type[Issuer], ...] = (StateStreet, BlackRock, SpdrGold, Invesco, Grayscale, TwentyOneShares, VanEck)
