//! `set-config`: one parameter with `configutil`, read back.
//!
//! A secret goes through a 0600 file on the host (`configutil -i`), which is removed at once and
//! also on resume; what a secret parameter reads back is compared in memory and never told.

use super::World;
use super::command::{in_words, last_words};
use super::work::{RestoreConfig, SetConfig};
use crate::base::{Secret, display_safe};
use crate::host::{EffectDir, Host, RunOptions};
use crate::plan::effect::EffectEnd;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a parameter was before it was set; a secret's value is never kept.
#[derive(Debug, Serialize, Deserialize)]
struct Before {
    parameter: String,
    /// What it was; none when it was not set.
    was: Option<String>,
    /// What it was set to.
    set: Option<String>,
    secret: bool,
}

/// Keeps what a parameter was, the first time that it is set.
async fn remember(
    world: &World,
    host: &Host,
    setting: &SetConfig,
    artifact: &str,
) -> Result<(), String> {
    if world.read_artifact(artifact)?.is_some() {
        return Ok(());
    }
    let secret = setting.secret.is_some();
    let before = Before {
        parameter: setting.parameter.clone(),
        was: if secret {
            None
        } else {
            value(host, &setting.configutil, &setting.parameter).await?
        },
        set: setting.value.clone(),
        secret,
    };
    let text = serde_json::to_vec(&before).map_err(|e| e.to_string())?;
    world.write_artifact(artifact, &text)
}

/// Keeps what a parameter is, before the operator sets it; not when it is set already.
pub(super) async fn keep(world: &World, setting: &SetConfig, artifact: &str) -> Result<(), String> {
    if is_set(world, setting).await? {
        return Ok(());
    }
    remember(world, world.host(setting.role)?, setting, artifact).await
}

/// Whether a parameter reads back as it has to be.
pub(super) async fn is_set(world: &World, setting: &SetConfig) -> Result<bool, String> {
    let wanted = wanted(world, setting)?;
    reads_back(world.host(setting.role)?, setting, wanted.expose()).await
}

/// Sets a parameter back to what it was before this run set it.
pub(super) async fn restore(world: &World, back: &RestoreConfig, folder: &EffectDir) -> EffectEnd {
    match try_restore(world, back, folder).await {
        Ok(end) => end,
        Err(error) => EffectEnd::failed(error),
    }
}

async fn try_restore(
    world: &World,
    back: &RestoreConfig,
    folder: &EffectDir,
) -> Result<EffectEnd, String> {
    let Some(text) = world.read_artifact(&back.artifact)? else {
        return Ok(EffectEnd::ok("it was never set"));
    };
    let kept: Before = serde_json::from_slice(&text)
        .map_err(|e| format!("artifacts/{} cannot be understood: {e}", back.artifact))?;
    if kept.secret {
        return Ok(EffectEnd::warning(format!(
            "{} stays as it was set: what a password was before is kept nowhere",
            back.parameter
        )));
    }
    let host = world.host(back.role)?;
    let now = value(host, &back.configutil, &back.parameter).await?;
    let same = |a: &Option<String>, b: &Option<String>| {
        a.as_deref().unwrap_or_default() == b.as_deref().unwrap_or_default()
    };
    let mut message = "it was so already";
    if !same(&now, &kept.was) {
        if !same(&now, &kept.set) {
            return Err(format!(
                "somebody else has set {} to `{}` since; it is left alone: skip this, or set it \
                 to `{}` and retry",
                back.parameter,
                display_safe(&now.unwrap_or_default()),
                display_safe(&kept.was.unwrap_or_default())
            ));
        }
        // Setting it to nothing is how a parameter is cleared.
        let wanted = kept.was.clone().unwrap_or_default();
        let argv = [&back.configutil, "-o", &back.parameter, "-v", &wanted].map(str::to_owned);
        run(host, folder, &argv).await?;
        let again = value(host, &back.configutil, &back.parameter).await?;
        if !same(&again, &kept.was) {
            return Err("it was set back, but reads back as something else".to_owned());
        }
        message = "set back, and read back";
    }
    world.remove_artifact(&back.artifact)?;
    Ok(EffectEnd::ok(message))
}

/// After a crash: a command that is still at it is waited for; the rest looks first.
pub(super) async fn settle_restore(
    world: &World,
    back: &RestoreConfig,
    folder: &EffectDir,
) -> (Result<bool, String>, String) {
    let wait = async {
        let host = world.host(back.role)?;
        host.wait(folder).await.map_err(|e| e.to_string())?;
        Ok(false)
    };
    (wait.await, "it looks first".to_owned())
}

/// Reads a parameter; none when it is not set.
async fn value(host: &Host, configutil: &str, parameter: &str) -> Result<Option<String>, String> {
    let argv = [configutil, "-o", parameter].map(str::to_owned);
    let result = host
        .ask(&argv, Duration::from_secs(120))
        .await
        .map_err(|error| error.to_string())?;
    let text = result.stdout_text();
    let text = text.trim_end_matches(['\r', '\n']);
    Ok((result.is_zero() && !text.is_empty()).then(|| text.to_owned()))
}

/// Sets the parameter, unless it reads back right already. `artifact` keeps what it was.
pub(super) async fn apply(
    world: &World,
    setting: &SetConfig,
    folder: &EffectDir,
    artifact: &str,
) -> EffectEnd {
    let host = match world.host(setting.role) {
        Ok(host) => host,
        Err(error) => return EffectEnd::failed(error),
    };
    let wanted = match wanted(world, setting) {
        Ok(wanted) => wanted,
        Err(error) => return EffectEnd::failed(error),
    };
    match reads_back(host, setting, wanted.expose()).await {
        Ok(true) => return EffectEnd::ok("it was so already"),
        Ok(false) => {}
        Err(error) => return EffectEnd::failed(error),
    }
    if let Err(error) = remember(world, host, setting, artifact).await {
        return EffectEnd::failed(error);
    }
    let done = if setting.secret.is_some() {
        set_secret(world, host, setting, &wanted, folder).await
    } else {
        let argv = [
            &setting.configutil,
            "-o",
            &setting.parameter,
            "-v",
            wanted.expose(),
        ]
        .map(str::to_owned);
        run(host, folder, &argv).await
    };
    if let Err(error) = done {
        return EffectEnd::failed(error);
    }
    match reads_back(host, setting, wanted.expose()).await {
        Ok(true) => EffectEnd::ok("set, and read back"),
        Ok(false) => EffectEnd::failed("it was set, but reads back as something else"),
        Err(error) => EffectEnd::failed(error),
    }
}

/// After a crash: removes a secret's file, then reads back.
pub(super) async fn settle(
    world: &World,
    setting: &SetConfig,
    folder: &EffectDir,
) -> (Result<bool, String>, String) {
    let look = async {
        let host = world.host(setting.role)?;
        host.wait(folder).await.map_err(|e| e.to_string())?;
        if setting.secret.is_some() {
            let file = secret_file(world, host, setting);
            host.remove_file(&file).await.map_err(|e| e.to_string())?;
        }
        let wanted = wanted(world, setting)?;
        reads_back(host, setting, wanted.expose()).await
    };
    match look.await {
        Ok(true) => (Ok(true), "it reads back right".to_owned()),
        Ok(false) => (Ok(false), "it does not read back right".to_owned()),
        Err(error) => (Err(error), String::new()),
    }
}

fn wanted(world: &World, setting: &SetConfig) -> Result<Secret, String> {
    match (&setting.value, &setting.secret) {
        (Some(value), None) => Ok(Secret::new(value.clone())),
        (None, Some(name)) => world.secret(name).cloned(),
        _ => Err(format!("`{}` needs a value or a secret", setting.parameter)),
    }
}

async fn reads_back(host: &Host, setting: &SetConfig, wanted: &str) -> Result<bool, String> {
    // A parameter that was never set may be an error or nothing at all: both are "not so".
    let found = value(host, &setting.configutil, &setting.parameter).await?;
    // Set to nothing is how a parameter is cleared.
    Ok(found.map_or(wanted.is_empty(), |found| found == wanted))
}

fn secret_file(world: &World, host: &Host, setting: &SetConfig) -> String {
    format!("{}/{}.in", world.host_files(host), setting.parameter)
}

async fn set_secret(
    world: &World,
    host: &Host,
    setting: &SetConfig,
    wanted: &Secret,
    folder: &EffectDir,
) -> Result<(), String> {
    if wanted.expose().contains(['\n', '\r']) {
        return Err(
            "the secret has a line end in it, which `configutil -i` cannot take".to_owned(),
        );
    }
    let file = secret_file(world, host, setting);
    let line = Secret::new(format!("{}={}\n", setting.parameter, wanted.expose()));
    host.make_dir(&world.host_files(host))
        .await
        .map_err(|e| e.to_string())?;
    host.write_secret(&file, &line)
        .await
        .map_err(|e| e.to_string())?;
    let argv = [&setting.configutil, "-i", &file].map(str::to_owned);
    let done = run(host, folder, &argv).await;
    let removed = host.remove_file(&file).await.map_err(|e| e.to_string());
    done.and(removed)
}

async fn run(host: &Host, folder: &EffectDir, argv: &[String]) -> Result<(), String> {
    let result = host
        .run(folder, argv, RunOptions::default())
        .await
        .map_err(|error| error.to_string())?;
    if result.is_zero() {
        return Ok(());
    }
    let said = last_words(&result.stderr_text(), "");
    Err(format!(
        "configutil ended with {}: {said}",
        in_words(result.status)
    ))
}
