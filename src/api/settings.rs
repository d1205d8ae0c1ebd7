//! The deployment's settings.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use domain::keyring::Algorithm;
use domain::provider::Choice;
use domain::settings::{GraceHours, KeyAge, Settings, SettingsChanges};
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
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct ChangeSettings {
    /// The algorithm of new keys; those that exist stay.
    #[schema(example = "ed25519")]
    algorithm: Option<String>,
    /// For how many hours a replaced key stays where its successor is; 0: it goes at once.
    #[schema(minimum = 0, maximum = 720, example = 24)]
    rotation_grace_hours: Option<u16>,
    /// After how many days a key is replaced by itself; 0: never.
    #[schema(minimum = 0, maximum = 3650, example = 90)]
    max_key_age_days: Option<u16>,
}

/// The settings.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SettingsBody {
    /// The algorithm of new keys, where a provider has none of its own.
    #[schema(example = "ed25519")]
    algorithm: &'static str,
    /// For how many hours a replaced key stays where its successor is.
    #[schema(example = 24)]
    rotation_grace_hours: u16,
    /// After how many days a key is replaced by itself; absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_key_age_days: Option<u16>,
    /// How often they were changed.
    revision: u64,
}

/// How old keys may grow; 0: as old as they may.
struct Age(Choice<KeyAge>);

impl TryFrom<u64> for Age {
    type Error = &'static str;

    fn try_from(days: u64) -> Result<Self, Self::Error> {
        match days {
            0 => Ok(Self(Choice::Default)),
            days => match KeyAge::try_from(days) {
                Ok(age) => Ok(Self(Choice::Own(age))),
                Err(_) => Err("must be a whole number from 0 to 3650"),
            },
        }
    }
}

pub(super) async fn get(State(app): State<App>) -> Result<impl IntoResponse, Problem> {
    let (settings, revision) = app.settings().await?;
    Ok((Revision(revision), Json(body(settings, revision))))
}

fn body(settings: Settings, revision: u64) -> SettingsBody {
    SettingsBody {
        algorithm: settings.algorithm.as_str(),
        rotation_grace_hours: settings.rotation_grace_hours.get(),
        max_key_age_days: settings.max_key_age_days.map(KeyAge::get),
        revision,
    }
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
    let algorithm = input.optional::<Algorithm>("algorithm");
    let grace = input.ranged::<GraceHours>("rotation_grace_hours");
    let age = input.ranged::<Age>("max_key_age_days");
    let changes = input.finish((|| {
        Ok(SettingsChanges {
            algorithm: algorithm?,
            rotation_grace_hours: grace?,
            max_key_age_days: age?.map(|age| age.0),
        })
    })())?;
    let done = app.change_settings(changes, seen, &asking.caller()).await?;
    let body = body(Arc::unwrap_or_clone(done.state), done.revision);
    Ok((Revision(done.revision), Index(done.index), Json(body)))
}

pub(super) fn change_doc() -> Doc {
    Doc::new("changeSettings", "Changes the deployment's settings")
        .takes::<ChangeSettings>()
        .answers_with::<SettingsBody>(200, "the settings after it", &["ETag", "Lanyard-Index"])
        .honours_if_match()
        .problems(&["invalid-input"])
}
