"""`[[auth.jwt]]`: which issuers are trusted, and how far (N8)."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import IssuerSettings, Settings, SettingsError
from tests.upstream.listeners import CERTIFICATE

HEAD = '[[auth.jwt]]\nissuer = "https://i"\naudience = "gw"\n'
ONE = HEAD + 'jwks_url = "https://i/keys"\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("keys.json").write_text('{"keys": []}', "utf-8")
    Path("token").write_text("t", "utf-8")
    Path("ca.pem").write_bytes(CERTIFICATE.read_bytes())
    return tmp_path


def issuers(text: str, **environ: str) -> tuple[IssuerSettings, ...]:
    Path("gateway.toml").write_text(text, "utf-8")
    return Settings.from_env(environ).issuers


def test_an_issuer_needs_little() -> None:
    (found,) = issuers(ONE)
    assert found == IssuerSettings(
        name=found.name,
        issuer="https://i",
        audience=("gw",),
        jwks_url="https://i/keys",
    )
    assert (found.algorithms, found.leeway_s, found.cache_s) == (("RS256", "ES256"), 30, 300)


def test_every_key_of_an_issuer_is_read() -> None:
    (found,) = issuers(
        """
[[auth.jwt]]
name = "k8s"
issuer = "https://kubernetes.default.svc.cluster.local"
audience = ["gateway", "other"]
jwks_url = "https://kubernetes.default.svc/openid/v1/jwks"
jwks_ca_file = "ca.pem"
jwks_token_file = "token"
jwks_proxy = "http://user:pass@proxy:3128"
algorithms = ["EdDSA", "PS256"]
leeway_s = 0
cache_s = 60
account_claim = ["kubernetes.io", "namespace"]
models_claim = "models"
permissions_claim = "permissions"
limits_claim = "limits"
accounts = "shared"
"""
    )
    assert found == IssuerSettings(
        name="k8s",
        issuer="https://kubernetes.default.svc.cluster.local",
        audience=("gateway", "other"),
        jwks_url="https://kubernetes.default.svc/openid/v1/jwks",
        ca_file=Path("ca.pem"),
        token_file=Path("token"),
        proxy="http://user:pass@proxy:3128",
        algorithms=("EdDSA", "PS256"),
        leeway_s=0,
        cache_s=60,
        account_claim=("kubernetes.io", "namespace"),
        models_claim=("models",),
        permissions_claim=("permissions",),
        limits_claim=("limits",),
        shares_accounts=True,
    )
    assert "pass" not in repr(found)


def test_an_issuer_without_a_name_keeps_its_accounts_wherever_it_stands() -> None:
    other = ONE.replace("https://i", "https://j")
    names = {each.issuer: each.name for each in issuers(ONE + other)}
    assert names == {each.issuer: each.name for each in issuers(other + ONE)}
    assert len({*names.values()}) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[auth]\njwt = 1\n", "line 2: .auth. jwt must be tables, each under .*auth.jwt"),
        ("[auth.jwt]\nissuer = 'i'\n", r"line 1: .*each under \[\[auth.jwt\]\]"),
        ("[auth]\nkey = 1\n", "line 2: .auth. key is not a setting"),
        ("[[auth.jwt]]\naudience = 'a'\n", "needs an issuer"),
        ("[[auth.jwt]]\nissuer = 'a'\n", "needs an audience"),
        (HEAD, "needs either a jwks_url or a jwks_file"),
        (ONE + "jwks_file = 'keys.json'\n", "needs either a jwks_url or a jwks_file"),
        (HEAD + "jwks_file = 'none.json'\n", "line 4: .*names a file that cannot be read"),
        (
            ONE + "audience_ = 1\n",
            r"line 5: \[\[auth.jwt\]\] \(number 1\) audience_ .*did you mean",
        ),
        (ONE + "algorithms = ['none']\n", "must not have none: keys of a key set are public"),
        (ONE + "algorithms = ['RS256', 'HS256']\n", "line 5: .*must not have HS256"),
        (ONE + "algorithms = ['RSA256']\n", r"some of RS256.*did you mean PS256|did you mean RS"),
        (ONE + "algorithms = []\n", "must be a list of some of RS256"),
        (ONE + "leeway_s = 3600\n", "must be at most 300 seconds"),
        (ONE + "name = 'A~B'\n", "must be 1 to 16 small letters and digits"),
        (ONE + "accounts = 'all'\n", "must be own or shared"),
        (ONE + "account_claim = []\n", "must be a string, or a list of strings"),
        (HEAD + "jwks_file = 'keys.json'\njwks_ca_file = 'ca.pem'\n", "goes with a jwks_url only"),
        (ONE + "jwks_ca_file = 'keys.json'\n", "holds no certificate"),
        (
            ONE.replace("https://i/", "http://i/") + "jwks_token_file = 'token'\n",
            "needs a jwks_url",
        ),
        (ONE + "jwks_proxy = 'https://p'\n", "must be http://HOST:PORT"),
        (ONE + ONE, r"line 6: \[\[auth.jwt\]\] \(number 2\) issuer stands above already"),
        (
            ONE + "name = 'a'\n" + ONE.replace("https://i", "https://j") + "name = 'a'\n",
            "line 10: .*accounts would be mixed up",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_line(text: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        issuers(text)
