//! What every mail promises, whatever it says.

use std::collections::BTreeSet;
use std::path::Path;

use domain::id::MailId;
use uuid::Uuid;

use super::letters::{NOW, all_saying, examples, house, name, shown};
use crate::mail::letter::{KINDS, Letter, title_of};
use crate::mail::send::message;

const HOSTILE: &str = "</p><script>alert('1')</script>\r\nBcc: eve@example.com\r\n\r\n\u{202E}<img src=\"//evil.example/x.png\">";

#[test]
fn every_letter_has_an_example() {
    let shown: BTreeSet<&str> = examples().iter().map(Letter::kind).collect();
    let known: BTreeSet<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(shown, known);
    assert_eq!(KINDS.len(), 33);
}

/// The mails as they stand in `snapshots/`. `LATCHKEY_SNAPSHOTS=write cargo test -p server` writes
/// them anew; what changed is then reviewed like code.
#[test]
fn every_mail_reads_as_it_was_reviewed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/mail/snapshots");
    let write = std::env::var("LATCHKEY_SNAPSHOTS").is_ok_and(|mode| mode == "write");
    let mut files = BTreeSet::new();
    for letter in examples() {
        let words = shown(&letter);
        let text = format!("Subject: {}\n\n{}", words.subject(), words.text());
        for (end, now) in [("txt", text), ("html", words.html())] {
            let name = format!("{}.{end}", name(&letter));
            if write {
                std::fs::write(folder.join(&name), &now).unwrap();
            }
            let reviewed = std::fs::read_to_string(folder.join(&name)).unwrap_or_default();
            assert_eq!(now, reviewed, "{name}");
            files.insert(name);
        }
    }
    let kept: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(kept, files);
}

#[test]
fn text_and_html_have_the_same_words() {
    for letter in examples() {
        let words = shown(&letter);
        let html = words.html();
        let body = html
            .split_once("<body")
            .unwrap()
            .1
            .split_once('>')
            .unwrap()
            .1;
        let bare: String = body
            .split('<')
            .map(|part| part.split_once('>').map_or(part, |(_, text)| text))
            .collect::<Vec<_>>()
            .concat();
        let bare = bare
            .replace("&#39;", "'")
            .replace("&quot;", "\"")
            .replace("&amp;", "&");
        assert_eq!(
            bare.split_whitespace().collect::<Vec<_>>(),
            words.text().split_whitespace().collect::<Vec<_>>(),
            "{}",
            letter.kind()
        );
    }
}

#[test]
fn the_first_two_lines_name_sender_service_and_expiry() {
    for letter in examples() {
        let text = shown(&letter).text();
        let two: Vec<&str> = text.lines().take(2).collect();
        assert!(two[0].contains("Alder Works"), "{two:?}");
        let json = serde_json::to_string(&letter).unwrap();
        if json.contains("\"service\"") {
            assert!(two[0].contains("Shipments API"), "{two:?}");
        }
        if json.contains("\"expires\"") {
            assert!(two[1].contains("18 January 2027, 08:00 UTC"), "{two:?}");
        }
    }
}

#[test]
fn a_mail_loads_nothing_and_tells_nobody_that_it_was_read() {
    for letter in examples() {
        let html = shown(&letter).html();
        for remote in [
            "<img",
            "<link",
            "<script",
            "src=",
            "url(",
            "@import",
            "<iframe",
            "http-equiv",
        ] {
            assert!(!html.contains(remote), "{remote} in {}", letter.kind());
        }
        let addresses = html.matches("href=\"").count();
        let ours = html.matches("href=\"https://keys.alder.example/").count();
        assert_eq!(addresses, ours, "{}", letter.kind());
    }
}

#[test]
fn markup_in_every_value_stays_text() {
    for letter in all_saying(HOSTILE) {
        let html = shown(&letter).html();
        for markup in ["<script", "<img", "\u{202E}"] {
            assert!(!html.contains(markup), "{markup} in {}", letter.kind());
        }
    }
}

#[test]
fn no_value_adds_a_header_or_a_line() {
    let from = "keys@alder.example".parse().unwrap();
    for (letter, hostile) in examples().into_iter().zip(all_saying(HOSTILE)) {
        let words = shown(&hostile);
        let id = MailId::new(Uuid::from_u128(7));
        let mail = message(
            &from,
            "keys.alder.example",
            id,
            "ada@quay.example",
            &words,
            NOW,
        )
        .unwrap();
        let raw = String::from_utf8(mail.formatted()).unwrap();
        let (head, _) = raw.split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split_once(':').unwrap().0)
            .collect();
        let ours = [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "MIME-Version",
            "Content-Type",
        ];
        assert_eq!(names, ours, "{}", letter.kind());
        assert_eq!(mail.envelope().to().len(), 1);
        let lines = |letter: &Letter| shown(letter).text().lines().count();
        assert_eq!(lines(&letter), lines(&hostile), "{}", letter.kind());
    }
}

#[test]
fn an_address_with_a_line_end_is_written_to_by_nobody() {
    let from = "keys@alder.example".parse().unwrap();
    let words = shown(&examples()[0]);
    let id = MailId::new(Uuid::from_u128(7));
    for address in [
        "ada@quay.example\r\nBcc: eve@example.com",
        "a@x.example, b@x.example",
        "",
    ] {
        assert!(
            message(&from, "x", id, address, &words, NOW).is_err(),
            "{address:?}"
        );
    }
}

#[test]
fn values_of_another_form_are_refused() {
    let letter = examples().remove(0);
    let json = serde_json::to_string(&letter).unwrap();
    assert_eq!(serde_json::from_str::<Letter>(&json).unwrap(), letter);
    let unknown_field = json.replacen("\"name\"", "\"body\":\"x\",\"name\"", 1);
    let unknown_kind = json.replacen("staff-invitation", "advertisement", 1);
    for refused in [unknown_field, unknown_kind] {
        assert!(
            serde_json::from_str::<Letter>(&refused).is_err(),
            "{refused}"
        );
    }
}

#[test]
fn operators_read_a_kind_by_name() {
    assert_eq!(title_of("delivery"), "Delivery link");
    assert_eq!(title_of("no-longer-written"), "no-longer-written");
    assert_eq!(house().origin, "https://keys.alder.example");
}
