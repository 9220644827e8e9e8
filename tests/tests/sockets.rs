//! Unix sockets, each bound to one gateway: whoever can open one is that gateway, and nobody else
//! gets to it.

#![cfg(test)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tempfile::TempDir;
use tests::company::{Held, linked, text};
use tests::gateways::{Backend, Kind, RunningGateway};
use tests::promises;
use tests::raw::{RawResponse, send_over_socket};
use tests::scene::{Scene, gateway_of_kind};
use tests::tally;

/// A portal with a socket for a gateway of this kind, and a partner with a live key.
struct Near {
    scene: Scene,
    folder: TempDir,
    held: Held,
}

impl Near {
    async fn set(kind: &'static str, database_url: Option<String>) -> Result<Self> {
        let mut scene = Scene::set(database_url).await?;
        let request = scene.ask_for_access_from("127.0.0.0/8").await?;
        let link = scene.approve(&request).await?;
        let held = scene.receive(link).await?;
        if kind != "api" {
            gateway_of_kind(&scene.owner, kind).await?;
        }
        let folder = TempDir::new()?;
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700))?;
        let mut near = Self {
            scene,
            folder,
            held,
        };
        near.configure(kind)?;
        near.scene.portal.stop().await?;
        near.scene.portal.restart().await?;
        Ok(near)
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("gateway.sock")
    }

    fn configure(&mut self, gateway: &str) -> Result<()> {
        let file = self.folder.path().join("latchkey.toml");
        let socket = self.socket();
        let text = format!(
            "[[gateway_socket]]\npath = \"{}\"\ngateway = \"{gateway}\"\n",
            socket.display()
        );
        fs::write(&file, text)?;
        let environment = &mut self.scene.portal.config_mut().environment;
        environment.retain(|(name, _)| name != "LATCHKEY_CONFIG");
        environment.push(("LATCHKEY_CONFIG".to_owned(), file.display().to_string()));
        Ok(())
    }

    async fn send(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Result<RawResponse> {
        let mut request = format!("{line} HTTP/1.1\r\nhost: latchkey\r\nconnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        send_over_socket(&self.socket(), &request).await
    }

    async fn verify(&self, headers: &[(&str, &str)]) -> Result<(u16, String)> {
        let call = serde_json::json!({
            "key": self.held.key, "method": "GET", "path": "/v2/shipments/1",
            "source_ip": "127.0.0.1", "scheme": "https",
        });
        let mut all = vec![("content-type", "application/json")];
        all.extend(headers);
        let answer = self
            .send("POST /v1/verify", &all, &call.to_string())
            .await?;
        let body: Value =
            serde_json::from_str(&answer.body).with_context(|| format!("{answer:?}"))?;
        let code = body["code"].as_str().unwrap_or_default().to_owned();
        Ok((answer.status, code))
    }

    async fn gateway_page(&self, name: &str) -> Result<String> {
        let list = text(&self.scene.owner, "/gateways").await?;
        linked(&list, "/gateways/", name).context("no gateway")
    }

    /// What the portal says when it refuses to start.
    async fn refusal_to_start(&mut self) -> Result<String> {
        self.scene.portal.stop().await?;
        self.scene.portal.start_again()?;
        self.scene.portal.wait_until_dead().await?;
        Ok(self.scene.portal.log())
    }
}

promises!(
    who_opens_a_socket_is_its_gateway_and_nothing_else_is_served_there,
    a_credential_beside_a_socket_is_refused,
    a_revoked_gateway_is_refused_at_its_socket_at_once,
    a_socket_that_is_not_safe_or_for_no_gateway_keeps_the_portal_from_starting,
);

async fn who_opens_a_socket_is_its_gateway_and_nothing_else_is_served_there(
    database_url: Option<String>,
) -> Result<()> {
    let near = Near::set("api", database_url).await?;
    gateway_of_kind(&near.scene.owner, "nginx").await?;
    assert_eq!(near.verify(&[]).await?, (200, "ok".to_owned()));
    for (name, has_asked) in [("api", true), ("nginx", false)] {
        let page = near.gateway_page(name).await?;
        let page = text(&near.scene.owner, &page).await?;
        let never = page.contains("not since this process started");
        assert_ne!(never, has_asked, "{name}: {page}");
    }
    let mode = fs::metadata(near.socket())?.permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    for path in [
        "/",
        "/sign-in",
        "/healthz",
        "/.well-known/latchkey.json",
        "/v1/openapi.json",
    ] {
        let answer = near.send(&format!("GET {path}"), &[], "").await?;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
    Ok(())
}

async fn a_credential_beside_a_socket_is_refused(database_url: Option<String>) -> Result<()> {
    let near = Near::set("api", database_url).await?;
    let refused = (401, "unknown-gateway".to_owned());
    let genuine = near.scene.gateway.clone();
    for credential in [genuine.as_str(), "lkg_x", ""] {
        let answer = near.verify(&[("latchkey-gateway", credential)]).await?;
        assert_eq!(answer, refused, "{credential}");
        tally::count("attacks", 1);
    }
    let forwarded = [("latchkey-gateway", genuine.as_str())];
    let answer = near.send("GET /v1/forward-auth", &forwarded, "").await?;
    assert_eq!(answer.status, 503, "{answer:?}");
    Ok(())
}

async fn a_revoked_gateway_is_refused_at_its_socket_at_once(
    database_url: Option<String>,
) -> Result<()> {
    let mut near = Near::set("api", database_url).await?;
    assert_eq!(near.verify(&[]).await?.0, 200);
    let revoke = format!("{}/revoke", near.gateway_page("api").await?);
    let reason = [("reason", "It was taken down for good.")];
    near.scene.owner.act(&revoke, &reason).await?;
    let refused = (401, "unknown-gateway".to_owned());
    assert_eq!(near.verify(&[]).await?, refused);
    near.scene.portal.restart().await?;
    assert_eq!(
        near.verify(&[]).await?,
        refused,
        "and the portal still starts"
    );
    Ok(())
}

async fn a_socket_that_is_not_safe_or_for_no_gateway_keeps_the_portal_from_starting(
    database_url: Option<String>,
) -> Result<()> {
    let mut near = Near::set("api", database_url).await?;
    near.scene.portal.console(&["check-config"])?;
    fs::set_permissions(near.folder.path(), Permissions::from_mode(0o755))?;
    let check = |near: &Near| near.scene.portal.console(&["check-config"]).err();
    let refused = check(&near).context("the check let an open folder pass")?;
    assert!(
        refused.to_string().contains("is open to everybody"),
        "{refused}"
    );
    let said = near.refusal_to_start().await?;
    assert!(
        said.contains("is open to everybody on this machine"),
        "{said}"
    );
    assert!(
        !near.socket().exists(),
        "it was taken away when the portal stopped"
    );
    fs::set_permissions(near.folder.path(), Permissions::from_mode(0o700))?;
    near.scene.portal.restart().await?;
    near.configure("elsewhere")?;
    let refused = check(&near).context("the check let an unknown gateway pass")?;
    assert!(
        refused.to_string().contains("none is registered"),
        "{refused}"
    );
    let said = near.refusal_to_start().await?;
    assert!(said.contains("none is registered by that name"), "{said}");
    tally::count("attacks", 2);
    Ok(())
}

async fn calls_pass_through_a_gateway_at_its_socket_and_forgeries_do_not(kind: Kind) -> Result<()> {
    let mut near = Near::set(kind.code(), None).await?;
    let backend = Backend::start().await?;
    let gateway = RunningGateway::start_over_socket(kind, &near.socket(), &backend).await?;
    let client = gateway.client()?;
    let bearer = format!("Bearer {}", near.held.key);
    let call = "GET /v2/shipments/1";
    let forged = [
        ("authorization", bearer.as_str()),
        ("latchkey-gateway", "lkg_forged"),
        ("latchkey-key-id", "forged"),
    ];
    let answer = client.send(call, &forged).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    let served = backend.served();
    assert_eq!(served.len(), 1);
    let told = served[0].header("latchkey-reason");
    assert_eq!(
        (told, served[0].header("latchkey-gateway")),
        (Some("ok"), None)
    );
    assert_ne!(served[0].header("latchkey-key-id"), Some("forged"));
    let refused = client.send("GET /v2/invoices", &forged[..1]).await?;
    assert_eq!(refused.status, 403, "{refused:?}");
    near.scene.portal.kill9();
    let away = client.send(call, &forged[..1]).await?;
    assert_eq!((away.status, backend.served().len()), (503, 0), "{away:?}");
    near.scene.portal.restart().await?;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let again = client.send(call, &forged[..1]).await?;
    assert_eq!(
        again.status, 200,
        "over the socket that replaced the old one: {again:?}"
    );
    tally::count("attacks", 2);
    Ok(())
}

#[tokio::test]
async fn nginx_asks_over_a_socket() -> Result<()> {
    calls_pass_through_a_gateway_at_its_socket_and_forgeries_do_not(Kind::Nginx).await
}

#[tokio::test]
async fn caddy_asks_over_a_socket() -> Result<()> {
    calls_pass_through_a_gateway_at_its_socket_and_forgeries_do_not(Kind::Caddy).await
}
