"""Test a program that sends mail: the fixtures come with samotop. Run: pytest examples/test_with_fixture.py"""

import smtplib
import ssl


def test_report_is_sent(mail_catcher):
    with smtplib.SMTP(mail_catcher.host, mail_catcher.port) as client:
        client.sendmail("app@example.org", ["boss@example.org"], b"Subject: Report\r\n\r\nAll is well.\r\n")
    (mail,) = mail_catcher.wait(1)
    assert mail.recipients == ["boss@example.org"]
    assert mail.message["subject"] == "Report"


def test_report_is_sent_with_tls_and_login(make_mail_catcher):
    catcher = make_mail_catcher(tls="starttls", accounts={"app": "secret"})
    with smtplib.SMTP(catcher.host, catcher.port) as client:
        client.starttls(context=ssl.create_default_context(cafile=catcher.certificate))
        client.login("app", "secret")
        client.sendmail("app@example.org", ["boss@example.org"], b"Subject: Report\r\n\r\nAll is well.\r\n")
    (mail,) = catcher.wait(1)
    assert mail.login == "app"
    assert mail.is_encrypted
