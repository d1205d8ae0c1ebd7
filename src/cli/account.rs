//! `lanyard account …`

use clap::{Args, Subcommand};
use serde_json::json;

use super::client::Client;
use super::output::{Output, say};

#[derive(Debug, Args)]
pub(super) struct AccountCommand {
    /// Whose accounts
    #[arg(long, global = true, default_value = "me")]
    user: String,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the linked accounts
    List,
    /// Show one account
    Show {
        /// The account's id, as `lanyard account list` shows it
        account: String,
    },
    /// Link an account: prints the address to open in a browser
    Link {
        /// The provider's short name
        provider: String,
        /// Your name there, where keys are pasted by hand: links at once, without a browser
        #[arg(long, value_name = "NAME")]
        login: Option<String>,
        /// Link another account than the one there that waits for a new link
        #[arg(long, conflicts_with = "login")]
        another: bool,
    },
    /// Withdraw the keys, revoke the grant, forget the account
    Unlink {
        /// The account's id, as `lanyard account list` shows it
        account: String,
        /// Do not wait for the provider: `lanyard sync residue` names what stays there (admins)
        #[arg(long, requires = "reason")]
        force: bool,
        /// Why, for the history
        #[arg(long)]
        reason: Option<String>,
    },
}

pub(super) async fn run(
    (client, output, command): (Client, Output, AccountCommand),
) -> anyhow::Result<()> {
    let accounts = format!("/api/v1/users/{}/accounts", command.user);
    match command.verb {
        Verb::List => {
            let columns = [
                ("ACCOUNT", "/account"),
                ("PROVIDER", "/provider"),
                ("LOGIN", "/login"),
                ("STATUS", "/status"),
                ("TO DO", "/remedy"),
            ];
            let answer = client.get(&accounts, &[]).await?;
            let empty = "no account is linked; link one with `lanyard account link <provider>`";
            output.list(&answer.body["accounts"], &columns, empty);
        }
        Verb::Show { account } => {
            output.one(
                &client
                    .get(&format!("{accounts}/{account}"), &[])
                    .await?
                    .body,
            );
        }
        Verb::Link {
            provider,
            login,
            another,
        } => {
            let mut body = json!({ "provider": provider });
            if another {
                body["another"] = true.into();
            }
            if let Some(login) = login {
                body["login"] = login.into();
            }
            let answer = client.post(&accounts, &body).await?;
            match answer.body["start_url"].as_str() {
                _ if output.json => output.one(&answer.body),
                Some(start_url) => {
                    say("open this address in your browser within ten minutes:");
                    say(start_url);
                }
                None => say(
                    "linked; `lanyard key list` shows the key as soon as it is made, \
                     `lanyard key show` where to paste it",
                ),
            }
        }
        Verb::Unlink {
            account,
            force,
            reason,
        } => {
            let mut query = Vec::new();
            if force {
                query.push(("force", "true".to_owned()));
            }
            query.extend(reason.map(|reason| ("reason", reason)));
            let at = format!("{accounts}/{account}");
            let answer = client.delete_as(&at, &query).await?;
            let sentence = if force {
                "unlinked; `lanyard sync residue` shows what stays at the provider"
            } else {
                "unlinking; it is unusable from now on, `lanyard sync` shows what is left to do"
            };
            output.done(sentence, &answer.body);
        }
    }
    Ok(())
}
