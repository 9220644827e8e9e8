//! The table of routes and roles, walked by every kind of visitor. What is expected stands here by
//! hand: it is not derived from what the server says of its routes, and a route that stands in only
//! one of the two tables fails.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use reqwest::Response;
use tests::hand::Hand;
use tests::promises;
use tests::scene::{Scene, invited, value_of};
use tests::tally;
use tests::visitor::{Visitor, location};

/// In the order of the table's letters.
const PERSONAS: [&str; 11] = [
    "nobody",
    "staff without a role",
    "an owner",
    "an operator",
    "a reviewer",
    "an auditor",
    "an admin of the partner",
    "a member of the partner",
    "an admin of another partner",
    "somebody removed, with the cookie of before",
    "a gateway's credential",
];

/// A line is a method, a path, what each persona gets, and what is sent. The letters:
/// `y` 200, `c` on to the confirm page, `r` on to another page, `u` 422 and `b` 400 (let in, and
/// what was sent cannot be done), `9` 409, `g` 410, `v` 503 (not asked by a gateway of its kind); and the refusals: `s` sent to sign in, `j` 401,
/// `.` 404 (it is not there for them), `x` 403 (a colleague without the role).
///
/// nobody | no role, owner, operator, reviewer, auditor | admin, member, another's | removed, gateway
const TABLE: &str = "
GET  /healthz                              y yyyyy yyy yy
GET  /readyz                               y yyyyy yyy yy
GET  /.well-known/latchkey.json            y yyyyy yyy yy
GET  /.well-known/latchkey-jwks.json       y yyyyy yyy yy
GET  /v1/openapi.json                      y yyyyy yyy yy
GET  /docs/api                             y yyyyy yyy yy
GET  /assets/{asset}                       y yyyyy yyy yy

GET  /sign-in                              y yyyyy yyy yy
POST /auth/sign-in/begin                   y yyyyy yyy yy {}
POST /auth/sign-in/finish                  b bbbbb bbb bb {}
GET  /l/{nothing}                          y yyyyy yyy yy
POST /auth/enrol/begin                     x xxxxx xxx xx {}
POST /auth/enrol/create                    b bbbbb bbb bb {}
POST /auth/enrol/finish                    b bbbbb bbb bb {}
GET  /welcome                              s yyyyy yyy ss

GET  /d/{delivery}                         y yyyyy yyy yy
GET  /d/{nothing}                          y yyyyy yyy yy
POST /d/{delivery}/begin                   y yyyyy yyy yy {\"act\":\"claim\"}
POST /d/{nothing}/begin                    y yyyyy yyy yy {\"act\":\"claim\"}
POST /d/{delivery}/claim                   b bbbbb bbb bb {}
POST /d/{delivery}/receipt                 b bbbbb bbb bb {}
POST /d/{delivery}/report                  b bbbbb bbb bb {}
POST /d/{delivery}/alert                   b bbbbb bbb bb {}

GET  /confirm/{confirm}                    s ..... ... ss
POST /confirm/{confirm}/begin              j ..... ... jj {}
POST /confirm/{confirm}/finish             j xxxxx xxx jj {\"ceremony\":\"{nothing}\",\"credential\":{}}

GET  /                                     s yyyyy yyy ss

GET  /mail                                 s xxyxx ... ss
POST /mail/test                            s xxrxx ... ss
POST /mail/{mail}/resend                   s xxuxx ... ss

GET  /dev/mailbox                          . ..... ... ..
GET  /dev/mailbox/{mail}                   . ..... ... ..

GET  /people                               s yyyyy yyy ss
GET  /people/invite                        s xyxxx yxy ss
POST /people/invite                        s xuxxx uxu ss
GET  /people/{contact}                     s yyyyy yy. ss
GET  /people/{staff}                       s yyyyy ... ss
POST /people/{contact}/invite              s xxuxx ux. ss
POST /people/{staff}/invite                s xuxxx ... ss
POST /people/{member}/roles                s xxcxx cx. ss role=admin
POST /people/{staff}/roles                 s xcxxx ... ss role=reviewer
POST /people/{member}/address              s xxcxx cx. ss email=new@partner.example&reason=They+have+a+new+address.
POST /people/{staff}/address               s xcxxx ... ss email=new@host.example&reason=They+have+a+new+address.
POST /people/{member}/recovery             s xxcxx ... ss reason=They+lost+their+only+passkey.
POST /people/{member}/remove               s xxcxx cx. ss reason=They+work+somewhere+else+now.
POST /people/{staff}/remove                s xcxxx ... ss reason=They+work+somewhere+else+now.
POST /proposals/{proposal}/confirm         s xcxxx ... ss
POST /proposals/{proposal}/refuse          s xrxxx ... ss

GET  /partners                             s yyyyy ... ss
GET  /partners/invite                      s xxyxx ... ss
POST /partners/invite                      s xxuxx ... ss
GET  /partners/{partner}                   s yyyyy ... ss
GET  /partners/{partner}/usage             s yyyyy yy. ss
POST /partners/{partner}/contacts          s xxuxx ... ss
POST /partners/{partner}/suspend           s xxcxx ... ss reason=They+ask+us+to+do+so+today.
POST /partners/{partner}/resume            s xxuxx ... ss
POST /partners/{partner}/revoke            s xxccx ... ss reason=They+ask+us+to+do+so+today.

GET  /keys                                 s yyyyy yyy ss
GET  /keys/{key}                           s yyyyy yy. ss
GET  /keys/{key}/usage                     s yyyyy yy. ss
POST /keys/{key}/revoke                    s xxccx ... ss reason=They+ask+us+to+do+so+today.
POST /keys/{key}/suspend                   s xxccx ... ss
POST /keys/{key}/resume                    s xxuux ... ss
POST /keys/{key}/replace                   s ..... cx. ss
POST /keys/{key}/redeliver                 s xxuxx ux. ss
GET  /grants/{grant}/usage                 s yyyyy yy. ss
POST /grants/{grant}/revoke                s xxccx ... ss reason=They+ask+us+to+do+so+today.
GET  /grants/{grant}/narrow                s xxyyx ... ss
POST /grants/{grant}/narrow                s xxuux ... ss
GET  /grants/{grant}/temporary             s ..... yy. ss
POST /grants/{grant}/temporary             s ..... uu. ss
GET  /temporary/{overlay}                  s yyyyy yy. ss
POST /temporary/{overlay}/decide           s xxxux ... ss decision=approve&stamp=0
POST /temporary/{overlay}/end              s xxuux ... ss reason=They+ask+us+to+do+so+today.
POST /temporary/{overlay}/withdraw         s ..... r9. ss

GET  /audit                                s xxxxy ... ss
GET  /audit/{entry}                        s xxxxy ... ss
POST /audit/export                         s xxxxc ... ss
GET  /audit/export/{export}                s xxxxy ... ss
GET  /audit/export/{export}/entries.jsonl  s xxxxy ... ss

GET  /requests                             s yyyyy yyy ss
GET  /requests/new                         s ..... yyy ss
POST /requests/new                         s ..... uuu ss
GET  /requests/{request}                   s yyyyy yy. ss
GET  /requests/{draft}                     s ..... rr. ss
GET  /requests/{draft}/edit                s ..... yy. ss
POST /requests/{draft}/draft               s ..... y9. ss version=0
POST /requests/{draft}/edit                s ..... uu. ss version=1&do=submit
POST /requests/{request}/comments          s ..... uu. ss section=workflow&comment=
POST /requests/{request}/verdict           s xxxrx ... ss section=workflow&verdict=accepted&comment=
POST /requests/{request}/recuse            s xxxux ... ss reason=
GET  /requests/{request}/decide/{sandbox}  s xxxyx ... ss
POST /requests/{request}/decide/{sandbox}  s xxx9x ... ss decision=approve&stamp=0
GET  /requests/{request}/narrow/{sandbox}  s xxxyx ... ss
POST /requests/{request}/narrow/{sandbox}  s xxxux ... ss
POST /requests/{request}/withdraw          s ..... r9. ss

GET  /profile                              s yyyyy yyy ss
POST /profile/passkeys                     s uuuuu uuu ss
GET  /profile/passkeys/new                 s ..... ... ss
POST /profile/passkeys/{passkey}/name      s ..... r.. ss name=Another+name
POST /profile/passkeys/{passkey}/remove    s ..... u.. ss
POST /profile/sessions/{session}/end       s ..... r.. ss
POST /profile/sessions/end-others          s rrrrr rrr ss

GET  /services                             s yyyyy yyy ss
GET  /services/new                         s xxyxx ... ss
POST /services/new                         s xxuxx ... ss
GET  /services/{service}                   s yyyyy yyy ss
GET  /services/{service}/usage             s yyyyy yyy ss
POST /services/{service}                   s xxuxx ... ss version=1
POST /services/{service}/environments      s xxuxx ... ss version=1
POST /services/{service}/environments/change s xxuxx ... ss version=1
POST /services/{service}/offer             s xxuxx ... ss version=1
POST /services/{service}/retire            s xxuxx ... ss version=1
POST /services/{service}/scopes            s xxuxx ... ss version=1
POST /services/{service}/scopes/remove     s xxuxx ... ss version=1
POST /services/{service}/endpoints         s xxuxx ... ss version=1
POST /services/{service}/endpoints/remove  s xxuxx ... ss version=1
GET  /services/{service}/policy/{sandbox}  s yyyyy ... ss
POST /services/{service}/policy/{sandbox}  s xuxxx ... ss version=1

GET  /gateways                             s xxyxx ... ss
GET  /gateways/new                         s xxyxx ... ss
POST /gateways/new                         s xxuxx ... ss
GET  /gateways/{gateway}                   s xxyxx ... ss
POST /gateways/{gateway}                   s xxuxx ... ss
POST /gateways/{gateway}/rotate            s xxcxx ... ss
POST /gateways/{gateway}/revoke            s xxcxx ... ss reason=They+ask+us+to+do+so+today.
POST /gateways/{gateway}/try               s xxuxx ... ss

GET  /reveal/{reveal}                      s yyyyy yyy ss
POST /reveal/{reveal}                      s ggggg ggg ss

POST /v1/verify                            j jjjjj jjj jy {\"key\":\"x\",\"method\":\"GET\",\"path\":\"/\",\"source_ip\":\"203.0.113.4\",\"scheme\":\"https\"}
POST /v1/verify/batch                      j jjjjj jjj jy {\"calls\":[{\"key\":\"x\",\"method\":\"GET\",\"path\":\"/\",\"source_ip\":\"203.0.113.4\",\"scheme\":\"https\"}]}
ANY  /v1/forward-auth                      v vvvvv vvv vv
ANY  /v1/forward-auth/                     v vvvvv vvv vv
ANY  /v1/forward-auth/{nothing}            v vvvvv vvv vv

POST /sign-out                             s sssss sss ss
";

struct Line {
    method: &'static str,
    path: &'static str,
    expected: Vec<char>,
    body: &'static str,
}

#[test]
fn every_route_has_a_line_and_every_line_a_route() {
    let served: BTreeSet<String> = server::http::routes::TABLE
        .iter()
        // What `xtask bench` measures against; only its own build of the server has it.
        .filter(|entry| entry.path != "/v1/constant")
        .map(|entry| format!("{} {}", entry.method.to_uppercase(), shape(entry.path)))
        .collect();
    let expected: BTreeSet<String> = lines()
        .iter()
        .map(|line| format!("{} {}", line.method, shape(line.path)))
        .collect();
    let unexpected: Vec<_> = served.difference(&expected).collect();
    assert!(
        unexpected.is_empty(),
        "routes without a line: {unexpected:?}"
    );
    let unserved: Vec<_> = expected.difference(&served).collect();
    assert!(unserved.is_empty(), "lines without a route: {unserved:?}");
}

/// The table and the router are made by one macro; a route that is added past it would be in
/// neither.
#[test]
fn no_route_is_added_outside_of_the_servers_table() -> Result<()> {
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/../server/src");
    let mut found = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(sources)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(&path)?;
                for way in [".route(", ".route_service(", ".nest(", ".nest_service("] {
                    found.extend(text.matches(way).map(|_| path.clone()));
                }
            }
        }
    }
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].ends_with("http/routes.rs"), "{found:?}");
    Ok(())
}

promises! {
    each_persona_gets_of_each_route_what_the_table_says,
}

async fn each_persona_gets_of_each_route_what_the_table_says(
    database: Option<String>,
) -> Result<()> {
    let mut cast = Cast::assemble(database).await?;
    let mut wrong = Vec::new();
    let mut walked = 0;
    for line in lines() {
        // Refusals first: who is let in may change what the others would find.
        let (refused, let_in): (Vec<usize>, Vec<usize>) =
            (0..PERSONAS.len()).partition(|at| ".xjs".contains(line.expected[*at]));
        for at in refused.into_iter().chain(let_in) {
            let got = cast.try_line(at, &line, "same-origin").await?;
            if got.0 != line.expected[at] {
                wrong.push(format!(
                    "{} {}: {} got {} ({}), not {}",
                    line.method, line.path, PERSONAS[at], got.0, got.1, line.expected[at]
                ));
            }
            walked += 1;
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    for persona in &cast.personas {
        let home = persona.get("/").await?;
        assert_eq!(home.status(), 303, "signing out ended the session");
    }
    tally::count("routes", walked);
    assert!(walked >= 100 * PERSONAS.len(), "only {walked} were walked");
    Ok(())
}

#[tokio::test]
async fn an_unsafe_route_refuses_what_another_site_posts_whoever_is_signed_in() -> Result<()> {
    let mut cast = Cast::assemble(None).await?;
    let mut tried = 0;
    for line in lines() {
        if line.method != "POST" || line.path.starts_with("/v1/verify") {
            continue;
        }
        for at in [2, 3, 4, 5, 6] {
            for site in ["cross-site", "same-site", "none", ""] {
                let got = cast.try_line(at, &line, site).await?;
                assert_eq!(
                    got.0, 'b',
                    "{} by {} from {site:?}: {}",
                    line.path, PERSONAS[at], got.1
                );
                tried += 1;
            }
        }
    }
    tally::count("attacks", tried);
    assert!(tried > 1000, "only {tried}");
    Ok(())
}

/// Who walks, and what stands for the names in the table's paths.
struct Cast {
    scene: Scene,
    personas: Vec<Visitor>,
    names: BTreeMap<&'static str, String>,
}

impl Cast {
    async fn assemble(database: Option<String>) -> Result<Self> {
        let mut scene = Scene::set(database).await?;
        let mut personas = personas(&mut scene).await?;
        let names = names(&mut scene, &personas).await?;
        let nobody = Visitor::new(scene.portal.origin());
        personas.insert(6, std::mem::replace(&mut scene.contact, nobody));
        Ok(Self {
            scene,
            personas,
            names,
        })
    }

    /// The letter for the answer, and the answer's status.
    async fn try_line(&mut self, at: usize, line: &Line, site: &str) -> Result<(char, String)> {
        let (path, body) = (self.fill(line.path)?, self.fill(line.body)?);
        let persona = &self.personas[at];
        let url = format!("{}{path}", self.scene.portal.origin());
        let mut request = match line.method {
            "GET" | "ANY" => persona.http.get(url),
            _ => persona.http.post(url),
        };
        if PERSONAS[at] == "a gateway's credential" {
            request = request.header("latchkey-gateway", &self.scene.gateway);
        }
        if line.method == "POST" {
            let kind = match body.starts_with('{') {
                true => "application/json",
                false => "application/x-www-form-urlencoded",
            };
            request = request.header("content-type", kind).body(body);
            if !site.is_empty() {
                request = request.header("sec-fetch-site", site);
            }
        }
        let response = request.send().await?;
        let status = response.status().to_string();
        Ok((letter(&response), status))
    }

    fn fill(&self, text: &str) -> Result<String> {
        let mut filled = text.to_owned();
        for (name, value) in &self.names {
            filled = filled.replace(&format!("{{{name}}}"), value);
        }
        if filled.starts_with('/') && filled.contains('{') {
            bail!("{filled} has a name that nothing stands for");
        }
        Ok(filled)
    }
}

fn letter(response: &Response) -> char {
    match response.status().as_u16() {
        200 => 'y',
        303 => match location(response).unwrap_or_default() {
            to if to.starts_with("/sign-in") => 's',
            to if to.starts_with("/confirm/") => 'c',
            _ => 'r',
        },
        400 => 'b',
        401 => 'j',
        403 => 'x',
        404 => '.',
        409 => '9',
        410 => 'g',
        422 => 'u',
        503 => 'v',
        _ => '?',
    }
}

/// All but the admin, who is the scene's contact; the member stands at 6.
async fn personas(scene: &mut Scene) -> Result<Vec<Visitor>> {
    let mut staff = Vec::new();
    // The owner comes last: with two of them, roles take a second person.
    for (name, role) in [
        ("No role", "auditor"),
        ("Removed", "operator"),
        ("Operator", "operator"),
        ("Reviewer", "reviewer"),
        ("Auditor", "auditor"),
        ("Owner", "owner"),
    ] {
        let email = format!("{}@host.example", name.to_lowercase().replace(' ', "."));
        let fields = [("name", name), ("role", role)];
        let person = invited(
            &scene.owner,
            &mut scene.mailbox,
            "/people/invite",
            &fields,
            &email,
        )
        .await?;
        if name == "No role" {
            let page = find_person(scene, &email).await?;
            scene.owner.act(&format!("{page}/roles"), &[]).await?;
        }
        if name == "Removed" {
            let page = find_person(scene, &email).await?;
            let reason = [("reason", "They work somewhere else now.")];
            scene.owner.act(&format!("{page}/remove"), &reason).await?;
        }
        staff.push(person);
    }
    let member = invited(
        &scene.contact,
        &mut scene.mailbox,
        "/people/invite",
        &[("name", "Member"), ("role", "member")],
        "member@partner.example",
    )
    .await?;
    let other = invited(
        &scene.owner,
        &mut scene.mailbox,
        "/partners/invite",
        &[
            ("organisation", "Other Carriers"),
            ("name", "Their contact"),
            ("why", "They deliver our parcels in the south."),
        ],
        "contact@other.example",
    )
    .await?;
    let [without, removed, operator, reviewer, auditor, owner] =
        <[Visitor; 6]>::try_from(staff).ok().context("six")?;
    let origin = scene.portal.origin();
    Ok(vec![
        Visitor::new(origin),
        without,
        owner,
        operator,
        reviewer,
        auditor,
        member,
        other,
        removed,
        Visitor::new(origin),
    ])
}

async fn find_person(scene: &Scene, email: &str) -> Result<String> {
    let mut hand = Hand::at(&scene.portal).await?;
    let id = hand.id("address", &format!("email = '{email}'")).await?;
    Ok(format!("/people/{id}"))
}

/// What stands for the names in the paths. The scene's contact is the partner's admin here.
async fn names(scene: &mut Scene, personas: &[Visitor]) -> Result<BTreeMap<&'static str, String>> {
    let (service, sandbox) = (after(&scene.service), "sandbox".to_owned());
    let request = scene.ask_for_access().await?;
    let link = scene.approve(&request).await?;
    let claimed = scene.contact.claim(&link).await?;
    let key = scene.contact.receipt(&claimed).await?;
    let key = after(key["portal"].as_str().context("the key's page")?);
    let overlay = temporary(scene, &key).await?;
    // A delivery that waits, and a request that waits for its decision.
    let waiting = scene.ask_for_access().await?;
    let link = scene.approve(&waiting).await?;
    let request = scene.ask_for_access().await?;
    let draft = scene
        .contact
        .form("/requests/new", &[("service", &service)])
        .await?;
    let draft = location(&draft).context("a draft")?;
    let draft = draft.trim_end_matches("/edit");
    let auditor = &personas[5];
    let export = auditor.act("/audit/export", &[]).await?;
    let reveal = scene
        .owner
        .act(
            "/partners/invite",
            &[
                ("organisation", "Late Carriers"),
                ("name", "Their contact"),
                ("why", "They deliver our parcels in the east."),
                ("email", "contact@late.example"),
            ],
        )
        .await?;
    let suspend = scene
        .owner
        .form(&format!("/keys/{key}/suspend"), &[])
        .await?;
    let confirm = location(&suspend).context("an act that waits")?;

    let mut hand = Hand::at(&scene.portal).await?;
    let id = async |hand: &mut Hand, email: &str| {
        hand.id("address", &format!("email = '{email}'")).await
    };
    let staff = id(&mut hand, "auditor@host.example").await?;
    let contact = id(&mut hand, "contact@partner.example").await?;
    let member = id(&mut hand, "member@partner.example").await?;
    scene
        .owner
        .act(&format!("/people/{staff}/roles"), &[("role", "operator")])
        .await?;
    let key_is = format!("id = {}", hand.uuid(&key));
    let of_contact = format!("person_id = {}", hand.uuid(&contact));
    let another = Visitor {
        http: Visitor::new(scene.portal.origin()).http,
        origin: scene.contact.origin.clone(),
        base: scene.contact.base.clone(),
        authenticator: std::mem::take(&mut scene.contact.authenticator),
    };
    another.sign_in().await?;
    scene.contact.authenticator = another.authenticator;
    let sign_in = Visitor::new(scene.portal.origin())
        .get("/sign-in")
        .await?
        .text()
        .await?;
    let asset = sign_in
        .split("/assets/")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .context("a page without assets")?;
    let names = [
        ("asset", asset.to_owned()),
        ("nothing", "00000000-0000-4000-8000-000000000000".to_owned()),
        ("delivery", after(tests::scene::path_of(&link).as_str())),
        ("confirm", after(&confirm)),
        (
            "mail",
            hand.id("outbox", "template = 'delivery' LIMIT 1").await?,
        ),
        ("contact", contact.clone()),
        ("member", member),
        ("staff", staff),
        ("proposal", hand.id("proposal", "state = 'open'").await?),
        (
            "partner",
            hand.id("partner", "name = 'Brightwater Logistics'").await?,
        ),
        ("key", key),
        (
            "grant",
            hand.id(
                "access_grant",
                &format!("id = (SELECT grant_id FROM api_key WHERE {key_is})"),
            )
            .await?,
        ),
        ("overlay", overlay),
        ("entry", "1".to_owned()),
        ("export", after(&export)),
        ("request", after(&request)),
        ("draft", after(draft)),
        ("passkey", hand.id("credential", &of_contact).await?),
        (
            "session",
            hand.id(
                "session",
                &format!("{of_contact} ORDER BY created_at DESC LIMIT 1"),
            )
            .await?,
        ),
        ("service", service),
        ("sandbox", sandbox),
        ("gateway", hand.id("gateway", "name = 'api'").await?),
        ("reveal", after(&reveal)),
    ];
    Ok(BTreeMap::from(names))
}

/// Temporary access that waits for its quorum, beside the grant of a key.
async fn temporary(scene: &Scene, key: &str) -> Result<String> {
    tests::live::offer_labels(scene).await?;
    let asked = tests::live::ask(scene, &format!("/keys/{key}"), "2", "hours").await?;
    Ok(after(&asked))
}

/// The last part of a path.
fn after(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

/// A path in which one name is like another.
fn shape(path: &str) -> String {
    path.split('/')
        .map(|part| if part.starts_with('{') { "{}" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

fn lines() -> Vec<Line> {
    TABLE
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| {
            let mut words = line.split_whitespace();
            let (method, path) = (words.next().unwrap(), words.next().unwrap());
            let expected: Vec<char> = words.by_ref().take(4).flat_map(str::chars).collect();
            assert_eq!(expected.len(), PERSONAS.len(), "{line}");
            Line {
                method,
                path,
                expected,
                body: words.next().unwrap_or_default(),
            }
        })
        .collect()
}

/// `value_of` reads pages of the scene; here it proves that the table's pages have no forms for who
/// may not send them.
#[tokio::test]
async fn a_page_offers_no_form_that_its_reader_may_not_send() -> Result<()> {
    let cast = Cast::assemble(None).await?;
    let reachable: BTreeMap<String, Vec<char>> = lines()
        .iter()
        .filter(|line| line.method == "POST")
        .filter_map(|line| Some((cast.fill(line.path).ok()?, line.expected.clone())))
        .collect();
    let mut forms = 0;
    for line in lines().iter().filter(|line| line.method == "GET") {
        for at in 1..9 {
            if line.expected[at] != 'y' {
                continue;
            }
            let page = cast.personas[at].get(&cast.fill(line.path)?).await?;
            let page = page.text().await?;
            for action in page.split("action=\"").skip(1) {
                let action = action.split('"').next().unwrap_or_default();
                if let Some(expected) = reachable.get(action) {
                    forms += 1;
                    assert!(
                        !".x".contains(expected[at]),
                        "{} shows {} a form for {action}",
                        line.path,
                        PERSONAS[at]
                    );
                }
            }
            assert!(value_of(&page, "password").is_none(), "no passwords");
        }
    }
    assert!(forms > 40, "only {forms} forms");
    Ok(())
}
