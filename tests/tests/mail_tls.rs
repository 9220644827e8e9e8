//! Mail over TLS, with a user and a password: what reaches the mail server came over a connection
//! that nobody could read, and where none can be made, mail waits and an operator is told why.

#![cfg(test)]

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::StatusCode;
use tests::scene::PATIENCE;
use tests::server::{Config, Latchkey};
use tests::smtp::{Lock, Mailbox, PASSWORD, USER};
use tests::visitor::Visitor;
use tokio::time::sleep;

const OWNER: &str = "owner@example.com";
const BOTH: [Lock; 2] = [Lock::StartTls, Lock::Implicit];

fn config(smtp_url: String, authority: Option<&Path>) -> Config {
    let authority = authority.map(|file| {
        let name = "LATCHKEY_SMTP_CA_FILE".to_owned();
        (name, file.display().to_string())
    });
    Config {
        smtp_url: Some(smtp_url),
        environment: authority.into_iter().collect(),
        ..Config::default()
    }
}

#[tokio::test]
async fn mail_goes_over_tls_with_a_password_to_a_server_of_a_private_authority() -> Result<()> {
    for lock in BOTH {
        let mut mailbox = Mailbox::start_locked(lock).await?;
        let authority = mailbox.authority();
        let portal = Latchkey::start(config(mailbox.url(), Some(&authority))).await?;
        asks_for_a_test_mail(&portal).await?;
        comes_safely(&mut mailbox).await?;
        ensure!(!portal.log().contains(PASSWORD), "{lock:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_loses_no_mail_and_is_said() -> Result<()> {
    for lock in BOTH {
        let mut mailbox = Mailbox::start_locked(lock).await?;
        let authority = mailbox.authority();
        let wrong = mailbox.url_with("opensesame");
        let portal = Latchkey::start(config(wrong, Some(&authority))).await?;
        let mended = config(mailbox.url(), Some(&authority));
        waits_until_mended(
            portal,
            &mut mailbox,
            "does not accept the user or the password in smtp_url",
            mended,
        )
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_not_trusted_and_loses_no_mail() -> Result<()> {
    for lock in BOTH {
        let mut mailbox = Mailbox::start_locked(lock).await?;
        let portal = Latchkey::start(config(mailbox.url(), None)).await?;
        let mended = config(mailbox.url(), Some(&mailbox.authority()));
        waits_until_mended(portal, &mut mailbox, "certificate is not trusted", mended).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_certificate_of_another_private_authority_or_for_another_host_is_not_trusted()
-> Result<()> {
    let mailbox = Mailbox::start_locked(Lock::StartTls).await?;
    let other = Mailbox::start_locked(Lock::StartTls).await?;
    let elsewhere = mailbox.url().replace("@localhost:", "@127.0.0.1:");
    for config in [
        config(mailbox.url(), Some(&other.authority())),
        config(elsewhere, Some(&mailbox.authority())),
    ] {
        let portal = Latchkey::start(config).await?;
        let owner = asks_for_a_test_mail(&portal).await?;
        until(&owner, "certificate is not trusted").await?;
        ensure!(mailbox.all()?.is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn where_tls_is_required_nothing_is_said_to_a_server_without() -> Result<()> {
    let mailbox = Mailbox::start().await?;
    let port = mailbox
        .url()
        .rsplit(':')
        .next()
        .context("a port")?
        .to_owned();
    let url = format!("smtp://localhost:{port}?tls=required");
    let portal = Latchkey::start(config(url, None)).await?;
    let owner = asks_for_a_test_mail(&portal).await?;
    until(&owner, "The mail server does not take mail at the moment").await?;
    ensure!(mailbox.all()?.is_empty(), "a mail went out in plain text");
    Ok(())
}

#[tokio::test]
async fn a_password_in_plain_text_over_the_network_is_refused_at_start() -> Result<()> {
    let plain = "smtp://keys:hidden@mail.example.com:587".to_owned();
    let refusal = refused(config(plain, None)).await?;
    ensure!(
        refusal.contains("in plain text") && refusal.contains("?tls=required"),
        "{refusal}"
    );
    ensure!(!refusal.contains("hidden"), "it says the password");
    Ok(())
}

#[tokio::test]
async fn an_authority_that_cannot_be_read_is_refused_at_start() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("authority.pem");
    let url = || "smtp://localhost:1?tls=required".to_owned();
    let portal = Latchkey::start(config(url(), None)).await?;
    for content in [
        None,
        Some(""),
        Some("not a certificate"),
        Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        Some("-----BEGIN CERTIFICATE-----\nAAAA"),
    ] {
        if let Some(content) = content {
            std::fs::write(&file, content)?;
        }
        let wrong = config(url(), Some(&file));
        let checked = portal.console_with(&wrong, &["check-config"]);
        let checked = format!("{:#}", checked.err().context("it is called safe")?);
        for refusal in [checked, refused(wrong).await?] {
            ensure!(
                refusal.contains("`smtp_ca_file`") && refusal.contains("authority.pem"),
                "{content:?}: {refusal}"
            );
        }
    }
    Ok(())
}

/// What it said instead of starting.
async fn refused(config: Config) -> Result<String> {
    let started = Latchkey::start(config).await;
    Ok(format!("{:#}", started.err().context("it started")?))
}

async fn asks_for_a_test_mail(portal: &Latchkey) -> Result<Visitor> {
    let mut owner = Visitor::new(portal.origin());
    owner.enrol(&portal.owner_link()?, None).await?;
    let sent = owner.form("/mail/test", &[]).await?;
    ensure!(sent.status() == StatusCode::SEE_OTHER);
    Ok(owner)
}

/// The operator is told, nothing arrives; once that is mended, what waited does.
async fn waits_until_mended(
    mut portal: Latchkey,
    mailbox: &mut Mailbox,
    sentence: &str,
    mended: Config,
) -> Result<()> {
    let owner = asks_for_a_test_mail(&portal).await?;
    let page = until(&owner, sentence).await?;
    ensure!(!page.contains(PASSWORD) && !page.contains("opensesame"));
    ensure!(!portal.log().contains("opensesame"));
    ensure!(mailbox.all()?.is_empty(), "it was sent all the same");
    // In peace, so that it leaves no lease on a mail.
    portal.stop().await?;
    *portal.config_mut() = mended;
    portal.restart().await?;
    comes_safely(mailbox).await
}

async fn comes_safely(mailbox: &mut Mailbox) -> Result<()> {
    for _ in 0..3 {
        let mail = mailbox.next_to(OWNER, PATIENCE).await?;
        ensure!(mail.tls && mail.user.as_deref() == Some(USER));
        if mail.subject.contains("test") {
            return Ok(());
        }
    }
    bail!("the test mail did not come")
}

/// Until the page of mails says this.
async fn until(operator: &Visitor, sentence: &str) -> Result<String> {
    for _ in 0..400 {
        let page = operator.get("/mail").await?.text().await?;
        if page.contains(sentence) {
            return Ok(page);
        }
        sleep(Duration::from_millis(50)).await;
    }
    let page = operator.get("/mail").await?.text().await?;
    bail!("the page of mails never says {sentence:?}: {page}")
}
