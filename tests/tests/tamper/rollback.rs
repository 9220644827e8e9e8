//! What the MACs do not show: an older row, genuine when it was written, that somebody puts back
//! (`docs/threat-model.md`). The audit log says that something else was done since.

use anyhow::Result;
use tests::hand::Hand;
use tests::postgres;
use tests::scene::Scene;

use crate::edits::Kept;

#[tokio::test]
async fn an_older_genuine_row_put_back_is_shown_by_the_audit_log_on_sqlite() -> Result<()> {
    put_back(None).await
}

#[tokio::test]
async fn an_older_genuine_row_put_back_is_shown_by_the_audit_log_on_postgresql() -> Result<()> {
    put_back(Some(postgres::create_database().await?)).await
}

async fn put_back(database_url: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database_url).await?;
    let held = scene.key().await?;
    let mut hand = Hand::at(&scene.portal).await?;
    let kept = Kept::of(&mut hand, &["api_key"]).await?;
    let reason = [("reason", "It was found in a public repository.")];
    let path = format!("{}/revoke", held.page);
    scene.owner.act(&path, &reason).await?;
    assert_eq!(scene.verify(&held.key).await?, "revoked");

    kept.put_back(&mut hand).await?;
    scene.portal.restart().await?;
    assert_eq!(
        scene.verify(&held.key).await?,
        "ok",
        "if this is refused now, the threat model says too little"
    );
    let key = held.page.rsplit('/').next().unwrap_or_default();
    let revoked = scene.audit().await?.into_iter().any(|entry| {
        let entry = entry.to_string();
        entry.contains(key) && entry.contains("revoke") && entry.contains("public repository")
    });
    assert!(revoked, "the audit log has the revocation");
    let page = scene.owner.get(&held.page).await?.text().await?;
    assert!(
        page.contains("public repository"),
        "and the key's time line shows it beside the state"
    );
    Ok(())
}
