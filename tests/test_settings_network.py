"""The environment's proxies and authorities: what is taken from them, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import ProviderSettings, Settings, SettingsError
from app.settings.variables.network import read_network
from tests.upstream.listeners import CERTIFICATE

PROXY = "http://user:secret@proxy:3128"
USED = "[upstreams]\nuse_environment_proxies = true\n"
HOUSE = '[providers.house]\napi = "chat_completions"\nbase_url = "{url}"\n'


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be where no gateway runs."""
    monkeypatch.chdir(tmp_path)


def house(url: str, text: str = USED, more: str = "", **environ: str) -> ProviderSettings:
    Path("gateway.toml").write_text(text + HOUSE.format(url=url) + more, "utf-8")
    return Settings.from_env(environ).providers[0]


def test_the_environments_proxies_are_not_used_unless_the_file_says_so() -> None:
    assert house("https://house/v1", "", HTTPS_PROXY=PROXY).proxy is None
    assert house("https://house/v1", HTTPS_PROXY=PROXY).proxy == PROXY


def test_those_that_are_not_used_are_known_by_their_names() -> None:
    environ = {"https_proxy": PROXY, "HTTP_PROXY": PROXY, "NO_PROXY": "x", "ALL_PROXY": " "}
    assert read_network(environ, uses_proxies=False).unused == ("https_proxy", "HTTP_PROXY")
    assert read_network(environ, uses_proxies=True).unused == ()


@pytest.mark.parametrize(
    ("url", "environ", "proxy"),
    [
        ("https://house/v1", {"HTTPS_PROXY": "http://a:1"}, "http://a:1"),
        ("https://house/v1", {"https_proxy": "http://b:1", "HTTPS_PROXY": "http://a:1"}, "http://b:1"),
        ("https://house/v1", {"HTTP_PROXY": "http://a:1"}, None),
        ("http://house/v1", {"HTTP_PROXY": "http://a:1"}, "http://a:1"),
        ("http://house/v1", {"ALL_PROXY": "http://a:1"}, "http://a:1"),
        ("https://house/v1", {"ALL_PROXY": "http://a:1", "HTTPS_PROXY": "http://b:1"}, "http://b:1"),
        ("https://house/v1", {"HTTPS_PROXY": "proxy:3128"}, "http://proxy:3128"),
        ("http://localhost:1/v1", {"HTTP_PROXY": "http://a:1"}, None),
        ("http://127.0.0.2:1/v1", {"HTTP_PROXY": "http://a:1"}, None),
        ("http://[::1]:1/v1", {"HTTP_PROXY": "http://a:1"}, None),
        ("https://house/v1", {"HTTPS_PROXY": "http://a:1", "NO_PROXY": "house"}, None),
        ("https://m.house.in/v1", {"HTTPS_PROXY": "http://a:1", "no_proxy": "x, .in"}, None),
        ("https://m.house.in/v1", {"HTTPS_PROXY": "http://a:1", "NO_PROXY": "house.in"}, None),
        ("https://m.house.in/v1", {"HTTPS_PROXY": "http://a:1", "NO_PROXY": "other"}, "http://a:1"),
        ("https://house:8443/v1", {"HTTPS_PROXY": "http://a:1", "NO_PROXY": "house:8443"}, None),
        ("https://house/v1", {"HTTPS_PROXY": "http://a:1", "NO_PROXY": "*"}, None),
        ("https://house/v1", {"HTTPS_PROXY": "http://a:1", "NO_PROXY": ""}, "http://a:1"),
        ("https://m.house.in/v1", {"HTTPS_PROXY": "http://a:1", "NO_PROXY": "x,*.house.in"}, None),
        ("http://10.1.2.3:80/v1", {"HTTP_PROXY": "http://a:1", "NO_PROXY": "x, 10.0.0.0/8"}, None),
        ("http://10.1.2.3/v1", {"HTTP_PROXY": "http://a:1", "NO_PROXY": "10.1.2.3"}, None),
        ("http://11.1.2.3/v1", {"HTTP_PROXY": "http://a:1", "NO_PROXY": "10.0.0.0/8"}, "http://a:1"),
        ("http://house/v1", {"HTTP_PROXY": "http://a:1", "NO_PROXY": "10.0.0.0/8"}, "http://a:1"),
        ("http://[fd00::7]/v1", {"HTTP_PROXY": "http://a:1", "NO_PROXY": "fd00::/8"}, None),
        ("http://[fd00::7]/v1", {"HTTP_PROXY": "http://a:1", "NO_PROXY": "[fd00::7]"}, None),
    ],
)  # fmt: skip
def test_which_proxy_leads_where(url: str, environ: dict[str, str], proxy: str | None) -> None:
    assert house(url, **environ).proxy == proxy


def test_a_providers_own_proxy_comes_first_and_may_have_a_login() -> None:
    own = f'proxy = "{PROXY}"\n'
    found = house("https://house/v1", more=own, HTTPS_PROXY="http://a:1")
    assert found.proxy == PROXY
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    "proxy",
    ["https://proxy:3128", "socks5://proxy:1080", "http://", "http://proxy/path", "http://a:0"],
)
def test_a_proxy_of_another_kind_is_refused_where_it_would_be_used(proxy: str) -> None:
    with pytest.raises(SettingsError, match=r"^HTTPS_PROXY must be http://HOST:PORT"):
        house("https://house/v1", HTTPS_PROXY=proxy)
    assert house("https://house/v1", "", HTTPS_PROXY=proxy).proxy is None


def test_a_login_is_not_repeated_where_its_proxy_is_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        house("https://house/v1", HTTPS_PROXY="https://user:hunter222@proxy")
    assert "hunter222" not in str(caught.value)


def certificates(name: str) -> str:
    Path(name).write_bytes(CERTIFICATE.read_bytes())
    return name


def test_the_environments_authorities_are_used_in_the_order_of_requests() -> None:
    environ = {name: certificates(name) for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")}
    assert house("https://house/v1", **environ).ca_file == Path("REQUESTS_CA_BUNDLE")
    del environ["REQUESTS_CA_BUNDLE"]
    assert house("https://house/v1", **environ).ca_file == Path("SSL_CERT_FILE")
    assert house("http://house/v1", **environ).ca_file is None
    own = f'ca_file = "{certificates("own.pem")}"\n'
    assert house("https://house/v1", more=own, **environ).ca_file == Path("own.pem")


def test_the_environments_authorities_are_used_for_a_key_at_an_address_of_its_own() -> None:
    pool = '[[providers.house.keys]]\nbase_url = "https://eu/v1"\napi_key_env = "K"\n'
    environ = {"SSL_CERT_FILE": certificates("ca"), "K": "x"}
    assert house("http://house/v1", more=pool, **environ).ca_file == Path("ca")
    own = f'ca_file = "{certificates("own.pem")}"\n'
    assert house("http://house/v1", more=own + pool, **environ).ca_file == Path("own.pem")


def test_a_bundle_that_is_none_is_named_by_its_variable() -> None:
    Path("empty").write_text("", "utf-8")
    Path("half").write_bytes(CERTIFICATE.read_bytes()[:-400])
    for file, why in (
        ("none", "cannot be read: No such file"),
        ("empty", "holds no certificate"),
        ("half", "holds a damaged certificate"),
    ):
        with pytest.raises(SettingsError, match=f"^SSL_CERT_FILE names a file that {why}"):
            house("https://house/v1", SSL_CERT_FILE=file)


def test_issuers_are_reached_as_providers_are() -> None:
    text = '[[auth.jwt]]\nissuer = "i"\naudience = "a"\njwks_url = "https://keys/jwks"\n'
    Path("gateway.toml").write_text(USED + text, "utf-8")
    environ = {"HTTPS_PROXY": PROXY, "SSL_CERT_FILE": certificates("ca")}
    (issuer,) = Settings.from_env(environ).issuers
    assert (issuer.proxy, issuer.ca_file) == (PROXY, Path("ca"))
