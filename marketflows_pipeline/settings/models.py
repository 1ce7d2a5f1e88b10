"""All settings: every table of ``config.toml`` with its keys, defaults and rules, and the keys of the services."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_core.core_schema import ValidationInfo

from marketflows_pipeline.options import DEFAULT_PROVIDER, ProviderName
from marketflows_pipeline.settings.analysis import Analysis, NarrativeIndex, orders_for
from marketflows_pipeline.settings.cross_asset import CrossAsset
from marketflows_pipeline.settings.exchanges import Exchanges
from marketflows_pipeline.settings.execution import Execution
from marketflows_pipeline.settings.faults import fault_line
from marketflows_pipeline.settings.fields import FilePath, FolderPath, Number, TomlTable, WebAddress, Whole, expected
from marketflows_pipeline.settings.market_caps import MarketCaps, MarketCapSource
from marketflows_pipeline.settings.object_storage import ObjectKeys, ObjectPlace, ObjectStorage, Publish
from marketflows_pipeline.settings.plots import Plots
from marketflows_pipeline.settings.postgres import DuckLake, PostgresTarget, StoreKind
from marketflows_pipeline.settings.providers import CoinGecko, CoinPaprika, Folder
from marketflows_pipeline.system.near_matches import find_slips

# Exchange volumes come from here, whatever the market-cap provider.
EXCHANGE_PROVIDER: ProviderName = "coingecko"
# The registry of market-cap providers: settings and defaults of each. Clients opens them.
SOURCES: Mapping[ProviderName, type[MarketCapSource]] = {
    "coingecko": CoinGecko,
    "coinpaprika": CoinPaprika,
    "folder": Folder,
}


class DefiLlama(TomlTable):
    """``[providers.defillama]``."""

    base_url: WebAddress = Field("https://api.llama.fi", description="Address of the service")


class Service(TomlTable):
    """A service of which nothing but the address can be chosen."""

    base_url: WebAddress | None = Field(None, description="Address of the service; its own where not said")


class Providers(TomlTable):
    """``[providers]``: one table per service."""

    coingecko: CoinGecko = Field(default_factory=CoinGecko, description="Market caps and exchange volumes")
    coinpaprika: CoinPaprika = Field(default_factory=CoinPaprika, description="Market caps, without a key")
    folder: Folder = Field(default_factory=Folder, description="Market caps out of the user's own files")
    defillama: DefiLlama = Field(default_factory=DefiLlama)
    yahoo: Service = Field(default_factory=Service, description="Daily bars")
    cboe: Service = Field(default_factory=Service, description="VIX and VIX3M")
    fred: Service = Field(default_factory=Service, description="The same, where Cboe fails")
    ssga: Service = Field(default_factory=Service, description="Shares of State Street's funds")
    blackrock: Service = Field(default_factory=Service, description="Shares of BlackRock's funds")
    spdr_gold: Service = Field(default_factory=Service, description="Shares of the gold trust")
    invesco: Service = Field(default_factory=Service, description="Shares of Invesco's funds")
    grayscale: Service = Field(default_factory=Service, description="Shares of Grayscale's trusts")
    twentyone_shares: Service = Field(default_factory=Service, description="Shares of 21Shares' funds")
    vaneck: Service = Field(default_factory=Service, description="Shares of VanEck's bitcoin fund")


class Run(TomlTable):
    """``[run]``: what holds for a run as a whole."""

    limit_minutes: Number | None = Field(
        None, ge=0.1, le=1440, description="Minutes after which a run makes no requests; without it there is no limit"
    )

    @property
    def limit(self) -> timedelta | None:
        """The time limit of a run's requests, or None."""
        return timedelta(minutes=self.limit_minutes) if self.limit_minutes else None


class Report(TomlTable):
    """``[report]``: the page. A relative path starts at the folder of config.toml."""

    path: FolderPath = Field(Path("report"), description="Folder of the page, its dated copies below archive/")
    keep_days: Whole = Field(60, ge=1, le=3650, description="Days for which a dated copy is kept")


OTHER_THAN_PRIVATE = "another file than warehouse.path, which only the pipeline may open"


class WarehousePaths(TomlTable):
    """``[warehouse]``: where the two database files are. Relative paths start at the folder of config.toml."""

    store: StoreKind = Field("duckdb", description="What holds a run's tables: the file, or a lake of several hosts")
    path: FilePath = Field(Path(".marketflows/warehouse.duckdb"), description="The pipeline's own file")
    published_path: FilePath = Field(Path("warehouse/marketflows.duckdb"), description="The file for ad-hoc SQL")

    ducklake: DuckLake = Field(default_factory=DuckLake, description="The lake; store says whether it is used")

    @property
    def lake(self) -> DuckLake | None:
        """The lake, where it is the store."""
        return self.ducklake if self.store == "ducklake" else None

    @property
    def has_file(self) -> bool:
        """Whether a publish writes the file at `published_path`; a lake need not."""
        return self.lake is None or self.lake.export

    @field_validator("published_path")
    @classmethod
    def _two_files(cls, published: Path, info: ValidationInfo) -> Path:
        if published == info.data.get("path"):
            raise expected(OTHER_THAN_PRIVATE)
        return published


class Secrets(BaseModel):
    """Keys of the services; never shown by repr, str or dump."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    coingecko_api_key: SecretStr | None = None
    coinpaprika_api_key: SecretStr | None = None
    postgres_password: SecretStr | None = None
    object_keys: ObjectKeys | None = None

    def of(self, provider: str) -> SecretStr | None:
        """The key of a market-cap provider; None where there is none, or it has no keys."""
        key: SecretStr | None = getattr(self, f"{provider}_api_key", None)
        return key


def source_of(provider: str, providers: Providers) -> MarketCapSource:
    """The table of a market-cap provider."""
    source: MarketCapSource = getattr(providers, provider)
    return source


def _ids_of_others(source: MarketCapSource) -> dict[str, str]:
    """How other providers call bitcoin and ether -> how this one does, where it differs."""
    named = {other.bitcoin_id: source.bitcoin_id for other in SOURCES.values()}
    named |= {other.ether_id: source.ether_id for other in SOURCES.values()}
    return {coin: own for coin, own in named.items() if coin not in {source.bitcoin_id, source.ether_id}}


def _validated_source(info: ValidationInfo) -> MarketCapSource | None:
    """The chosen provider's table, where the keys before the present one are valid."""
    provider, providers = (info.data.get(name) for name in ("provider", "providers"))
    return source_of(provider, providers) if provider and providers else None


class ConfigFile(TomlTable):
    """All of ``config.toml``."""

    provider: ProviderName = Field(DEFAULT_PROVIDER, description="Where market caps come from")
    providers: Providers = Field(default_factory=Providers)
    market_caps: MarketCaps = Field(default_factory=MarketCaps)
    analysis: Analysis = Field(default_factory=Analysis)
    narrative_index: NarrativeIndex = Field(default_factory=NarrativeIndex)
    plots: Plots = Field(default_factory=Plots)
    warehouse: WarehousePaths = Field(default_factory=WarehousePaths)
    report: Report = Field(default_factory=Report)
    run: Run = Field(default_factory=Run)
    execution: Execution = Field(default_factory=Execution)
    publish: Publish = Field(default_factory=Publish)
    object_storage: ObjectStorage | None = Field(None, description="The S3 service of uploads; without it, AWS")
    exchanges: Exchanges | None = Field(None, description="The exchange flow monitor; without the table it is off")
    cross_asset: CrossAsset | None = Field(None, description="Cross-asset money flow; without the table it is off")

    @property
    def source(self) -> MarketCapSource:
        """The table of the chosen market-cap provider, ``[providers.<provider>]``."""
        return source_of(self.provider, self.providers)

    @property
    def shared_database(self) -> PostgresTarget | None:
        """The database by which hosts share budgets and locks; None where each process keeps its own."""
        return (self.execution.database or self._lake_catalog) if self.execution.coordination == "postgres" else None

    @property
    def uses_postgres(self) -> bool:
        """Whether a run asks Postgres for anything, so that its password is read."""
        return self.execution.coordination == "postgres" or self._lake_catalog is not None

    @property
    def _lake_catalog(self) -> PostgresTarget | None:
        """The lake's catalog, where it is Postgres."""
        lake = self.warehouse.lake
        return lake.catalog if lake is not None and isinstance(lake.catalog, PostgresTarget) else None

    @property
    def locks_parts(self) -> bool:
        """Whether the parts are locked one by one, for all hosts; otherwise one process writes, under a file's lock.

        A file has one writer, whoever counts the requests.
        """
        return self.shared_database is not None and self._lake_catalog is not None

    @property
    def store_name(self) -> str:
        """What tells this store from others whose locks are kept in the same database."""
        return str(self._lake_catalog or self.warehouse.path)

    @property
    def uses_object_storage(self) -> bool:
        """Whether a run asks the S3 service for anything, so that its keys are read."""
        lake = self.warehouse.lake
        return self.publish.upload is not None or (lake is not None and isinstance(lake.data, ObjectPlace))

    @property
    def is_one_account(self) -> bool:
        """Whether exchange volumes are of the market-cap provider too: its ids, its credits, its key."""
        return self.provider == EXCHANGE_PROVIDER

    @property
    def whale_exclusions_of_their_own(self) -> frozenset[str]:
        """Categories that whale signals alone leave out; of one account, a response serves both parts."""
        assert self.exchanges is not None, "the part has a table"
        shared = self.source.exclusions_in_use if self.is_one_account else ()
        return frozenset(self.exchanges.whale_exclude_categories) - frozenset(shared)

    @field_validator("market_caps")
    @classmethod
    def _two_providers(cls, market_caps: MarketCaps, info: ValidationInfo) -> MarketCaps:
        if market_caps.cross_check is not None and market_caps.cross_check == info.data.get("provider"):
            raise expected("cross_check to name another provider than `provider`, whose market caps it checks")
        return market_caps

    @field_validator("analysis")
    @classmethod
    def _orders_fit(cls, analysis: Analysis, info: ValidationInfo) -> Analysis:
        source = _validated_source(info)
        if source is None:
            return analysis
        orders = orders_for(analysis.diff_orders, source.flow_types)
        return analysis.model_copy(update={"diff_orders": orders})

    @field_validator("cross_asset")
    @classmethod
    def _coins_are_written_alike(cls, cross_asset: CrossAsset | None, info: ValidationInfo) -> CrossAsset | None:
        """A coin's supply is that of the market-cap part, which knows it by the id that is written there."""
        source = _validated_source(info)
        if cross_asset is None or source is None:
            return cross_asset
        cross_asset = cross_asset.with_coin_ids(bitcoin=source.bitcoin_id, ether=source.ether_id)
        written = [asset.share_id for asset in cross_asset.universe if asset.share_source == "supply"]
        for coin, own in _ids_of_others(source).items():
            if coin in written:
                raise expected(f"share_id {own!r}, as {source.service} calls the coin, not {coin!r}")
        slips = find_slips(written, {coin: coin for coin in source.coins_named}, a_letter_off_excused_by=0)
        for slip, coin in slips.sure.items():
            raise expected(f"share_id {coin!r}, as [{source.table}] writes it, not {slip!r}")
        return cross_asset


class Settings(ConfigFile):
    """Everything the user decides: config.toml together with the keys.

    Attributes:
        file: the config file, as errors name it.
        no_exchanges: why the exchange part is off though the file has its table; empty where it is not.
    """

    file: Path = Field(Path("config.toml"), exclude=True, repr=False)
    secrets: Secrets = Field(default_factory=Secrets, exclude=True, repr=False, description="Keys of the services")
    no_exchanges: str = Field("", exclude=True, repr=False)

    @property
    def postgres_password(self) -> SecretStr | None:
        """Password of the Postgres role; None where the server asks for none, or libpq finds it by itself."""
        return self.secrets.postgres_password

    @property
    def object_keys(self) -> ObjectKeys | None:
        """Keys of the S3 service; None where requests are not signed."""
        return self.secrets.object_keys

    def fault_line(self, key: str, value: object, expectation: str) -> str:
        """One line about a key that turns out to be wrong only once services or the warehouse have answered."""
        return fault_line(self.file, key, value, expectation)
