//! `configutil` of iMS 5.2 (`domain/commands.md` 12): reads, sets and lists parameters.
//!
//! `[-f FILE] [-l] -o OPTION[;LANGUAGE] [-v VALUE]` · `[-f FILE] [-p PREFIX] [-m]` · `-i FILE`; nothing
//! lists all. `-f` names the local file of another instance.

use super::ToolContext;
use super::getopt;
use super::place;
use crate::base::display_safe;
use crate::lab::instance::Instance;
use crate::lab::options::{Options, OptionsError};
use crate::lab::phrases::say;
use crate::lab::world::LabError;

const USAGE: &str = "usage: configutil [-f configdbfile] [-l] -o option[;language] [-v value]\n       \
                     configutil [-f configdbfile] [-p prefix] [-m]\n       configutil -i inputfile";

fn wrote(e: std::io::Error) -> LabError {
    LabError::file("standard output")(e)
}

/// Runs the command.
///
/// # Errors
/// When its output cannot be written.
pub fn run(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let options = match getopt::parse(args, "f:lo:v:p:mi:e") {
        Ok(options) if options.operands.is_empty() => options,
        Ok(_) => return complain(context, USAGE),
        Err(why) => return complain(context, &format!("configutil: {why}\n{USAGE}")),
    };
    let instance = match instance(context, options.value('f')) {
        Ok(instance) => instance,
        Err(e) => return complain(context, &format!("configutil: {e}")),
    };
    let mut parameters = match Options::open(&context.lab, &instance) {
        Ok(parameters) => parameters,
        Err(e) => return complain(context, &format!("configutil: {e}")),
    };
    let done = match (options.value('o'), options.value('v'), options.value('i')) {
        (Some(name), None, None) => show(context, &mut parameters, name),
        (Some(name), Some(value), None) => match parameters.set(name, &as_seen(context, value)) {
            Ok(()) => {
                let line = say(&context.lab, "configutil-set", &[]);
                writeln!(context.out, "{line}").map_err(wrote)?;
                Ok(0)
            }
            Err(e) => Err(e),
        },
        (None, None, Some(file)) => return import(context, &mut parameters, file),
        (None, None, None) => list(context, &mut parameters, options.value('p').unwrap_or("")),
        _ => return complain(context, USAGE),
    };
    match done {
        Ok(status) => Ok(status),
        Err(OptionsError::Files(e)) => complain(context, &format!("configutil: {e}")),
        Err(e) => complain(context, &format!("configutil: {e}")),
    }
}

/// A path is kept as the host sees it, however it came here.
fn as_seen(context: &ToolContext<'_>, value: &str) -> String {
    let path = std::path::Path::new(value);
    if path.starts_with(context.root()) {
        context.seen(path)
    } else {
        value.to_owned()
    }
}

/// The value alone on one line; nothing and a failure for a parameter that nobody knows.
fn show(
    context: &mut ToolContext<'_>,
    parameters: &mut Options,
    name: &str,
) -> Result<u8, OptionsError> {
    match parameters.get(name)? {
        Some(value) => {
            writeln!(context.out, "{}", display_safe(&value)).map_err(wrote)?;
            Ok(0)
        }
        None => Ok(1),
    }
}

fn list(
    context: &mut ToolContext<'_>,
    parameters: &mut Options,
    prefix: &str,
) -> Result<u8, OptionsError> {
    let prefix = prefix.to_ascii_lowercase();
    for (name, value) in parameters.all()? {
        if name.to_ascii_lowercase().starts_with(&prefix) {
            writeln!(context.out, "{name} = {}", display_safe(&value)).map_err(wrote)?;
        }
    }
    Ok(0)
}

/// `-i FILE`: `option=value` lines, all understood before the first is set.
fn import(
    context: &mut ToolContext<'_>,
    parameters: &mut Options,
    file: &str,
) -> Result<u8, LabError> {
    let path = context.real(file);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) => {
            let shown = display_safe(file).into_owned();
            return complain(context, &format!("configutil: cannot open {shown}: {e}"));
        }
    };
    let settings = match settings(&text) {
        Ok(settings) => settings,
        Err(line) => {
            let shown = display_safe(file).into_owned();
            return complain(
                context,
                &format!("configutil: {shown}: line {line}: not option=value"),
            );
        }
    };
    for (name, value) in settings {
        if let Err(e) = parameters.set(&name, &value) {
            return complain(
                context,
                &format!("configutil: {}: {e}", display_safe(&name)),
            );
        }
        let line = say(&context.lab, "configutil-set", &[]);
        writeln!(context.out, "{line}").map_err(wrote)?;
    }
    Ok(0)
}

/// The settings of an input file, or the number of the line that is not one. Blanks around the name
/// and right after the `=` do not count; the value may contain `=`.
fn settings(text: &str) -> Result<Vec<(String, String)>, usize> {
    let mut settings = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                settings.push((name.trim().to_owned(), value.trim_start().to_owned()));
            }
            _ => return Err(at + 1),
        }
    }
    Ok(settings)
}

/// The instance: where the command is, or where the local file that `-f` names is.
fn instance(context: &ToolContext<'_>, file: Option<&str>) -> Result<Instance, LabError> {
    let Some(file) = file else {
        return place::instance(context);
    };
    let path = context.real(file);
    let root = path.parent().and_then(std::path::Path::parent);
    match (root, root.and_then(std::path::Path::parent)) {
        (Some(root), Some(server_root)) if path.is_file() => Ok(Instance {
            server_root: server_root.to_path_buf(),
            root: root.to_path_buf(),
        }),
        _ => Err(LabError::Other(format!(
            "cannot open {}",
            display_safe(file)
        ))),
    }
}

fn complain(context: &mut ToolContext<'_>, message: &str) -> Result<u8, LabError> {
    writeln!(context.err, "{message}").map_err(wrote)?;
    Ok(1)
}

#[cfg(test)]
mod tests {
    use super::settings;

    #[test]
    fn an_input_file_is_understood_or_its_line_is_named() {
        let text = "# x\n\nlocal.ugldapbasedn = o=internet\nlocal.imta.schematag=\n";
        assert_eq!(
            settings(text).unwrap(),
            [
                ("local.ugldapbasedn".to_owned(), "o=internet".to_owned()),
                ("local.imta.schematag".to_owned(), String::new()),
            ]
        );
        assert_eq!(settings("a=b\nnonsense\n"), Err(2));
        assert_eq!(settings("=x"), Err(1));
    }
}
