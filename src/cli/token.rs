//! `lanyard token …`

use clap::{Args, Subcommand};
use serde_json::json;

use super::client::Client;
use super::output::{Output, say};

#[derive(Debug, Args)]
pub(super) struct TokenCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the tokens, never their text
    List,
    /// Make the first admin's token, with the secret that the server printed at its start
    First {
        /// The admin
        user: String,
        /// The one-time secret
        #[arg(long, env = "LANYARD_FIRST_SECRET", hide_env_values = true)]
        secret: String,
    },
    /// Make a token for a person: printed once
    Create {
        /// Who
        user: String,
        /// What it is for
        #[arg(long)]
        name: String,
        /// What it may do: admin, auditor, operator, member, workspace
        #[arg(long, required = true, value_delimiter = ',')]
        role: Vec<String>,
        /// How long it lives
        #[arg(long, default_value_t = 90)]
        days: u32,
    },
    /// End a token now
    Revoke {
        /// The token's id, as `lanyard token list` shows it
        token: String,
    },
}

pub(super) async fn run(
    (client, output, command): (Client, Output, TokenCommand),
) -> anyhow::Result<()> {
    const TOKENS: &str = "/api/v1/tokens";
    let made = match command.verb {
        Verb::List => {
            let columns = [
                ("TOKEN", "/id"),
                ("USER", "/user"),
                ("NAME", "/name"),
                ("ROLES", "/roles"),
                ("STATUS", "/status"),
                ("EXPIRES", "/expires_at"),
            ];
            let answer = client.get(TOKENS, &[]).await?;
            output.list(&answer.body["tokens"], &columns, "no token");
            return Ok(());
        }
        Verb::Revoke { token } => {
            let answer = client.delete(&format!("{TOKENS}/{token}")).await?;
            output.done("the token is revoked", &answer.body);
            return Ok(());
        }
        Verb::First { user, secret } => {
            let body = json!({ "user": user, "secret": secret });
            client.post("/api/v1/tokens/first", &body).await?
        }
        Verb::Create {
            user,
            name,
            role,
            days,
        } => {
            let body = json!({ "user": user, "name": name, "roles": role, "days": days });
            client.post(TOKENS, &body).await?
        }
    };
    if output.json {
        output.one(&made.body);
    } else {
        eprintln!("this token is shown once; give it as LANYARD_TOKEN:");
        say(made.body["token"].as_str().unwrap_or_default());
    }
    Ok(())
}
