//! Configuration: a TOML file and `LATCHKEY_…` in the environment, which wins. What is unsafe is
//! refused here, with a sentence that says what to do (`docs/operators.md`, "Configuration").

mod sockets;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::network::Networks;
use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use serde::{Deserialize, Serialize};
use url::Url;

pub use sockets::{GatewaySocket, SocketSettings};

/// What the operator says. Field names are the file's and, upper-cased after `LATCHKEY_`, the
/// environment's.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub profile: Profile,
    /// Where people reach the portal. Links, passkeys and cookies are bound to it.
    pub origin: String,
    pub listen: SocketAddr,
    /// The host's name, as pages and mails show it.
    pub host_name: String,
    /// Whom partners write to when something is wrong.
    pub security_contact: String,
    /// For the embedded database, the root key and, in development, the mailbox.
    pub data_dir: PathBuf,
    /// `sqlite:PATH` or `postgres://…`; a file in the data directory where absent.
    pub database_url: Option<String>,
    /// Thirty-two random bytes in base64url, readable by nobody else.
    pub root_key_file: Option<PathBuf>,
    /// `smtp://`, `smtps://` or `smtp://…?tls=required`, with user and password.
    pub smtp_url: Option<String>,
    /// The certificate authority of the mail server (PEM), where it is your own.
    pub smtp_ca_file: Option<PathBuf>,
    /// The `From` of all mail.
    pub mail_from: String,
    /// What keys begin with, before the environment's tag.
    pub key_prefix: String,
    /// Networks of the reverse proxies in front of the portal, whose forwarded addresses count.
    pub proxies: String,
    /// The built browser part.
    pub site: PathBuf,
    /// Sessions end after this many minutes without use…
    pub session_idle_minutes: u32,
    /// … and after this many hours in any case.
    pub session_hours: u32,
    /// Unix sockets, each for one gateway on this machine.
    pub gateway_socket: Vec<SocketSettings>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    Production,
    /// Keeps mail in a mailbox that is a page, and marks its database for ever.
    Development,
}

impl Profile {
    /// As the configuration and the database name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Development => "development",
        }
    }
}

/// Settings that passed every check.
#[derive(Clone, Debug)]
pub struct Config {
    pub profile: Profile,
    pub origin: Url,
    pub listen: SocketAddr,
    pub host_name: String,
    pub security_contact: String,
    pub data_dir: PathBuf,
    pub database_url: String,
    pub root_key_file: PathBuf,
    pub smtp_url: Option<String>,
    pub smtp_ca_file: Option<PathBuf>,
    pub mail_from: String,
    pub key_prefix: String,
    pub proxies: Networks,
    pub site: PathBuf,
    pub session_idle: Duration,
    pub session_length: Duration,
    pub gateway_sockets: Vec<GatewaySocket>,
}

/// A sentence for the operator: what is wrong, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unsafe(String);

impl Default for Settings {
    fn default() -> Self {
        Self {
            profile: Profile::Production,
            origin: "http://localhost:3000".to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 3000)),
            host_name: "Latchkey".to_owned(),
            security_contact: "security@localhost".to_owned(),
            data_dir: PathBuf::from("/var/lib/latchkey"),
            database_url: None,
            root_key_file: None,
            smtp_url: None,
            smtp_ca_file: None,
            mail_from: "latchkey@localhost".to_owned(),
            key_prefix: "lk".to_owned(),
            proxies: String::new(),
            site: PathBuf::from("target/site"),
            session_idle_minutes: 60,
            session_hours: 12,
            gateway_socket: Vec::new(),
        }
    }
}

impl Settings {
    /// The file (where given), then the environment. `DATABASE_URL` counts where
    /// `LATCHKEY_DATABASE_URL` is absent.
    ///
    /// # Errors
    /// An unknown field, or a value of the wrong type.
    pub fn read(file: Option<&Path>) -> Result<Self, Unsafe> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(file) = file {
            if !file.exists() {
                return Err(Unsafe(format!(
                    "The configuration file {} does not exist.",
                    file.display()
                )));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        figment
            .merge(Env::raw().only(&["DATABASE_URL"]))
            .merge(
                Env::prefixed("LATCHKEY_")
                    .ignore(&["config", "log", "log_format"])
                    .ignore(crate::fault::SETTINGS),
            )
            .extract()
            .map_err(|error| Unsafe(format!("The configuration cannot be read: {error}.")))
    }

    /// # Errors
    /// [`Unsafe`] with what to do, for the first thing that is not safe.
    pub fn check(self) -> Result<Config, Unsafe> {
        let origin = checked_origin(&self.origin)?;
        let database_url = self.database_url.unwrap_or_else(|| {
            format!("sqlite:{}", self.data_dir.join("latchkey.sqlite").display())
        });
        let proxies = self.proxies.trim();
        let proxies = if proxies.is_empty() {
            Networks::default()
        } else {
            proxies
                .parse()
                .map_err(|error| Unsafe(format!("`proxies` is not a list of networks: {error}")))?
        };
        if self.profile == Profile::Production && self.smtp_url.is_none() {
            return Err(Unsafe(
                "No mail server is configured. Set `smtp_url` (LATCHKEY_SMTP_URL): without mail \
                 nobody can be invited and no key be delivered."
                    .to_owned(),
            ));
        }
        let gateway_sockets = sockets::checked(self.gateway_socket)?;
        if self.profile == Profile::Production
            && self
                .smtp_url
                .as_deref()
                .is_some_and(sends_its_password_plain)
        {
            // Not the setting itself, which holds the password.
            return Err(Unsafe(
                "`smtp_url` would send its password in plain text. Write smtps://… or \
                 smtp://…?tls=required, unless the mail server is on this machine."
                    .to_owned(),
            ));
        }
        domain::token::KeyPrefix::new(&self.key_prefix, "live").map_err(|error| {
            Unsafe(format!(
                "`key_prefix` cannot be used: {error}. Two or three letters will do."
            ))
        })?;
        Ok(Config {
            profile: self.profile,
            origin,
            listen: self.listen,
            host_name: self.host_name,
            security_contact: self.security_contact,
            root_key_file: self
                .root_key_file
                .unwrap_or_else(|| self.data_dir.join("root.key")),
            data_dir: self.data_dir,
            database_url,
            smtp_url: self.smtp_url,
            smtp_ca_file: self.smtp_ca_file,
            mail_from: self.mail_from,
            key_prefix: self.key_prefix,
            proxies,
            site: self.site,
            session_idle: Duration::from_secs(u64::from(self.session_idle_minutes.max(1)) * 60),
            session_length: Duration::from_secs(u64::from(self.session_hours.max(1)) * 3600),
            gateway_sockets,
        })
    }
}

impl Config {
    /// The origin as browsers send it: scheme, host and port, without a slash.
    pub fn origin_text(&self) -> String {
        self.origin.origin().ascii_serialization()
    }

    pub fn is_https(&self) -> bool {
        self.origin.scheme() == "https"
    }

    pub fn is_development(&self) -> bool {
        self.profile == Profile::Development
    }
}

/// Over the network, without TLS or with TLS that whoever is between can talk it out of.
fn sends_its_password_plain(smtp_url: &str) -> bool {
    let Ok(url) = Url::parse(smtp_url) else {
        return false; // It cannot be used at all, which is said where mail is set up.
    };
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let here = host == "localhost"
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    // The first counts, as in lettre.
    let tls = url.query_pairs().find(|(name, _)| name == "tls");
    url.password().is_some()
        && !here
        && url.scheme() != "smtps"
        && tls.is_none_or(|(_, tls)| tls != "required")
}

fn checked_origin(text: &str) -> Result<Url, Unsafe> {
    let url: Url = text
        .parse()
        .map_err(|error| Unsafe(format!("`origin` ({text}) is not a URL: {error}.")))?;
    let host = url.host_str().unwrap_or_default();
    let local = host == "localhost" || host.ends_with(".localhost");
    match url.scheme() {
        "https" => {}
        "http" if local => {}
        _ => {
            return Err(Unsafe(format!(
                "`origin` is {text}. Passkeys and links need https, unless the host is localhost: \
                 put a TLS proxy in front and give its https address here."
            )));
        }
    }
    if url.path() != "/"
        || url.query().is_some()
        || url.fragment().is_some()
        || url.username() != ""
    {
        return Err(Unsafe(format!(
            "`origin` is {text}. Give scheme, host and port only, such as https://keys.example.com."
        )));
    }
    if matches!(
        url.host(),
        Some(url::Host::Ipv4(_) | url::Host::Ipv6(_)) | None
    ) {
        return Err(Unsafe(format!(
            "`origin` is {text}. Passkeys are bound to a name and cannot be bound to an address: \
             use a host name."
        )));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(origin: &str) -> Settings {
        Settings {
            origin: origin.to_owned(),
            smtp_url: Some("smtp://localhost".to_owned()),
            ..Settings::default()
        }
    }

    #[test]
    fn plain_http_is_refused_unless_it_is_localhost() {
        assert!(settings("http://localhost:3000").check().is_ok());
        assert!(settings("https://keys.example.com").check().is_ok());
        for origin in [
            "http://keys.example.com",
            "ftp://keys.example.com",
            "http://localhost.example.com",
        ] {
            assert!(settings(origin).check().is_err(), "{origin}");
        }
    }

    #[test]
    fn an_origin_is_a_name_and_nothing_behind_it() {
        for origin in [
            "https://127.0.0.1",
            "https://[::1]:3000",
            "https://keys.example.com/portal",
            "https://keys.example.com?x",
            "https://user@keys.example.com",
            "keys.example.com",
            "",
        ] {
            assert!(settings(origin).check().is_err(), "{origin}");
        }
    }

    #[test]
    fn production_without_mail_is_refused() {
        let settings = Settings {
            smtp_url: None,
            ..settings("https://keys.example.com")
        };
        let refusal = settings.check().unwrap_err().to_string();
        assert!(refusal.contains("smtp_url"), "{refusal}");
    }

    #[test]
    fn a_password_goes_to_another_machine_over_tls_alone() {
        let checked = |smtp_url: &str| {
            let settings = Settings {
                smtp_url: Some(smtp_url.to_owned()),
                ..settings("https://keys.example.com")
            };
            settings.check()
        };
        for plain in [
            "smtp://keys:hidden@mail.example.com",
            "smtp://keys:hidden@mail.example.com:587",
            "smtp://keys:hidden@192.0.2.7:25",
            "smtp://keys:hidden@[2001:db8::7]",
            "smtp://keys:hidden@localhost.example.com",
            "smtp://keys:hidden@mail.example.com?tls=opportunistic",
            "smtp://keys:hidden@mail.example.com?tls=opportunistic&tls=required",
        ] {
            let refusal = checked(plain).unwrap_err().to_string();
            assert!(refusal.contains("?tls=required"), "{plain}: {refusal}");
            assert!(!refusal.contains("hidden"), "{refusal}");
        }
        for safe in [
            "smtps://keys:hidden@mail.example.com",
            "smtp://keys:hidden@mail.example.com:587?tls=required",
            "smtp://keys:hidden@localhost",
            "smtp://keys:hidden@127.0.0.1:25",
            "smtp://keys:hidden@[::1]:25",
            "smtp://mail.example.com",
        ] {
            assert!(checked(safe).is_ok(), "{safe}");
        }
    }

    #[test]
    fn a_key_prefix_that_makes_keys_too_long_is_refused() {
        let settings = Settings {
            key_prefix: "acmecorp".to_owned(),
            ..settings("https://keys.example.com")
        };
        assert!(settings.check().is_err());
    }
}
