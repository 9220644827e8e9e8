//! Handing a mail over: to the mail server, or in development to a folder that is a page.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use domain::id::MailId;
use domain::time::Timestamp;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use url::Url;

use crate::config::Config;
use crate::mail::mailbox::{DevMail, Folder};
use crate::mail::words::Words;

/// Longest wait for one answer of the mail server.
const ANSWER: Duration = Duration::from_secs(10);
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Why no mail can be sent at all: a sentence for who configures it.
#[derive(Debug, thiserror::Error)]
pub enum Unmailable {
    // The library's own text can hold the password.
    #[error(
        "`smtp_url` cannot be used. Write smtps://user:password@host or smtp://host:587?tls=required."
    )]
    Server,
    #[error(
        "`smtp_ca_file` ({0}) cannot be read as certificates in PEM. Give the file of your mail \
         server's certificate authority, or leave the setting out."
    )]
    Authority(String),
    #[error("`mail_from` is not a mail address, such as keys@example.com.")]
    From,
    #[error("No mail server is configured. Set `smtp_url`.")]
    Nowhere,
}

/// Takes mails to where they go.
pub struct Courier {
    from: Mailbox,
    /// The right side of our message ids.
    domain: String,
    way: Way,
}

enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(Folder),
}

/// One mail's hand-over went wrong. The text holds no value of the mail.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Worth another try.
    Later(String),
    /// The mail server will never take it.
    Never(String),
}

impl Courier {
    /// # Errors
    /// [`Unmailable`].
    pub fn of(config: &Config) -> Result<Self, Unmailable> {
        let way = match &config.smtp_url {
            Some(url) => Way::Smtp(server(url, config.smtp_ca_file.as_deref())?),
            None if config.is_development() => Way::Folder(Folder::of(config)),
            None => return Err(Unmailable::Nowhere),
        };
        Ok(Self {
            from: config.mail_from.parse().map_err(|_| Unmailable::From)?,
            domain: config.origin.host_str().unwrap_or("localhost").to_owned(),
            way,
        })
    }

    pub(super) async fn take(
        &self,
        id: MailId,
        to: &str,
        words: &Words,
        now: Timestamp,
    ) -> Result<(), Failure> {
        match &self.way {
            Way::Smtp(server) => {
                let message = message(&self.from, &self.domain, id, to, words, now)?;
                server
                    .send(message)
                    .await
                    .map(drop)
                    .map_err(|error| failure(&error))
            }
            Way::Folder(folder) => {
                let mail = DevMail {
                    id,
                    to: to.to_owned(),
                    subject: words.subject().to_owned(),
                    at: now,
                    text: words.text(),
                    html: words.html(),
                };
                folder
                    .put(mail)
                    .await
                    .map_err(|error| Failure::Later(error.to_string()))
            }
        }
    }
}

fn server(
    url: &str,
    authority: Option<&Path>,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, Unmailable> {
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
        .map_err(|_| Unmailable::Server)?
        .timeout(Some(ANSWER));
    if let Some(file) = authority {
        builder = builder.tls(tls_of(url, file)?);
    }
    Ok(builder.build())
}

/// The TLS that the URL asks for, with the certificates in this file as the only ones trusted.
fn tls_of(url: &str, authority: &Path) -> Result<Tls, Unmailable> {
    let unreadable = || Unmailable::Authority(authority.display().to_string());
    let url = Url::parse(url).map_err(|_| Unmailable::Server)?;
    let host = url.host_str().ok_or(Unmailable::Server)?;
    let pem = std::fs::read(authority).map_err(|_| unreadable())?;
    // The library takes a file without any certificate for an empty list.
    if !pem.windows(BEGIN.len()).any(|window| window == BEGIN) {
        return Err(unreadable());
    }
    let trusted = Certificate::from_pem(&pem).map_err(|_| unreadable())?;
    let parameters = TlsParameters::builder(host.to_owned())
        .certificate_store(CertificateStore::None)
        .add_root_certificate(trusted)
        .build()
        .map_err(|_| unreadable())?;
    let asked = url.query_pairs().find(|(name, _)| name == "tls");
    Ok(
        match (url.scheme(), asked.as_ref().map(|(_, tls)| &**tls)) {
            ("smtps", _) => Tls::Wrapper(parameters),
            (_, Some("opportunistic")) => Tls::Opportunistic(parameters),
            // Who names an authority wants TLS.
            _ => Tls::Required(parameters),
        },
    )
}

/// Built by the library's typed headers alone, which encode what stands in them (RFC 2047).
pub(super) fn message(
    from: &Mailbox,
    domain: &str,
    id: MailId,
    to: &str,
    words: &Words,
    now: Timestamp,
) -> Result<Message, Failure> {
    let never = |_| Failure::Never("The address cannot be written to.".to_owned());
    let to = to.parse().map_err(never)?;
    let micros = u64::try_from(now.micros()).unwrap_or_default();
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(words.subject())
        .date(UNIX_EPOCH + Duration::from_micros(micros))
        // The same at each try: who gets a mail twice can tell.
        .message_id(Some(format!("<{id}@{domain}>")))
        .header(AutoSubmitted)
        .multipart(MultiPart::alternative_plain_html(
            words.text(),
            words.html(),
        ))
        .map_err(|_| Failure::Never("The mail cannot be written.".to_owned()))
}

/// Keeps automatic answers away (RFC 3834, section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

fn failure(error: &smtp::Error) -> Failure {
    let code = error.status().map(u16::from);
    let said = said(error);
    let text = format!("{}{}", to_do(code, &said), redacted(&said));
    if is_final(code) {
        Failure::Never(text)
    } else {
        Failure::Later(text)
    }
}

/// What an operator does about a connection that cannot be made, in front of what was said.
fn to_do(code: Option<u16>, said: &str) -> &'static str {
    match code {
        Some(534 | 535 | 538) => {
            "The mail server does not accept the user or the password in smtp_url: "
        }
        // RFC 4954 section 6, RFC 3207 section 4.
        Some(530) => "The mail server wants TLS or a user and password first. See smtp_url: ",
        None if said.contains("peer certificate") => {
            "The mail server's certificate is not trusted. Check the host in smtp_url, or name your \
             own certificate authority in smtp_ca_file: "
        }
        _ => "",
    }
}

/// A refusal of this mail, rather than of us: what concerns our credentials or our connection is
/// for an operator to mend, and no mail is lost for it (RFC 4954 section 6, RFC 5321 section 4.2).
fn is_final(code: Option<u16>) -> bool {
    matches!(code, Some(code) if code >= 550)
}

fn said(error: &smtp::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
}

/// A server may repeat what we sent. What is long enough for a secret is taken out, and the rest
/// kept short.
fn redacted(text: &str) -> String {
    const LONGEST: usize = 16;
    let secret_like =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '/' | '=');
    let mut kept = String::new();
    for word in text.split_inclusive(|c: char| !secret_like(c)) {
        let end = word.find(|c: char| !secret_like(c)).unwrap_or(word.len());
        let (run, rest) = word.split_at(end);
        kept.push_str(if run.len() > LONGEST { "…" } else { run });
        kept.extend(rest.chars().map(|c| if c.is_control() { ' ' } else { c }));
    }
    kept.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_repeats_is_not_kept() {
        let said = "550 5.7.1 refused https://keys.example.com/d/00000000-0000-4000-8000-000000000001#AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\nspam";
        let kept = redacted(said);
        assert_eq!(kept, "550 5.7.1 refused https://keys.example.…#…  spam");
        assert!(!kept.contains("AAAA") && !kept.contains("00000000-"));
        assert!(redacted(&"a b ".repeat(500)).chars().count() <= 200);
    }

    #[test]
    fn a_permanent_refusal_of_a_mail_is_final() {
        for code in [550, 551, 552, 553, 554, 555, 556] {
            assert!(is_final(Some(code)), "{code}");
        }
    }

    #[test]
    fn a_wrong_password_or_a_lost_connection_loses_no_mail() {
        for code in [421, 450, 451, 452, 500, 502, 503, 530, 534, 535, 538] {
            assert!(!is_final(Some(code)), "{code}");
        }
        assert!(!is_final(None));
    }
}
