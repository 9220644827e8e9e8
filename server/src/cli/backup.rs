//! What an operator is told of a backup and of a restore.

use std::path::Path;

use anyhow::Result;

use crate::backup::{self, Restored, Written};
use crate::chance::Clock;
use crate::config::Config;

pub(super) async fn back_up(config: &Config, file: &Path, with_root_key: bool) -> Result<()> {
    let written = backup::write(config, file, with_root_key, Clock::System.now()).await?;
    println!("{}", of_backup(&written, config, file));
    Ok(())
}

pub(super) async fn restore(config: &Config, file: &Path) -> Result<()> {
    let restored = backup::restore(config, file, Clock::System.now()).await?;
    println!("{}", of_restore(&restored, config));
    Ok(())
}

fn of_backup(written: &Written, config: &Config, file: &Path) -> String {
    let root = config.root_key_file.display();
    let key = if written.has_root_key {
        format!(
            "The root key is IN this file: whoever has it needs nothing else to pass for this portal.\n\
             Keep it as you keep {root} itself."
        )
    } else {
        format!(
            "The root key is not in this file. Keep a copy of {root} apart from it:\n\
             without the root key this backup opens nothing, and losing it ends every key."
        )
    };
    format!(
        "Backed up to {}, as of {}: {}.\n{key}",
        file.display(),
        written.created,
        counts(&written.rows)
    )
}

fn of_restore(restored: &Restored, config: &Config) -> String {
    let mut text = format!(
        "Restored the backup of {}: {}.\n\
         Everything since then is undone. {} keys work as they did at that moment: a key that was\n\
         revoked since WORKS AGAIN, and so does a person, a role or a gateway that was removed since.\n\
         Revoke them again before you let calls in. Everybody has to sign in anew.",
        restored.made,
        counts(&restored.rows),
        restored.live_keys,
    );
    if restored.wrote_root_key {
        text.push_str(&format!(
            "\nThe backup's root key was written to {}.",
            config.root_key_file.display()
        ));
    }
    text
}

fn counts(rows: &std::collections::BTreeMap<String, u64>) -> String {
    let of = |table: &str| rows.get(table).copied().unwrap_or_default();
    format!(
        "{} people, {} partners, {} requests, {} keys, {} audit entries",
        of("person"),
        of("partner"),
        of("access_request"),
        of("api_key"),
        of("audit")
    )
}
