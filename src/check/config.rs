//! What the new server reads back: its settings, the sync level, the login separator.

use super::{Answer, Asked, CheckContext, some};
use crate::base::display_safe;

pub(super) async fn settings(context: &CheckContext) -> Asked {
    if context.settings.is_empty() {
        return Ok(Answer::unknown("nothing has been set yet"));
    }
    let mut wrong = Vec::new();
    for setting in &context.settings {
        let found = context.parameter(&setting.parameter).await?;
        if found.as_deref().unwrap_or("") == setting.value.expose() {
            continue;
        }
        wrong.push(if setting.is_secret {
            format!("{} (a secret)", setting.parameter)
        } else {
            format!(
                "{} is `{}`, should be `{}`",
                setting.parameter,
                found.unwrap_or_default(),
                setting.value.expose()
            )
        });
    }
    if wrong.is_empty() {
        let count = context.settings.len();
        return Ok(Answer::ok(format!(
            "all {count} read back as they were set"
        )));
    }
    Ok(Answer::failed(some(&wrong)))
}

pub(super) async fn synclevel(context: &CheckContext, wanted: &str) -> Asked {
    let found = context.parameter("local.store.synclevel").await?;
    // Not set is the default.
    let level = found.as_deref().unwrap_or("-1");
    if level == wanted {
        return Ok(Answer::ok(format!("it is {wanted}")));
    }
    Ok(Answer::failed(format!("it is {}", display_safe(level))))
}

pub(super) async fn login_separator(context: &CheckContext) -> Asked {
    let found = context.parameter("service.loginseparator").await?;
    let new = found.as_deref().unwrap_or("@");
    let shown = display_safe(new);
    match context.site.old.login_separator.as_deref() {
        None => Ok(Answer::unknown(format!(
            "the new server has `{shown}`; what the old one has is not in the site"
        ))
        .advise("Set old.login_separator in the site: what users of hosted domains put between name and domain when they log in.")),
        Some(old) if old == new => Ok(Answer::ok(format!("both have `{shown}`"))),
        Some(old) => Ok(Answer::failed(format!(
            "the old server has `{}`, the new one `{shown}`",
            display_safe(old)
        ))
        .mend([
            &format!("{}/configutil", context.site.new.instance_root),
            "-o",
            "service.loginseparator",
            "-v",
            old,
        ])),
    }
}
