"""What the gateway is told: the environment, gateway.toml, and what it finds by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.accounts.api_keys import ENTROPY_BYTES, format_secret
from app.providers.profiles import Profile, profile_of
from app.settings import BackgroundSettings, LimitSettings, Settings, SettingsError, WebSettings
from app.settings.tables import Fault, as_tables, bad_key, bad_table
from app.settings.toml import TomlError, line_of, parse
from tests.upstream.listeners import CERTIFICATE

SECRET = "sk-do-not-print-me"  # noqa: S105 - not a secret, though it plays one


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def settings_of(text: str, **environ: str) -> Settings:
    Path("gateway.toml").write_text(text, "utf-8")
    return Settings.from_env(environ)


def refusal(text: str, **environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        settings_of(text, **environ)
    return str(caught.value)


def names(settings: Settings) -> list[str]:
    return [provider.name for provider in settings.providers]


# The environment


def test_nothing_told_is_a_gateway_that_works_offline() -> None:
    assert names(Settings.from_env({})) == ["ollama", "llamacpp", "local"]


def test_the_environment_is_read_when_no_other_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PREFIX", "staging:")
    assert Settings.from_env().redis.prefix == "staging:"


def test_variables_become_settings() -> None:
    settings = Settings.from_env(
        {
            "REDIS_URL": "rediss://:pw@redis.internal:6380/1",
            "REDIS_PREFIX": "p:",
            "BIND": "0.0.0.0:9000",
            "WEB_CONCURRENCY": "3",
            "WORKER_CLASS": "gthread",
            "WORKER_CONCURRENCY": "50",
            "WORKER_LEASE_S": "2.5",
            "METRICS_BIND": "127.0.0.1:9102",
            "WORKER_METRICS_BIND": "[::1]:9101",
            "LOG_LEVEL": "debug",
            "LOG_FORMAT": "text",
            "SPOOL_DIR": "/var/spool/gateway",
            "GATEWAY_BOOTSTRAP_KEY_SHA256": "AB" * 32,
            "GATEWAY_BOOTSTRAP_ACCOUNT": "ops",
        }
    )
    assert settings.redis.url == "rediss://:pw@redis.internal:6380/1"
    assert settings.redis.prefix == "p:"
    assert (settings.web.bind, settings.web.processes) == ("0.0.0.0:9000", 3)
    assert settings.web.worker_class == "gthread"
    assert (settings.background.concurrency, settings.background.lease_s) == (50, 2.5)
    assert settings.background.metrics_bind == "[::1]:9101"
    assert settings.web.metrics_bind == "127.0.0.1:9102"
    assert (settings.log_level, settings.log_format) == ("DEBUG", "text")
    assert settings.spool_dir == Path("/var/spool/gateway")
    assert settings.bootstrap_key_sha256 == "ab" * 32
    assert settings.bootstrap_account == "ops"


def test_an_empty_variable_is_none() -> None:
    assert Settings.from_env({"REDIS_URL": "", "LOG_LEVEL": " "}) == Settings.from_env({})


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("REDIS_URL", "http://x", "must begin with redis://, "),
        ("REDIS_URL", "localhost:6379", "must begin with redis://, "),
        ("REDIS_PREFIX", "a{b}:", "must not hold braces"),
        ("BIND", "8000", "must be HOST:PORT or unix:PATH"),
        ("BIND", "host:65536", "must be HOST:PORT or unix:PATH"),
        ("BIND", "host:0", "must be HOST:PORT or unix:PATH"),
        ("WEB_CONCURRENCY", "0", "must be a whole number of at least 1"),
        ("WEB_CONCURRENCY", "two", "must be a whole number of at least 1"),
        ("WORKER_CONCURRENCY", "1.5", "must be a whole number of at least 1"),
        ("WORKER_LEASE_S", "-1", "must be a number of seconds above 0"),
        ("WORKER_LEASE_S", "nan", "must be a number of seconds above 0"),
        ("METRICS_BIND", "unix:/run/a", "must be HOST:PORT"),
        ("METRICS_BIND", "10.0.0.1:8000", "must have another port than BIND"),
        ("WORKER_METRICS_BIND", "unix:/run/a", "must be HOST:PORT"),
        ("WORKER_METRICS_BIND", "9101", "must be HOST:PORT"),
        ("LOG_LEVEL", "loud", "must be DEBUG, INFO, WARNING, ERROR or CRITICAL"),
        ("LOG_FORMAT", "xml", "must be json or text"),
        ("GATEWAY_BOOTSTRAP_KEY_SHA256", SECRET, "must be a SHA-256: 64 hexadecimal digits"),
        ("GATEWAY_BOOTSTRAP_ACCOUNT", "ops", "and GATEWAY_BOOTSTRAP_ACCOUNT must be set together"),
    ],
)
def test_a_variable_that_cannot_be_used_is_refused_by_name(
    name: str, value: str, reason: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({name: value})
    assert name in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize("bind", ["unix:/run/gateway.sock", "[::1]:8000", "localhost:1"])
def test_every_form_of_address_is_taken(bind: str) -> None:
    assert Settings.from_env({"BIND": bind}).web.bind == bind


@pytest.mark.parametrize(
    "url",
    [
        "redis://h:1/0",
        "rediss://h",
        "unix:///run/redis.sock",
        "redis+sentinel://a:1,b:2/main",
        "rediss+sentinel://a:1/main",
        "redis+cluster://a:1,b:2",
        "rediss+cluster://a:1",
    ],
)
def test_every_kind_of_redis_is_taken(url: str) -> None:
    assert Settings.from_env({"REDIS_URL": url}).redis.url == url


# Redis


def test_a_redis_that_nobody_named_is_the_embedded_one() -> None:
    assert Settings.from_env({}).redis.embedded


def test_the_running_embedded_redis_is_found() -> None:
    Path("data").mkdir()
    Path("data/redis.url").write_text("unix:///somewhere/redis.sock\n", "utf-8")
    assert Settings.from_env({}).redis.url == "unix:///somewhere/redis.sock"


def test_a_named_redis_is_not_embedded() -> None:
    Path("data").mkdir()
    Path("data/redis.url").write_text("unix:///somewhere/redis.sock\n", "utf-8")
    redis = settings_of('[redis]\nurl = "redis://file:1"\n').redis
    assert (redis.url, redis.embedded) == ("redis://file:1", False)


def test_a_variable_wins_over_the_file() -> None:
    text = '[redis]\nurl = "redis://file:1"\nprefix = "file:"\n'
    redis = settings_of(text, REDIS_URL="redis://variable:1").redis
    assert (redis.url, redis.prefix) == ("redis://variable:1", "file:")


# What is found without a file


def test_a_key_of_openai_brings_its_models() -> None:
    openai = Settings.from_env({"OPENAI_API_KEY": SECRET}).providers[0]
    assert (openai.name, openai.api, openai.base_url) == (
        "openai",
        "responses",
        "https://api.openai.com/v1",
    )
    assert openai.api_key == SECRET
    assert openai.models == ("gpt-*", "chatgpt-*", "codex-*", "o[0-9]*")


@pytest.mark.parametrize("base_url", [{}, {"OPENAI_BASE_URL": "https://gateway.example/v1"}])
def test_a_key_of_a_gateway_is_no_vendors(base_url: dict[str, str]) -> None:
    # Its callers' variables, in the shell that it is started from.
    environ = {"OPENAI_API_KEY": format_secret(bytes(ENTROPY_BYTES)), **base_url}
    assert "openai" not in [each.name for each in Settings.from_env(environ).providers]


def test_a_key_of_anthropic_brings_its_models() -> None:
    anthropic = Settings.from_env({"ANTHROPIC_API_KEY": SECRET}).providers[0]
    assert (anthropic.name, anthropic.api) == ("anthropic", "anthropic_messages")
    assert anthropic.models == ("claude-*",)


def test_openai_elsewhere_is_asked_for_its_models_in_what_every_server_speaks() -> None:
    environ = {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": "http://vllm.internal:8000/v1/"}
    openai = Settings.from_env(environ).providers[0]
    assert (openai.api, openai.base_url) == ("chat_completions", "http://vllm.internal:8000/v1/")
    assert openai.discover


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("https://models.example/anthropic", "https://models.example/anthropic/v1"),
        ("https://models.example/anthropic/v1/", "https://models.example/anthropic/v1"),
        ("https://models.example", "https://models.example/v1"),
    ],
)
def test_who_speaks_as_anthropic_does_is_called_as_its_clients_call(url: str, known: str) -> None:
    environ = {"ANTHROPIC_API_KEY": SECRET, "ANTHROPIC_BASE_URL": url}
    anthropic = Settings.from_env(environ).providers[0]
    assert (anthropic.name, anthropic.base_url) == ("anthropic", known)


RESOURCE = "https://mine.openai.azure.com"
DEPLOYMENT = f"{RESOURCE}/openai/deployments/a"


@pytest.mark.parametrize(
    ("endpoint", "version", "known"),
    [
        (f"{RESOURCE}/", {}, f"{RESOURCE}/openai/v1"),
        (f"{RESOURCE}/openai/v1/", {}, f"{RESOURCE}/openai/v1"),
        (RESOURCE, {"AZURE_OPENAI_API_VERSION": "2024-10-21"}, f"{RESOURCE}/openai/v1"),
        (
            RESOURCE,
            {"OPENAI_API_VERSION": "preview"},
            f"{RESOURCE}/openai/v1?api-version=preview",
        ),
        (
            DEPLOYMENT,
            {"AZURE_OPENAI_API_VERSION": "2025-04-01-preview"},
            f"{DEPLOYMENT}?api-version=2025-04-01-preview",
        ),
    ],
)
def test_a_resource_of_azures_is_found_as_its_clients_find_it(
    endpoint: str, version: dict[str, str], known: str
) -> None:
    environ = {"AZURE_OPENAI_API_KEY": SECRET, "AZURE_OPENAI_ENDPOINT": endpoint} | version
    azure = Settings.from_env(environ).providers[0]
    assert (azure.name, azure.api, azure.base_url) == ("azure", "responses", known)
    assert profile_of(azure).key_header == "api-key"


@pytest.mark.parametrize(
    "environ", [{"AZURE_OPENAI_API_KEY": SECRET}, {"AZURE_OPENAI_ENDPOINT": RESOURCE}]
)
def test_half_of_what_azure_needs_is_nothing(environ: dict[str, str]) -> None:
    assert "azure" not in names(Settings.from_env(environ))


@pytest.mark.parametrize(
    "variable", ["OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "AZURE_OPENAI_ENDPOINT"]
)
def test_no_variable_of_a_vendors_makes_a_loop(variable: str) -> None:
    keys = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AZURE_OPENAI_API_KEY"), SECRET)
    found = names(Settings.from_env(keys | {variable: "http://localhost:8000"}))
    assert variable.split("_")[0].lower() not in found


@pytest.mark.parametrize(
    ("base_url", "bind"),
    [
        ("http://127.0.0.1:8000/v1", "127.0.0.1:8000"),
        ("http://localhost:9000/v1", "0.0.0.0:9000"),
        ("http://localhost/v1", "[::]:80"),
        ("https://localhost/v1", "[::]:443"),
    ],
)
def test_a_shell_set_up_for_this_gateways_callers_makes_no_loop(base_url: str, bind: str) -> None:
    environ = {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": base_url, "BIND": bind}
    assert "openai" not in names(Settings.from_env(environ))


@pytest.mark.parametrize("variable", ["OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"])
def test_a_bad_base_url_is_refused_by_its_variable(variable: str) -> None:
    key = variable.replace("BASE_URL", "API_KEY")
    with pytest.raises(SettingsError, match=rf"^{variable} must be an address"):
        Settings.from_env({key: SECRET, variable: "vllm:8000"})


def test_a_version_that_is_none_is_refused_by_its_variable() -> None:
    environ = {"AZURE_OPENAI_API_KEY": SECRET, "AZURE_OPENAI_ENDPOINT": RESOURCE}
    with pytest.raises(SettingsError, match=r"^OPENAI_API_VERSION must be a version"):
        Settings.from_env(environ | {"OPENAI_API_VERSION": "a&b=c"})


def test_a_file_that_names_no_provider_leaves_what_is_found() -> None:
    assert names(settings_of("[requests]\nkeepalive_s = 3\n")) == ["ollama", "llamacpp", "local"]


def test_a_file_that_names_providers_replaces_what_is_found() -> None:
    text = '[providers.mine]\napi = "responses"\nbase_url = "https://mine/v1"\n'
    assert names(settings_of(text, OPENAI_API_KEY=SECRET)) == ["mine", "local"]


# gateway.toml

WHOLE = """
[providers.vendor]
api = "anthropic_messages"
base_url = "https://vendor.example/v1"
api_key_env = "VENDOR_KEY"
models = ["claude-*", "small"]
discover = true
timeout_s = 60
connect_timeout_s = 1.5
deadline_s = 900
max_concurrency = 40
headers = { "X-Team" = "research" }
proxy = "http://proxy.internal:3128"
ca_file = "ca.pem"
profile = "anthropic"
prompt_cache = "off"
quirks = { max_tokens = true, flavour = "mild", depth = 2 }

[providers.house]
api = "chat_completions"
base_url = "http://127.0.0.1:1234/v1"
api_key_file = "house.key"

[models."big"]
provider = "vendor"
upstream_model = "claude-huge"
reasoning = true
fallbacks = ["house/llama", "small", "medium"]
max_output_tokens = 4096
context_window = 200000
input_modalities = ["image", "text"]
reasoning_efforts = ["high", "low"]
display_name = "Big"
base_instructions_file = "instructions.md"

[models.medium]
provider = "house"

[limits]
requests_per_minute = 60
requests_per_day = 1000
tokens_per_minute = 100000
max_in_flight = 8
max_stored_bytes = 1000000
when_store_is_away = "closed"

[background]
enabled = false
time_limit_s = 100
drain_s = 50
grace_s = 0
max_queued_per_account = 5

[requests]
unsupported_tools = "drop"
max_in_flight = 10
max_body_memory_mb = 64
input_cache_mb = 8
keepalive_s = 5

[redis]
url = "redis://file:6379"
prefix = "file:"
pool_size = 8
connect_timeout_s = 1
timeout_s = 2
wait_replicas = 1
"""


@pytest.fixture
def whole() -> Settings:
    Path("ca.pem").write_bytes(CERTIFICATE.read_bytes())
    Path("house.key").write_text(f"{SECRET}\n", "utf-8")
    Path("instructions.md").write_text("Be careful.", "utf-8")
    return settings_of(WHOLE, VENDOR_KEY="sk-vendor")


def test_providers_keep_file_order_and_local_comes_last(whole: Settings) -> None:
    assert names(whole) == ["vendor", "house", "local"]


def test_every_key_of_a_provider_is_read(whole: Settings) -> None:
    vendor = whole.providers[0]
    assert vendor.api_key == "sk-vendor"
    assert vendor.models == ("claude-*", "small")
    assert vendor.discover
    assert (vendor.timeout_s, vendor.connect_timeout_s, vendor.deadline_s) == (60, 1.5, 900)
    assert vendor.max_concurrency == 40
    assert vendor.headers == {"X-Team": "research"}
    assert vendor.proxy == "http://proxy.internal:3128"
    assert vendor.ca_file == Path("ca.pem")
    assert vendor.prompt_cache == "off"
    assert vendor.profile == "anthropic"
    assert vendor.quirks == {"max_tokens": True, "flavour": "mild", "depth": 2}


def test_a_key_is_read_from_its_file(whole: Settings) -> None:
    assert whole.providers[1].api_key == SECRET


def test_every_key_of_a_model_is_read(whole: Settings) -> None:
    big = whole.models[0]
    assert (big.id, big.provider, big.upstream_model) == ("big", "vendor", "claude-huge")
    assert big.reasoning is True
    assert big.fallbacks == ("house/llama", "small", "medium")
    assert big.max_output_tokens == 4096
    assert (big.context_window, big.input_modalities) == (200_000, ("text", "image"))
    assert (big.reasoning_efforts, big.display_name) == (("low", "high"), "Big")
    assert big.base_instructions == "Be careful."


def test_every_limit_is_read(whole: Settings) -> None:
    assert whole.limits == LimitSettings(
        requests_per_minute=60,
        requests_per_day=1000,
        tokens_per_minute=100_000,
        max_in_flight=8,
        max_stored_bytes=1_000_000,
        when_store_is_away="closed",
    )


def test_every_key_of_the_background_is_read(whole: Settings) -> None:
    assert whole.background == BackgroundSettings(
        enabled=False, time_limit_s=100, drain_s=50, grace_s=0, max_queued_per_account=5
    )


def test_every_key_of_requests_is_read(whole: Settings) -> None:
    requests = whole.requests
    assert requests.unsupported_tools == "drop"
    assert (requests.max_in_flight, requests.max_body_memory_mb) == (10, 64)
    assert requests.input_cache_mb == 8
    assert requests.keepalive_s == 5


@pytest.mark.parametrize(
    "origin",
    ["https://app.example", "http://localhost:3000", "http://[::1]:80", "tauri://localhost"],
)
def test_the_origins_of_pages_are_read(origin: str) -> None:
    settings = settings_of(f'[web]\ncors_origins = ["{origin}"]\n', BIND="0.0.0.0:80")
    assert settings.web == WebSettings(bind="0.0.0.0:80", cors_origins=(origin,))


def test_the_console_is_there_unless_the_file_says_no() -> None:
    assert settings_of("").web.console
    assert not settings_of("[web]\nconsole = false\n").web.console


def test_every_key_of_redis_is_read(whole: Settings) -> None:
    redis = whole.redis
    assert (redis.url, redis.prefix, redis.pool_size) == ("redis://file:6379", "file:", 8)
    assert (redis.connect_timeout_s, redis.timeout_s, redis.wait_replicas) == (1, 2, 1)


def test_no_secret_is_in_the_repr(whole: Settings) -> None:
    shown = repr(whole)
    secrets = (SECRET, "sk-vendor", "redis://file", "research", "proxy.internal")
    assert not [each for each in secrets if each in shown]


def test_the_file_may_be_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "etc" / "some.toml"
    file.parent.mkdir()
    (file.parent / "key").write_text(SECRET, "utf-8")
    file.write_text(
        '[providers.a]\napi = "responses"\nbase_url = "https://a"\napi_key_file = "key"\n', "utf-8"
    )
    assert Settings.from_env({"GATEWAY_CONFIG": str(file)}).providers[0].api_key == SECRET


def test_a_file_that_was_named_must_be_there() -> None:
    with pytest.raises(SettingsError, match=r"^no\.toml: cannot be read: No such file"):
        Settings.from_env({"GATEWAY_CONFIG": "no.toml"})


def test_a_file_that_is_not_utf8_is_refused() -> None:
    Path("gateway.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"^gateway\.toml: is not UTF-8"):
        Settings.from_env({})


def test_the_local_provider_may_be_called_otherwise() -> None:
    settings = settings_of('[providers.test]\napi = "local"\nmodels = ["echo"]\n')
    assert names(settings) == ["test", "local"]


def test_a_file_may_give_the_name_local_away() -> None:
    local = settings_of('[providers.local]\napi = "responses"\nbase_url = "https://a"\n').providers
    assert [(each.name, each.api) for each in local] == [("local", "responses")]


A = '[providers.a]\napi = "responses"\nbase_url = "https://a"\n'
C = A.replace("responses", "chat_completions")


def test_what_is_passed_on_is_read() -> None:
    passed = 'forward = ["moderation", "reasoning.context"]\nhosted_tools = ["mcp", "web_search"]\n'
    (read, *_) = settings_of(A + passed + "reasoning_text = true").providers
    assert read.forward == ("moderation", "reasoning.context")
    assert (read.hosted_tools, read.reasoning_text) == (("web_search", "mcp"), True)
    (read, *_) = settings_of(A + 'forward = "all"').providers
    assert (read.forward, read.hosted_tools, read.reasoning_text) == (("all",), (), False)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("[provider.a]", "line 1: provider is not a setting (did you mean providers?)"),
        ("\n\nlimits = 3", "line 3: limits must be a table"),
        ("[limits]\nrequests_per_minutes = 3", "line 2: [limits] requests_per_minutes is not a"),
        ("[limits]\nmax_in_flight = 0", "line 2: [limits] max_in_flight must be a whole number"),
        ("[limits]\nmax_in_flight = true", "line 2: [limits] max_in_flight must be a whole"),
        ('[limits]\nwhen_store_is_away = "x"', "when_store_is_away must be open or closed"),
        ('[web]\ncors_origins = ["https://a/"]', '[web] cors_origins must be ["*"] or a list of'),
        ('[web]\ncors_origins = ["*", "https://a"]', "[web] cors_origins must be"),
        ('[web]\ncors_origins = ["null"]', "[web] cors_origins must be"),
        ('[web]\ncors_origins = ["app.example"]', "[web] cors_origins must be"),
        ("[background]\nenabled = 1", "line 2: [background] enabled must be true or false"),
        ("[background]\ngrace_s = -1", "[background] grace_s must be a number of seconds, 0 or"),
        ("[storage]\nrequest_log = -1", "request_log must be a whole number of at least 0"),
        ("[storage]\nrequest_log = 99999999999999999999", "request_log must be at most 900"),
        ("[redis]\ntimeout_s = 1e300", "timeout_s must be at most 2000000 seconds, which are 23 d"),
        ("[requests]\ngrace_s = 2000001", "grace_s must be at most 2000000 seconds"),
        ("[storage]\nretention_days = 366", "must be a whole number of days from 0 to 365"),
        ("[storage]\nretention_days = -1", "must be a whole number of days from 0 to 365"),
        ("[storage]\nretention_days = '30'", "must be a whole number of days from 0 to 365"),
        ("[storage]\nretention_days = true", "must be a whole number of days from 0 to 365"),
        ("[storage]\nrequest_logs = 1", "is not a setting (did you mean request_log?)"),
        ("[requests]\nkeepalive_s = inf", "keepalive_s must be a number of seconds above 0"),
        ('[redis]\nurl = "x"', "line 2: [redis] url must begin with redis://"),
        ('[providers]\na = "b"', "line 2: [providers] a must be a table"),
        ('[providers."a/b"]', 'line 1: [providers."a/b"] must have a name of letters'),
        (A + A.replace(".a]", ".A]"), "line 4: [providers.A] is defined twice: before as a before"),
        (A + A, "line 4: Cannot declare ('providers', 'a') twice"),
        ("[providers.a]", "line 1: [providers.a] needs an api: one of responses, chat_comp"),
        ('[providers.a]\napi = "grpc"', "line 2: [providers.a] api must be responses, chat_comp"),
        ('[providers.a]\napi = "responses"', "line 1: [providers.a] needs a base_url"),
        (A + 'api_key = "sk"', "line 4: [providers.a] api_key is not a setting (did you mean"),
        (A + 'models = "x"', "line 4: [providers.a] models must be a list of strings"),
        (A + "models = [\n1,\n2,\n]", "line 4: [providers.a] models must be a list of strings"),
        (A + "headers = 1", "line 4: [providers.a] headers must be a table of strings"),
        (A + 'headers = {"a b" = ""}', "headers must have names that HTTP allows"),
        (A + 'headers = {"a" = "b\\r\\nc"}', "headers must have values that HTTP allows"),
        (A + "quirks = { a = [] }", "quirks must be a table of flags, numbers and words"),
        (
            '[providers.a]\napi = "responses"\nbase_url = "https://a"\nprompt_cache = "auto"',
            "prompt_cache is a setting of api anthropic_messages only",
        ),
        (C + 'forward = "all"', "forward is a setting of api responses only"),
        (C + 'hosted_tools = ["mcp"]', "hosted_tools is a setting of api responses only"),
        (C + "reasoning_text = true", "reasoning_text is a setting of api responses only"),
        (A + 'forward = ["a b"]', 'forward must be "all", or a list of fields such as'),
        (A + "forward = true", 'forward must be "all", or a list of fields such as'),
        (A + 'forward = ["store"]', "forward must not have store: the gateway decides on that"),
        (A + 'forward = ["tools.x"]', "forward must not have tools.x: the gateway decides"),
        (A + 'hosted_tools = ["websearch"]', "hosted_tools must be a list of web_search, "),
        (A + 'hosted_tools = ["mcp", "mcp"]', "image_generation, mcp, computer, "),
        (A + 'ca_file = "no.pem"', "ca_file names a file that cannot be read: No such file"),
        (A + 'ca_file = "a\\u0000"', "line 4: [providers.a] ca_file names a file that no system"),
        (A + 'api_key_env = "X"\napi_key_file = "x"', "line 1: [providers.a] has both"),
        (A + 'api_key_env = "X"', "line 4: [providers.a] api_key_env names X, which holds no key"),
        (A + 'api_key_file = "x"', "line 4: [providers.a] api_key_file names a file that cannot"),
        (A + 'profile = " "', "line 4: [providers.a] profile must be a string that is not empty"),
        ('[providers.a]\napi = "local"\nbase_url = "http://a"', "line 3: [providers.a] base_url"),
        ("[models.m]", "line 1: [models.m] needs a provider"),
        (
            '[models."m.1"]\nprovider = "lokal"',
            "names lokal, which is not a provider (did you mean",
        ),
        (A + '[models."a/x"]\nprovider = "local"', 'line 4: [models."a/x"] is never reached'),
        *(
            (A + f'[models.x]\nprovider = "a"\n{line}', f"line 6: [models.x] {reason}")
            for line, reason in (
                ("context_window = 0", "context_window must be a whole number"),
                ('context_window = "32k"', "context_window must be a whole number"),
                ('input_modalities = ["image"]', "input_modalities must have text"),
                ('input_modalities = ["text", "smell"]', "input_modalities must be a list of"),
                ('input_modalities = ["text", "text"]', "input_modalities must be a list of"),
                ('input_modalities = "text"', "input_modalities must be a list of"),
                ("reasoning_efforts = []", "reasoning_efforts must be a list of"),
                ('reasoning_efforts = ["much"]', "reasoning_efforts must be a list of"),
                ('display_name = ""', "display_name must be a string"),
                ('base_instructions_file = "none"', "base_instructions_file names a file that"),
            )
        ),
        (A + '[models.x]\nprovider = "a"\nfallbacks = ["x"]', "line 6: [models.x] fallbacks names"),
        (A + '[models.x]\nprovider = "a"\nfallbacks = ["y"]', "names y, which no provider serves"),
        ("a = \n", "line 1: Invalid value"),
        ("[redis]\nurl = [", "line 2: Invalid value at the end of the file"),
    ],
)
def test_a_bad_file_is_refused_with_its_line_and_the_reason(text: str, refused: str) -> None:
    assert refused in refusal(text)


@pytest.mark.parametrize(
    "base_url",
    [
        "ftp://a",
        "a.example/v1",
        "https://",
        "http://a:port",
        "http://a:0",
        "https://user:pw@a",
        "https://a#x",
    ],
)
def test_a_base_url_that_is_no_plain_address_is_refused(base_url: str) -> None:
    text = f'[providers.a]\napi = "responses"\nbase_url = "{base_url}"\n'
    assert "line 3: [providers.a] base_url must be an address" in refusal(text)


@pytest.mark.parametrize("end", ["/chat/completions", "/responses", "/messages", "/messages/"])
def test_a_base_url_that_names_an_endpoint_is_refused(end: str) -> None:
    text = f'[providers.a]\napi = "chat_completions"\nbase_url = "https://a/v1{end}?k=v"\n'
    assert f"line 3: [providers.a] base_url must end before {end.rstrip('/')}" in refusal(text)
    with pytest.raises(SettingsError, match="OPENAI_BASE_URL must end before"):
        Settings.from_env({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"https://a/v1{end}"})


@pytest.mark.parametrize("key", ["", "two words", "schlüssel", "a\nb"])
def test_a_key_that_no_header_can_carry_is_no_key(key: str) -> None:
    Path("key").write_text(key, "utf-8")
    assert "names a file that holds no key" in refusal(A + 'api_key_file = "key"\n')


@pytest.mark.parametrize(
    "line",
    [
        f'api_key_env = ["{SECRET}"]',
        f'base_url = "{SECRET}"',
        f'headers = {{ "Authorization" = "{SECRET}\\n" }}',
        f'colour = "{SECRET}"',
    ],
)
def test_a_refusal_never_repeats_a_value_that_may_be_a_secret(line: str) -> None:
    assert SECRET not in refusal(f'[providers.a]\napi = "responses"\n{line}\n')


def profiles(settings: Settings) -> list[Profile]:
    """Return what is known of every provider, as the gateway looks when it starts."""
    return [profile_of(each) for each in settings.providers]


KEY = "sk-proj-Abc123def456ghi789jkl"


@pytest.mark.parametrize(
    "text",
    [
        A + f'api_key_env = "{KEY}"',
        A + f'api_key_env = "Bearer {KEY}"',
        A + f'api_key_file = "{KEY}"',
        A + f'"{KEY}" = "x"',
        A + f'profile = "{KEY}"',
        A + f'quirks = {{ "{KEY}" = true }}',
        A + f'ca_file = "{KEY}"',
        A + f'[models.m]\nprovider = "{KEY}"',
        A + f'[models.m]\nprovider = "a"\nfallbacks = ["{KEY}"]',
        A + f'[models."{KEY}"]\nprovider = "b"',
        f'[providers."{KEY}"]\napi = "responses"',
        f'[providers."{KEY}"]\n[providers."{KEY}"]',
        f'"{KEY}" = 1',
        f'[redis]\nurl = "{KEY}"',
        f"[redis]\nurl = {KEY}",
        f'[limits]\nwhen_store_is_away = "{KEY}"',
    ],
)
def test_a_key_in_any_place_is_repeated_nowhere(text: str) -> None:
    file = Path("gateway.toml")
    file.write_text(text)
    with pytest.raises(SettingsError) as refused:
        profiles(Settings.from_env({"GATEWAY_CONFIG": str(file)}))
    assert KEY not in str(refused.value)
    assert "Abc123" not in str(refused.value)


@pytest.mark.parametrize("variable", ["two words", "9lives", "a" * 65, "what?"])
def test_what_is_no_name_is_not_repeated(variable: str) -> None:
    said = refusal(A + f'api_key_env = "{variable}"')
    assert "names [hidden], which holds no key" in said


def test_a_file_that_is_named_by_a_key_is_not_named() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({"GATEWAY_CONFIG": KEY})
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("around", ["\x0b", "\x0c", "\x1c", "\x85", "\xa0", "\u2003", "\ufeff"])
def test_only_spaces_tabs_and_line_ends_are_left_out_of_a_key(around: str) -> None:
    with pytest.raises(SettingsError, match="OPENAI_API_KEY holds no key"):
        Settings.from_env({"OPENAI_API_KEY": f"{KEY}{around}"})
    (provider, *_) = Settings.from_env({"OPENAI_API_KEY": f" \t{KEY}\r\n"}).providers
    assert provider.api_key == KEY


# Lines


def test_a_table_of_an_array_is_called_by_its_place() -> None:
    fault = bad_key(("auth", "jwt", 1, "issuer"), "is not there")
    assert fault.reason == "[[auth.jwt]] (number 2) issuer is not there"
    assert bad_table(("a", "b c", 0), "is empty").reason == '[[a."b c"]] (number 1) is empty'
    broken: tuple[object, ...] = ({}, [1], None)
    for raw in broken:
        with pytest.raises(Fault, match=r"jwt must be tables, each under \[\[auth.jwt\]\]"):
            as_tables(raw, ("auth", "jwt"))


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("a = 1\nb = 2", ["b"], 2),
        ("# a\r\n\r\na = 1\r\n", ["a"], 3),
        ('a = """\nb = 1\n"""\nb = 2', ["b"], 4),
        ("[t]\nk = [\n 1,\n 2,\n]\nl = 3", ["t", "k"], 2),
        ("[t]\nk = [\n 1,\n 2,\n]\nl = 3", ["t", "l"], 6),
        ('t."x.y".k = 1', ["t", "x.y", "k"], 1),
        ("[t.u]", ["t", "u"], 1),
        ("[[t.u]]\nk = 1\n\n[[t.u]]\nl = 2\nk = 3", ["t", "u", 1], 4),
        ("[[t.u]]\nk = 1\n\n[[t.u]]\nl = 2\nk = 3", ["t", "u", 1, "k"], 6),
        ("u = [{ k = 1 }, { k = 2 }]", ["u", 1, "k"], 1),
    ],
)
def test_a_keys_line_is_where_it_begins(text: str, path: list[str | int], line: int) -> None:
    assert line_of(text, path) == line


def test_what_is_not_there_has_no_line() -> None:
    assert line_of("a = 1", ["a", "b"]) is None
    assert line_of("[[a]]", ["a", 1]) is None


def test_a_document_that_ends_too_early_is_blamed_on_its_last_line() -> None:
    with pytest.raises(TomlError) as caught:
        parse("a = [\n1,\n")
    assert caught.value.line == 3


@pytest.mark.parametrize("days", [0, 30, 365])
def test_what_is_stored_is_kept_for_some_days(days: int) -> None:
    assert settings_of(f"[storage]\nretention_days = {days}\n").storage.retention_days == days
    assert settings_of("[storage]\n").storage.retention_days is None


def test_the_request_log_can_be_done_without() -> None:
    assert settings_of("[storage]\nrequest_log = 0\n").storage.request_log == 0
