//! Whatever people type stays text: in pages, mails, exports and addresses.

use std::collections::{BTreeSet, VecDeque};

use anyhow::{Context as _, Result};
use tests::company::{code_at, receipt, text};
use tests::promises;
use tests::scene::{ANSWERS, Scene, change, value_of};
use tests::server::Config;
use tests::tally;
use tests::visitor::Visitor;

use crate::settled;

/// Ends attributes and elements, calls templates, and has characters of four bytes.
const TYPED: &str = "=1+1\"><script>evil()</script>'{{7*7}}${x}\u{1F511}\u{1D54F}&lt;";
/// What must be in no page.
const EVIL: [&str; 3] = ["<script>evil", "\"><script", "evil()</script>"];
const AS_TEXT: &str = "&lt;script&gt;evil()";

const EMAIL: &str = "quay@other.example";

promises! {
    markup_in_every_field_stays_text,
    what_is_shown_again_stays_text,
}

async fn markup_in_every_field_stays_text(database: Option<String>) -> Result<()> {
    let mut scene = Scene::with(Config {
        database_url: database,
        environment: vec![("LATCHKEY_HOST_NAME".to_owned(), TYPED.to_owned())],
        ..Config::default()
    })
    .await?;
    describe(&scene).await?;
    scene.contact = partner(&mut scene).await?;
    let request = ask(&scene).await?;
    judge(&scene, &request).await?;
    let link = scene.link_to(EMAIL, "/d/").await?;
    let claimed = scene.contact.claim(&link).await?;
    assert_eq!(
        claimed.answer["details"]["partner"], TYPED,
        "nothing is changed"
    );
    let key = receipt(&scene.contact, &claimed).await?;
    let attacks = pages(&scene.owner).await? + pages(&scene.contact).await?;
    scene
        .owner
        .act(&format!("{key}/revoke"), &[("reason", TYPED)])
        .await?;
    let after = pages(&scene.owner).await? + pages(&scene.contact).await?;

    settled(&scene.portal).await?;
    let mails = mails(&scene)?;
    for entry in scene.audit().await? {
        assert!(entry.is_object(), "each line is JSON");
    }
    assert!(
        attacks > 40 && after > 40 && mails > 3,
        "{attacks} {after} {mails}"
    );
    tally::count("attacks", attacks + after + mails);
    Ok(())
}

async fn what_is_shown_again_stays_text(database: Option<String>) -> Result<()> {
    let scene = Scene::set(database).await?;
    let query: String = TYPED.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let paths = [
        format!("/requests?q={query}&state={query}&sort={query}&page={query}"),
        format!("/partners?q={query}&state={query}"),
        format!("/audit?q={query}&act={query}&from={query}&to={query}"),
        format!("/mail?state={query}&page={query}"),
        format!("/sign-in?return_to={query}"),
        format!("/sign-in?return_to=/{query}"),
        format!("/l/{query}"),
        format!("/d/{query}"),
        format!("/{query}"),
        format!("/people/{query}"),
        format!("/requests/{query}"),
    ];
    for path in &paths {
        let page = scene.owner.get(path).await?.text().await?;
        is_text(&page, path);
    }
    let forms: [(&str, &[&str]); 5] = [
        (
            "/partners/invite",
            &["organisation", "name", "email", "why"],
        ),
        ("/people/invite", &["name", "email"]),
        ("/services/new", &["slug", "name", "description"]),
        ("/gateways/new", &["name", "kind", "proxies"]),
        ("/profile/passkeys", &["name"]),
    ];
    for (path, fields) in forms {
        for field in fields {
            // One character too many for every field.
            let typed = format!("{TYPED}{}", "x".repeat(5000));
            let answer = scene.owner.form(path, &[(*field, &typed)]).await?;
            assert!(answer.status().is_client_error(), "{path} {field}");
            is_text(&answer.text().await?, &format!("{path} {field}"));
        }
    }
    tally::count("attacks", paths.len() + 13);
    Ok(())
}

#[tokio::test]
async fn what_becomes_a_line_of_an_env_file_is_one_line() -> Result<()> {
    let scene = Scene::set(None).await?;
    let addresses = [
        "https://x.example\nEVIL=1",
        "https://x.example/$(id)",
        "https://x.example/`id`",
        "https://x.example/ EVIL=1",
        "https://x.example/\"; id; \"",
        "javascript:alert(1)",
    ];
    for base_url in addresses {
        let page = text(&scene.owner, &scene.service).await?;
        let version = value_of(&page, "version").context("no version")?;
        let fields = [
            ("environment", "staging"),
            ("kind", "sandbox"),
            ("tag", "stag"),
            ("base_url", base_url),
            ("version", version.as_str()),
        ];
        let path = format!("{}/environments", scene.service);
        let answer = scene.owner.form(&path, &fields).await?;
        assert_eq!(answer.status(), 422, "{base_url:?}");
    }
    for slug in ["a\nEVIL=1", "a b", "a=b", "$(id)", "A\"B"] {
        let fields = [
            ("slug", slug),
            ("name", "Name"),
            ("description", "Anything."),
        ];
        let answer = scene.owner.form("/services/new", &fields).await?;
        assert_eq!(answer.status(), 422, "{slug:?}");
    }
    tally::count("attacks", addresses.len() + 5);
    Ok(())
}

/// The host's own words.
async fn describe(scene: &Scene) -> Result<()> {
    let about = [("name", TYPED), ("description", TYPED)];
    let page = text(&scene.owner, &scene.service).await?;
    let version = value_of(&page, "version").context("no version")?;
    let fields: Vec<_> = about
        .into_iter()
        .chain([("version", version.as_str())])
        .collect();
    scene
        .owner
        .act(&scene.service, &fields)
        .await
        .context("the service")?;
    let scope = [
        ("scope", "shipments:write"),
        ("allows", TYPED),
        ("sensitivity", "low"),
    ];
    change(&scene.owner, &scene.service, "scopes", &scope)
        .await
        .context("a scope")?;
    let gateway = [
        ("name", TYPED),
        ("kind", "api"),
        ("pair", "shipments/sandbox"),
        ("proxies", ""),
    ];
    scene
        .owner
        .act("/gateways/new", &gateway)
        .await
        .context("a gateway")?;
    let staff = [
        ("name", TYPED),
        ("email", "olga@host.example"),
        ("role", "auditor"),
    ];
    scene
        .owner
        .act("/people/invite", &staff)
        .await
        .context("staff")?;
    Ok(())
}

async fn partner(scene: &mut Scene) -> Result<Visitor> {
    let fields = [
        ("organisation", TYPED),
        ("name", TYPED),
        ("email", EMAIL),
        ("why", TYPED),
    ];
    let reveal = scene.owner.act("/partners/invite", &fields).await?;
    let code = code_at(&scene.owner, &reveal).await?;
    let contact = scene.accept(EMAIL, &code).await?;
    let passkeys = text(&contact, "/profile").await?;
    let rename = tests::company::action(&passkeys, "/profile/passkeys/", "/name");
    let rename = rename.context("no passkey")?;
    contact.form(&rename, &[("name", TYPED)]).await?;
    Ok(contact)
}

/// The contact's words.
async fn ask(scene: &Scene) -> Result<String> {
    let edit = scene.draft().await?;
    let fixed = ["data_subjects", "volume", "networks", "transit", "at_rest"];
    let typed: Vec<(&str, &str)> = ANSWERS
        .iter()
        .filter(|(name, value)| !fixed.contains(name) && !value.contains('@'))
        .map(|(name, _)| (*name, TYPED))
        .collect();
    assert!(typed.len() > 9);
    scene.hand_in(&edit, &["sandbox"], &typed).await
}

/// The reviewers' words, and the contact's answer.
async fn judge(scene: &Scene, request: &str) -> Result<()> {
    for section in ["justification", "workflow", "safeguards"] {
        let said = [
            ("section", section),
            ("verdict", "accepted"),
            ("comment", TYPED),
        ];
        let answer = scene
            .owner
            .form(&format!("{request}/verdict"), &said)
            .await?;
        assert_eq!(answer.status(), 303, "{section}");
    }
    let reply = [("section", "workflow"), ("comment", TYPED)];
    let answer = scene
        .contact
        .form(&format!("{request}/comments"), &reply)
        .await?;
    assert_eq!(answer.status(), 303);
    let decide = format!("{request}/decide/sandbox");
    let page = text(&scene.owner, &decide).await?;
    let stamp = value_of(&page, "stamp").context("no stamp")?;
    let fields = [
        ("decision", "approve"),
        ("reason", TYPED),
        ("stamp", &stamp),
    ];
    scene.owner.act(&decide, &fields).await?;
    Ok(())
}

/// Every page that can be reached by links; how many there were.
async fn pages(by: &Visitor) -> Result<usize> {
    let mut seen = BTreeSet::from(["/".to_owned()]);
    let mut waiting = VecDeque::from(["/".to_owned()]);
    let (mut looked, mut shown) = (0, 0);
    while let Some(path) = waiting.pop_front() {
        let answer = by.get(&path).await?;
        let headers = format!("{:?}", answer.headers());
        assert!(!headers.contains("evil()"), "{path}: {headers}");
        if !headers.contains("text/html") {
            continue;
        }
        let page = answer.text().await?;
        is_text(&page, &path);
        looked += 1;
        shown += usize::from(page.contains(AS_TEXT));
        for link in page.split("href=\"/").skip(1) {
            let link = link.split(['"', '#']).next().unwrap_or_default();
            let link = format!("/{}", link.replace("&amp;", "&"));
            let is_page = !link.starts_with("/assets/") && !link.contains("page=");
            if is_page && seen.len() < 120 && seen.insert(link.clone()) {
                waiting.push_back(link);
            }
        }
    }
    assert!(
        shown * 2 > looked,
        "{shown} of {looked} pages show what was typed"
    );
    Ok(looked)
}

fn is_text(page: &str, place: &str) {
    for evil in EVIL {
        let at = page
            .find(evil)
            .map(|at| page.get(at.saturating_sub(200)..at + 60));
        assert!(at.is_none(), "{place}: {at:?}");
    }
}

fn mails(scene: &Scene) -> Result<usize> {
    let (mut written, mut marked) = (0, 0);
    for mail in scene.mailbox.all()? {
        is_text(&mail.html, &mail.subject);
        written += usize::from(mail.text.contains(TYPED));
        marked += usize::from(mail.html.contains(AS_TEXT));
        let raw = String::from_utf8_lossy(&mail.raw).to_lowercase();
        let (head, _) = raw
            .split_once("\r\n\r\n")
            .context("a mail without a body")?;
        assert!(
            !head.contains("\nbcc:") && !head.contains("evil()"),
            "{head}"
        );
    }
    assert!(marked > 0, "mails hold what was typed");
    assert_eq!(written > 0, marked > 0);
    Ok(written)
}
