//! The portal against its own OpenAPI description: schemathesis reads it, and asks what a gateway
//! could ask, well formed and not, with a live key among the examples.

#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::company::Held;
use tests::scene::{Scene, gateway_of_kind, question};
use tests::tally;

const SECONDS: &str = "120";

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance,response_headers_conformance";

/// To a forwarded call 503 is an answer like the others: the description says for what.
const CONFIGURATION: &str = r#"
[[operations]]
include-path-regex = "^/v1/forward-auth"
checks.not_a_server_error.expected-statuses = ["2xx", "4xx", 503]
"#;

/// A portal with a live key and a gateway's credential, and its description with calls that pass
/// as the examples.
struct Ground {
    scene: Scene,
    key: String,
    credential: String,
    description: Value,
    folder: TempDir,
}

impl Ground {
    async fn lay() -> Result<Self> {
        let mut scene = Scene::set(None).await?;
        let request = scene.ask_for_access().await?;
        let link = scene.approve(&request).await?;
        let Held { key, .. } = scene.receive(link).await?;
        let credential = gateway_of_kind(&scene.owner, "caddy").await?;
        let served = scene.owner.get("/v1/openapi.json").await?;
        ensure!(served.status() == 200, "{served:?}");
        let mut description: Value = served.json().await?;
        examples(&mut description, &key)?;
        Ok(Self {
            scene,
            key,
            credential,
            description,
            folder: TempDir::new()?,
        })
    }

    /// What schemathesis says, and every request that it made.
    fn run(&self) -> Result<(bool, String, Vec<Asked>)> {
        let at = |name: &str| self.folder.path().join(name);
        fs::write(at("openapi.json"), self.description.to_string())?;
        fs::write(at("schemathesis.toml"), CONFIGURATION)?;
        let output = Command::new("timeout")
            .arg(SECONDS)
            .arg(program()?)
            .arg("--config-file")
            .arg(at("schemathesis.toml"))
            .args(["run", "--no-color", "--seed", "1", "--max-examples", "4"])
            .args(["--phases", "examples,coverage,fuzzing", "--checks", CHECKS])
            .args(["--continue-on-failure", "--request-timeout", "10"])
            .args(["--report", "har", "--report-har-path"])
            .arg(at("report.har"))
            .args(["--url", &self.scene.portal.url("")])
            .args(["-H", &format!("Latchkey-Gateway: {}", self.credential)])
            .args(["-H", &format!("Authorization: Bearer {}", self.key)])
            .arg(at("openapi.json"))
            .current_dir(self.folder.path())
            .output()
            .context("`timeout` of coreutils is missing")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = text(&output.stdout) + text(&output.stderr).as_str();
        let Ok(report) = fs::read_to_string(at("report.har")) else {
            bail!("schemathesis did not get to ask anything:\n{said}");
        };
        Ok((output.status.success(), said, asked(&report)?))
    }
}

/// A request of schemathesis, and the status of its answer.
struct Asked {
    method: String,
    path: String,
    status: i64,
}

fn asked(report: &str) -> Result<Vec<Asked>> {
    let report: Value = serde_json::from_str(report)?;
    let entries = report["log"]["entries"].as_array().context("no entries")?;
    Ok(entries
        .iter()
        .map(|entry| {
            let request = &entry["request"];
            let url = request["url"].as_str().unwrap_or_default();
            let path = url.splitn(4, '/').nth(3).unwrap_or_default();
            Asked {
                method: request["method"].as_str().unwrap_or_default().to_owned(),
                path: format!("/{}", path.split('?').next().unwrap_or_default()),
                status: entry["response"]["status"].as_i64().unwrap_or_default(),
            }
        })
        .collect())
}

fn program() -> Result<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/.venv/bin/schemathesis");
    ensure!(
        path.exists(),
        "{} is missing: run `cargo xtask setup`",
        path.display()
    );
    Ok(path)
}

/// Puts a call that passes where the description has its made-up one.
fn examples(description: &mut Value, key: &str) -> Result<()> {
    let call = question(key);
    let bodies = [
        ("~1v1~1verify", call.clone()),
        (
            "~1v1~1verify~1batch",
            json!({ "calls": [call.clone(), call] }),
        ),
    ];
    for (path, example) in bodies {
        let pointer = format!("/paths/{path}/post/requestBody/content/application~1json");
        let body = description.pointer_mut(&pointer).context("a body")?;
        body["example"] = example;
    }
    let forwarded = [
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Uri", "/v2/shipments/1"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-For", "203.0.113.4"),
    ];
    let pointer = "/paths/~1v1~1forward-auth/get/parameters";
    let parameters = description
        .pointer_mut(pointer)
        .and_then(Value::as_array_mut)
        .context("parameters")?;
    for (name, value) in forwarded {
        let parameter = parameters
            .iter_mut()
            .find(|parameter| parameter["name"] == name)
            .context(name)?;
        parameter["example"] = value.into();
    }
    Ok(())
}

#[tokio::test]
async fn every_answer_is_one_that_the_description_names() -> Result<()> {
    let ground = Ground::lay().await?;
    let (fine, said, asked) = ground.run()?;
    ensure!(fine, "{said}");
    let count = |path: &str, status: i64| {
        asked
            .iter()
            .filter(|one| one.path == path && one.status == status)
            .count()
    };
    // It has been where it was to go: decisions, refusals and calls that passed.
    for (path, status) in [
        ("/v1/verify", 200),
        ("/v1/verify", 400),
        ("/v1/verify/batch", 200),
        ("/v1/verify/batch", 400),
        ("/v1/forward-auth", 200),
        ("/v1/forward-auth", 503),
        ("/healthz", 200),
        ("/readyz", 200),
        ("/.well-known/latchkey.json", 200),
        ("/v1/openapi.json", 200),
    ] {
        ensure!(
            count(path, status) > 0,
            "{path} never answered {status}:\n{said}"
        );
    }
    let methods = asked.iter().filter(|one| one.path == "/v1/forward-auth");
    let mut methods: Vec<&str> = methods.map(|one| one.method.as_str()).collect();
    methods.sort_unstable();
    methods.dedup();
    ensure!(methods.len() >= 8, "{methods:?}");
    ensure!(asked.len() > 500, "only {} requests:\n{said}", asked.len());
    tally::count("attacks", asked.len());
    Ok(())
}

/// What schemathesis says of `/v1/verify`, whose described answers were changed.
async fn said_of_other(change: impl FnOnce(&mut Value) -> Result<()>) -> Result<String> {
    let mut ground = Ground::lay().await?;
    let paths = ground.description["paths"]
        .as_object_mut()
        .context("paths")?;
    paths.retain(|path, _| path == "/v1/verify");
    change(&mut paths["/v1/verify"]["post"]["responses"])?;
    let (fine, said, _) = ground.run()?;
    ensure!(!fine, "{said}");
    Ok(said)
}

#[tokio::test]
async fn an_answer_that_the_description_does_not_name_is_found() -> Result<()> {
    let said = said_of_other(|answers| {
        let answers = answers.as_object_mut().context("answers")?;
        answers.remove("400").context("400 is described")?;
        Ok(())
    })
    .await?;
    ensure!(said.contains("Undocumented status code"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_code_that_the_description_does_not_name_is_found() -> Result<()> {
    let said = said_of_other(|answers| {
        let codes = answers
            .pointer_mut(
                "/400/content/application~1problem+json/schema/allOf/1/properties/code/enum",
            )
            .context("codes")?;
        *codes = json!(["another"]);
        Ok(())
    })
    .await?;
    ensure!(said.contains("Response violates schema"), "{said}");
    Ok(())
}
