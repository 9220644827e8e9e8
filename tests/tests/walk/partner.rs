//! The partner's side: an invitation accepted, a request written, handed in, and changed.

use anyhow::{Result, ensure};
use domain::request::Questionnaire;
use tests::browser::Browser;
use tests::scene::ANSWERS;

use crate::cast::{CONTACT, CONTACT_MAIL, Cast, OWNER_MAIL, REVIEWER_MAIL, code_shown};

/// The partner of the walk.
pub(crate) const PARTNER: &str = "Brightwater Logistics";

pub(crate) async fn invited(cast: &mut Cast) -> Result<()> {
    let owner = &cast.owner;
    owner.go("Partners").await?;
    cast.look(owner, "20-partners-none").await?;
    owner.go("Invite a partner").await?;
    owner.fill("Organisation", PARTNER).await?;
    owner.fill("Name of the first contact", CONTACT).await?;
    owner
        .fill("E-mail address of the first contact", CONTACT_MAIL)
        .await?;
    owner
        .fill(
            "Why you invite them",
            "They deliver our parcels in the north.",
        )
        .await?;
    cast.look(owner, "21-partner-invite").await?;
    owner.go("Invite…").await?;
    owner.confirm().await?;
    let code = code_shown(owner).await?;
    owner.go("I have passed it on").await?;

    let link = cast.mailed_link(CONTACT_MAIL, "l").await?;
    let contact = &cast.contact;
    contact.goto(&link).await?;
    contact.press("Create a passkey").await?;
    contact
        .sees("Type the code that goes with this link")
        .await?;
    // A refusal is an error to the console.
    let refused = ["/auth/enrol/begin"];
    cast.look_past(contact, "22-link-code-missing", &refused)
        .await?;
    contact.fill("Code", &code).await?;
    contact.fill("Name of this passkey", "quay laptop").await?;
    contact.go("Create a passkey").await?;
    contact.arrive("/welcome").await?;
    cast.look_past(contact, "23-welcome-contact", &refused)
        .await?;
    contact.go("Go to the portal").await?;
    contact.sees("Your access to Alder Works").await?;
    cast.look_past(contact, "24-home-contact", &refused).await?;
    contact.assert_quiet_but_for(&refused).await
}

pub(crate) async fn asks(cast: &mut Cast) -> Result<()> {
    let contact = &cast.contact;
    contact.go("Ask for access").await?;
    contact.tick("Shipments API").await?;
    cast.look(contact, "25-request-new").await?;
    contact.go("Start the request").await?;
    contact.sees("Nobody sees them before you hand in").await?;
    contact.tick("production").await?;
    contact.tick("sandbox").await?;
    contact.tick("shipments:read").await?;
    contact.tick("labels:write").await?;
    let (purpose, rest) = ANSWERS.split_first().expect("there are questions");
    for (code, answer) in rest {
        answer_to(contact, code, answer).await?;
    }
    contact.sees("Draft saved at").await?;
    contact.refresh().await?;
    let storage = label("storage");
    let kept = contact.page().value(storage).await?;
    ensure!(
        kept == "In a vault, read by the service at start.",
        "{kept}"
    );

    contact.go("Hand in for review").await?;
    contact.sees("Not saved yet").await?;
    contact
        .sees("What do you want to achieve: Fill this in.")
        .await?;
    cast.look_past(contact, "26-request-refused", &["422"])
        .await?;
    let kept = contact.page().value(storage).await?;
    ensure!(
        kept == "In a vault, read by the service at start.",
        "{kept}"
    );
    answer_to(contact, purpose.0, purpose.1).await?;
    contact.sees("Draft saved at").await?;
    cast.look(contact, "27-request-edit").await?;
    contact.go("Hand in for review").await?;
    contact
        .sees("Handed in. The reviewers have been told.")
        .await?;
    cast.look(contact, "28-request-status").await?;
    cast.request = contact.path().await?;
    cast.mailed(OWNER_MAIL, "asks for").await?;
    cast.mailed(REVIEWER_MAIL, "asks for").await?;
    cast.contact.assert_quiet_but_for(&["422"]).await
}

pub(crate) async fn hands_in_again(cast: &mut Cast) -> Result<()> {
    cast.mailed(CONTACT_MAIL, "changes").await?;
    let contact = &cast.contact;
    contact.goto(cast.portal.url("/")).await?;
    cast.look(contact, "33-home-changes-asked").await?;
    contact.goto(cast.portal.url(&cast.request)).await?;
    contact.sees("How long are labels kept?").await?;
    cast.look(contact, "34-status-changes-asked").await?;
    contact.go("Edit and hand in again").await?;
    contact.sees("How long are labels kept?").await?;
    let handling = "Kept for 30 days, labels for 7, then deleted.";
    answer_to(contact, "handling", handling).await?;
    contact.sees("Draft saved at").await?;
    cast.look(contact, "35-request-edit-again").await?;
    contact.go("Hand in for review").await?;
    contact.sees("Revision 2").await?;
    cast.mailed(REVIEWER_MAIL, "again").await
}

/// Answers one question of the form, by what it asks.
pub(crate) async fn answer_to(contact: &Browser, code: &str, answer: &str) -> Result<()> {
    match code {
        "data_subjects" => contact.pick(label(code), "Our own customers’").await,
        "transit" => contact.pick(label(code), "TLS 1.3 everywhere").await,
        "at_rest" => {
            let choice = "In a secret manager or hardware module";
            contact.pick(label(code), choice).await
        }
        "networks" => {
            let label = format!("{} (optional)", label(code));
            contact
                .fill(&label, "203.0.113.0/28\n198.51.100.0/28")
                .await
        }
        _ => contact.fill(label(code), answer).await,
    }
}

/// What a question asks.
pub(crate) fn label(code: &str) -> &'static str {
    let questions = Questionnaire::CURRENT.questions;
    let asked = questions.iter().find(|question| question.id.code() == code);
    asked.expect("a question of this code").label
}
