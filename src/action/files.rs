//! `edit-file` and `remove-dir`.

use super::World;
use super::work::{EditFile, RemoveDir, RemoveFile};
use crate::host::Reading;
use crate::plan::effect::EffectEnd;
use crate::scenario::action::Edit;
use std::time::Duration;

/// The largest configuration file that is edited.
const LIMIT: usize = 4 << 20;

/// Changes a configuration file, keeping a copy; done already when nothing is missing.
pub(super) async fn edit(world: &World, edit: &EditFile) -> EffectEnd {
    match try_edit(world, edit).await {
        Ok(message) => EffectEnd::ok(message),
        Err(error) => EffectEnd::failed(error),
    }
}

/// The file as it is and as it has to be.
async fn both(world: &World, edit: &EditFile) -> Result<(String, String), String> {
    let host = world.host(edit.role)?;
    let content = host
        .read_file(&edit.path, LIMIT)
        .await
        .map_err(|e| e.to_string())?
        .ok_or_else(|| format!("`{}` is not there on {}", edit.path, host.fqdn))?;
    let text = String::from_utf8(content)
        .map_err(|_| format!("`{}` is not a text file this wizard can change", edit.path))?;
    let changed = match edit.what {
        Edit::RelayNetworks => relay_networks(&text, &edit.values)?,
    };
    Ok((text, changed))
}

/// Keeps the file as it is, before the operator changes it.
pub(super) async fn keep(world: &World, edit: &EditFile) -> Result<(), String> {
    let (text, changed) = both(world, edit).await?;
    if changed == text {
        return Ok(());
    }
    world.write_artifact(&kept(edit), text.as_bytes())
}

/// Whether the file is as it has to be.
pub(super) async fn is_edited(world: &World, edit: &EditFile) -> Result<String, String> {
    let (text, changed) = both(world, edit).await?;
    if changed == text {
        return Ok("every line is there".to_owned());
    }
    Err(format!("a line is missing in `{}`", edit.path))
}

/// The lines that have to be in the file.
pub(super) fn lines(edit: &EditFile) -> Vec<String> {
    match edit.what {
        Edit::RelayNetworks => edit.values.iter().map(|n| relay_line(n)).collect(),
    }
}

fn relay_line(network: &str) -> String {
    format!("  $({network})  $Y")
}

async fn try_edit(world: &World, edit: &EditFile) -> Result<String, String> {
    let host = world.host(edit.role)?;
    let (text, changed) = both(world, edit).await?;
    if changed == text {
        return Ok("it was so already".to_owned());
    }
    let name = kept(edit);
    world.write_artifact(&name, text.as_bytes())?;
    host.write_file(&edit.path, changed.as_bytes(), None)
        .await
        .map_err(|e| e.to_string())?;
    let again = host
        .read_file(&edit.path, LIMIT)
        .await
        .map_err(|e| e.to_string())?;
    if again.as_deref() != Some(changed.as_bytes()) {
        return Err(format!("`{}` reads back as something else", edit.path));
    }
    Ok(format!("changed; as it was: artifacts/{name}"))
}

/// Adds a line for each network to the table `INTERNAL_IP`, before the line that refuses all.
///
/// The table's lines are `pattern` and `$Y` or `$N` (`domain/directory.md` 6.3).
fn relay_networks(text: &str, networks: &[String]) -> Result<String, String> {
    let lines: Vec<&str> = text.lines().collect();
    let head = lines
        .iter()
        .position(|l| l.trim() == "INTERNAL_IP")
        .ok_or("the file has no table INTERNAL_IP")?;
    let inside = |l: &&str| l.is_empty() || l.starts_with([' ', '\t', '!']);
    let table: Vec<&str> = lines
        .iter()
        .skip(head + 1)
        .take_while(|l| inside(l))
        .copied()
        .collect();
    let missing: Vec<String> = networks
        .iter()
        .map(|network| relay_line(network))
        .filter(|line| {
            let wanted: Vec<&str> = line.split_whitespace().collect();
            !table
                .iter()
                .any(|l| l.split_whitespace().collect::<Vec<_>>() == wanted)
        })
        .collect();
    let refuse = table
        .iter()
        .position(|l| l.split_whitespace().next() == Some("*"))
        .or_else(|| {
            table
                .iter()
                .rposition(|l| !l.trim().is_empty())
                .map(|at| at + 1)
        })
        .unwrap_or(0);
    let at = head + 1 + refuse;
    let mut all: Vec<&str> = lines.iter().take(at).copied().collect();
    all.extend(missing.iter().map(String::as_str));
    all.extend(lines.iter().skip(at));
    let mut changed = all.join("\n");
    if text.ends_with('\n') {
        changed.push('\n');
    }
    Ok(changed)
}

/// Puts a file that was edited back as it was, unless somebody else has changed it since.
pub(super) async fn restore(world: &World, edit: &EditFile) -> EffectEnd {
    match try_restore(world, edit).await {
        Ok(message) => EffectEnd::ok(message),
        Err(error) => EffectEnd::failed(error),
    }
}

async fn try_restore(world: &World, edit: &EditFile) -> Result<&'static str, String> {
    let Some(before) = world.read_artifact(&kept(edit))? else {
        return Ok("it was never changed");
    };
    let host = world.host(edit.role)?;
    let now = host
        .read_file(&edit.path, LIMIT)
        .await
        .map_err(|e| e.to_string())?;
    if now.as_ref() == Some(&before) {
        return Ok("it was so already");
    }
    let text = String::from_utf8_lossy(&before);
    let ours = match edit.what {
        Edit::RelayNetworks => relay_networks(&text, &edit.values)?,
    };
    if now.as_deref() != Some(ours.as_bytes()) {
        return Err(format!(
            "somebody else has changed `{}` since; it is left alone. As it was: artifacts/{}",
            edit.path,
            kept(edit)
        ));
    }
    host.write_file(&edit.path, &before, None)
        .await
        .map_err(|e| e.to_string())?;
    Ok("it is as it was")
}

/// The artifact with a file as it was.
fn kept(edit: &EditFile) -> String {
    format!("before-{}", edit.path.rsplit('/').next().unwrap_or("file"))
}

/// Removes a file that this run made.
pub(super) async fn remove_file(world: &World, removal: &RemoveFile) -> EffectEnd {
    let remove = async {
        let host = world.host(removal.role)?;
        host.remove_file(&removal.path)
            .await
            .map_err(|e| e.to_string())
    };
    match remove.await {
        Ok(()) => EffectEnd::ok("it is gone"),
        Err(error) => EffectEnd::failed(error),
    }
}

/// Removes a folder and everything below it.
pub(super) async fn remove_dir(world: &World, removal: &RemoveDir) -> EffectEnd {
    let remove = async {
        let host = world.host(removal.role)?;
        host.remove_tree(&removal.path)
            .await
            .map_err(|e| e.to_string())?;
        host.exists(&removal.path).await.map_err(|e| e.to_string())
    };
    match remove.await {
        Ok(false) => EffectEnd::ok("it is gone"),
        Ok(true) => EffectEnd::failed(format!("`{}` is still there", removal.path)),
        Err(error) => EffectEnd::failed(error),
    }
}

/// After a crash: gone is done, anything left is removed again.
pub(super) async fn settle_removal(
    world: &World,
    removal: &RemoveDir,
) -> (Result<bool, String>, String) {
    let look = async {
        let host = world.host(removal.role)?;
        // The dead engine's `rm` may be at it still: as long as it gets on, it is let.
        let mut last = None;
        for _ in 0..3_600 {
            if !host
                .exists(&removal.path)
                .await
                .map_err(|e| e.to_string())?
            {
                return Ok(false);
            }
            let used = host.disk_used(&removal.path).await;
            let used = match used {
                Ok(Some(Reading::Understood(used))) => Some(used),
                Ok(None) => return Ok(false),
                // What goes while it is counted makes `du` complain.
                _ => None,
            };
            if used.is_some() && used == last {
                return Ok(true);
            }
            last = used;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Ok(true)
    };
    let look: Result<bool, String> = look.await;
    match look {
        Ok(there) => (Ok(!there), String::new()),
        Err(error) => (Err(error), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::relay_networks;

    const MAPPINGS: &str = "PORT_ACCESS\n\n  *|*|*  $C\n\nINTERNAL_IP\n\n  $(10.0.0.1/32)  $Y\n  127.0.0.1  $Y\n  *  $N\n\nORIG_SEND_ACCESS\n\n  *  $Y\n";

    #[test]
    fn networks_go_before_the_line_that_refuses_all_and_only_once() {
        let networks = ["192.0.2.0/24".to_owned(), "198.51.100.0/24".to_owned()];
        let once = relay_networks(MAPPINGS, &networks).unwrap();
        let wanted = "  127.0.0.1  $Y\n  $(192.0.2.0/24)  $Y\n  $(198.51.100.0/24)  $Y\n  *  $N\n";
        assert!(once.contains(wanted), "{once}");
        assert_eq!(
            once.len(),
            MAPPINGS.len() + 21 + 24 + 2,
            "nothing else changes: {once}"
        );
        assert_eq!(relay_networks(&once, &networks).unwrap(), once);
    }

    #[test]
    fn a_file_without_the_table_is_left_alone() {
        assert!(relay_networks("ORIG_SEND_ACCESS\n", &["10.0.0.0/8".to_owned()]).is_err());
    }
}
