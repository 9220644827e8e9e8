//! The settings of Unix sockets for gateways.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Unsafe;

/// A `[[gateway_socket]]`: whoever can open it is this gateway.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocketSettings {
    /// In a folder that is closed to others.
    pub path: PathBuf,
    /// The name that the gateway is registered by.
    pub gateway: String,
    /// The socket's permissions, in octal; `660` where absent.
    pub mode: Option<String>,
}

/// A socket for one gateway on this machine.
#[derive(Clone, Debug)]
pub struct GatewaySocket {
    pub path: PathBuf,
    pub gateway: String,
    pub mode: u32,
}

/// # Errors
/// [`Unsafe`] for a socket that others could open, or that is not one.
pub(super) fn checked(sockets: Vec<SocketSettings>) -> Result<Vec<GatewaySocket>, Unsafe> {
    let mut checked: Vec<GatewaySocket> = Vec::new();
    for SocketSettings {
        path,
        gateway,
        mode,
    } in sockets
    {
        let shown = path.display();
        let mode = mode.as_deref().unwrap_or("660");
        let Ok(mode) = u32::from_str_radix(mode, 8) else {
            return Err(Unsafe(format!(
                "`mode` of the gateway's socket {shown} is no octal number, such as 660."
            )));
        };
        // Whoever can write to a socket can connect to it.
        if mode & !0o770 != 0 || mode & 0o200 == 0 {
            return Err(Unsafe(format!(
                "`mode` of the gateway's socket {shown} lets others in, or nobody: whoever opens \
                 the socket is the gateway. Use 660 and a group, or 600."
            )));
        }
        if !path.is_absolute() || checked.iter().any(|before| before.path == path) {
            return Err(Unsafe(format!(
                "`path` of the gateway's socket {shown} is not absolute, or is there twice."
            )));
        }
        checked.push(GatewaySocket {
            path,
            gateway,
            mode,
        });
    }
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn settings() -> Settings {
        Settings {
            smtp_url: Some("smtp://localhost".to_owned()),
            ..Settings::default()
        }
    }

    #[test]
    fn a_socket_that_lets_others_in_is_refused() {
        let with = |path: &str, mode: Option<&str>| {
            let socket = SocketSettings {
                path: path.into(),
                gateway: "edge".to_owned(),
                mode: mode.map(str::to_owned),
            };
            let settings = Settings {
                gateway_socket: vec![socket],
                ..settings()
            };
            settings
                .check()
                .map(|config| config.gateway_sockets[0].mode)
        };
        assert_eq!(with("/run/latchkey/edge.sock", None).unwrap(), 0o660);
        assert_eq!(with("/run/latchkey/edge.sock", Some("600")).unwrap(), 0o600);
        for mode in ["666", "662", "661", "777", "060", "4660", "rw", ""] {
            assert!(
                with("/run/latchkey/edge.sock", Some(mode)).is_err(),
                "{mode}"
            );
        }
        assert!(with("edge.sock", None).is_err());
    }

    #[test]
    fn two_gateways_never_share_a_socket() {
        let socket = SocketSettings {
            path: "/run/latchkey/edge.sock".into(),
            gateway: "edge".to_owned(),
            mode: None,
        };
        let settings = Settings {
            gateway_socket: vec![socket.clone(), socket],
            ..settings()
        };
        assert!(settings.check().is_err());
    }
}
