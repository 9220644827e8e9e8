//! "Once" under load: 64 racers on one link.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tests::company::{CONTACT, code_at};
use tests::postgres;
use tests::rows::Rows;
use tests::scene::Scene;
use tests::server::{Config, Latchkey};
use tests::tally;
use tests::visitor::{Ready, Visitor, problem};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

const RACERS: usize = 64;
const PASSKEYS: usize = 4;

#[tokio::test]
async fn of_64_racers_on_a_delivery_one_reads_it_on_sqlite() -> Result<()> {
    let scene = scene(None).await?;
    one_reads(scene, None).await
}

#[tokio::test]
async fn of_64_racers_on_a_delivery_one_reads_it_on_two_processes() -> Result<()> {
    let scene = scene(Some(postgres::create_database().await?)).await?;
    let peer = scene.portal.start_peer().await?;
    one_reads(scene, Some(peer)).await
}

#[tokio::test]
async fn of_64_racers_on_an_invitation_one_enrols_on_sqlite() -> Result<()> {
    let scene = scene(None).await?;
    one_enrols(scene, None).await
}

#[tokio::test]
async fn of_64_racers_on_an_invitation_one_enrols_on_two_processes() -> Result<()> {
    let scene = scene(Some(postgres::create_database().await?)).await?;
    let peer = scene.portal.start_peer().await?;
    one_enrols(scene, Some(peer)).await
}

#[tokio::test]
async fn a_lost_response_loses_nothing_and_a_receipt_ends_it() -> Result<()> {
    let mut scene = scene(None).await?;
    scene.contact.add_passkey("Second").await?;
    let link = delivery(&mut scene).await?;
    let first = scene.contact.ready_to_claim(&link, 0).await?;
    let lost = scene.contact.post(&first.path, &first.body).await?;
    let retry = scene.contact.ready_to_claim(&link, 0).await?;
    let again = scene.contact.post(&retry.path, &retry.body).await?;
    for field in ["header", "envelope", "host_key"] {
        assert_eq!(lost[field], again[field], "{field}");
    }
    assert_eq!(
        (&lost["again"], &again["again"]),
        (&Value::from(false), &Value::from(true))
    );
    let other = scene.contact.ready_to_claim(&link, 1).await?;
    let refused = scene.contact.post(&other.path, &other.body).await;
    let refused = refused.err().context("another passkey read it")?;
    assert_eq!(
        problem(&refused).map(|p| p.code.as_str()),
        Some("opened-elsewhere")
    );

    let claimed = scene.contact.open(&link, &retry, again)?;
    scene.contact.receipt(&claimed).await?;
    assert_eq!(scene.verify(&claimed.key).await?, "ok");
    for passkey in [0, 1] {
        let late = scene.contact.ready_to_claim(&link, passkey).await?;
        let late = scene.contact.send(&late.path, &late.body).await?;
        assert_eq!(late.status(), 403, "passkey {passkey}");
        assert!(!late.text().await?.contains("envelope"));
    }
    tally::count("attacks", 3);
    Ok(())
}

/// Behind a proxy on this machine, so that racers have addresses of their own.
async fn scene(database_url: Option<String>) -> Result<Scene> {
    let proxies = ("LATCHKEY_PROXIES".to_owned(), "127.0.0.1".to_owned());
    Scene::with(Config {
        database_url,
        environment: vec![proxies],
        ..Config::default()
    })
    .await
}

async fn delivery(scene: &mut Scene) -> Result<String> {
    let request = scene.ask_for_access().await?;
    scene.decide(&request).await?;
    scene.link_to(CONTACT, "/d/").await
}

/// The contact's passkeys all try at once, each many times.
async fn one_reads(mut scene: Scene, peer: Option<Latchkey>) -> Result<()> {
    for number in 1..PASSKEYS {
        scene
            .contact
            .add_passkey(&format!("Passkey {number}"))
            .await?;
    }
    let link = delivery(&mut scene).await?;
    let mut racers = Vec::new();
    for number in 0..RACERS {
        let racer = Visitor {
            authenticator: scene.contact.authenticator.clone(),
            ..racer(&scene, peer.as_ref(), number)?
        };
        let claim = racer.ready_to_claim(&link, number % PASSKEYS).await?;
        racers.push((racer, claim));
    }
    let answers = race(racers, Some(&link)).await?;
    let read: Vec<_> = answers
        .iter()
        .filter(|(_, status, _)| *status == 200)
        .collect();
    let winner = read.first().context("nobody read it")?.0.body["credential"]["id"].clone();
    let fresh = read
        .iter()
        .filter(|(_, _, answer)| answer["again"] == false);
    assert_eq!(fresh.count(), 1, "one opened the lease");
    for (claim, status, answer) in &answers {
        if claim.body["credential"]["id"] == winner {
            assert_eq!(*status, 200, "the same passkey gets it again: {answer}");
            assert_eq!(answer["envelope"], read[0].2["envelope"]);
        } else {
            assert_eq!(answer["code"], "opened-elsewhere", "{status} {answer}");
        }
    }
    let (claim, _, answer) = read[0];
    let claimed = scene.contact.open(&link, claim, answer.clone())?;
    scene.contact.receipt(&claimed).await?;
    assert_eq!(scene.verify(&claimed.key).await?, "ok");
    tally::count("racers", answers.len());
    Ok(())
}

async fn one_enrols(mut scene: Scene, peer: Option<Latchkey>) -> Result<()> {
    let fields = [
        ("name", "Mia"),
        ("email", "mia@partner.example"),
        ("role", "member"),
    ];
    let reveal = scene.contact.act("/people/invite", &fields).await?;
    let code = code_at(&scene.contact, &reveal).await?;
    let link = scene.link_to("mia@partner.example", "/l/").await?;
    let before = Rows::of(&scene.portal).await?.count("credential");
    let mut racers = Vec::new();
    for number in 0..RACERS {
        let mut racer = racer(&scene, peer.as_ref(), number)?;
        let body = racer.ready_to_enrol(&link, Some(&code)).await?;
        let path = "/auth/enrol/finish".to_owned();
        racers.push((racer, Ready { path, body }));
    }
    let answers = race(racers, None).await?;
    let enrolled = answers.iter().filter(|(_, status, _)| *status == 200);
    assert_eq!(enrolled.count(), 1, "one enrolled");
    for (_, status, answer) in answers.iter().filter(|(_, status, _)| *status != 200) {
        let code = answer["code"].as_str().unwrap_or_default();
        assert!(
            matches!(code, "link-not-usable" | "changed"),
            "{status} {answer}"
        );
    }
    let after = Rows::of(&scene.portal).await?.count("credential");
    assert_eq!(after, before + 1);
    tally::count("racers", answers.len());
    Ok(())
}

fn racer(scene: &Scene, peer: Option<&Latchkey>, number: usize) -> Result<Visitor> {
    let address = format!("198.51.100.{}", number + 1);
    let base = match peer {
        Some(peer) if number % 2 == 1 => peer.url(""),
        _ => scene.portal.url(""),
    };
    Visitor::from_address(scene.portal.origin(), &base, &address)
}

/// Posts all at one moment; what each was answered. Where two assertions by one passkey met, the one
/// that was told to look again tries the link again, as its page does.
async fn race(
    racers: Vec<(Visitor, Ready)>,
    link: Option<&str>,
) -> Result<Vec<(Ready, u16, Value)>> {
    let start = Arc::new(Barrier::new(racers.len()));
    let mut running = JoinSet::new();
    for (number, (racer, mut ready)) in racers.into_iter().enumerate() {
        let (start, link) = (Arc::clone(&start), link.map(str::to_owned));
        running.spawn(async move {
            start.wait().await;
            loop {
                let answer = racer.send(&ready.path, &ready.body).await?;
                let status = answer.status().as_u16();
                let answer: Value = answer.json().await?;
                match &link {
                    Some(link) if answer["code"] == "changed" => {
                        ready = racer.ready_to_claim(link, number % PASSKEYS).await?;
                    }
                    _ => return anyhow::Ok((ready, status, answer)),
                }
            }
        });
    }
    let mut answers = Vec::new();
    while let Some(answer) = running.join_next().await {
        answers.push(answer??);
    }
    assert_eq!(answers.len(), RACERS);
    Ok(answers)
}
