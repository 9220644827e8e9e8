//! Unix sockets for gateways on the same machine (`docs/operators.md`, "Gateways over a socket"):
//! whoever can open the socket is the gateway that it is bound to, so the file system says who that
//! is, and nothing of it may be open to everybody.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use axum::Router;
use domain::id::GatewayId;
use store::Store;
use tokio::net::UnixListener;

use crate::config::{Config, GatewaySocket};
use crate::http;
use crate::portal::Portal;

/// What others may do with a file: nothing.
const OTHERS: u32 = 0o007;

/// A socket that is listened on, and taken away when the portal stops.
pub(crate) struct Socket {
    pub(crate) listener: UnixListener,
    pub(crate) service: Router,
    pub(crate) file: SocketFile,
}

/// Removes the socket when it is dropped, which must be before it is no longer listened on: from
/// then on another process may put its own there.
pub(crate) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may be gone already, with its folder.
        let _ = fs::remove_file(&self.0);
    }
}

/// Listens on every configured socket.
///
/// # Errors
/// A sentence that says what is unsafe or wrong, and what to do.
pub(crate) async fn open(portal: &Portal) -> Result<Vec<Socket>> {
    let mut sockets = Vec::new();
    for configured in &portal.config.gateway_sockets {
        let gateway = registered(&portal.store, &configured.gateway).await?;
        let (listener, file) = listen(configured)?;
        tracing::info!(
            path = %configured.path.display(), gateway = %configured.gateway,
            "a gateway's socket is listened on"
        );
        sockets.push(Socket {
            listener,
            service: http::gateway_app(portal.clone(), gateway),
            file,
        });
    }
    Ok(sockets)
}

/// What [`open`] would refuse of the folders, without changing anything.
///
/// # Errors
/// As [`open`].
pub(crate) fn check_folders(config: &Config) -> Result<()> {
    let sockets = &config.gateway_sockets;
    sockets
        .iter()
        .try_for_each(|configured| closed_folder(&configured.path).map(drop))
}

/// What [`open`] would refuse of the names; `None` for a database that is still empty.
///
/// # Errors
/// As [`open`].
pub(crate) async fn check_names(config: &Config, store: Option<&Store>) -> Result<()> {
    for configured in &config.gateway_sockets {
        let store = store.ok_or_else(|| unregistered(&configured.gateway))?;
        registered(store, &configured.gateway).await?;
    }
    Ok(())
}

/// A revoked gateway is found too: its socket refuses every question, and the portal starts.
async fn registered(store: &Store, name: &str) -> Result<GatewayId> {
    // A row that is not genuine must not keep the others from being found.
    let rows = store.read().await?.gateways_one_by_one().await?;
    let found = rows.into_iter().flatten().find(|row| row.name == name);
    found.map(|row| row.id).ok_or_else(|| unregistered(name))
}

fn unregistered(name: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "A `gateway_socket` is for a gateway named {name}, and none is registered by that name. \
         Register it first, or correct the name."
    )
}

fn listen(configured: &GatewaySocket) -> Result<(UnixListener, SocketFile)> {
    let path = &configured.path;
    let (folder, owner) = closed_folder(path)?;
    take_away_what_is_left(path)?;
    let listener = UnixListener::bind(path)
        .with_context(|| format!("{} cannot be listened on", path.display()))?;
    let file = SocketFile(path.clone());
    fs::set_permissions(path, fs::Permissions::from_mode(configured.mode))?;
    let ours = fs::symlink_metadata(path)?.uid();
    if owner != ours && owner != 0 {
        bail!(
            "The folder {} of a gateway's socket belongs to another user, who could put a socket \
             of their own in its place and read every key. Run `chown` on it.",
            folder.display()
        );
    }
    Ok((listener, file))
}

/// The folder that a socket is to be in, and whose it is.
fn closed_folder(path: &Path) -> Result<(&Path, u32)> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let found = fs::metadata(folder).with_context(|| {
        let folder = folder.display();
        format!("The folder {folder} of a gateway's socket cannot be looked at: make it first")
    })?;
    let mode = found.permissions().mode();
    if mode & OTHERS != 0 {
        bail!(
            "The folder {0} of a gateway's socket is open to everybody on this machine (mode \
             {1:o}), and whoever opens the socket is the gateway. Run `chmod o= {0}`.",
            folder.display(),
            mode & 0o777
        );
    }
    Ok((folder, found.uid()))
}

/// A portal that was killed leaves its socket behind, at which nobody listens.
fn take_away_what_is_left(path: &Path) -> Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !found.file_type().is_socket() {
        bail!(
            "{} is there already and is no socket. Give the gateway's socket another path.",
            path.display()
        );
    }
    if UnixStream::connect(path).is_ok() {
        bail!(
            "Another process listens on {} already. Give each process a socket of its own.",
            path.display()
        );
    }
    fs::remove_file(path).with_context(|| format!("{} cannot be replaced", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use tempfile::TempDir;

    use super::*;

    fn folder(mode: u32) -> TempDir {
        let folder = TempDir::new().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        folder
    }

    fn at(folder: &TempDir) -> GatewaySocket {
        GatewaySocket {
            path: folder.path().join("edge.sock"),
            gateway: "edge".to_owned(),
            mode: 0o660,
        }
    }

    fn why(configured: &GatewaySocket) -> String {
        match listen(configured) {
            Ok(_) => "it is listened on".to_owned(),
            Err(why) => format!("{why:#}"),
        }
    }

    #[tokio::test]
    async fn a_socket_is_as_open_as_it_is_configured_to_be() {
        let folder = folder(0o750);
        let _listener = listen(&at(&folder)).unwrap();
        let mode = fs::metadata(at(&folder).path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
    }

    #[tokio::test]
    async fn a_folder_that_is_open_to_everybody_is_refused() {
        for mode in [0o751, 0o752, 0o754, 0o777] {
            let folder = folder(mode);
            assert!(why(&at(&folder)).contains("open to everybody"), "{mode:o}");
            assert!(!at(&folder).path.exists());
        }
    }

    #[tokio::test]
    async fn what_a_killed_process_left_is_replaced_and_a_living_ones_is_not() {
        let folder = folder(0o700);
        let left = UnixListener::bind(at(&folder).path).unwrap();
        assert!(why(&at(&folder)).contains("Another process listens"));
        drop(left);
        assert!(at(&folder).path.exists());
        assert!(listen(&at(&folder)).is_ok());
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_left_alone() {
        let folder = folder(0o700);
        fs::write(at(&folder).path, "notes").unwrap();
        assert!(why(&at(&folder)).contains("no socket"));
        assert_eq!(fs::read_to_string(at(&folder).path).unwrap(), "notes");
        fs::remove_file(at(&folder).path).unwrap();
        std::os::unix::fs::symlink("/elsewhere", at(&folder).path).unwrap();
        assert!(why(&at(&folder)).contains("no socket"));
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_not_made() {
        let folder = folder(0o700);
        let configured = GatewaySocket {
            path: folder.path().join("run/edge.sock"),
            ..at(&folder)
        };
        assert!(why(&configured).contains("make it first"));
    }

    #[tokio::test]
    async fn the_socket_is_taken_away_at_the_end() {
        let folder = folder(0o700);
        drop(listen(&at(&folder)).unwrap());
        assert!(!at(&folder).path.exists());
    }
}
