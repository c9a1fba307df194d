//! `copy-file`, `link`, `owner`, and `remove-dir` of an empty folder: each with its way back.
//!
//! Each looks first and does only what is missing, so that it can be run again after a crash.

use super::World;
use super::work::{CopyFile, Link, Owner, RemoveDir};
use crate::host::{Host, Kind};
use crate::plan::effect::EffectEnd;
use std::time::Duration;

/// How long comparing two files may take.
const LONG: Duration = Duration::from_secs(1800);

fn or_failed(result: Result<&'static str, String>) -> EffectEnd {
    match result {
        Ok(message) => EffectEnd::ok(message),
        Err(error) => EffectEnd::failed(error),
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Whether two files on a host are the same.
async fn same(host: &Host, one: &str, other: &str) -> Result<bool, String> {
    let argv = ["cmp", "-s", one, other].map(str::to_owned);
    let result = host.ask(&argv, LONG).await.map_err(said)?;
    match result.status {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => Err(format!(
            "`{one}` and `{other}` cannot be compared: {}",
            crate::base::display_safe(result.stderr_text().trim())
        )),
    }
}

/// Where what was at a copy's place is kept on the host.
fn aside(world: &World, host: &Host, copy: &CopyFile) -> String {
    let name = copy.to.rsplit('/').next().unwrap_or("file");
    format!("{}/{name}.before", world.host_files(host))
}

/// Copies a file; what was at its place is kept with the run's own files.
pub(super) async fn copy(world: &World, copy: &CopyFile) -> EffectEnd {
    or_failed(try_copy(world, copy).await)
}

async fn try_copy(world: &World, copy: &CopyFile) -> Result<&'static str, String> {
    let host = world.host(copy.role)?;
    if host.kind(&copy.from).await.map_err(said)? != Some(Kind::File) {
        return Err(format!("there is no file `{}`", copy.from));
    }
    match host.kind(&copy.to).await.map_err(said)? {
        None => {}
        Some(Kind::File) if same(host, &copy.from, &copy.to).await? => {
            return Ok("it was there already");
        }
        Some(Kind::File) => {
            let aside = aside(world, host, copy);
            host.make_dir(&world.host_files(host)).await.map_err(said)?;
            host.copy_file(&copy.to, &aside).await.map_err(said)?;
            host.remove_file(&copy.to).await.map_err(said)?;
        }
        Some(_) => return Err(format!("`{}` is there and is no file", copy.to)),
    }
    host.copy_file(&copy.from, &copy.to).await.map_err(said)?;
    if same(host, &copy.from, &copy.to).await? {
        Ok("copied, and compared")
    } else {
        Err(format!(
            "`{}` is not what `{}` is: something writes to it",
            copy.to, copy.from
        ))
    }
}

/// Removes a copy, as long as it is one, and puts back what was at its place.
pub(super) async fn remove_copy(world: &World, copy: &CopyFile) -> EffectEnd {
    or_failed(try_remove_copy(world, copy).await)
}

async fn try_remove_copy(world: &World, copy: &CopyFile) -> Result<&'static str, String> {
    let host = world.host(copy.role)?;
    let aside = aside(world, host, copy);
    let had = host.exists(&aside).await.map_err(said)?;
    if host.exists(&copy.to).await.map_err(said)? {
        if had && same(host, &aside, &copy.to).await? {
            return Ok("it is as it was");
        }
        if !same(host, &copy.from, &copy.to).await? {
            return Err(format!(
                "`{}` was changed since it was copied; it is left alone",
                copy.to
            ));
        }
        host.remove_file(&copy.to).await.map_err(said)?;
    }
    if had {
        host.copy_file(&aside, &copy.to).await.map_err(said)?;
    }
    Ok("it is as it was")
}

/// Makes a link; one that points elsewhere, a file or a folder in its place is an error.
pub(super) async fn link(world: &World, link: &Link) -> EffectEnd {
    let make = async {
        let host = world.host(link.role)?;
        // At its own end `ln -s FROM/ TO/` fails, or makes the link inside of FROM.
        let target = link.target.trim_end_matches('/');
        if !host.exists(target).await.map_err(said)? {
            return Err(format!("there is no `{target}` to link to"));
        }
        let path = link.path.trim_end_matches('/');
        host.link(target, path).await.map_err(said)?;
        Ok("the link is there")
    };
    or_failed(make.await)
}

/// Removes a link; anything else in its place is left alone.
pub(super) async fn remove_link(world: &World, link: &Link) -> EffectEnd {
    let remove = async {
        let host = world.host(link.role)?;
        let path = link.path.trim_end_matches('/');
        match host.kind(path).await.map_err(said)? {
            Some(Kind::Link) => host.remove_file(path).await.map_err(said)?,
            None | Some(_) => return Ok("there is no link"),
        }
        Ok("the link is gone")
    };
    or_failed(remove.await)
}

/// Removes a folder with nothing in it; a link in its place is the next action's, done already.
pub(super) async fn remove_empty(world: &World, removal: &RemoveDir) -> EffectEnd {
    let remove = async {
        let host = world.host(removal.role)?;
        match host.kind(&removal.path).await.map_err(said)? {
            None | Some(Kind::Link) => return Ok("it was gone already"),
            Some(Kind::Folder) => {}
            Some(_) => return Err(format!("`{}` is no folder", removal.path)),
        }
        let inside = host.list_dir(&removal.path).await.map_err(said)?;
        if let Some(first) = inside.unwrap_or_default().first() {
            return Err(format!(
                "`{}` is not empty (`{}`): somebody has used the new server already",
                removal.path,
                crate::base::display_safe(&first.name)
            ));
        }
        host.remove_empty(&removal.path).await.map_err(said)?;
        Ok("it is gone")
    };
    or_failed(remove.await)
}

/// Makes a folder again.
pub(super) async fn make_dir(world: &World, folder: &RemoveDir) -> EffectEnd {
    let make = async {
        let host = world.host(folder.role)?;
        host.make_dir(&folder.path).await.map_err(said)?;
        Ok("it is there")
    };
    or_failed(make.await)
}

/// Gives a path with everything below it to somebody; `artifact` keeps who had it.
pub(super) async fn owner(world: &World, owner: &Owner, artifact: &str) -> EffectEnd {
    let give = async {
        let host = world.host(owner.role)?;
        let now = host.owner(&owner.path).await.map_err(said)?;
        let now = now.ok_or_else(|| format!("there is no `{}`", owner.path))?;
        let had = format!("{}:{}", now.user, now.group);
        if world.read_artifact(artifact)?.is_none() {
            world.write_artifact(artifact, had.as_bytes())?;
        }
        host.set_owner(&owner.path, &owner.owner, true)
            .await
            .map_err(said)?;
        let now = host.owner(&owner.path).await.map_err(said)?;
        let user = owner.owner.split(':').next().unwrap_or_default();
        match now {
            Some(now) if now.user == user => Ok("given, and looked at"),
            _ => Err(format!("`{}` is still somebody else's", owner.path)),
        }
    };
    or_failed(give.await)
}

/// Gives a path back to who had it.
pub(super) async fn restore_owner(world: &World, owner: &Owner) -> EffectEnd {
    let give = async {
        let Some(had) = world.read_artifact(&owner.artifact)? else {
            return Ok("it was never given away");
        };
        let had = String::from_utf8_lossy(&had).into_owned();
        let host = world.host(owner.role)?;
        if host.exists(&owner.path).await.map_err(said)? {
            host.set_owner(&owner.path, &had, true)
                .await
                .map_err(said)?;
        }
        world.remove_artifact(&owner.artifact)?;
        Ok("it is whose it was")
    };
    or_failed(give.await)
}
