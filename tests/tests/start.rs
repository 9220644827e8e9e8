//! How the program starts and stops: what is unsafe is refused with a sentence that says what to
//! do; what runs is finished, and what was counted is written, before it ends.

#![cfg(test)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tests::company::{code_at, text};
use tests::hand::Hand;
use tests::postgres;
use tests::scene::{Scene, question};
use tests::server::{Config, Latchkey};
use tests::visitor::Visitor;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// A portal that mails nobody: nothing needs to listen where mail goes.
fn config() -> Config {
    Config {
        smtp_url: Some("smtp://localhost:1".to_owned()),
        ..Config::default()
    }
}

fn with(name: &str, value: &str) -> Config {
    Config {
        environment: vec![(name.to_owned(), value.to_owned())],
        ..config()
    }
}

/// What it said instead of starting.
async fn refusal(config: Config) -> Result<String> {
    let started = Latchkey::start(config).await;
    Ok(format!("{:#}", started.err().context("it started")?))
}

/// What it says instead of starting again.
async fn refusal_again(portal: &mut Latchkey) -> Result<String> {
    let started = portal.restart().await;
    Ok(format!("{:#}", started.err().context("it started again")?))
}

fn says(refusal: &str, what: &str, to_do: &str) -> Result<()> {
    ensure!(
        refusal.contains(what) && refusal.contains(to_do),
        "it says: {refusal}"
    );
    Ok(())
}

#[tokio::test]
async fn a_public_origin_without_https_is_refused() -> Result<()> {
    let refusal = refusal(with("LATCHKEY_ORIGIN", "http://keys.example.com")).await?;
    says(&refusal, "need https", "put a TLS proxy in front")
}

#[tokio::test]
async fn a_setting_that_nobody_knows_is_refused() -> Result<()> {
    let refusal = refusal(with("LATCHKEY_ORIGINN", "https://keys.example.com")).await?;
    says(&refusal, "originn", "cannot be read")
}

#[tokio::test]
async fn production_without_a_mail_server_is_refused() -> Result<()> {
    let refusal = refusal(Config::default()).await?;
    says(&refusal, "No mail server is configured", "Set `smtp_url`")
}

#[tokio::test]
async fn a_root_key_that_others_can_read_is_refused() -> Result<()> {
    let mut portal = Latchkey::start(config()).await?;
    let file = portal.data_folder().join("root.key");
    let mode = fs::metadata(&file)?.permissions().mode();
    ensure!(mode & 0o077 == 0, "it was made with the mode {mode:o}");
    for mode in [0o640, 0o604] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode))?;
        let refusal = refusal_again(&mut portal).await?;
        says(&refusal, "can be read by others", "chmod 600")?;
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
    portal.restart().await
}

#[tokio::test]
async fn a_lost_or_wrong_root_key_is_refused_and_never_made_anew() -> Result<()> {
    let mut portal = Latchkey::start(config()).await?;
    let file = portal.data_folder().join("root.key");
    let key = fs::read(&file)?;
    fs::remove_file(&file)?;
    says(
        &refusal_again(&mut portal).await?,
        "is not there",
        "restore it from its backup",
    )?;
    ensure!(!file.exists(), "a new one would orphan every key");

    let other = Latchkey::start(config()).await?;
    fs::copy(other.data_folder().join("root.key"), &file)?;
    says(
        &refusal_again(&mut portal).await?,
        "cannot be opened",
        "restore the file",
    )?;
    fs::write(&file, "not a key")?;
    says(
        &refusal_again(&mut portal).await?,
        "does not hold thirty-two bytes",
        "root.key",
    )?;
    fs::write(&file, key)?;
    portal.restart().await
}

#[tokio::test]
async fn a_development_database_under_production_is_refused_and_the_other_way_round() -> Result<()>
{
    for (before, after) in [("development", "production"), ("production", "development")] {
        let mut portal = Latchkey::start(Config {
            profile: before,
            ..config()
        })
        .await?;
        portal.config_mut().profile = after;
        let refusal = refusal_again(&mut portal).await?;
        says(
            &refusal,
            &format!("was made by a {before} configuration"),
            "its own database",
        )?;
    }
    Ok(())
}

#[tokio::test]
async fn a_changed_origin_that_would_orphan_every_passkey_is_refused() -> Result<()> {
    let mut portal = Latchkey::start(config()).await?;
    let origin = portal.origin().to_owned();
    let other = (
        "LATCHKEY_ORIGIN".to_owned(),
        "https://keys.example.com".to_owned(),
    );
    portal.config_mut().environment.push(other);
    let refusal = refusal_again(&mut portal).await?;
    says(
        &refusal,
        "Passkeys are bound",
        &format!("Set `origin` back to {origin}"),
    )?;
    let refused = portal.console(&["owner-link"]);
    ensure!(refused.is_err(), "nor does the console work under it");
    Ok(())
}

/// `check-config` refuses what a start would refuse, in the same words, and makes nothing.
#[tokio::test]
async fn the_check_refuses_what_a_start_would_refuse_on_sqlite() -> Result<()> {
    check(None).await
}

#[tokio::test]
async fn the_check_refuses_what_a_start_would_refuse_on_postgresql() -> Result<()> {
    check(Some(postgres::create_database().await?)).await
}

async fn check(database_url: Option<String>) -> Result<()> {
    let mut portal = Latchkey::start(Config {
        database_url,
        ..config()
    })
    .await?;
    portal.stop().await?;
    let safe = portal.console(&["check-config"])?;
    ensure!(
        safe == format!(
            "The configuration is safe to start with: {}\n",
            portal.origin()
        ),
        "{safe}"
    );
    let refused = |portal: &Latchkey| {
        let said = portal.console(&["check-config"]);
        anyhow::Ok(format!("{:#}", said.err().context("it is safe")?))
    };

    let root = portal.data_folder().join("root.key");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o604))?;
    says(&refused(&portal)?, "can be read by others", "chmod 600")?;
    fs::set_permissions(&root, fs::Permissions::from_mode(0o600))?;
    let key = fs::read(&root)?;
    fs::remove_file(&root)?;
    says(
        &refused(&portal)?,
        "is not there",
        "restore it from its backup",
    )?;
    ensure!(!root.exists(), "a check makes nothing");
    fs::write(&root, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")?;
    fs::set_permissions(&root, fs::Permissions::from_mode(0o600))?;
    says(&refused(&portal)?, "cannot be opened", "restore the file")?;
    fs::write(&root, key)?;

    portal.config_mut().profile = "development";
    says(
        &refused(&portal)?,
        "made by a production configuration",
        "its own database",
    )?;
    portal.config_mut().profile = "production";
    let origin = "LATCHKEY_ORIGIN".to_owned();
    portal
        .config_mut()
        .environment
        .push((origin, "https://keys.example.com".to_owned()));
    says(
        &refused(&portal)?,
        "Passkeys are bound",
        "Set `origin` back",
    )?;
    portal.config_mut().environment.clear();
    portal.restart().await
}

#[tokio::test]
async fn a_check_before_the_first_start_says_what_will_be_made_and_makes_nothing() -> Result<()> {
    let portal = Latchkey::start(config()).await?;
    let folder = tempfile::TempDir::new()?;
    let elsewhere = Config {
        database_url: Some(format!(
            "sqlite:{}",
            folder.path().join("new.sqlite").display()
        )),
        environment: vec![(
            "LATCHKEY_ROOT_KEY_FILE".to_owned(),
            folder.path().join("root.key").display().to_string(),
        )],
        ..config()
    };
    let said = portal.console_with(&elsewhere, &["check-config"])?;
    says(&said, "makes the database", "makes the root key")?;
    ensure!(fs::read_dir(folder.path())?.next().is_none());
    Ok(())
}

#[tokio::test]
async fn a_newer_schema_is_refused_on_sqlite() -> Result<()> {
    newer_schema(None).await
}

#[tokio::test]
async fn a_newer_schema_is_refused_on_postgresql() -> Result<()> {
    newer_schema(Some(postgres::create_database().await?)).await
}

async fn newer_schema(database_url: Option<String>) -> Result<()> {
    let mut portal = Latchkey::start(Config {
        database_url: database_url.clone(),
        ..config()
    })
    .await?;
    portal.console(&["migrate"])?;
    let mut hand = Hand::at(&portal).await?;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) SELECT 9000, 'later', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
    ensure!(hand.run(newer).await? == 1);
    drop(hand);
    let migrate = portal.console(&["migrate"]);
    let migrate = format!("{:#}", migrate.err().context("it was migrated")?);
    says(&migrate, "holds schema 9000", "run the version")?;
    let refusal = refusal_again(&mut portal).await?;
    says(&refusal, "holds schema 9000", "run the version")
}

#[tokio::test]
async fn what_runs_is_finished_and_nothing_new_begins_after_sigterm() -> Result<()> {
    let mut scene = Scene::set(None).await?;
    let request = scene.ask_for_access().await?;
    let link = scene.approve(&request).await?;
    let claimed = scene.contact.claim(&link).await?;
    scene.contact.receipt(&claimed).await?;
    for _ in 0..3 {
        ensure!(scene.verify(&claimed.key).await? == "ok");
    }
    let body = question(&claimed.key).to_string();
    let (first, rest) = body.split_at(20);
    let address = format!("localhost:{}", scene.portal.port());
    let mut running = TcpStream::connect(&address).await?;
    let head = format!(
        "POST /v1/verify HTTP/1.1\r\nhost: {address}\r\nlatchkey-gateway: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{first}",
        scene.gateway,
        body.len(),
    );
    running.write_all(head.as_bytes()).await?;
    // Somebody who says nothing at all must not keep it from ending.
    let _silent = TcpStream::connect(&address).await?;
    sleep(Duration::from_millis(200)).await;

    let visitor = Visitor::new(scene.portal.origin());
    ensure!(visitor.get("/readyz").await?.status() == 200);
    let mut portal = scene.portal;
    let (stopped, answered) = tokio::join!(portal.stop(), async {
        let mut refused = false;
        for _ in 0..200 {
            refused = !ready(&address).await;
            if refused {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
        ensure!(refused, "it stays ready");
        running.write_all(rest.as_bytes()).await?;
        let mut answer = Vec::new();
        timeout(Duration::from_secs(5), running.read_to_end(&mut answer)).await??;
        anyhow::Ok(String::from_utf8_lossy(&answer).into_owned())
    });
    let answered = answered?;
    ensure!(
        answered.starts_with("HTTP/1.1 200") && answered.contains("\"ok\""),
        "{answered}"
    );
    ensure!(stopped?.success());
    let mut hand = Hand::at(&portal).await?;
    let counted = hand
        .texts("SELECT CAST(accepted AS TEXT) FROM key_use")
        .await?;
    ensure!(counted == ["4"], "counted: {counted:?}");
    Ok(())
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_keep_it_from_ending() -> Result<()> {
    let mut portal = Latchkey::start(config()).await?;
    let mut endless = TcpStream::connect(("localhost", portal.port())).await?;
    endless
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: ")
        .await?;
    sleep(Duration::from_millis(200)).await;
    ensure!(portal.stop().await?.success());
    Ok(())
}

/// Asked on a connection of its own, as a balancer asks.
async fn ready(address: &str) -> bool {
    let asked = async {
        let mut connection = TcpStream::connect(address).await?;
        let ask = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        connection.write_all(ask.as_bytes()).await?;
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await?;
        anyhow::Ok(answer.starts_with(b"HTTP/1.1 200"))
    };
    matches!(timeout(Duration::from_secs(2), asked).await, Ok(Ok(true)))
}

#[tokio::test]
async fn in_development_it_says_where_the_mailbox_is_and_prints_a_link_for_the_owner() -> Result<()>
{
    let mut portal = Latchkey::start(Config {
        profile: "development",
        ..Config::default()
    })
    .await?;
    let origin = portal.origin().to_owned();
    let printed = portal.log();
    let mailbox = format!("{origin}/dev/mailbox");
    ensure!(
        printed.contains(&format!("Latchkey is at {origin}")) && printed.contains(&mailbox),
        "{printed}"
    );
    let links = |text: &str| -> Vec<String> {
        let start = format!("{origin}/l/");
        let words = text.split(|c: char| c.is_whitespace() || c == '"');
        let links = words.filter(|word| word.starts_with(&start));
        links.map(str::to_owned).collect()
    };
    let mut link = links(&printed);
    ensure!(link.len() == 1, "{link:?}");
    let link = link.pop().context("one link")?;

    let mut owner = Visitor::new(&origin);
    owner.enrol(&link, None).await?;
    let reveal = owner
        .act(
            "/people/invite",
            &[
                ("name", "Ada"),
                ("email", "ada@example.com"),
                ("role", "auditor"),
            ],
        )
        .await?;
    let code = code_at(&owner, &reveal).await?;
    // By the pages alone, without signing in, as the first walk does it.
    let nobody = Visitor::new(&origin);
    let path = mailed(&nobody, "ada@example.com").await?;
    let mail = text(&nobody, &path).await?;
    ensure!(mail.contains("ada@example.com") && mail.contains("Open the link"));
    let shown = links(&mail);
    let invitation = shown.first().context("the mail shows no link")?;
    let mut ada = Visitor::new(&origin);
    ada.enrol(invitation, Some(&code)).await?;
    let none = nobody
        .get("/dev/mailbox/00000000-0000-4000-8000-000000000000")
        .await?;
    ensure!(none.status() == 404);

    let before = portal.log().len();
    portal.restart().await?;
    let printed = portal.log().split_off(before);
    ensure!(printed.contains(&mailbox) && links(&printed).is_empty());

    // With a mail server there is no mailbox any more, nor what is left in its folder.
    portal.config_mut().smtp_url = config().smtp_url;
    portal.restart().await?;
    no_mailbox(&nobody, &path).await
}

#[tokio::test]
async fn in_production_there_is_no_mailbox_even_where_its_folder_is() -> Result<()> {
    let development = Latchkey::start(Config {
        profile: "development",
        ..Config::default()
    })
    .await?;
    let mut owner = Visitor::new(development.origin());
    owner.enrol(&development.owner_link()?, None).await?;
    ensure!(owner.form("/mail/test", &[]).await?.status() == 303);
    let path = mailed(&owner, "owner@example.com").await?;

    let portal = Latchkey::start(config()).await?;
    let left = portal.data_folder().join("mailbox");
    fs::create_dir(&left)?;
    let mut copied = 0;
    for file in fs::read_dir(development.data_folder().join("mailbox"))? {
        let file = file?;
        fs::copy(file.path(), left.join(file.file_name()))?;
        copied += 1;
    }
    ensure!(copied > 0);
    let printed = portal.log();
    ensure!(!printed.contains("/dev/mailbox") && !printed.contains("/l/"));
    no_mailbox(&Visitor::new(portal.origin()), &path).await
}

async fn no_mailbox(visitor: &Visitor, mail: &str) -> Result<()> {
    for path in ["/dev/mailbox", mail] {
        let answer = visitor.get(path).await?;
        ensure!(answer.status() == 404, "{path}: {}", answer.status());
    }
    Ok(())
}

/// The mailbox's page of the newest mail to this address.
async fn mailed(visitor: &Visitor, address: &str) -> Result<String> {
    for _ in 0..200 {
        let page = text(visitor, "/dev/mailbox").await?;
        let mails = page.split("href=\"/dev/mailbox/").skip(1);
        let ours = mails.filter(|mail| {
            mail.split("</li>")
                .next()
                .is_some_and(|of| of.contains(address))
        });
        if let Some(id) = ours.filter_map(|mail| mail.split('"').next()).next() {
            return Ok(format!("/dev/mailbox/{id}"));
        }
        sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("no mail to {address} is in the mailbox")
}

#[tokio::test]
async fn the_database_is_named_by_the_variable_that_others_use_too() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let named = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    // Ours wins over the one of others.
    for (database_url, here) in [(None, "others"), (Some(named("ours")), "ours")] {
        let portal = Latchkey::start(Config {
            database_url,
            ..with("DATABASE_URL", &named("others"))
        })
        .await?;
        ensure!(folder.path().join(here).is_file(), "not in {here}");
        ensure!(!portal.data_folder().join("latchkey.sqlite").exists());
        fs::remove_file(folder.path().join(here))?;
    }
    let url = postgres::create_database().await?;
    let mut portal = Latchkey::start(with("DATABASE_URL", &url)).await?;
    ensure!(!portal.data_folder().join("latchkey.sqlite").exists());
    portal.config_mut().database_url = Some(url);
    let mut hand = Hand::at(&portal).await?;
    let keys = hand
        .texts("SELECT CAST(COUNT(*) AS TEXT) FROM keyring")
        .await?;
    ensure!(keys != ["0"], "it was made elsewhere");
    Ok(())
}

#[tokio::test]
async fn a_file_configures_it_and_the_environment_wins_over_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("latchkey.toml");
    let contents =
        "host_name = \"Harbour Board\"\nmail_from = \"keys@harbour.example\"\nsession_hours = 2\n";
    fs::write(&file, contents)?;
    let name = file.to_str().context("a path")?;
    let mut portal = Latchkey::start(with("LATCHKEY_CONFIG", name)).await?;
    let visitor = Visitor::new(portal.origin());
    ensure!(text(&visitor, "/sign-in").await?.contains("Harbour Board"));
    let environment = &mut portal.config_mut().environment;
    environment.push(("LATCHKEY_HOST_NAME".to_owned(), "Quay".to_owned()));
    portal.restart().await?;
    let page = text(&visitor, "/sign-in").await?;
    ensure!(page.contains("Quay") && !page.contains("Harbour Board"));

    // `--config` says the same, and wins over the variable.
    let unset = Config {
        environment: vec![("LATCHKEY_CONFIG".to_owned(), "/nowhere".to_owned())],
        ..portal.config().clone()
    };
    ensure!(portal.console_with(&unset, &["check-config"]).is_err());
    portal.console_with(&unset, &["--config", name, "check-config"])?;
    portal.console_with(&unset, &["check-config", "--config", name])?;
    Ok(())
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_refused_with_what_is_wrong() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("latchkey.toml");
    let name = file.to_str().context("a path")?;
    let missing = refusal(with("LATCHKEY_CONFIG", name)).await?;
    says(&missing, "does not exist", name)?;
    let contents: [(&[u8], &str); 8] = [
        (b"host_name = ", "TOML parse error"),
        (b"host_name = \"Quay", "TOML parse error"),
        (b"[host_name]\n", "host_name"),
        (b"host_name = \"a\"\nhost_name = \"b\"", "duplicate key"),
        (b"hostname = \"Quay\"", "hostname"),
        (b"[mail]\nfrom = \"keys@example.com\"", "mail"),
        (b"session_hours = \"two\"", "session_hours"),
        (b"host_name = \"\xff\xfe\"", "UTF-8"),
    ];
    for (content, about) in contents {
        fs::write(&file, content)?;
        let refusal = refusal(with("LATCHKEY_CONFIG", name)).await?;
        says(&refusal, "The configuration cannot be read", about)?;
    }
    // A folder is no file.
    fs::remove_file(&file)?;
    fs::create_dir(&file)?;
    let refusal = refusal(with("LATCHKEY_CONFIG", name)).await?;
    says(&refusal, "The configuration cannot be read", "")
}
