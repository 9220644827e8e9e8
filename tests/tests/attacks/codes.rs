//! An invitation's code comes by another way than its link, and cannot be guessed.

use anyhow::{Context as _, Result};
use tests::company::{code_at, linked, text, words};
use tests::rows::Rows;
use tests::scene::Scene;
use tests::tally;
use tests::visitor::{Visitor, problem};

use crate::TRIES;

tests::promises! {
    an_invitation_without_its_code_enrols_nobody,
    five_wrong_codes_void_an_invitation_and_the_inviter_sends_another,
}

async fn an_invitation_without_its_code_enrols_nobody(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let (link, code) = invited(&mut scene).await?;
    let before = Rows::of(&scene.portal).await?;
    assert_eq!(refusal(&scene, &link, None).await?, "code-needed");
    let after = Rows::of(&scene.portal).await?;
    assert_eq!(before.changed(&after, TRIES), Vec::<String>::new());
    for wrong in [
        "",
        "AAAA-AAAA",
        &code.chars().rev().collect::<String>(),
        "not a code at all",
    ] {
        assert_eq!(
            refusal(&scene, &link, Some(wrong)).await?,
            "code-wrong",
            "{wrong}"
        );
    }
    Visitor::new(scene.portal.origin())
        .enrol(&link, Some(&code))
        .await
        .context("four wrong codes are not five")?;
    tally::count("attacks", 5);
    Ok(())
}

async fn five_wrong_codes_void_an_invitation_and_the_inviter_sends_another(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let (link, code) = invited(&mut scene).await?;
    for _ in 0..4 {
        assert_eq!(
            refusal(&scene, &link, Some("AAAA-AAAA")).await?,
            "code-wrong"
        );
    }
    assert_eq!(
        refusal(&scene, &link, Some("AAAA-AAAA")).await?,
        "link-not-usable",
        "the fifth"
    );
    let before = Rows::of(&scene.portal).await?;
    assert_eq!(
        refusal(&scene, &link, Some(&code)).await?,
        "link-not-usable",
        "the right one"
    );
    let after = Rows::of(&scene.portal).await?;
    assert_eq!(before.changed(&after, TRIES), Vec::<String>::new());

    let people = text(&scene.contact, "/people").await?;
    let person = linked(&people, "/people/", "Mia").context("who was invited")?;
    let shown = words(&text(&scene.contact, &person).await?);
    assert!(
        shown.contains("The link does not work any more: send it again"),
        "the inviter sees it: {shown}"
    );
    let reveal = scene.contact.act(&format!("{person}/invite"), &[]).await?;
    let code = code_at(&scene.contact, &reveal).await?;
    let link = scene.link_to("mia@partner.example", "/l/").await?;
    Visitor::new(scene.portal.origin())
        .enrol(&link, Some(&code))
        .await?;
    tally::count("attacks", 6);
    Ok(())
}

async fn invited(scene: &mut Scene) -> Result<(String, String)> {
    let fields = [
        ("name", "Mia"),
        ("email", "mia@partner.example"),
        ("role", "member"),
    ];
    let reveal = scene.contact.act("/people/invite", &fields).await?;
    let code = code_at(&scene.contact, &reveal).await?;
    Ok((scene.link_to("mia@partner.example", "/l/").await?, code))
}

async fn refusal(scene: &Scene, link: &str, code: Option<&str>) -> Result<String> {
    let mut nobody = Visitor::new(scene.portal.origin());
    let error = nobody
        .enrol(link, code)
        .await
        .err()
        .context("it enrolled somebody")?;
    Ok(problem(&error).context("not a problem")?.code.clone())
}
