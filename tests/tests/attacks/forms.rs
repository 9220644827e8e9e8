//! Forms that no page of ours sends are refused, and change nothing.

use anyhow::Result;
use server::http::guard::Access;
use server::http::routes::{Entry, TABLE};
use tests::company::text;
use tests::promises;
use tests::rows::Rows;
use tests::scene::Scene;
use tests::tally;
use tests::visitor::Visitor;

use crate::{Answer, id_in, settled};

const FORM: &str = "application/x-www-form-urlencoded";

/// These take JSON; `bodies` attacks them.
const JSON: [&str; 3] = ["/auth/", "/d/", "/confirm/"];

/// These take a form of nothing, or of whatever a browser sends, and read none of it.
const READS_NOTHING: [&str; 1] = ["/sign-out"];

promises! {
    a_form_with_a_field_too_many_or_twice_is_refused_on_every_route,
    a_field_that_stands_there_twice_is_refused,
    what_cannot_be_used_is_refused_beside_its_field_and_kept,
}

async fn a_form_with_a_field_too_many_or_twice_is_refused_on_every_route(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = scene.key().await?;
    let before = settled(&scene.portal).await?;
    let mut attacks = 0;
    for route in forms() {
        let path = path_of(&scene, route, &held.page).await?;
        let by = visitor(&scene, route);
        for form in ["unknown_field=1", "reason=a&reason=b&unknown_field=1"] {
            let answer = post(by, &path, FORM, form.into()).await?;
            refused(&answer, 400, &path, form);
            attacks += 1;
        }
        // Answers may be that long; what is none of them is refused there as it is in short.
        let holds_answers = ["/requests/{id}/edit", "/requests/{id}/draft"].contains(&route.path);
        let large = [422, 400][usize::from(holds_answers)];
        for (form, status) in [
            (vec![b'a'; 300 * 1024], large),
            (b"reason=\xff\xfe".to_vec(), 422),
        ] {
            let answer = post(by, &path, FORM, form).await?;
            refused(&answer, status, &path, "unreadable");
            attacks += 1;
        }
        for kind in [
            "application/json",
            "text/plain",
            "multipart/form-data; boundary=x",
        ] {
            let answer = post(by, &path, kind, b"reason=x".to_vec()).await?;
            refused(&answer, 422, &path, kind);
            attacks += 1;
        }
    }
    let after = Rows::of(&scene.portal).await?;
    assert_eq!(before.changed(&after, &["session"]), Vec::<String>::new());
    assert!(attacks > 200, "{attacks}");
    tally::count("attacks", attacks);
    Ok(())
}

async fn a_field_that_stands_there_twice_is_refused(database: Option<String>) -> Result<()> {
    let scene = Scene::set(database).await?;
    let before = settled(&scene.portal).await?;
    let twice = [
        ("slug", "one"),
        ("slug", "two"),
        ("name", "One"),
        ("description", "Anything."),
    ];
    assert_eq!(
        scene.owner.form("/services/new", &twice).await?.status(),
        400
    );
    let twice = [
        ("organisation", "Quay"),
        ("name", "A contact"),
        ("email", "one@other.example"),
        ("email", "two@other.example"),
        ("why", "They print labels."),
    ];
    assert_eq!(
        scene.owner.form("/partners/invite", &twice).await?.status(),
        400
    );
    let after = Rows::of(&scene.portal).await?;
    assert_eq!(before.changed(&after, &["session"]), Vec::<String>::new());
    tally::count("attacks", 2);
    Ok(())
}

async fn what_cannot_be_used_is_refused_beside_its_field_and_kept(
    database: Option<String>,
) -> Result<()> {
    let scene = Scene::set(database).await?;
    let before = settled(&scene.portal).await?;
    let long = "x".repeat(5000);
    let hostile = [
        "",
        "   ",
        "two\nlines",
        "nul\0byte",
        "bell\u{7}",
        "right\u{202e}left",
        "zero\u{200b}width",
        "isolate\u{2066}d",
        long.as_str(),
    ];
    let mut attacks = 0;
    for name in hostile {
        let fields = [
            ("organisation", name),
            ("name", "Kept As Typed"),
            ("email", "one@other.example"),
            ("why", "They print labels."),
        ];
        let answer = Answer::of(scene.owner.form("/partners/invite", &fields).await?).await?;
        assert_eq!(answer.status, 422, "{name:?}");
        assert!(
            answer.body.contains("Kept As Typed"),
            "{name:?}: what was typed is kept"
        );
        assert!(
            answer.body.contains("class=\"error\""),
            "{name:?}: a sentence stands there"
        );
        attacks += 1;
    }
    let addresses = [
        "nobody",
        "a@b@c",
        "a b@x.example",
        "<x@x.example>",
        "x@x.example\r\nBcc: all@x.example",
        "x@x.example, y@x.example",
        "\"<script>\"@x.example",
    ];
    for email in addresses {
        let fields = [
            ("organisation", "Quay"),
            ("name", "Kept As Typed"),
            ("email", email),
            ("why", "They print labels."),
        ];
        let answer = Answer::of(scene.owner.form("/partners/invite", &fields).await?).await?;
        assert_eq!(answer.status, 422, "{email:?}");
        assert!(answer.body.contains("Kept As Typed"), "{email:?}");
        attacks += 1;
    }
    let after = Rows::of(&scene.portal).await?;
    assert_eq!(before.changed(&after, &["session"]), Vec::<String>::new());
    tally::count("attacks", attacks);
    Ok(())
}

fn forms() -> impl Iterator<Item = &'static Entry> {
    TABLE.iter().filter(|route| {
        route.method == "post"
            && route.access != Access::Gateway
            && !JSON.iter().any(|start| route.path.starts_with(start))
            && !READS_NOTHING.contains(&route.path)
    })
}

fn visitor<'a>(scene: &'a Scene, route: &Entry) -> &'a Visitor {
    match route.access {
        Access::Contact | Access::PartnerAdmin => &scene.contact,
        _ => &scene.owner,
    }
}

/// The route's path, at things that are there.
async fn path_of(scene: &Scene, route: &Entry, key: &str) -> Result<String> {
    let owner = &scene.owner;
    let of = async |by: &Visitor, list: &str, prefix: &str| id_in(&text(by, list).await?, prefix);
    let id = match route.path.split('/').nth(1).unwrap_or_default() {
        "people" => of(&scene.contact, "/people", "/people/").await?,
        "partners" => of(owner, "/partners", "/partners/").await?,
        "requests" => of(owner, "/requests?state=all", "/requests/").await?,
        "services" => scene.service.trim_start_matches("/services/").to_owned(),
        "gateways" => of(owner, "/gateways", "/gateways/").await?,
        "keys" => key.trim_start_matches("/keys/").to_owned(),
        _ => "00000000-0000-4000-8000-000000000000".to_owned(),
    };
    let path = route.path.replace("{id}", &id);
    Ok(path.replace("{environment}", "sandbox"))
}

async fn post(by: &Visitor, path: &str, kind: &str, body: Vec<u8>) -> Result<Answer> {
    let request = by
        .http
        .post(format!("{}{path}", by.base))
        .header("sec-fetch-site", "same-origin")
        .header("content-type", kind);
    Answer::of(request.body(body).send().await?).await
}

fn refused(answer: &Answer, status: u16, path: &str, what: &str) {
    assert_eq!(answer.status, status, "{path} with {what}: {}", answer.body);
}
