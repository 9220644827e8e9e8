//! What the claim page says: facts about the key, the file to save, and why something was refused.

use domain::time::Timestamp;
use serde::Deserialize;

use crate::islands::failure::{Failure, span};

/// What the server says about a key, after proof.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Details {
    #[expect(
        dead_code,
        reason = "part of the contract; the page is read by its own contact"
    )]
    partner: String,
    #[expect(
        dead_code,
        reason = "the sealed header names it, and that is what is shown"
    )]
    service: String,
    #[expect(
        dead_code,
        reason = "the sealed header names it, and that is what is shown"
    )]
    environment: String,
    base_url: String,
    scopes: Vec<String>,
    rate_per_second: u64,
    networks: Vec<String>,
    further: Vec<String>,
    variable: String,
    example_method: String,
    example_path: String,
}

impl Details {
    /// `read shipments, 50 calls a second, from 2 networks`.
    pub(super) fn may(&self) -> String {
        let calls = match self.rate_per_second {
            1 => "1 call a second".to_owned(),
            rate => format!("{rate} calls a second"),
        };
        let from = match self.networks.as_slice() {
            [] => "from anywhere".to_owned(),
            [network] => format!("from {network}"),
            networks => format!("from {} networks", networks.len()),
        };
        let scopes = self.scopes.iter().cloned();
        let further = self.further.iter().cloned();
        let all: Vec<String> = scopes.chain([calls]).chain(further).chain([from]).collect();
        all.join(", ")
    }

    /// `printf 'Authorization: Bearer %s' "$SHIPMENTS_KEY" | curl -H @- https://api.example.com/v2/…`:
    /// in an argument of curl, everybody on the machine could read the key.
    pub(super) fn first_call(&self) -> String {
        // curl says GET by itself.
        let method = match self.example_method.as_str() {
            "GET" => String::new(),
            method => format!("-X {} ", one_word(method)),
        };
        format!(
            "printf 'Authorization: Bearer %s' \"${}\" | curl {method}-H @- {}{}",
            self.name(),
            one_word(self.base_url.trim_end_matches('/')),
            one_word(&self.example_path)
        )
    }

    /// Two lines: the key and where it goes.
    pub(super) fn env_file(&self, key: &str) -> zeroize::Zeroizing<String> {
        zeroize::Zeroizing::new(format!(
            "{}={key}\n{}_BASE_URL={}\n",
            self.name(),
            self.stem(),
            one_word(&self.base_url)
        ))
    }

    /// Browsers take a leading dot away, so the file has a name before it.
    pub(super) fn env_name(&self) -> String {
        format!("{}.env", self.stem().to_ascii_lowercase())
    }

    /// As shells and loaders take a variable's name, whatever was configured.
    fn name(&self) -> String {
        let name: String = self
            .variable
            .chars()
            .map(|c| c.to_ascii_uppercase())
            .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
            .skip_while(char::is_ascii_digit)
            .collect();
        match name.is_empty() {
            true => "API_KEY".to_owned(),
            false => name,
        }
    }

    /// `SHIPMENTS` of `SHIPMENTS_KEY`.
    fn stem(&self) -> String {
        let name = self.name();
        match name.strip_suffix("_KEY") {
            Some(stem) if !stem.is_empty() => stem.to_owned(),
            _ => name,
        }
    }
}

/// Neither a line of its own in a file nor a second word in a command.
fn one_word(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && !c.is_control() && !"\"'`$;&|<>\\".contains(*c))
        .collect()
}

/// `20 February 2027, in 90 days`.
pub(super) fn ends(at: Timestamp, now_millis: f64) -> String {
    let now = Timestamp::from_micros((now_millis * 1_000.0) as i64);
    let (year, month, day) = civil(at.micros().div_euclid(86_400_000_000));
    let left = at.since(now).as_secs();
    let when = match left {
        0 => "has ended".to_owned(),
        1..172_800 => format!("in {}", span(left)),
        _ => format!("in {} days", left / 86_400),
    };
    format!("{day} {month} {year}, {when}")
}

/// Year, month's name and day of a day since 1970-01-01 in the Gregorian calendar (H. Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms"). A calendar library would double the module.
fn civil(days: i64) -> (i64, &'static str, i64) {
    const MONTHS: [&str; 12] = [
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
        "January",
        "February",
    ];
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = year_of_era + era * 400 + i64::from(month >= 10);
    let name = usize::try_from(month)
        .ok()
        .and_then(|month| MONTHS.get(month).copied())
        .unwrap_or_default();
    (year, name, day)
}

/// `This page forgets the key in 9 minutes.`
pub(super) fn countdown(seconds_left: u64) -> String {
    format!("This page forgets the key in {}.", span(seconds_left))
}

/// Why there is no key to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CannotShow {
    #[error(
        "This passkey cannot open sealed keys: it has no secret of its own to give (the WebAuthn PRF extension). Nothing was sent, and the link still works. Use the passkey that you set up for receiving keys."
    )]
    NoPrf,
    #[error(
        "What arrived was not sealed by this portal for this link and this passkey, so it was not opened. Do not use anything from it, and write to the security contact below."
    )]
    NotGenuine,
    #[error(
        "The link does not open what was delivered: a part of it was changed or cut off on its way. Open the link in the mail again; the same passkey can do so for ten minutes."
    )]
    WrongLink,
    #[error(
        "What arrived could not be read. Open the link in the mail again; the same passkey can do so for ten minutes."
    )]
    Contents,
}

/// A refusal with a heading of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) title: &'static str,
    pub(super) text: String,
    /// Somebody else may have the mail: say how to stop it.
    pub(super) offers_report: bool,
}

impl Refusal {
    pub(super) fn of_claim(failure: &Failure) -> Self {
        let said = failure.to_string();
        let (title, text, offers_report) = match failure.code() {
            Some("link-not-usable") => (
                "This link opens nothing for you",
                format!("{said} It may be mistyped, expired, used already, or meant for somebody else; for safety these are not told apart. Nothing was used up by this try."),
                false,
            ),
            Some("opened-elsewhere") => (
                "This key was opened with another passkey",
                format!("{said} If that was not you, say so: the key is then killed at once."),
                true,
            ),
            Some("other-device-key") => (
                "This passkey answers differently than when it was set up",
                format!("{said} Some phones do so when they are used through another device. Nothing was used up: open the link on the device itself, or with another of your passkeys."),
                false,
            ),
            Some("too-many-tries") => ("Too many tries", said, false),
            _ => match failure {
                Failure::NoAnswer => (
                    "The answer did not arrive",
                    "The portal did not answer. Check your connection and try again with the same passkey: if the key was already opened, that passkey can open it again for ten minutes.".to_owned(),
                    false,
                ),
                _ => ("No key was opened", said, false),
            },
        };
        Self {
            title,
            text,
            offers_report,
        }
    }

    pub(super) fn of_contents(why: CannotShow) -> Self {
        Self {
            title: "No key was opened",
            text: why.to_string(),
            offers_report: why == CannotShow::NotGenuine,
        }
    }
}

#[cfg(test)]
mod tests;
