//! `kill -9`, over and over: at named points in the middle of a mint, a mail, a claim, a receipt and
//! a revocation, and at random times under the load of several partners. What was acknowledged is
//! never lost; what was cut off is done or not done, and nothing between; nothing is delivered
//! twice. A mail may come twice with the same link and the same `Message-ID` (at least once), and
//! the link opens once all the same.

#![cfg(test)]

mod books;
mod chance;
mod line;
mod report;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tests::postgres;
use tests::scene::{Scene, invited};
use tests::visitor::{Visitor, problem};
use tokio::time::{Instant, sleep};

use books::Books;
use chance::Chance;
use line::{Ground, Line, delivery_in};
use report::Report;

/// The points of one key's life, in its order, and the step in which each is met. Those of mails
/// are met at the start: the mail waits.
const KEY: [(&str, &str); 10] = [
    ("mint", "ask"),
    ("receive-replacement-committed", "ask"),
    ("mail-leased", "mail"),
    ("mail-sent", "mail"),
    ("claim", "claim"),
    ("claim-committed", "claim"),
    ("receipt", "receipt"),
    ("receipt-committed", "receipt"),
    ("revoke", "revoke"),
    ("revoke-key-committed", "revoke"),
];

/// The points of one grant's.
const GRANT: [&str; 5] = [
    "mint",
    "decide-committed",
    "claim",
    "revoke",
    "revoke-grant-committed",
];

/// All lines may wait for mails that were leased when the process before died.
const PATIENCE: Duration = Duration::from_secs(5);

/// A mail that was leased when its process died is taken up again after so long.
const LEASE: Duration = Duration::from_secs(31);

#[tokio::test]
async fn a_kill_loses_nothing_that_was_acknowledged_on_sqlite() -> Result<()> {
    let rounds = Rounds {
        keys: 9,
        grants: 3,
        random: 85,
    };
    World::set(None, 4).await?.kill(rounds).await
}

#[tokio::test]
async fn a_kill_loses_nothing_that_was_acknowledged_on_postgresql() -> Result<()> {
    let rounds = Rounds {
        keys: 3,
        grants: 1,
        random: 35,
    };
    let database = postgres::create_database().await?;
    World::set(Some(database), 3).await?.kill(rounds).await
}

struct Rounds {
    keys: usize,
    grants: usize,
    random: usize,
}

struct World {
    scene: Scene,
    lines: Vec<Line>,
    books: Books,
    /// The deliveries under grants that came and went.
    ended: HashMap<String, String>,
    /// How far the portal's clock runs ahead by now.
    ahead: Duration,
    report: Report,
}

impl World {
    async fn set(url: Option<String>, partners: usize) -> Result<Self> {
        let mut scene = Scene::set(url.clone()).await?;
        let mut lines = Vec::new();
        for number in 0..partners {
            lines.push(partner(&mut scene, number).await?);
        }
        Ok(Self {
            scene,
            lines,
            books: Books::new(url),
            ended: HashMap::new(),
            ahead: Duration::ZERO,
            report: Report::default(),
        })
    }

    async fn kill(mut self, rounds: Rounds) -> Result<()> {
        for round in 0..rounds.keys {
            let line = round % self.lines.len();
            for (point, step) in KEY {
                let met = self.die_with_a_key(line, point, step).await;
                met.with_context(|| format!("round {round}, at the point {point}"))?;
            }
        }
        for round in 0..rounds.grants {
            let lived = self.die_with_a_grant().await;
            lived.with_context(|| format!("round {round} of grants"))?;
        }
        let mut chance = Chance::seeded();
        println!("seed of the random kills: {chance}");
        self.start_without_fault().await?;
        for round in 0..rounds.random {
            let survived = self.die_at_random(&mut chance).await;
            survived.with_context(|| format!("random kill {round}, {chance}"))?;
        }
        self.come_to_rest().await?;
        self.report.print_and_count();
        Ok(())
    }

    /// Lives until a line meets the point, and looks at what is left.
    async fn die_with_a_key(&mut self, line: usize, point: &str, step: &str) -> Result<()> {
        self.scene.portal.set_fault(Some(point));
        if step == "mail" {
            self.later();
            self.scene.portal.start_again()?;
        } else {
            if point == "claim" {
                // The mail that was sent when its process died comes once more.
                self.later();
            }
            self.restart_and_resume().await?;
            let ground = ground(&self.scene);
            let line = &mut self.lines[line];
            while line.step.name() != step {
                line.advance(&ground).await?;
            }
            let died = line.advance(&ground).await;
            ensure!(died.is_err(), "it was answered");
        }
        self.scene.portal.wait_until_dead().await?;
        self.books.check(&self.scene.portal).await?;
        let mut hand = self.books.hand(&self.scene.portal).await?;
        let state = self.lines[line].newest(&mut hand).await?;
        self.report.at_point(point, &state);
        Ok(())
    }

    /// A request that is decided, opened and revoked, with a death at each step.
    async fn die_with_a_grant(&mut self) -> Result<()> {
        let mut request = String::new();
        let mut link = String::new();
        for point in GRANT {
            self.scene.portal.set_fault(Some(point));
            self.restart_and_resume().await?;
            match point {
                "mint" => {
                    request = self.scene.ask_for_access().await?;
                    ensure!(self.scene.decide(&request).await.is_err(), "answered");
                }
                "decide-committed" => {
                    ensure!(self.scene.decide(&request).await.is_err(), "answered");
                }
                "claim" => {
                    link = ground(&self.scene).link(CONTACT, &self.ended).await?;
                    self.ended.insert(delivery_in(&link), link.clone());
                    ensure!(self.scene.contact.claim(&link).await.is_err(), "answered");
                }
                _ => {
                    let mut hand = self.books.hand(&self.scene.portal).await?;
                    let of = format!("request_id = {}", hand.uuid(id_in(&request)));
                    let grant = hand.id("access_grant", &of).await?;
                    let reason = [("reason", "The contract with them ended yesterday.")];
                    let revoke = format!("/grants/{grant}/revoke");
                    let died = self.scene.owner.act(&revoke, &reason).await;
                    ensure!(died.is_err(), "answered");
                }
            }
            self.scene.portal.wait_until_dead().await?;
            self.books.check(&self.scene.portal).await?;
            let state = self.delivery_of(&request).await?;
            let should_be = match point {
                "mint" => "none",
                "decide-committed" | "claim" | "revoke" => "sealed",
                _ => "cancelled",
            };
            ensure!(state == should_be, "after {point} the delivery is {state}");
            self.report.at_point(point, &state);
        }
        self.start_without_fault().await?;
        let spent = self.scene.contact.claim(&link).await;
        let spent = spent.err().context("a cancelled delivery was opened")?;
        let code = problem(&spent).map(|problem| problem.code.as_str());
        ensure!(code == Some("link-not-usable"), "{spent:#}");
        Ok(())
    }

    /// The lines run until the portal is killed: while it works, or already while it starts.
    async fn die_at_random(&mut self, chance: &mut Chance) -> Result<()> {
        if chance.below(8) == 0 {
            self.scene.portal.start_again()?;
            sleep(Duration::from_millis(chance.below(120))).await;
            self.scene.portal.kill9();
            self.report.at_random("starting");
        } else {
            let steps = usize::try_from(chance.below(10))?;
            let after = Duration::from_micros(chance.below(60_000));
            self.work_until(steps, after).await?;
            self.report.at_random("working");
        }
        self.books.check(&self.scene.portal).await?;
        let waits = self.lines.iter().any(|line| line.step.name() == "mail");
        if waits {
            self.later();
        }
        let at: Vec<_> = self.lines.iter().map(|line| line.step.name()).collect();
        let found = self.restart_and_resume().await?;
        for (step, state) in at.into_iter().zip(found) {
            self.report.cut_off(step, &state);
        }
        Ok(())
    }

    /// Kills it so long after so many steps, whatever the machine's speed.
    async fn work_until(&mut self, steps: usize, after: Duration) -> Result<()> {
        let Scene {
            portal,
            mailbox,
            owner,
            gateway,
            ..
        } = &mut self.scene;
        let ground = &Ground {
            origin: portal.origin().to_owned(),
            owner,
            mailbox,
            gateway,
            steps: AtomicUsize::new(0),
            dead: AtomicBool::new(false),
        };
        let death = async {
            let begun = Instant::now();
            while ground.steps.load(Ordering::SeqCst) < steps && begun.elapsed() < PATIENCE {
                sleep(Duration::from_millis(1)).await;
            }
            sleep(after).await;
            ground.dead.store(true, Ordering::SeqCst);
            portal.kill9();
        };
        let (one, two, three, four) = four(&mut self.lines)?;
        let ((), one, two, three, four) = tokio::join!(
            death,
            until_death(one, ground),
            until_death(two, ground),
            until_death(three, ground),
            until_death(four, ground),
        );
        one.and(two).and(three).and(four)
    }

    /// Every line comes to its end, every mail arrives, and each link was mailed for one delivery.
    async fn come_to_rest(&mut self) -> Result<()> {
        self.later();
        self.start_without_fault().await?;
        let ground = ground(&self.scene);
        for line in &mut self.lines {
            line.advance(&ground).await?;
            while line.step.name() != "ask" {
                line.advance(&ground).await?;
            }
        }
        let mut hand = self.books.hand(&self.scene.portal).await?;
        let waiting = "SELECT CAST(COUNT(*) AS TEXT) FROM outbox WHERE next_at IS NOT NULL";
        for _ in 0..4_000 {
            if hand.texts(waiting).await? == ["0"] {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
        let sealed = "SELECT CAST(COUNT(*) AS TEXT) FROM delivery";
        let sealed = hand.texts(sealed).await?.concat().parse()?;
        drop(hand);
        self.books.check(&self.scene.portal).await?;
        let repeated = self.mails_are_of_one_link_each(sealed)?;
        ensure!(
            repeated > 0,
            "no mail was cut off between its sending and its note"
        );
        self.report.repeated(repeated);
        Ok(())
    }

    /// How many mails came more than once.
    fn mails_are_of_one_link_each(&self, deliveries: usize) -> Result<usize> {
        let prefix = format!("{}/d/", self.scene.portal.origin());
        let mut links: HashMap<String, String> = HashMap::new();
        let mut ids = HashSet::new();
        let mut repeated = 0;
        for mail in self.scene.mailbox.all()? {
            let is_new = ids.insert(mail.id.clone());
            repeated += usize::from(!is_new);
            let Some(link) = mail.link(&prefix) else {
                continue;
            };
            let before = links.insert(delivery_in(link), link.to_owned());
            ensure!(
                before.is_none() == is_new && before.is_none_or(|before| before == link),
                "one delivery was mailed under two links"
            );
        }
        ensure!(
            links.len() == deliveries,
            "{deliveries} deliveries, and links to {}",
            links.len()
        );
        Ok(repeated)
    }

    async fn start_without_fault(&mut self) -> Result<()> {
        self.scene.portal.set_fault(None);
        self.restart_and_resume().await.map(drop)
    }

    /// The states of the lines' newest deliveries.
    async fn restart_and_resume(&mut self) -> Result<Vec<String>> {
        self.scene.portal.restart().await?;
        let ground = ground(&self.scene);
        let mut hand = self.books.hand(&self.scene.portal).await?;
        let mut states = Vec::new();
        for line in &mut self.lines {
            let resumed = line.resume(&ground, &mut hand).await;
            states.push(resumed.with_context(|| format!("the line of {}", line.address))?);
        }
        Ok(states)
    }

    /// From the next start on, mails that were leased are due again.
    fn later(&mut self) {
        self.ahead += LEASE;
        self.scene.portal.config_mut().set_clock_ahead(self.ahead);
    }

    async fn delivery_of(&self, request: &str) -> Result<String> {
        let mut hand = self.books.hand(&self.scene.portal).await?;
        let request = hand.uuid(id_in(request));
        let found = hand
            .texts(&format!(
                "SELECT delivery.state FROM delivery JOIN access_grant ON access_grant.id = grant_id WHERE request_id = {request}"
            ))
            .await?;
        ensure!(
            found.len() < 2,
            "one decision made {} deliveries",
            found.len()
        );
        Ok(found.into_iter().next().unwrap_or("none".to_owned()))
    }
}

const CONTACT: &str = "contact@partner.example";

fn ground(scene: &Scene) -> Ground<'_> {
    Ground {
        origin: scene.portal.origin().to_owned(),
        owner: &scene.owner,
        mailbox: &scene.mailbox,
        gateway: &scene.gateway,
        steps: AtomicUsize::new(0),
        dead: AtomicBool::new(false),
    }
}

/// A failure is what the death looks like to who waits for an answer; before it, it is one.
async fn until_death(line: Option<&mut Line>, ground: &Ground<'_>) -> Result<()> {
    let Some(line) = line else {
        return Ok(());
    };
    let error = line.run(ground).await;
    ensure!(ground.dead.load(Ordering::SeqCst), "{error:#}");
    Ok(())
}

type Four<'a> = (
    Option<&'a mut Line>,
    Option<&'a mut Line>,
    Option<&'a mut Line>,
    Option<&'a mut Line>,
);

fn four(lines: &mut [Line]) -> Result<Four<'_>> {
    ensure!(lines.len() <= 4, "four lines run at once");
    let mut lines = lines.iter_mut();
    Ok((lines.next(), lines.next(), lines.next(), lines.next()))
}

/// One more partner, whose contact has a key that works.
async fn partner(scene: &mut Scene, number: usize) -> Result<Line> {
    let organisation = format!("Carrier {number}");
    let address = format!("contact@carrier{number}.example");
    let fields = [
        ("organisation", organisation.as_str()),
        ("name", "Their contact"),
        ("why", "They deliver our parcels."),
    ];
    let contact = invited(
        &scene.owner,
        &mut scene.mailbox,
        "/partners/invite",
        &fields,
        &address,
    )
    .await?;
    let first: Visitor = std::mem::replace(&mut scene.contact, contact);
    let request = scene.ask_for_access().await?;
    scene.decide(&request).await?;
    let contact = std::mem::replace(&mut scene.contact, first);
    Line::begin(&ground(scene), contact, address).await
}

fn id_in(page: &str) -> &str {
    page.rsplit('/').next().unwrap_or_default()
}
