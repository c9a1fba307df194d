//! How an argv gets to a host.

use super::quote::command_line;
use serde::{Deserialize, Serialize};

/// The way to a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// The engine runs on the host itself.
    Local,
    /// A launcher argv is put before every command; a lab is reached so.
    Via(Vec<String>),
    /// The system's OpenSSH, one process a stream.
    Ssh {
        /// `user@host`, or a name of the site's own ssh configuration.
        destination: String,
        /// More options for `ssh`, such as `-p 2222`, word by word.
        options: Vec<String>,
    },
    /// A person runs the command and brings back what it said.
    ByHand,
}

/// Options without which an ssh that cannot work would ask, or hang.
const SSH_OPTIONS: &[&str] = &[
    "-T",
    "-oBatchMode=yes",
    "-oConnectTimeout=20",
    "-oServerAliveInterval=5",
    "-oServerAliveCountMax=3",
    "-oEscapeChar=none",
    "-oForwardX11=no",
];

impl Transport {
    /// Returns the argv to start here so that `argv` runs there; none for by-hand.
    pub fn command(&self, argv: &[String]) -> Option<Vec<String>> {
        match self {
            Self::Local => Some(argv.to_vec()),
            Self::Via(launcher) => {
                let mut all = launcher.clone();
                all.extend(argv.iter().cloned());
                Some(all)
            }
            Self::Ssh {
                destination,
                options,
            } => {
                let mut all = vec!["ssh".to_owned()];
                all.extend(SSH_OPTIONS.iter().map(|o| (*o).to_owned()));
                all.extend(options.iter().cloned());
                all.push("--".to_owned());
                all.push(destination.clone());
                all.push(command_line(argv));
                Some(all)
            }
            Self::ByHand => None,
        }
    }

    /// Waits for this transport's turn: a server refuses some of many connections that begin at
    /// once (`MaxStartups`), so the starts of ssh are kept apart.
    pub(super) async fn turn(&self) {
        static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        if matches!(self, Self::Ssh { .. }) {
            let _mine = TURN.lock().await;
            tokio::time::sleep(std::time::Duration::from_millis(120)).await;
        }
    }

    /// Whether an exit status of 255 may be the transport's own.
    pub fn may_lose_status(&self) -> bool {
        matches!(self, Self::Ssh { .. } | Self::Via(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &[&str]) -> Vec<String> {
        text.iter().map(|w| (*w).to_owned()).collect()
    }

    #[test]
    fn ssh_gets_one_quoted_line_and_no_destination_is_an_option() {
        let ssh = Transport::Ssh {
            destination: "-oProxyCommand=x".to_owned(),
            options: words(&["-p", "2222"]),
        };
        let all = ssh.command(&words(&["imbackup", "x; rm -rf /"])).unwrap();
        let end = &all[all.len() - 3..];
        assert_eq!(
            end,
            words(&["--", "-oProxyCommand=x", "imbackup 'x; rm -rf /'"])
        );
        assert!(all.contains(&"-oBatchMode=yes".to_owned()));
    }

    #[test]
    fn a_launcher_gets_the_words_as_they_are() {
        let via = Transport::Via(words(&["imsmigrate", "lab", "exec", "DIR", "mail"]));
        assert_eq!(
            via.command(&words(&["/bin/x", "a b"])).unwrap(),
            words(&["imsmigrate", "lab", "exec", "DIR", "mail", "/bin/x", "a b"])
        );
        assert_eq!(Transport::ByHand.command(&words(&["x"])), None);
    }
}
