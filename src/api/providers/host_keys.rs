//! The keys by which a provider's SSH server is known.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use domain::provider::HostKeySource;
use serde::Serialize;
use utoipa::ToSchema;

use super::slug;
use crate::api::caller::Asking;
use crate::api::extract::{Fields, InPath};
use crate::api::fresh::{IfMatch, Index, Revision};
use crate::api::openapi::Doc;
use crate::api::problem::Problem;
use crate::app::App;
use crate::app::host_keys::known_host_keys;
use crate::app::providers::Known;
use crate::host_keys::{HostKey, Matches};

/// More host keys no server has.
const MOST: usize = 20;
const SOURCES: [(&str, HostKeySource); 2] = [
    ("entered", HostKeySource::Entered),
    ("scanned", HostKeySource::Scanned),
];

/// The keys of a provider's SSH server.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct NewHostKeys {
    /// Lines of a `known_hosts` file, in the place of all those before: host, type, key.
    keys: Vec<String>,
    /// Where they are from: `entered` (as it is, where nobody says), or `scanned`, once somebody
    /// compared the fingerprints.
    source: Option<String>,
}

/// Where to look.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct Scan {
    /// The host; the provider's own, where nobody says.
    host: Option<String>,
    /// The port; the provider's own, where nobody says.
    port: Option<u16>,
}

/// One host key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HostKeyBody {
    /// The hosts that have it, as `known_hosts` names them.
    hosts: Vec<String>,
    /// Its type.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Its fingerprint, as `ssh-keygen -l` shows it: compare it with the server's own.
    fingerprint: String,
    /// The line.
    line: String,
    /// In a scan: whether the fingerprint that the product itself tells is that of this key
    /// (`yes`), that of none of the keys (`no`), or there is nothing to compare with (`unknown`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "yes")]
    matches: Option<&'static str>,
}

/// Host keys.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HostKeysBody {
    /// One by one.
    keys: Vec<HostKeyBody>,
    /// All of them as a `known_hosts` file.
    known_hosts: String,
    /// In a scan: the fingerprint that the product itself tells of its SSH server, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<String>,
}

fn body(keys: &[(HostKey, Option<Matches>)], told: Option<String>) -> HostKeysBody {
    HostKeysBody {
        keys: keys
            .iter()
            .map(|(key, matches)| HostKeyBody {
                hosts: key.hosts().to_vec(),
                kind: key.kind().as_str(),
                fingerprint: key.fingerprint(),
                line: key.to_string(),
                matches: matches.map(Matches::as_str),
            })
            .collect(),
        known_hosts: keys
            .iter()
            .flat_map(|(key, _)| [key.to_string(), "\n".to_owned()])
            .collect(),
        told,
    }
}

fn answer(known: &Known) -> impl IntoResponse + use<> {
    let keys = known_host_keys(&known.registration).into_iter();
    let keys: Vec<_> = keys.map(|key| (key, None)).collect();
    (
        Revision(known.revision),
        Index(known.index),
        Json(body(&keys, None)),
    )
}

pub(in crate::api) async fn list(
    State(app): State<App>,
    InPath(provider): InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    Ok(answer(&app.provider(&slug(&provider)?).await?))
}

pub(in crate::api) fn list_doc() -> Doc {
    Doc::new(
        "listHostKeys",
        "Lists the keys by which a provider's SSH server is known",
    )
    .answers_with::<HostKeysBody>(200, "the keys", &["ETag"])
    .problems(&["provider-not-found"])
}

pub(in crate::api) async fn put(
    State(app): State<App>,
    asking: Asking,
    IfMatch(seen): IfMatch,
    InPath(provider): InPath<String>,
    Fields(mut input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let provider = slug(&provider)?;
    let keys = input.list::<HostKey>("keys", MOST);
    let source = input.word("source", &SOURCES);
    let (keys, source) = input.finish((|| Ok((keys?, source?)))())?;
    let source = source.unwrap_or(HostKeySource::Entered);
    let known = app
        .enter_host_keys(
            &provider,
            (source, keys.as_slice()),
            seen,
            (&asking.principal.user, &asking.caller()),
        )
        .await?;
    Ok(answer(&known))
}

pub(in crate::api) fn put_doc() -> Doc {
    Doc::new(
        "putHostKeys",
        "Says by which keys a provider's SSH server is known",
    )
    .takes::<NewHostKeys>()
    .answers_with::<HostKeysBody>(200, "the keys", &["ETag", "Lanyard-Index"])
    .honours_if_match()
    .problems(&["invalid-input", "provider-not-found", "host-keys-differ"])
}

pub(in crate::api) async fn official(
    State(app): State<App>,
    asking: Asking,
    IfMatch(seen): IfMatch,
    InPath(provider): InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    let known = app
        .record_official_host_keys(&slug(&provider)?, seen, &asking.caller())
        .await?;
    Ok(answer(&known))
}

pub(in crate::api) fn official_doc() -> Doc {
    Doc::new(
        "recordOfficialHostKeys",
        "Fetches the host keys that the vendor publishes, and records them",
    )
    .says(
        "github.com and `*.ghe.com` publish theirs, and are asked for them. gitlab.com's stand in \
         GitLab's documentation; Lanyard knows them.",
    )
    .answers_with::<HostKeysBody>(200, "the keys", &["ETag", "Lanyard-Index"])
    .honours_if_match()
    .problems(&[
        "provider-not-found",
        "host-keys-not-published",
        "host-keys-not-had",
    ])
}

pub(in crate::api) async fn scan(
    State(app): State<App>,
    asking: Asking,
    InPath(provider): InPath<String>,
    Fields(mut input): Fields,
) -> Result<Json<HostKeysBody>, Problem> {
    let provider = slug(&provider)?;
    let host = input.optional::<String>("host");
    let port = match input.number("port") {
        Ok(Some(port)) => match u16::try_from(port) {
            Ok(port @ 1..) => Ok(Some(port)),
            Ok(0) | Err(_) => Err(input.reject("port", "must be 1 to 65535")),
        },
        Ok(None) => Ok(None),
        Err(rejected) => Err(rejected),
    };
    let (host, port) = input.finish((|| Ok((host?, port?)))())?;
    let admin = (&asking.principal.user, &asking.caller());
    let scanned = app.scan_host_keys(&provider, (host, port), admin).await?;
    let keys = scanned.keys.into_iter();
    let keys: Vec<_> = keys.map(|(key, matches)| (key, Some(matches))).collect();
    Ok(Json(body(&keys, scanned.told)))
}

pub(in crate::api) fn scan_doc() -> Doc {
    Doc::new(
        "scanHostKeys",
        "Shows the host keys that a provider's SSH server offers; records nothing",
    )
    .says(
        "A scan cannot tell whether it is the right server. Compare the fingerprints with those \
         that its administrators know, then PUT the lines with `source` `scanned`. Bitbucket \
         Server tells the fingerprint of its own, and where it is reached, to whoever is linked \
         there: the scan then says which key `matches`, and a PUT of keys that do not is refused.",
    )
    .takes::<Scan>()
    .answers::<HostKeysBody>(200, "what the server showed")
    .problems(&["invalid-input", "provider-not-found", "host-keys-not-had"])
}
