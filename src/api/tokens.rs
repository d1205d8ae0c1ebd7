//! API tokens.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use chrono::{DateTime, TimeDelta, Utc};
use domain::token::{DEFAULT_LIFE, LONGEST_LIFE};
use domain::{DisplayName, Role, TokenId, UserId};
use projections::tokens::TokenRow;
use projections::{Limit, Page};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::caller::{Asking, parse};
use super::extract::{Fields, InPath, Params};
use super::frame::Asked;
use super::fresh::Index;
use super::input::{Input, Rejected};
use super::openapi::Doc;
use super::problem::Problem;
use crate::app::App;
use crate::app::tokens::{FirstTokenError, Made, NewToken};
use crate::vault::Secret;

/// A token to be made.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct CreateToken {
    /// For whom it speaks; whoever asks, where nobody is named.
    #[schema(example = "ada")]
    user: Option<String>,
    /// What it is called.
    #[schema(example = "laptop")]
    name: String,
    /// What it may do: admin, auditor, operator, member, workspace.
    #[schema(example = json!(["member"]))]
    roles: Vec<String>,
    /// How many days it lives: 1 to 365, 90 where nobody says.
    days: Option<u64>,
}

/// The first admin token to be made.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct CreateFirstToken {
    /// The one-time secret printed at the server's own terminal.
    #[schema(example = "lyd_boot_…")]
    secret: String,
    /// The admin's id.
    #[schema(example = "root")]
    user: String,
    /// What the token is called.
    #[schema(example = "first admin")]
    name: Option<String>,
    /// How many days it lives: 1 to 365, 90 where nobody says.
    days: Option<u64>,
}

/// A token that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeBody {
    /// The token's id.
    id: String,
    /// The token itself. It is shown now and never again.
    #[schema(example = "lyd_pat_…")]
    token: String,
    /// When it ends.
    #[serde(with = "domain::time")]
    expires_at: DateTime<Utc>,
}

/// One token, without the token itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenBody {
    /// The token's id.
    id: String,
    /// For whom it speaks.
    user: String,
    /// What it is called.
    name: String,
    /// What it may do.
    roles: Vec<&'static str>,
    /// `current`, `expired` or `revoked`.
    status: &'static str,
    /// When it was made.
    #[serde(with = "domain::time")]
    created_at: DateTime<Utc>,
    /// Who made it.
    created_by: String,
    /// When it ends.
    #[serde(with = "domain::time")]
    expires_at: DateTime<Utc>,
    /// When it was ended before its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(with = "domain::time::optional")]
    revoked_at: Option<DateTime<Utc>>,
}

/// A page of tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokensBody {
    /// The tokens.
    tokens: Vec<TokenBody>,
    /// The cursor of the next page, for `after`; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl From<FirstTokenError> for Problem {
    fn from(error: FirstTokenError) -> Self {
        match error {
            FirstTokenError::Made => Self::new("first-token-made"),
            FirstTokenError::Refused => Self::new("first-secret-refused"),
            FirstTokenError::Command(error) => error.into(),
        }
    }
}

const ROLES: [(&str, Role); 5] = [
    ("admin", Role::Admin),
    ("auditor", Role::Auditor),
    ("operator", Role::Operator),
    ("member", Role::Member),
    ("workspace", Role::Workspace),
];

pub(super) async fn list(
    State(app): State<App>,
    asking: Asking,
    Params(mut input): Params,
) -> Result<Json<TokensBody>, Problem> {
    let after = input.optional::<TokenId>("after");
    let limit = limit(&mut input);
    let (after, limit) = input.finish((|| Ok((after?, limit?)))())?;
    let own = (!asking.is(Role::Admin)).then_some(&asking.principal.user);
    let Page { items, next } = app.list_tokens(own, after, limit).await?;
    let now = app.now();
    Ok(Json(TokensBody {
        tokens: items.into_iter().map(|row| body(row, now)).collect(),
        next: next.map(|id| id.to_string()),
    }))
}

pub(super) fn list_doc() -> Doc {
    Doc::new("listTokens", "Lists the API tokens")
        .says("An admin sees everybody's, everybody else their own. Never the tokens themselves.")
        .pages()
        .answers::<TokensBody>(200, "a page of tokens")
        .problems(&["invalid-input"])
}

pub(super) async fn create(
    State(app): State<App>,
    asking: Asking,
    Fields(mut input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let user = input.optional::<UserId>("user");
    let name = input.required::<DisplayName>("name");
    let roles = input.words("roles", &ROLES);
    let life = life(&mut input);
    let new = input.finish((|| {
        Ok(NewToken {
            user: user?.unwrap_or_else(|| asking.principal.user.clone()),
            name: name?,
            roles: roles?,
            life: life?,
        })
    })())?;
    // A token that leaks must not be worth more than it was.
    if let Some(role) = new.roles.iter().find(|role| !asking.is(**role)) {
        return Err(Problem::new("token-role-not-held").detail(format!("{role} is not held")));
    }
    let made = app.create_token(new, &asking.caller()).await?;
    Ok(answer(&made))
}

pub(super) fn create_doc() -> Doc {
    Doc::new("createToken", "Makes an API token for a person")
        .says("Only an admin's token makes tokens, and none with a role that its holder lacks.")
        .takes::<CreateToken>()
        .answers::<MadeBody>(201, "the token, shown once")
        .problems(&[
            "invalid-input",
            "token-role-not-held",
            "token-no-role",
            "token-bad-life",
        ])
}

pub(super) async fn first(
    State(app): State<App>,
    asked: Asked,
    Fields(mut input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let secret = match input.secret("secret") {
        Ok(Some(secret)) => Ok(secret),
        Ok(None) => Err(input.reject("secret", "is required")),
        Err(rejected) => Err(rejected),
    };
    let user = input.required::<UserId>("user");
    let name = input.optional::<DisplayName>("name");
    let life = life(&mut input);
    let (secret, user, name, life): (Secret, _, _, _) =
        input.finish((|| Ok((secret?, user?, name?, life?)))())?;
    let new = NewToken {
        user,
        name: match name {
            Some(name) => name,
            None => "first admin".parse().map_err(Problem::internal)?,
        },
        roles: Role::ALL.to_vec(),
        life,
    };
    let made = app
        .create_first_token(&secret, new, &asked.by_first_secret())
        .await?;
    Ok(answer(&made))
}

pub(super) fn first_doc() -> Doc {
    Doc::new("createFirstToken", "Makes the first admin token, once")
        .says(
            "The secret is printed at the server's own terminal while there is no admin token. It \
             works once, within 60 minutes.",
        )
        .takes::<CreateFirstToken>()
        .answers::<MadeBody>(201, "the token, shown once")
        .problems(&["invalid-input", "first-secret-refused", "first-token-made"])
}

pub(super) async fn revoke(
    State(app): State<App>,
    asking: Asking,
    InPath(token): InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    let token = parse::<TokenId>("token", &token)?;
    let own = (!asking.is(Role::Admin)).then_some(&asking.principal.user);
    let done = app.revoke_token(token, own, &asking.caller()).await?;
    Ok((StatusCode::NO_CONTENT, Index(done.index), ()))
}

pub(super) fn revoke_doc() -> Doc {
    Doc::new("revokeToken", "Ends a token, from the next request on")
        .says("Everybody ends their own; an admin ends anybody's.")
        .answers_empty(204, "it has ended")
        .problems(&["token-not-found", "invalid-input"])
}

fn answer(made: &Made) -> impl IntoResponse + use<> {
    let body = MadeBody {
        id: made.id.to_string(),
        token: made.token.expose_str().to_owned(),
        expires_at: made.expires_at,
    };
    let location = [(header::LOCATION, format!("/api/v1/tokens/{}", made.id))];
    (StatusCode::CREATED, location, Index(made.index), Json(body))
}

fn body(row: TokenRow, now: DateTime<Utc>) -> TokenBody {
    TokenBody {
        status: match row.revoked_at {
            Some(_) => "revoked",
            None if now < row.expires_at => "current",
            None => "expired",
        },
        id: row.token.to_string(),
        user: row.user.to_string(),
        name: row.name.to_string(),
        roles: row.roles.iter().map(|role| role.as_str()).collect(),
        created_at: row.created_at,
        created_by: row.created_by,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
    }
}

fn life(input: &mut Input) -> Result<TimeDelta, Rejected> {
    let days = input.number("days")?;
    let most = LONGEST_LIFE.num_days().unsigned_abs();
    match days {
        None => Ok(DEFAULT_LIFE),
        Some(days) if (1..=most).contains(&days) => {
            Ok(TimeDelta::days(i64::try_from(days).unwrap_or(1)))
        }
        Some(_) => Err(input.reject("days", "must be 1 to 365")),
    }
}

/// Takes how many rows a page may have.
pub(super) fn limit(input: &mut Input) -> Result<Limit, Rejected> {
    let Some(rows) = input.number("limit")? else {
        return Ok(Limit::default());
    };
    u32::try_from(rows)
        .ok()
        .and_then(Limit::new)
        .ok_or_else(|| input.reject("limit", "must be 1 to 1000"))
}
