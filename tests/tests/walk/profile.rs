//! What a browser that received a key has of it on its disk, once it is closed: nothing. That a
//! search there finds what is there is shown by something planted in each place.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use tests::browser::{Authenticator, Browser};
use tests::needles::{Found, Needles, Secret};

use crate::claim_page::show;
use crate::stage::Stage;

/// In this order in the paths of Chromium's profile.
const PLACES: [(&str, &str); 5] = [
    ("History", "pLaNtEd-in-the-history-0815"),
    ("Cache_Data", "pLaNtEd-in-the-cache-0816"),
    ("Local Storage", "pLaNtEd-in-local-storage-0817"),
    ("Session Storage", "pLaNtEd-in-session-storage-0818"),
    ("CacheStorage", "pLaNtEd-in-cache-storage-0819"),
];

#[tokio::test]
async fn no_key_stays_in_the_profile_of_the_browser_that_claimed_it() -> Result<()> {
    let mut stage = Stage::set(Authenticator::PrfAtCreate).await?;
    let link = stage.delivered().await?;
    let browser = &stage.recipient;
    browser.goto(&link).await?;
    let key = show(browser).await?;
    browser.press("Copy key").await?;
    browser.sees("Copied").await?;
    browser.press("Save as .env").await?;
    let saved = browser.download("shipments.env").await?;
    ensure!(saved.contains(&key), "it is the claimant's to save");
    browser.press("I have stored it").await?;
    browser.sees("Your sandbox key works").await?;
    browser.refresh().await?;
    browser.back().await?;
    browser.goto(stage.scene.portal.url("/keys")).await?;
    plant(browser, &stage).await?;
    let profile = stage.recipient.quit_and_leave().await?;

    let rest = key.splitn(3, '_').nth(2).context("a key")?;
    let secret = rest.get(8..40).context("a key's secret")?;
    let mut sought = vec![Secret::new("key", secret.as_bytes(), &key)];
    for (place, planted) in PLACES {
        sought.push(Secret::new(place, planted.as_bytes(), planted));
    }
    let mut found = BTreeSet::new();
    let files = search(&profile.folder(), &Needles::new(sought), &mut found)?;
    ensure!(files > 20, "only {files} files were searched");
    let with_key: Vec<&Found> = found.iter().filter(|one| one.secret == "key").collect();
    ensure!(with_key.is_empty(), "{with_key:#?}");
    for (place, _) in PLACES {
        let is_there = |one: &Found| one.secret == place && one.place.contains(place);
        ensure!(
            found.iter().any(is_there),
            "what was planted in the {place} is not found there: {found:#?}"
        );
    }
    Ok(())
}

async fn plant(browser: &Browser, stage: &Stage) -> Result<()> {
    let [
        (_, history),
        (_, cache),
        (_, local),
        (_, session),
        (_, storage),
    ] = PLACES;
    browser
        .goto(stage.scene.portal.url(&format!("/keys?{history}")))
        .await?;
    let script = format!(
        "const done = arguments[0];
        localStorage.setItem('planted', '{local}');
        sessionStorage.setItem('planted', '{session}');
        const style = document.querySelector('link[rel=stylesheet]').href;
        (async () => {{
            await (await fetch(style + '?{cache}')).text();
            const store = await caches.open('planted');
            await store.put('/planted', new Response('{storage}'));
        }})().then(() => done('planted'), error => done(String(error)));"
    );
    let done = browser.execute_async(script, Vec::new()).await?;
    let done: String = done.convert()?;
    ensure!(done == "planted", "{done}");
    Ok(())
}

/// How many files there were.
fn search(folder: &Path, needles: &Needles, found: &mut BTreeSet<Found>) -> Result<usize> {
    let mut files = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files += search(&path, needles, found)?;
        } else if let Ok(bytes) = std::fs::read(&path) {
            files += 1;
            found.extend(needles.find(&path.display().to_string(), &bytes));
        }
    }
    Ok(files)
}
