//! The reference pages of the command line, the settings, the problems and the API.

use std::fmt::Write as _;

use clap::{Arg, Args, Command, CommandFactory};
use lanyard::api::{catalogue, openapi};
use lanyard::cli::Cli;
use lanyard::config::ServeArgs;

use super::{begin, head, holds, row};
use crate::support::tree::read;

const CLI: &str = "\
Every command, as `-h` says it. A command that speaks to a server takes `--url` and `--token`, or `LANYARD_URL`
and `LANYARD_TOKEN`. It ends with 0 if it was done, 1 if it was refused, 2 if it was written wrong, and 3 if there is
no server or the server cannot do it now.";

const CONFIGURATION: &str = "\
Settings of `lanyard serve` (and of `lanyard verify`, which opens the same data). A flag wins over the environment, the
environment over the file, the file over the default. The file is TOML, named by `--config`; a setting that is not
listed here is refused.";

const PROBLEMS: &str = "\
Every way in which the API says no: RFC 9457, `application/problem+json`. The last part of `type` is the code below and
never changes; `instance` is the request's id, as in `X-Request-Id`. The server explains each at `/problems/<code>`.";

/// Returns the whole tree of commands, without the values that the environment has here.
fn commands() -> Command {
    fn quiet(command: Command) -> Command {
        let command = command
            .mut_args(|arg| arg.hide_env_values(true))
            .term_width(100);
        command.mut_subcommands(quiet)
    }
    let mut root = quiet(Cli::command());
    root.build();
    quiet(root)
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_and_argument_says_what_it_is() {
    fn silent(command: &Command, found: &mut Vec<String>) {
        let name = command.get_bin_name().unwrap_or("lanyard");
        if command.get_about().is_none() {
            found.push(name.to_owned());
        }
        let args = command.get_arguments().filter(|arg| !arg.is_hide_set());
        found.extend(
            args.filter(|arg| arg.get_help().is_none())
                .map(|arg| format!("{name} {arg}")),
        );
        command
            .get_subcommands()
            .for_each(|known| silent(known, found));
    }
    let mut found = Vec::new();
    silent(&commands(), &mut found);
    assert!(found.is_empty(), "without a help text: {found:#?}");
}

#[test]
fn every_command_is_listed() {
    fn write(page: &mut String, command: &mut Command) {
        let name = command.get_bin_name().unwrap_or("lanyard").to_owned();
        let help = command.render_help().to_string();
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        let _ = writeln!(
            page,
            "## {name}\n\n```text\n{}\n```\n",
            help.join("\n").trim()
        );
        let subcommands = command.get_subcommands_mut();
        for subcommand in subcommands.filter(|known| known.get_name() != "help") {
            write(page, subcommand);
        }
    }
    let mut page = begin("Command line", CLI);
    write(&mut page, &mut commands());
    holds("cli.md", &ended(page));
}

#[test]
fn every_setting_is_listed() {
    let serve = ServeArgs::augment_args(Command::new("serve"));
    let mut page = begin("Configuration", CONFIGURATION);
    head(
        &mut page,
        &[
            "flag",
            "environment",
            "in the file",
            "default",
            "what it sets",
        ],
    );
    for arg in serve.get_arguments() {
        let flag = format!("--{}", arg.get_long().unwrap());
        let (says, default) = said(arg);
        let key = arg.get_long().unwrap();
        let key = if stands_in_the_file(key) {
            code(key)
        } else {
            "–".to_owned()
        };
        row(
            &mut page,
            &[
                &code(&flag),
                &code(&environment(arg)),
                &key,
                &default,
                &says,
            ],
        );
    }
    for (name, of, says) in [
        (
            "LANYARD_KEY",
            "src/config/mod.rs",
            "The key that opens the vault: 32 bytes in base64 or 64 hexadecimal digits. It wins over every key file, and \
             is never written anywhere",
        ),
        (
            "LANYARD_LOG",
            "src/main.rs",
            "What is logged, to standard error: `info`, `debug`, or by part, as in `warn,lanyard::worker=debug`",
        ),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "src/config/mod.rs",
            "Where traces go, by OTLP over HTTP; without it there are none. The other `OTEL_` variables of the standard hold too",
        ),
    ] {
        assert!(
            read(of).contains(&format!("\"{name}\"")),
            "{of} does not read {name}"
        );
        let default = if name == "LANYARD_LOG" { "`warn`" } else { "" };
        row(&mut page, &["–", &code(name), "–", default, says]);
    }
    page.push_str("\n## Of the client\n\nWhat the other commands read from the environment.\n\n");
    head(&mut page, &["environment", "flag", "what it sets"]);
    let mut client = Vec::new();
    collect(&commands(), &mut client);
    client.retain(|(name, _, _)| serve.get_arguments().all(|arg| environment(arg) != *name));
    client.sort();
    client.dedup();
    for (name, flag, says) in client {
        row(&mut page, &[&code(&name), &code(&flag), &says]);
    }
    page.push_str("\n## An example\n\n```toml\n");
    page.push_str(EXAMPLE);
    page.push_str("```\n");
    assert!(toml::from_str::<ServeArgs>(EXAMPLE).is_ok());
    holds("configuration.md", &page);
}

const EXAMPLE: &str = "\
listen = \"0.0.0.0:8460\"
public-url = \"https://lanyard.example.com\"
database = \"postgres://lanyard@db.example.com/lanyard\"
key-file = \"/etc/lanyard/key\"
allow-host = [\"git.example.com\"]
";

#[test]
fn every_problem_is_listed() {
    let mut page = begin("Problems", PROBLEMS);
    head(
        &mut page,
        &["code", "status", "what is wrong", "what to do"],
    );
    for entry in catalogue::ALL {
        let status = entry.status.to_string();
        row(
            &mut page,
            &[&code(entry.code), &status, entry.title, entry.remedy],
        );
    }
    holds("problems.md", &page);
}

#[test]
fn the_api_is_described() {
    let mut json = openapi::document().to_pretty_json().unwrap();
    json.push('\n');
    holds("openapi.json", &json);
}

fn collect(command: &Command, found: &mut Vec<(String, String, String)>) {
    for arg in command
        .get_arguments()
        .filter(|arg| arg.get_env().is_some())
    {
        let flag = format!("--{}", arg.get_long().unwrap_or_default());
        found.push((environment(arg), flag, said(arg).0));
    }
    command
        .get_subcommands()
        .for_each(|below| collect(below, found));
}

fn environment(arg: &Arg) -> String {
    let name = arg.get_env().unwrap_or_default();
    name.to_str().unwrap().to_owned()
}

/// Splits what is said of a setting from its default.
fn said(arg: &Arg) -> (String, String) {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    match help.split_once(" [default: ") {
        Some((says, default)) => (says.to_owned(), code(default.trim_end_matches(']'))),
        None => (help, String::new()),
    }
}

/// Says whether the file knows a setting: it rejects a wrong value, not the name.
fn stands_in_the_file(key: &str) -> bool {
    let tried = toml::from_str::<ServeArgs>(&format!("{key} = {{}}\n"));
    let refused = tried.expect_err("no setting is a table").to_string();
    !refused.contains("unknown field")
}

fn code(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("`{text}`")
    }
}

fn ended(mut page: String) -> String {
    while page.ends_with("\n\n") {
        page.pop();
    }
    page
}
