//! What the portal promises about bad input: a sentence beside the field, what was typed is kept,
//! and nothing changes.

#![cfg(test)]

use anyhow::{Context as _, Result};
use reqwest::StatusCode;
use server::http::guard::Access;
use server::http::routes::TABLE;
use tests::company::{action, linked, text, words};
use tests::rows::Rows;
use tests::scene::{ANSWERS, Scene, value_of};
use tests::visitor::Visitor;
use tests::{live, promises};

promises! {
    every_form_says_beside_the_field_what_is_wrong_and_keeps_what_was_typed,
    what_cannot_be_read_is_refused_as_a_whole,
}

/// Looks like an attempt, and has to stay text.
const TYPED: &str = "<b onclick=x>'\"&4711";
const KEPT: [&str; 2] = ["&lt;b onclick=x&gt;", "&amp;4711"];

/// Their forms have nothing that somebody types or picks. That they take nothing else is in the
/// attacks on forms.
const NOTHING_TO_TYPE: [&str; 23] = [
    "/sign-out",
    "/mail/test",
    "/mail/{id}/resend",
    "/people/{id}/invite",
    "/proposals/{id}/confirm",
    "/proposals/{id}/refuse",
    "/partners/{id}/resume",
    "/keys/{id}/suspend",
    "/keys/{id}/resume",
    "/keys/{id}/replace",
    "/keys/{id}/redeliver",
    "/requests/{id}/withdraw",
    "/temporary/{id}/withdraw",
    "/profile/passkeys/{id}/remove",
    "/profile/sessions/end-others",
    "/profile/sessions/{id}/end",
    "/services/{id}/retire",
    "/services/{id}/offer",
    "/services/{id}/scopes/remove",
    "/services/{id}/endpoints/remove",
    "/gateways/{id}/rotate",
    "/reveal/{id}",
    // Keeps whatever stands in the form, right or wrong: that is what a draft is for.
    "/requests/{id}/draft",
];

/// The routes of forms that no path in the list is one of.
fn forgotten(paths: &[&str]) -> Vec<&'static str> {
    let is_at = |route: &str, path: &str| {
        let (route, path) = (route.split('/'), path.split('/'));
        route.clone().count() == path.clone().count()
            && route
                .zip(path)
                .all(|(wanted, part)| wanted == part || wanted.starts_with('{'))
    };
    let takes_json = |path: &str| {
        ["/auth/", "/d/", "/confirm/"]
            .iter()
            .any(|at| path.starts_with(at))
    };
    TABLE
        .iter()
        .filter(|route| route.method == "post" && route.access != Access::Gateway)
        .map(|route| route.path)
        .filter(|route| !takes_json(route) && !NOTHING_TO_TYPE.contains(route))
        .filter(|route| !paths.iter().any(|path| is_at(route, path)))
        .collect()
}

/// A form that is filled in wrongly.
struct Wrong<'a> {
    by: &'a Visitor,
    path: String,
    /// What is typed, beside the hidden fields.
    fields: Vec<(&'a str, String)>,
    /// The fields that have to be named.
    at: &'a [&'a str],
}

impl Wrong<'_> {
    /// What the portal does not do with it that it promises.
    async fn faults(&self) -> Result<Vec<String>> {
        let Self {
            by,
            path,
            fields,
            at,
        } = self;
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let answer = by.form(path, &fields).await?;
        let status = answer.status();
        if status != StatusCode::UNPROCESSABLE_ENTITY {
            return Ok(vec![format!("{path} answered {status}")]);
        }
        let page = answer.text().await?;
        let beside: Vec<&str> = page
            .split("id=\"f-")
            .skip(1)
            .filter_map(|rest| rest.split('"').next()?.strip_suffix("-error"))
            .collect();
        let mut faults = Vec::new();
        for field in *at {
            let names = |id: &&str| *id == *field || id.ends_with(&format!("-{field}"));
            if !beside.iter().any(names) {
                faults.push(format!("{path}: nothing beside {field}, only {beside:?}"));
            }
        }
        if !words(&page).contains("Not saved yet") {
            faults.push(format!("{path}: no sum of what is wrong"));
        }
        if page.contains("<b onclick") {
            faults.push(format!("{path}: what was typed became markup"));
        }
        let typed = fields.iter().any(|(_, value)| value.contains(TYPED));
        if typed && !KEPT.iter().all(|kept| page.contains(kept)) {
            faults.push(format!("{path}: what was typed is gone"));
        }
        Ok(faults)
    }
}

async fn every_form_says_beside_the_field_what_is_wrong_and_keeps_what_was_typed(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = scene.key().await?;
    live::offer_labels(&scene).await?;
    let open = live::ask(&scene, &held.page, "2", "hours").await?;
    live::decide(&scene.owner, &open, "approve").await?;
    let temporary = live::ask(&scene, &held.page, "3", "hours").await?;
    let asking = live::form_of(&scene, &held.page).await?;
    let narrow = live::narrow_form(&scene.owner, &held.page).await?;
    scene.add_production().await?;
    let request = scene.ask_for(&["production"]).await?;
    let owner = &scene.owner;
    let partners = text(owner, "/partners").await?;
    let partner = linked(&partners, "/partners/", "Brightwater").context("the partner")?;
    let theirs = text(owner, &partner).await?;
    let contact = linked(&theirs, "/people/", "First contact").context("the contact")?;
    let gateways = text(owner, "/gateways").await?;
    let gateway = linked(&gateways, "/gateways/", "api").context("the gateway")?;
    let key = text(owner, &held.page).await?;
    let grant = action(&key, "/grants/", "/revoke").context("the grant")?;
    let profile = text(owner, "/profile").await?;
    let rename = action(&profile, "/profile/passkeys/", "/name").context("a passkey")?;
    let service = scene.service.clone();
    let version = value_of(&text(owner, &service).await?, "version").context("a version")?;
    let edit = scene.draft().await?;
    let draft = value_of(&text(&scene.contact, &edit).await?, "version").context("a version")?;
    let decide = format!("{request}/decide/production");
    let stamp = value_of(&text(owner, &decide).await?, "stamp").context("a stamp")?;
    let shown = value_of(&text(owner, &temporary).await?, "stamp").context("a stamp")?;
    let long = "x".repeat(9_000);

    let before = scene.audit().await?.len();
    let mails = Rows::of(&scene.portal).await?.count("outbox");
    let one = |by, path: String, fields: &[(&'static str, &str)], at| Wrong {
        by,
        path,
        fields: fields
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
        at,
    };
    let mut wrong = vec![
        one(
            owner,
            "/people/invite".into(),
            &[("name", ""), ("email", TYPED)],
            &["name", "email", "role"],
        ),
        one(
            &scene.contact,
            "/people/invite".into(),
            &[
                ("name", TYPED),
                ("email", "a@"),
                ("role", "admin"),
                ("role", "member"),
            ],
            &["email"],
        ),
        one(
            owner,
            format!("{contact}/address"),
            &[("email", TYPED), ("reason", "")],
            &["email", "reason"],
        ),
        one(
            owner,
            format!("{contact}/recovery"),
            &[("reason", "")],
            &["reason"],
        ),
        one(
            owner,
            format!("{contact}/remove"),
            &[("reason", "")],
            &["reason"],
        ),
        one(owner, format!("{contact}/roles"), &[], &["role"]),
        one(
            owner,
            "/partners/invite".into(),
            &[
                ("organisation", "Brightwater logistics"),
                ("name", "A"),
                ("email", "a@b.example"),
                ("why", TYPED),
            ],
            &["organisation"],
        ),
        one(
            owner,
            "/partners/invite".into(),
            &[
                ("organisation", &long),
                ("name", ""),
                ("email", TYPED),
                ("why", ""),
            ],
            &["organisation", "name", "email", "why"],
        ),
        one(
            owner,
            format!("{partner}/contacts"),
            &[("name", ""), ("email", TYPED), ("role", "king")],
            &["name", "email", "role"],
        ),
        one(
            owner,
            format!("{partner}/suspend"),
            &[("reason", "")],
            &["reason"],
        ),
        one(
            owner,
            format!("{partner}/revoke"),
            &[("reason", &long)],
            &["reason"],
        ),
        one(
            owner,
            "/services/new".into(),
            &[("slug", TYPED), ("name", ""), ("description", "")],
            &["slug", "name"],
        ),
        one(
            owner,
            "/services/new".into(),
            &[
                ("slug", "shipments"),
                ("name", "Again"),
                ("description", TYPED),
            ],
            &["slug"],
        ),
        one(
            owner,
            service.clone(),
            &[("version", &version), ("name", ""), ("description", TYPED)],
            &["name"],
        ),
        one(
            owner,
            format!("{service}/environments"),
            &[
                ("version", &version),
                ("environment", TYPED),
                ("kind", "other"),
                ("tag", ""),
                ("base_url", "http://x"),
            ],
            &["environment", "tag", "base_url"],
        ),
        one(
            owner,
            format!("{service}/environments/change"),
            &[
                ("version", &version),
                ("environment", "sandbox"),
                ("tag", ""),
                ("base_url", TYPED),
            ],
            &["base_url"],
        ),
        one(
            owner,
            format!("{service}/scopes"),
            &[
                ("version", &version),
                ("scope", TYPED),
                ("allows", ""),
                ("sensitivity", "none"),
            ],
            &["scope", "allows", "sensitivity"],
        ),
        one(
            owner,
            format!("{service}/endpoints"),
            &[
                ("version", &version),
                ("method", "GRAB"),
                ("pattern", TYPED),
            ],
            &["method", "pattern", "scope"],
        ),
        one(
            owner,
            format!("{service}/policy/sandbox"),
            &[
                ("version", "1"),
                ("approvals", "0"),
                ("max_days", "0"),
                ("rate", "-1"),
                ("link_hours", "9999999999999999999999"),
            ],
            &["approvals", "max_days", "rate", "link_hours"],
        ),
        one(
            owner,
            "/gateways/new".into(),
            &[("name", ""), ("kind", "toaster"), ("proxies", TYPED)],
            &["name", "kind", "pair", "proxies"],
        ),
        one(
            owner,
            gateway.clone(),
            &[("proxies", TYPED)],
            &["pair", "proxies"],
        ),
        one(
            owner,
            format!("{gateway}/try"),
            &[
                ("key", ""),
                ("method", "GET"),
                ("path", TYPED),
                ("source_ip", "somewhere"),
                ("scheme", "https"),
            ],
            &["key", "path", "source_ip"],
        ),
        one(
            owner,
            format!("{gateway}/revoke"),
            &[("reason", "")],
            &["reason"],
        ),
        one(
            owner,
            format!("{}/revoke", held.page),
            &[("reason", "")],
            &["reason"],
        ),
        one(owner, grant, &[("reason", &long)], &["reason"]),
        one(
            owner,
            "/profile/passkeys".into(),
            &[("name", "")],
            &["name"],
        ),
        one(owner, rename, &[("name", &long)], &["name"]),
        one(
            owner,
            format!("{request}/verdict"),
            &[
                ("section", "workflow"),
                ("verdict", "changes"),
                ("comment", ""),
            ],
            &["comment"],
        ),
        one(
            &scene.contact,
            format!("{request}/comments"),
            &[("section", "workflow"), ("comment", " ")],
            &["comment"],
        ),
        one(
            owner,
            format!("{request}/recuse"),
            &[("reason", "")],
            &["reason"],
        ),
        one(
            owner,
            decide,
            &[("decision", "reject"), ("reason", ""), ("stamp", &stamp)],
            &["reason"],
        ),
        one(
            owner,
            format!("{request}/narrow/production"),
            &[
                ("scope", "shipments:read"),
                ("networks", TYPED),
                ("rate", "no"),
                ("days", "0"),
                ("why", ""),
            ],
            &["networks", "rate", "days", "why"],
        ),
        one(
            owner,
            narrow,
            &[
                ("scope", "shipments:read"),
                ("networks", TYPED),
                ("rate", "no"),
                ("days", "0"),
                ("why", ""),
            ],
            &["networks", "rate", "days", "why"],
        ),
        one(
            &scene.contact,
            asking,
            &[("lasts", TYPED), ("unit", "hours"), ("why", "")],
            &["lasts", "why"],
        ),
        one(
            owner,
            format!("{temporary}/decide"),
            &[("decision", "reject"), ("reason", ""), ("stamp", &shown)],
            &["reason"],
        ),
        one(owner, format!("{open}/end"), &[("reason", "")], &["reason"]),
        one(
            &scene.contact,
            "/requests/new".into(),
            &[("service", "none")],
            &["service"],
        ),
        one(
            owner,
            "/audit/export".into(),
            &[
                ("q", TYPED),
                ("act", ""),
                ("outcome", ""),
                ("from", "soon"),
                ("to", ""),
            ],
            &["from"],
        ),
    ];
    let mut answers: Vec<(&str, String)> = ANSWERS
        .iter()
        .map(|(name, _)| (*name, String::new()))
        .collect();
    for (name, answer) in &mut answers {
        if *name == "purpose" {
            *answer = TYPED.to_owned();
        }
        if *name == "networks" {
            "the whole internet".clone_into(answer);
        }
    }
    answers.extend([("version", draft), ("do", "submit".to_owned())]);
    wrong.push(Wrong {
        by: &scene.contact,
        path: edit.clone(),
        fields: answers,
        at: &[
            "environment",
            "data",
            "consequence",
            "business_owner_email",
            "volume",
            "networks",
            "leak_response",
        ],
    });
    let paths: Vec<&str> = wrong.iter().map(|form| form.path.as_str()).collect();
    assert_eq!(forgotten(&paths), Vec::<&str>::new());
    let mut faults = Vec::new();
    for form in &wrong {
        faults.extend(form.faults().await?);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // What was typed into a draft is saved all the same, and nothing else happened at all.
    let kept = text(&scene.contact, &edit).await?;
    assert!(kept.contains("&lt;b onclick=x&gt;"), "the draft is kept");
    assert_eq!(scene.verify(&held.key).await?, "ok");
    assert_eq!(
        scene.audit().await?.len(),
        before + 1,
        "the second export alone"
    );
    assert_eq!(
        Rows::of(&scene.portal).await?.count("outbox"),
        mails,
        "nobody was told anything"
    );
    Ok(())
}

async fn what_cannot_be_read_is_refused_as_a_whole(database: Option<String>) -> Result<()> {
    let scene = Scene::set(database).await?;
    let before = scene.audit().await?.len();
    let post = async |kind: &str, body: Vec<u8>| -> Result<StatusCode> {
        let request = scene
            .owner
            .http
            .post(scene.portal.url("/partners/invite"))
            .header("sec-fetch-site", "same-origin")
            .header("content-type", kind)
            .body(body);
        Ok(request.send().await?.status())
    };
    let form = "application/x-www-form-urlencoded";
    let good =
        b"organisation=Quay&name=Quentin&email=q%40quay.example&why=They+print+labels".to_vec();
    let with = |more: &[u8]| [&good, more].concat();
    for (kind, body, expected) in [
        (form, with(b"&admin=yes"), 400),
        (form, with(b"&name=Somebody+else"), 400),
        (form, with(b"%ff"), 422),
        (form, with(b"\xff\xfe"), 422),
        ("application/json", good.clone(), 422),
        ("text/plain", good.clone(), 422),
        (form, with(b"%00"), 422),
    ] {
        let shown = String::from_utf8_lossy(&body).into_owned();
        assert_eq!(
            post(kind, body).await?.as_u16(),
            expected,
            "{kind}: {shown}"
        );
    }
    let truncated = post(form, b"organisation=Qu".to_vec()).await?;
    assert_eq!(truncated, 422);
    for garbage in ["{", "[]", "null", "{\"ceremony\":1}", "\"\u{0}\""] {
        let answer = scene
            .owner
            .http
            .post(scene.portal.url("/auth/sign-in/finish"))
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/json")
            .body(garbage)
            .send()
            .await?;
        assert_eq!(answer.status(), 400, "{garbage}");
        let problem: serde_json::Value = answer.json().await?;
        assert_eq!(problem["code"], "bad-request", "{garbage}");
    }
    assert_eq!(
        scene.audit().await?.len(),
        before + 1,
        "the second export alone"
    );
    assert!(!text(&scene.owner, "/partners").await?.contains("Quay"));
    Ok(())
}
