//! A first name for a passkey, from what the browser says that it runs on.

/// Order matters: an iPad and a Chromebook say that they are something else, too.
const KNOWN: [(&str, &str); 7] = [
    ("iPhone", "This iPhone"),
    ("iPad", "This iPad"),
    ("Android", "This Android device"),
    ("CrOS", "This Chromebook"),
    ("Macintosh", "This Mac"),
    ("Windows", "This Windows computer"),
    ("Linux", "This Linux computer"),
];

pub(super) fn name(user_agent: &str) -> &'static str {
    KNOWN
        .iter()
        .find(|(sign, _)| user_agent.contains(sign))
        .map_or("This device", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_device_is_called_by_what_it_is() {
        let android = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36";
        assert_eq!(name(android), "This Android device");
        let mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15";
        assert_eq!(name(mac), "This Mac");
        assert_eq!(name(""), "This device");
    }
}
