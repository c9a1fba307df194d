//! `set-config`: one parameter with `configutil`, read back.
//!
//! A secret goes through a 0600 file on the host (`configutil -i`), which is removed at once and
//! also on resume; what a secret parameter reads back is compared in memory and never told.

use super::World;
use super::command::{in_words, last_words};
use super::work::SetConfig;
use crate::base::Secret;
use crate::host::{EffectDir, Host, RunOptions};
use crate::plan::effect::EffectEnd;
use std::time::Duration;

/// Sets the parameter, unless it reads back right already.
pub(super) async fn apply(world: &World, setting: &SetConfig, folder: &EffectDir) -> EffectEnd {
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
    let argv = [&setting.configutil, "-o", &setting.parameter].map(str::to_owned);
    let result = host
        .ask(&argv, Duration::from_secs(120))
        .await
        .map_err(|error| error.to_string())?;
    // A parameter that was never set may be an error or nothing at all: both are "not so".
    let text = result.stdout_text();
    Ok(result.is_zero() && text.trim_end_matches(['\r', '\n']) == wanted)
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
