//! The deployment's settings.

use axum::extract::State;
use axum::response::IntoResponse;
use domain::keyring::Algorithm;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::caller::Asking;
use super::extract::Fields;
use super::fresh::{IfMatch, Index, Revision};
use super::openapi::Doc;
use super::problem::Problem;
use crate::app::App;

/// New settings; what is absent stays.
#[derive(Debug, ToSchema)]
pub(crate) struct ChangeSettings {
    /// The algorithm of new keys; those that exist stay.
    #[schema(value_type = Option<String>, example = "ed25519")]
    algorithm: Option<Algorithm>,
}

/// The settings.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SettingsBody {
    /// The algorithm of new keys, where a provider has none of its own.
    #[schema(example = "ed25519")]
    algorithm: &'static str,
    /// How often they were changed.
    revision: u64,
}

pub(super) async fn get(State(app): State<App>) -> Result<impl IntoResponse, Problem> {
    let (settings, revision) = app.settings().await?;
    let body = SettingsBody {
        algorithm: settings.algorithm.as_str(),
        revision,
    };
    Ok((Revision(revision), Json(body)))
}

pub(super) fn get_doc() -> Doc {
    Doc::new("getSettings", "Shows the deployment's settings").answers_with::<SettingsBody>(
        200,
        "the settings",
        &["ETag"],
    )
}

pub(super) async fn change(
    State(app): State<App>,
    asking: Asking,
    IfMatch(seen): IfMatch,
    Fields(mut input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let algorithm = input.optional("algorithm");
    let ChangeSettings { algorithm } = input.finish((|| {
        Ok(ChangeSettings {
            algorithm: algorithm?,
        })
    })())?;
    let done = app
        .change_settings(algorithm, seen, &asking.caller())
        .await?;
    let body = SettingsBody {
        algorithm: done.state.algorithm.as_str(),
        revision: done.revision,
    };
    Ok((Revision(done.revision), Index(done.index), Json(body)))
}

pub(super) fn change_doc() -> Doc {
    Doc::new("changeSettings", "Changes the deployment's settings")
        .takes::<ChangeSettings>()
        .answers_with::<SettingsBody>(200, "the settings after it", &["ETag", "Lanyard-Index"])
        .honours_if_match()
        .problems(&["invalid-input"])
}
