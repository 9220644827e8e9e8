//! Looking at a link, by people, bots and browsers, burns nothing.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::{Client, Method};
use tests::browser::Browser;
use tests::company::{action, code_at, linked, text};
use tests::promises;
use tests::rows::Rows;
use tests::scene::Scene;
use tests::server::{Config, Latchkey};
use tests::tally;
use tests::visitor::Visitor;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::{TRIES, settled};

const LOOKS: usize = 1000;
const AT_ONCE: usize = 20;
const RENDERS: usize = 20;

#[tokio::test]
async fn a_thousand_looks_and_twenty_renders_of_an_owner_link_burn_nothing() -> Result<()> {
    let portal = Latchkey::start(Config {
        smtp_url: Some("smtp://127.0.0.1:9".to_owned()),
        ..Config::default()
    })
    .await?;
    let link = portal.owner_link()?;
    let before = settled(&portal).await?;
    look_at(&link).await?;
    render(&[&link]).await?;
    burnt_nothing(&before, &portal).await?;
    Visitor::new(portal.origin()).enrol(&link, None).await
}

promises! {
    a_thousand_looks_and_twenty_renders_of_each_mailed_link_burn_nothing,
}

async fn a_thousand_looks_and_twenty_renders_of_each_mailed_link_burn_nothing(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let request = scene.ask_for_access().await?;
    let delivery = scene.approve(&request).await?;
    let (recovery, recovery_code) = recovery(&mut scene).await?;
    let fields = [
        ("name", "Mia"),
        ("email", "mia@partner.example"),
        ("role", "member"),
    ];
    let reveal = scene.contact.act("/people/invite", &fields).await?;
    let code = code_at(&scene.contact, &reveal).await?;
    let invitation = scene.link_to("mia@partner.example", "/l/").await?;

    let before = settled(&scene.portal).await?;
    let links = [&invitation, &recovery, &delivery].map(String::as_str);
    for link in links {
        look_at(link).await?;
    }
    render(&links).await?;
    burnt_nothing(&before, &scene.portal).await?;

    let origin = scene.portal.origin();
    Visitor::new(origin).enrol(&invitation, Some(&code)).await?;
    Visitor::new(origin)
        .enrol(&recovery, Some(&recovery_code))
        .await?;
    let claimed = scene.contact.claim(&delivery).await?;
    assert!(!claimed.again, "nobody claimed before");
    scene.contact.receipt(&claimed).await?;
    Ok(())
}

/// A colleague lost the passkey: the link in their mail, and its code.
async fn recovery(scene: &mut Scene) -> Result<(String, String)> {
    let email = "cora@partner.example";
    let second = scene
        .hire("Olga", "olga@host.example", &["operator"])
        .await?;
    let cora = scene.colleague("Cora", email, "admin").await?;
    let people = text(&cora, "/people").await?;
    let person = linked(&people, "/people/", "Cora").context("Cora")?;
    let reason = [("reason", "I called them on the number in the contract.")];
    scene
        .owner
        .act(&format!("{person}/recovery"), &reason)
        .await?;
    let people = text(&second, "/people").await?;
    let confirm = action(&people, "/proposals/", "/confirm").context("nothing to confirm")?;
    let reveal = second.act(&confirm, &[]).await?;
    let code = code_at(&second, &reveal).await?;
    Ok((scene.link_to(email, "/l/").await?, code))
}

/// As link previews and mail scanners do: without the fragment, which is never sent.
async fn look_at(link: &str) -> Result<()> {
    let address = link.split('#').next().unwrap_or_default().to_owned();
    let http = Client::new();
    let mut lookers = JoinSet::new();
    for looker in 0..AT_ONCE {
        let (http, address) = (http.clone(), address.clone());
        lookers.spawn(async move {
            for look in 0..LOOKS / AT_ONCE {
                let method = if (look + looker) % 2 == 0 {
                    Method::GET
                } else {
                    Method::HEAD
                };
                let answer = http
                    .request(method, &address)
                    .header("user-agent", "Slackbot-LinkExpanding 1.0")
                    .header("sec-purpose", "prefetch")
                    .send()
                    .await?;
                ensure!(answer.status() == 200, "{}", answer.status());
            }
            anyhow::Ok(LOOKS / AT_ONCE)
        });
    }
    let mut looks = 0;
    while let Some(done) = lookers.join_next().await {
        looks += done??;
    }
    assert_eq!(looks, LOOKS);
    tally::count("attacks", looks);
    Ok(())
}

/// As a scanner does that runs the page's scripts, with the whole link.
async fn render(links: &[&str]) -> Result<()> {
    let browser = Browser::start().await?;
    for link in links {
        for _ in 0..RENDERS {
            browser.goto("about:blank").await?;
            browser.goto(*link).await?;
            scripts_ran(&browser).await?;
        }
    }
    tally::count("attacks", links.len() * RENDERS);
    browser.quit().await
}

/// The page's scripts take the secret out of the address bar before anything else.
async fn scripts_ran(browser: &Browser) -> Result<()> {
    for _ in 0..400 {
        if browser.current_url().await?.fragment().is_none() {
            return Ok(());
        }
        sleep(Duration::from_millis(25)).await;
    }
    anyhow::bail!("the page's scripts did not run")
}

async fn burnt_nothing(before: &Rows, portal: &Latchkey) -> Result<()> {
    let after = Rows::of(portal).await?;
    assert_eq!(before.changed(&after, TRIES), Vec::<String>::new());
    Ok(())
}
