//! Campaigns: many keys rotated, at a rate, for one reason.

mod body;

use std::str::FromStr;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::campaign::{CampaignCommand, CampaignScope, KeysPerMinute};
use domain::keyring::{Algorithm, UnknownAlgorithm};
use domain::settings::KeyAge;
use domain::{CampaignId, KeyId, ProviderSlug, UserId};
use projections::Page;

use self::body::{
    CampaignBody, CampaignPlanBody, CampaignReportBody, CampaignsBody, MoveCampaign, StartCampaign,
    StartedCampaignBody, campaign as shown, planned, reported,
};
use super::answer::Json;
use super::caller::{Asking, parse};
use super::extract::{Fields, InPath, Params};
use super::fresh::Index;
use super::input::{Input, Rejected};
use super::openapi::Doc;
use super::problem::Problem;
use super::tokens::limit;
use super::words::Reason;
use crate::app::App;
use crate::app::campaigns::{KeyName, NewCampaign};

/// How many people a campaign may name.
const PEOPLE: usize = 1_000;

/// How many keys a campaign may name: a thousand ids still fit into one event.
const KEYS: usize = 1_000;

/// An algorithm, or all sizes of one.
struct Family(Vec<Algorithm>);

impl FromStr for Family {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        let sizes = |stem: &str| {
            let all = Algorithm::ALL.into_iter();
            all.filter(|known| known.as_str().starts_with(stem))
                .collect()
        };
        match text {
            "rsa" => Ok(Self(sizes("rsa-"))),
            "ecdsa" => Ok(Self(sizes("ecdsa-"))),
            other => other.parse().map(|one| Self(vec![one])),
        }
    }
}

pub(super) async fn list(
    State(app): State<App>,
    Params(mut input): Params,
) -> Result<Json<CampaignsBody>, Problem> {
    let before = input.number("before");
    let limit = limit(&mut input);
    let (before, limit) = input.finish((|| Ok((before?, limit?)))())?;
    let Page { items, next } = app.list_campaigns(before, limit).await?;
    Ok(Json(CampaignsBody {
        campaigns: items.into_iter().map(shown).collect(),
        next,
    }))
}

pub(super) fn list_doc() -> Doc {
    Doc::new("listCampaigns", "Lists the campaigns, newest first")
        .asks("before", "the cursor of the page before")
        .limits()
        .answers::<CampaignsBody>(200, "a page of campaigns")
        .problems(&["invalid-input"])
}

pub(super) async fn start(
    State(app): State<App>,
    asking: Asking,
    Fields(mut input): Fields,
) -> Result<Response, Problem> {
    let new = new_campaign(&mut input);
    let named = input.maybe_list::<KeyName>("keys", KEYS);
    let reason = input.required::<Reason>("reason");
    let dry_run = input.flag("dry_run");
    let (mut new, named, reason, dry_run) =
        input.finish((|| Ok((new?, named?, reason?, dry_run?)))())?;
    new.scope.keys = app.keys_named(named.unwrap_or_default()).await?;
    if dry_run == Some(true) {
        let plan = app.plan_campaign(&new).await?;
        let body = CampaignPlanBody {
            dry_run: true,
            planned: plan.planned,
            skipped: plan.skipped,
            items: plan.items.into_iter().map(planned).collect(),
        };
        return Ok(Json(body).into_response());
    }
    let caller = asking.caller_because(Some(reason.0));
    let started = app.start_campaign(new, &caller).await?;
    let place = format!("/api/v1/campaigns/{}", started.campaign);
    let body = StartedCampaignBody {
        campaign: started.campaign.to_string(),
        planned: started.planned,
        skipped: started.skipped,
    };
    Ok((
        StatusCode::ACCEPTED,
        [(header::LOCATION, place)],
        Index(started.index),
        Json(body),
    )
        .into_response())
}

pub(super) fn start_doc() -> Doc {
    Doc::new("startCampaign", "Rotates many keys, at a rate")
        .says(
            "Every key in the scope that is there now gets a successor, oldest first; a key that \
             was replaced meanwhile is done. Each is rotated as one key is: the new one is in \
             place before the old one goes, or after it with `compromised`. With `dry_run` \
             nothing is started.",
        )
        .takes::<StartCampaign>()
        .answers::<CampaignPlanBody>(200, "what would be done (`dry_run`)")
        .answers::<StartedCampaignBody>(202, "it runs; `Location` shows how far it is")
        .problems(&[
            "invalid-input",
            "provider-not-found",
            "key-not-found",
            "campaign-empty-scope",
        ])
}

pub(super) async fn get(
    State(app): State<App>,
    InPath(campaign): InPath<String>,
) -> Result<Json<CampaignBody>, Problem> {
    let campaign = parse::<CampaignId>("campaign", &campaign)?;
    Ok(Json(shown(app.campaign(campaign).await?)))
}

pub(super) fn get_doc() -> Doc {
    Doc::new("getCampaign", "Shows a campaign and how far it is")
        .answers::<CampaignBody>(200, "the campaign")
        .problems(&["campaign-not-found"])
}

pub(super) async fn report(
    State(app): State<App>,
    InPath(campaign): InPath<String>,
    Params(mut input): Params,
) -> Result<Json<CampaignReportBody>, Problem> {
    let campaign = parse::<CampaignId>("campaign", &campaign)?;
    let after = input.optional::<KeyId>("after");
    let limit = limit(&mut input);
    let (after, limit) = input.finish((|| Ok((after?, limit?)))())?;
    let Page { items, next } = app.report_campaign(campaign, after, limit).await?;
    Ok(Json(CampaignReportBody {
        keys: items.into_iter().map(reported).collect(),
        next: next.map(|key| key.to_string()),
    }))
}

pub(super) fn report_doc() -> Doc {
    Doc::new(
        "reportCampaign",
        "Lists every key of a campaign, and how far it is; calls no provider",
    )
    .says("States are those of now, also after the campaign is over.")
    .pages()
    .answers::<CampaignReportBody>(200, "a page of keys, oldest first")
    .problems(&["invalid-input", "campaign-not-found"])
}

pub(super) async fn pause(
    app: State<App>,
    asking: Asking,
    campaign: InPath<String>,
    fields: Fields,
) -> Result<impl IntoResponse, Problem> {
    turn(
        app,
        asking,
        campaign,
        fields,
        CampaignCommand::PauseCampaign,
    )
    .await
}

pub(super) fn pause_doc() -> Doc {
    turn_doc(
        "pauseCampaign",
        "Stops a campaign for a while; the rotations that have begun go on",
    )
    .problems(&["campaign-over"])
}

pub(super) async fn resume(
    app: State<App>,
    asking: Asking,
    campaign: InPath<String>,
    fields: Fields,
) -> Result<impl IntoResponse, Problem> {
    turn(
        app,
        asking,
        campaign,
        fields,
        CampaignCommand::ResumeCampaign,
    )
    .await
}

pub(super) fn resume_doc() -> Doc {
    turn_doc("resumeCampaign", "Lets a campaign go on").problems(&["campaign-over"])
}

pub(super) async fn cancel(
    app: State<App>,
    asking: Asking,
    campaign: InPath<String>,
    fields: Fields,
) -> Result<impl IntoResponse, Problem> {
    turn(
        app,
        asking,
        campaign,
        fields,
        CampaignCommand::CancelCampaign,
    )
    .await
}

pub(super) fn cancel_doc() -> Doc {
    turn_doc(
        "cancelCampaign",
        "Stops a campaign for good; the rotations that have begun go on",
    )
}

async fn turn(
    State(app): State<App>,
    asking: Asking,
    InPath(campaign): InPath<String>,
    Fields(mut input): Fields,
    command: CampaignCommand,
) -> Result<impl IntoResponse, Problem> {
    let campaign = parse::<CampaignId>("campaign", &campaign)?;
    let reason = input.optional::<Reason>("reason");
    let reason = input.finish(reason)?;
    let caller = asking.caller_because(reason.map(|reason| reason.0));
    let index = app.move_campaign(campaign, command, &caller).await?;
    Ok((Index(index), Json(shown(app.campaign(campaign).await?))))
}

fn turn_doc(id: &'static str, summary: &'static str) -> Doc {
    Doc::new(id, summary)
        .says("Asking for what already is changes nothing.")
        .takes::<MoveCampaign>()
        .answers_with::<CampaignBody>(200, "the campaign after it", &["Lanyard-Index"])
        .problems(&["invalid-input", "campaign-not-found"])
}

fn new_campaign(input: &mut Input) -> Result<NewCampaign, Rejected> {
    let algorithms = input.maybe_list::<Family>("algorithms", Algorithm::ALL.len());
    let older_than_days = input.ranged::<KeyAge>("older_than_days");
    let provider = input.optional::<ProviderSlug>("provider");
    let users = input.maybe_list::<UserId>("users", PEOPLE);
    let compromised = input.flag("compromised");
    let keys_per_minute = input.ranged::<KeysPerMinute>("keys_per_minute");
    let algorithms = algorithms?.unwrap_or_default().into_iter();
    let mut algorithms: Vec<_> = algorithms.flat_map(|some| some.0).collect();
    algorithms.sort_unstable();
    algorithms.dedup();
    let mut users = users?.unwrap_or_default();
    users.sort_unstable();
    users.dedup();
    Ok(NewCampaign {
        scope: CampaignScope {
            algorithms,
            older_than_days: older_than_days?,
            provider: provider?,
            users,
            keys: Vec::new(),
        },
        compromised: compromised?.unwrap_or(false),
        keys_per_minute: keys_per_minute?.unwrap_or_default(),
    })
}
