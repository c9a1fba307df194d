//! The simulated operator: does in a lab what `instruct` steps ask a person to do.
//!
//! A client of the socket like any other; the engine does not know it from a person.

use super::output::talk;
use super::secrets;
use crate::engine::event::EffectSpec;
use crate::lab::create::shape::NAMES;
use crate::lab::world::Lab;
use anyhow::{Context as _, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The simulated operator of one lab.
#[derive(Clone, Debug)]
pub struct Operator {
    lab: PathBuf,
}

impl Operator {
    /// Makes an operator for a lab's folder.
    pub fn new(lab: &Path) -> Self {
        Self {
            lab: lab.to_path_buf(),
        }
    }

    /// Does one thing and returns what to answer.
    ///
    /// # Errors
    /// When the lab's secrets cannot be read.
    pub async fn work(&self, effect: &EffectSpec) -> anyhow::Result<String> {
        let parameters = &effect.parameters;
        let argv: Vec<String> = parameters
            .get("argv")
            .filter(|a| !a.is_null())
            .map(|a| serde_json::from_value(a.clone()))
            .transpose()?
            .unwrap_or_default();
        if let Some((program, arguments)) = argv.split_first() {
            let answers = self.answers(parameters)?;
            // It may have been done before the engine died that asked for it: as a person would,
            // the operator says what they saw, and the step's own checks decide.
            if let Err(error) = talk_to(program, arguments, &answers).await {
                talk(format!("the operator says: {error:#}"));
            }
        }
        let dns: Vec<String> = parameters
            .get("dns")
            .map(|lines| serde_json::from_value(lines.clone()))
            .transpose()?
            .unwrap_or_default();
        if !dns.is_empty()
            && let Err(error) = self.change_names(&dns).await
        {
            talk(format!("the operator says: {error:#}"));
        }
        if parameters.get("evidence").and_then(Value::as_bool) == Some(true) {
            return Ok(format!(
                "practice: the lab in {} is the copy",
                self.lab.display()
            ));
        }
        Ok("done".to_owned())
    }

    /// Types a change of names at the lab's name server.
    async fn change_names(&self, lines: &[String]) -> anyhow::Result<()> {
        let lab = Lab::open(&self.lab)?;
        let names = lab.host_with_role(NAMES)?.name.clone();
        let exe = std::env::current_exe().context("the running program")?;
        let mut child = tokio::process::Command::new(exe)
            .args(["lab", "exec"])
            .arg(&lab.dir)
            .args([names.as_str(), "/usr/sbin/nsupdate"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run nsupdate")?;
        let mut stdin = child.stdin.take().context("no stdin")?;
        stdin
            .write_all((lines.join("\n") + "\n").as_bytes())
            .await?;
        drop(stdin);
        let end = child.wait_with_output().await?;
        if !end.status.success() {
            bail!("nsupdate: {}", String::from_utf8_lossy(&end.stderr).trim());
        }
        Ok(())
    }

    /// The prompts and answers of the step, secrets filled in.
    fn answers(&self, parameters: &Value) -> anyhow::Result<Vec<(String, String)>> {
        let secrets = secrets::read_file(&self.lab.join("secrets.toml"))?;
        let list = parameters
            .get("answers")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let text = |v: &Value, key: &str| {
            v.get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Ok(list
            .iter()
            .map(|v| {
                let mut answer = text(v, "answer");
                for (name, secret) in &secrets {
                    answer = answer.replace(&format!("{{secret.{name}}}"), secret.expose());
                }
                (text(v, "prompt").to_lowercase(), answer)
            })
            .collect())
    }
}

/// Runs a program and answers what it asks, as a person would who has the list before them.
async fn talk_to(
    program: &str,
    arguments: &[String],
    answers: &[(String, String)],
) -> anyhow::Result<()> {
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot run `{program}`"))?;
    let mut stdin = child.stdin.take().context("no stdin")?;
    let mut stdout = child.stdout.take().context("no stdout")?;
    let mut said = String::new();
    let mut buffer = [0_u8; 4096];
    loop {
        let count = stdout.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        said.push_str(&String::from_utf8_lossy(
            buffer.get(..count).unwrap_or_default(),
        ));
        // A question is a last line that ends in a colon (and blanks), without a line end.
        let last = said.rsplit('\n').next().unwrap_or("");
        if !last.trim_end().ends_with(':') {
            continue;
        }
        let question = last.trim().to_lowercase();
        // The longest prompt that fits is the one that was meant.
        let answer = answers
            .iter()
            .filter(|(prompt, _)| question.contains(prompt.as_str()))
            .max_by_key(|(prompt, _)| prompt.len())
            .map(|(_, answer)| answer.as_str());
        // A question that is not on the list has its default taken, as the guide advises.
        let answer = answer.unwrap_or("");
        stdin.write_all(answer.as_bytes()).await?;
        stdin.write_all(b"\n").await?;
        said.push('\n');
    }
    let status = child.wait().await?;
    if !status.success() {
        let tail: Vec<&str> = said.lines().rev().take(3).collect();
        bail!("`{program}` ended with {status}: {}", tail.join(" / "));
    }
    Ok(())
}
