//! What happened to a campaign.

use domain::campaign::{CampaignEvent, CampaignScope};
use domain::keyring::Algorithm;

use super::counted;

pub(super) fn campaign(event: &CampaignEvent) -> String {
    match event {
        CampaignEvent::CampaignStarted {
            campaign: _,
            scope,
            compromised,
            keys_per_minute,
            planned,
            skipped,
        } => format!(
            "started a campaign: {}{} to be rotated, {keys_per_minute} a minute, {skipped} left \
             as they are{}",
            counted(*planned, "key"),
            which(scope),
            if *compromised {
                "; the old ones must not be trusted any more"
            } else {
                ""
            }
        ),
        CampaignEvent::CampaignPaused { .. } => "paused a campaign".to_owned(),
        CampaignEvent::CampaignResumed { .. } => "let a campaign go on".to_owned(),
        CampaignEvent::CampaignCancelled { .. } => "cancelled a campaign".to_owned(),
        CampaignEvent::CampaignCompleted {
            campaign: _,
            rotated,
            placed,
            parked,
            skipped,
        } => format!(
            "completed a campaign: {} rotated, {placed} of them in place, {parked} waiting for \
             somebody, {skipped} left as they are",
            counted(*rotated, "key")
        ),
    }
}

/// Which keys: " of rsa-3072 or rsa-4096, older than 90 days, at github, of 2 people,".
fn which(scope: &CampaignScope) -> String {
    let CampaignScope {
        algorithms,
        older_than_days,
        provider,
        users,
        keys,
    } = scope;
    let mut said = String::new();
    if !algorithms.is_empty() {
        let words: Vec<_> = algorithms.iter().copied().map(Algorithm::as_str).collect();
        said = format!(" of {}", words.join(" or "));
    }
    if let Some(days) = older_than_days {
        said = format!("{said} older than {}", counted(u64::from(*days), "day"));
    }
    if let Some(provider) = provider {
        said = format!("{said} at {provider}");
    }
    match users.as_slice() {
        [] => {}
        [user] => said = format!("{said} of {user}"),
        users => said = format!("{said} of {} people", users.len()),
    }
    if !keys.is_empty() {
        said = format!("{said} of {} named", counted(keys.len() as u64, "key"));
    }
    said
}

#[cfg(test)]
mod tests {
    use domain::settings::KeyAge;

    use super::*;
    use crate::sample::{ada, campaign as id, github};

    #[test]
    fn a_sentence_says_which_keys_are_rotated() {
        let scope = CampaignScope {
            algorithms: vec![Algorithm::Rsa3072, Algorithm::Rsa4096],
            older_than_days: Some(KeyAge::try_from(90).unwrap()),
            provider: Some(github()),
            users: vec![ada()],
            keys: vec![],
        };
        let started = |scope, compromised| CampaignEvent::CampaignStarted {
            campaign: id(),
            scope,
            compromised,
            keys_per_minute: domain::campaign::KeysPerMinute::default(),
            planned: 3,
            skipped: 1,
        };
        assert_eq!(
            campaign(&started(scope, true)),
            "started a campaign: 3 keys of rsa-3072 or rsa-4096 older than 90 days at github of \
             ada to be rotated, 60 a minute, 1 left as they are; the old ones must not be \
             trusted any more"
        );
        let scope = CampaignScope {
            users: vec![ada(), "bob".parse().unwrap()],
            ..CampaignScope::default()
        };
        assert_eq!(
            campaign(&started(scope, false)),
            "started a campaign: 3 keys of 2 people to be rotated, 60 a minute, 1 left as they are"
        );
    }
}
