//! No other site makes a visitor's browser do anything here.

use anyhow::Result;
use server::http::guard::Access;
use server::http::routes::TABLE;
use tests::promises;
use tests::rows::Rows;
use tests::scene::Scene;
use tests::tally;
use tests::visitor::Visitor;

use crate::{Answer, TRIES, settled};

/// What browsers send with a request that no page of ours made.
const ELSEWHERE: [&[(&str, &str)]; 8] = [
    &[],
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site")],
    &[("sec-fetch-site", "none")],
    &[("sec-fetch-site", "")],
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("origin", "http://localhost")],
];

promises! {
    a_post_from_elsewhere_is_refused_on_every_route,
}

async fn a_post_from_elsewhere_is_refused_on_every_route(database: Option<String>) -> Result<()> {
    let scene = Scene::set(database).await?;
    let before = settled(&scene.portal).await?;
    let mut attacks = 0;
    for route in TABLE.iter().filter(|route| route.method == "post") {
        if route.access == Access::Gateway {
            continue;
        }
        let path = route
            .path
            .replace("{id}", "00000000-0000-4000-8000-000000000000");
        let path = path.replace("{environment}", "sandbox");
        for headers in ELSEWHERE {
            for visitor in [&scene.owner, &scene.contact] {
                for json in [false, true] {
                    let answer = post(visitor, &path, headers, json).await?;
                    let (route, status) = (route.path, answer.status);
                    assert_eq!(status, 400, "{route} with {headers:?}");
                    if json {
                        assert_eq!(answer.code(), "bad-request", "{route}");
                    }
                    let says = if json {
                        "a page of this portal"
                    } else {
                        "did not come from our page"
                    };
                    assert!(answer.body.contains(says), "{route}: {}", answer.body);
                    attacks += 1;
                }
            }
        }
    }
    let after = Rows::of(&scene.portal).await?;
    assert_eq!(before.changed(&after, &["session"]), Vec::<String>::new());
    assert!(attacks > 500, "{attacks}");
    tally::count("attacks", attacks);
    Ok(())
}

#[tokio::test]
async fn a_fetch_site_from_elsewhere_is_refused_whatever_the_origin_says() -> Result<()> {
    let scene = Scene::set(None).await?;
    let origin = scene.portal.origin();
    let ours = post(&scene.owner, "/mail/test", &[("origin", origin)], false).await?;
    assert_eq!(ours.status, 303, "an old browser's own post is served");
    let before = settled(&scene.portal).await?;
    let both = [("sec-fetch-site", "cross-site"), ("origin", origin)];
    let theirs = post(&scene.owner, "/mail/test", &both, false).await?;
    assert_eq!(theirs.status, 400);
    let after = Rows::of(&scene.portal).await?;
    assert_eq!(before.changed(&after, TRIES), Vec::<String>::new());
    tally::count("attacks", 1);
    Ok(())
}

async fn post(by: &Visitor, path: &str, headers: &[(&str, &str)], json: bool) -> Result<Answer> {
    let kind = match json {
        true => "application/json",
        false => "application/x-www-form-urlencoded",
    };
    let mut request = by
        .http
        .post(format!("{}{path}", by.base))
        .header("content-type", kind);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(request.body(if json { "{}" } else { "" }).send().await?).await
}
