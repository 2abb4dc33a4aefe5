"""`samotop check` and `samotop config`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from samotop.config.read import FILE_NAME
from tests.fakes.certificates import make_certificate


def test_a_good_home_is_said_to_be_good(run, home: Path) -> None:
    assert run("check", "--home", str(home)) == (0, f"{home / FILE_NAME}: no mistakes\n", "")


def test_the_home_may_stand_in_front_of_the_verb(run, home: Path) -> None:
    assert run("--home", str(home), "check")[0] == 0
    assert run(f"--home={home}", "account", "list")[0] == 0


def test_the_home_may_come_from_the_environment(run, home: Path, monkeypatch) -> None:
    monkeypatch.setenv("SAMOTOP_HOME", str(home))
    assert run("check")[0] == 0


def test_every_mistake_is_printed_and_the_status_is_1(run, home: Path) -> None:
    (home / FILE_NAME).write_text('hostname = "mx.example.org"\ndomain = 1\nworkers = 0\n')
    status, out, err = run("check", "--home", str(home))
    assert (status, out) == (1, "")
    assert f"{home / FILE_NAME}:2: " in err
    assert f"{home / FILE_NAME}:3: " in err
    assert 'did you mean "domains"?' in err


def test_the_faults_as_json(run, home: Path) -> None:
    (home / FILE_NAME).write_text('hostname = "mx.example.org"\ndomains = []\nworkers = 0\n')
    status, out, _ = run("check", "--json", "--home", str(home))
    assert status == 1
    assert [(fault["line"], fault["remedy"]) for fault in json.loads(out)["faults"]] == [
        (3, "write a number from 1 to 256")
    ]


def test_an_owner_without_an_account_is_a_fault_with_its_line(run, home: Path) -> None:
    path = home / FILE_NAME
    path.write_text('hostname = "mx.example.org"\ndomains = ["example.org"]\n\n[mailbox.info]\nowner = "bob"\n')
    status, _, err = run("check", "--home", str(home))
    assert status == 1
    assert f"{path}:5: " in err
    assert "samotop account add bob" in err


def test_what_cut_through_means_is_said(run, home: Path) -> None:
    """Nothing of it is stored: whoever looks for it in the queue should know."""
    path = home / FILE_NAME
    route = '[[route]]\nmatch = "inside.example.org"\nvia = "smtp://mail.example.net"\ncut_through = true\n'
    path.write_text(path.read_text() + "\n" + route)
    status, out, err = run("check", "--home", str(home))
    assert (status, out) == (0, f"{path}: no mistakes\n")
    assert 'note: mail for "inside.example.org" is not stored: while its next hop is away' in err


def test_a_postmaster_without_an_account_is_a_fault_with_its_line(run, home: Path) -> None:
    """Somebody has to get that mail, so nobody in particular must not be named."""
    path = home / FILE_NAME
    path.write_text('hostname = "mx.example.org"\ndomains = ["example.org"]\npostmaster = "bob"\n')
    status, _, err = run("check", "--home", str(home))
    assert status == 1
    assert f"{path}:3: " in err
    assert "samotop account add bob" in err
    path.write_text('hostname = "mx.example.org"\ndomains = ["example.org"]\npostmaster = "alice"\n')
    assert run("check", "--home", str(home))[0] == 0


def test_a_home_that_others_could_read_is_refused(run, home: Path) -> None:
    home.chmod(0o750)
    for verb in (("check",), ("config",), ("serve",), ("account", "list"), ("queue", "list")):
        status, _, err = run(*verb, "--home", str(home))
        assert status == 1
        assert f"chmod 700 {home}" in err


def test_a_home_that_is_absent_names_the_remedy(run, tmp_path: Path) -> None:
    for verb in (("check",), ("config",), ("serve",), ("account", "list"), ("queue", "list")):
        status, _, err = run(*verb, "--home", str(tmp_path / "absent"))
        assert status == 1
        assert "samotop init --home" in err


def test_what_comes_later_is_said_plainly(run, home: Path) -> None:
    with (home / FILE_NAME).open("a") as file:
        file.write('[[listen]]\nprotocol = "imap"\naddress = "127.0.0.1:2143"\n')
    status, _, err = run("check", "--home", str(home))
    assert status == 0
    assert "imap is not available in this release; listener 127.0.0.1:2143 skipped" in err


def test_a_claim_in_a_domain_that_is_not_ours_is_noted(run, home: Path) -> None:
    """It may be meant; more often it is a slip of the pen."""
    with (home / FILE_NAME).open("a") as file:
        file.write('[mailbox.alice]\naddresses = ["alice@exmaple.org"]\nsmart = ["*@alice.example.org"]\n')
    status, _, err = run("check", "--home", str(home))
    assert status == 0
    assert "alice@exmaple.org" in err
    assert "alice.example.org" not in err


def test_the_effective_configuration_is_toml_and_json(run, home: Path) -> None:
    status, out, _ = run("config", "--home", str(home))
    assert status == 0
    as_json = run("config", "--json", "--home", str(home))[1]
    assert tomllib.loads(out) == {key: value for key, value in json.loads(as_json).items() if value not in ([], {})}
    assert tomllib.loads(out)["limits"]["size"] == "50 MB"


def test_a_certificate_that_is_not_there_is_a_fault_before_anything_starts(run, home: Path) -> None:
    with (home / FILE_NAME).open("a") as file:
        file.write('[tls]\ncertificate = "mine.pem"\nkey = "mine.key"\n')
    (home / "mine.key").touch()
    status, _, err = run("check", "--home", str(home))
    assert status == 1
    assert f"certificate: {home / 'mine.pem'} cannot be read" in err
    assert "mine.key" not in err


def note(home: Path, text: str) -> None:
    with (home / FILE_NAME).open("a") as file:
        file.write(text)


def test_authorities_that_are_not_there_are_a_fault(run, home: Path) -> None:
    """Without them no certificate would be believed, and mail would wait for days."""
    note(home, '[relay]\nroots = "company.pem"\n')
    status, _, err = run("check", "--home", str(home))
    assert status == 1
    assert f"roots: {home / 'company.pem'} cannot be read" in err
    (home / "company.pem").write_text("no certificate\n")
    status, _, err = run("check", "--home", str(home))
    assert status == 1
    assert f"roots: there is no certificate of an authority in {home / 'company.pem'}" in err
    certificate, _ = make_certificate("Root", is_authority=True).write(home)
    certificate.rename(home / "company.pem")
    assert run("check", "--home", str(home))[0] == 0


def test_a_key_that_is_anothers_is_a_fault(run, home: Path) -> None:
    """It would stop the server when the old one is down already."""
    (home / "a").mkdir(mode=0o700)
    (home / "b").mkdir(mode=0o700)
    make_certificate("mx.example.org").write(home / "a")
    make_certificate("mx.example.org").write(home / "b")
    note(home, '[tls]\ncertificate = "a/certificate.pem"\nkey = "b/key.pem"\n')
    for verb in ("check", "serve"):
        status, _, err = run(verb, "--home", str(home))
        assert status == 1
        assert f"{home / 'b/key.pem'} is not the key of {home / 'a/certificate.pem'}" in err
        assert f"{home / FILE_NAME}:" in err


def test_a_certificate_that_is_none_is_a_fault(run, home: Path) -> None:
    (home / "c.pem").write_text("nothing")
    note(home, '[tls]\ncertificate = "c.pem"\nkey = "c.pem"\n')
    status, _, err = run("check", "--home", str(home))
    assert status == 1
    assert f"{home / 'c.pem'} and {home / 'c.pem'} cannot be used" in err


def test_a_pair_in_the_usual_place_is_checked_too(run, home: Path) -> None:
    """Somebody put it there in place of ours."""
    (home / "tls").mkdir(mode=0o700, exist_ok=True)
    make_certificate("mx.example.org").write(home / "tls")
    (home / "tls/key.pem").write_text("nothing")
    (home / "tls/key.pem").chmod(0o600)
    assert run("check", "--home", str(home))[0] == 1


def test_a_store_that_this_release_has_not_is_a_fault(run, home: Path) -> None:
    """`serve` refuses it: so must `check`."""
    path = home / FILE_NAME
    path.write_text('store = "postgresql://localhost/samotop"\n' + path.read_text())
    for verb in ("check", "serve"):
        status, out, err = run(verb, "--home", str(home))
        assert (status, out) == (1, "")
        assert "a store in PostgreSQL is not available in this release" in err


def test_keys_that_others_could_read_are_noted(run, home: Path, tmp_path: Path) -> None:
    """The home keeps them out, but not whoever copies keys/ somewhere else."""
    assert run("dns", "records", "example.org", "--home", str(home))[0] == 0
    path = next((home / "keys").rglob("*-rsa.pem"))
    path.chmod(0o644)
    (home / "keys").chmod(0o755)
    status, _, err = run("check", "--home", str(home))
    assert status == 0
    assert f"note: {path} could be read by others" in err
    assert f"chmod 600 {path}" in err
    assert f"chmod 700 {home / 'keys'}\n" in err
    assert err.count("could be read") == 2


def test_a_key_outside_of_the_home_may_be_a_groups_but_not_everybodys(run, home: Path, tmp_path: Path) -> None:
    certificate, key = make_certificate("mx.example.org").write(tmp_path)
    note(home, f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n')
    for mode, is_told in ((0o640, False), (0o644, True)):
        key.chmod(mode)
        assert ("could be read by everybody on this machine" in run("check", "--home", str(home))[2]) is is_told


WEB = '[[listen]]\nprotocol = "web"\naddress = "127.0.0.1:2443"\n'


def issue(folder: Path, *names: str) -> None:
    root = make_certificate("Root", is_authority=True)
    make_certificate(names[0], names=names, issuer=root).write(folder, root)


def test_a_certificate_that_no_sender_takes_for_the_policy_is_noted(run, home: Path) -> None:
    """The web server would answer, and the policy count for nothing; or for too much."""
    (home / "web").mkdir()
    issue(home / "web", "mx.example.org", "www.example.org")
    files = 'certificate = "web/certificate.pem"\nkey = "web/key.pem"\n'
    with (home / FILE_NAME).open("a") as file:
        file.write(f'{WEB}[mta_sts]\nmode = "enforce"\n{files}')
    status, _, err = run("check", "--home", str(home))
    assert status == 0
    assert "does not name mta-sts.example.org: senders take no policy" in err
    assert "is enforced, and the certificate of [tls] is one of its own making" in err
    issue(home / "web", "*.example.org")
    assert "does not name" not in run("check", "--home", str(home))[2]


def test_a_certificate_of_the_web_that_is_not_there_is_a_fault(run, home: Path) -> None:
    with (home / FILE_NAME).open("a") as file:
        file.write(f'{WEB}[mta_sts]\ncertificate = "web.pem"\nkey = "web.key"\n')
    status, _, err = run("check", "--home", str(home))
    assert status == 1
    assert f"certificate: {home / 'web.pem'} cannot be read" in err


def test_a_web_on_trial_has_nothing_to_note(run, home: Path) -> None:
    with (home / FILE_NAME).open("a") as file:
        file.write(WEB)
    assert "mta-sts" not in run("check", "--home", str(home))[2]
