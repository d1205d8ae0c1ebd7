//! A test of a provider: whether it is there, is the product it should be, and knows the app.

use domain::provider::{ProviderKind, Registration};
use domain::{BaseUrl, ProviderSlug, SecretRef};

use super::grants::AccessError;
use super::host_keys::{known_host_keys, ssh_place};
use super::oauth_apps::Use;
use super::{App, Caller, CaseError};
use crate::host_keys::{ScanError, scan};
use crate::providers::http::NoSsh;
use crate::providers::{Finding, GitProvider};

impl App {
    /// Tries whether a provider is there, is the product it should be, and knows the app. While
    /// there are two secrets, each is tried. An alarm ends when the app is found to be accepted.
    pub async fn test_provider(
        &self,
        provider: &ProviderSlug,
        caller: &Caller,
    ) -> Result<Vec<Finding>, CaseError> {
        let now = &self.provider(provider).await?.registration;
        let Some(adapter) = self.providers.get(now.kind) else {
            return Ok(self.test_by_hand(now).await);
        };
        let first = self.test_with(&*adapter, now, now.client_secret).await?;
        let second = match &now.staged {
            // Where nobody answers, nobody would judge the second one either.
            Some(staged) if app_of(&first).is_some() => {
                let secret = Some(staged.secret);
                Some(self.test_with(&*adapter, now, secret).await?)
            }
            Some(_) | None => None,
        };
        let accepted = |findings: &[Finding]| app_of(findings).is_some_and(|app| app.ok);
        if accepted(&first) || second.as_deref().is_some_and(accepted) {
            // A made-up code was judged: nothing but the person was missing.
            self.note_accepted(now, Use::Exchange, caller).await;
            if now.redirect_url.is_none() {
                self.note_redirect(now, caller).await;
            }
        }
        let mut findings = match second {
            Some(second) => side_by_side(provider, first, &second),
            None => first,
        };
        if let Some(changed) = self.judge_redirect(now) {
            findings.retain(|finding| finding.check != changed.check);
            findings.push(changed);
        }
        Ok(findings)
    }

    /// Tests with one of the app's secrets.
    async fn test_with(
        &self,
        adapter: &dyn GitProvider,
        registration: &Registration,
        secret: Option<SecretRef>,
    ) -> Result<Vec<Finding>, CaseError> {
        match self.oauth_app_with(registration, secret).await {
            Ok(app) => Ok(adapter.test(&app).await),
            Err(AccessError::Command(error)) => Err(error.into()),
            Err(AccessError::NoTokens) => Ok(vec![]),
            Err(AccessError::Provider(failure)) => Ok(vec![Finding {
                check: "app",
                ok: false,
                found: failure.failure.detail.unwrap_or_default(),
                fix: failure.failure.code.remedy().to_owned(),
            }]),
        }
    }

    /// Says what is true where people carry their keys themselves: nothing is asked of the web
    /// pages, so that only the address and the SSH server can be wrong.
    async fn test_by_hand(&self, registration: &Registration) -> Vec<Finding> {
        let place = ssh_place(registration);
        let at = format!("{}, port {}", place.host, place.port);
        let scanned = scan(self.providers.outbound(), &place.host, place.port).await;
        let ssh = match scanned {
            Ok(keys) => {
                let known = known_host_keys(registration);
                let shown = |blob: &[u8]| keys.iter().any(|key| key.blob() == blob);
                if known.is_empty() {
                    right(
                        "ssh",
                        format!("an SSH server answers at {at}; no host key of it is recorded yet"),
                    )
                } else if known.iter().any(|key| shown(key.blob())) {
                    right(
                        "ssh",
                        format!("an SSH server answers at {at}, with a key that is recorded"),
                    )
                } else {
                    wrong(
                        "ssh",
                        format!(
                            "an SSH server answers at {at}, but with none of the recorded keys"
                        ),
                        "compare its keys with what its operator says, then record them anew",
                    )
                }
            }
            Err(ScanError::NotCalled(NoSsh::Proxy)) => right(
                "ssh",
                format!(
                    "{at} was not tried: this server goes out through a proxy, which does not carry SSH"
                ),
            ),
            Err(why) => wrong(
                "ssh",
                format!("{at}: {why}"),
                "check the base URL's host; check that this server may reach it (DNS, firewall, the server's list of allowed private hosts); enter its host key as [host]:port where the port is another",
            ),
        };
        vec![
            address(registration.kind, &registration.base_url),
            ssh,
            right(
                "app",
                "people paste their keys there: no OAuth app is needed".to_owned(),
            ),
        ]
    }
}

/// Looks whether the page where keys are pasted can be below the base URL.
fn address(kind: ProviderKind, base_url: &BaseUrl) -> Finding {
    let url = base_url.url();
    let services = url.host_str() == Some("dev.azure.com");
    let path = url.path().trim_matches('/');
    let many = path.contains('/');
    if kind == ProviderKind::AzureDevops && services && (path.is_empty() || many) {
        return wrong(
            "base_url",
            format!("{base_url} is not the address of an organisation"),
            "enter https://dev.azure.com/ and the organisation's name, nothing after it",
        );
    }
    right("base_url", format!("people are led to {base_url}"))
}

fn app_of(findings: &[Finding]) -> Option<&Finding> {
    findings.iter().find(|finding| finding.check == "app")
}

/// Puts what was found with the second secret beside what was found with the first: all is well if
/// either is accepted, and the key to be pasted is the second one's.
fn side_by_side(provider: &ProviderSlug, first: Vec<Finding>, second: &[Finding]) -> Vec<Finding> {
    let is_ok = |findings: &[Finding]| app_of(findings).is_some_and(|app| app.ok);
    let (current, staged) = (is_ok(&first), is_ok(second));
    let mut both = Vec::with_capacity(first.len() + 1);
    for finding in first {
        match finding.check {
            "app" => {
                let with_second = app_of(second).cloned();
                both.push(Finding {
                    found: format!("current secret: {}", finding.found),
                    ok: current || staged,
                    fix: if staged && !current {
                        format!("only the second is accepted: lanyard provider secret confirm {provider}")
                    } else {
                        finding.fix
                    },
                    ..finding
                });
                both.extend(with_second.map(|finding| Finding {
                    found: format!("second secret: {}", finding.found),
                    ok: current || staged,
                    ..finding
                }));
            }
            "public_key" => {
                let pasted = second.iter().find(|other| other.check == "public_key");
                both.push(pasted.cloned().unwrap_or(finding));
            }
            _ => both.push(finding),
        }
    }
    both
}

fn right(check: &'static str, found: String) -> Finding {
    Finding {
        check,
        ok: true,
        found,
        fix: String::new(),
    }
}

fn wrong(check: &'static str, found: String, fix: &str) -> Finding {
    Finding {
        check,
        ok: false,
        found,
        fix: fix.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_azure_devops_names_an_organisation() {
        for (kind, base_url, ok) in [
            (ProviderKind::AzureDevops, "https://dev.azure.com", false),
            (
                ProviderKind::AzureDevops,
                "https://dev.azure.com/org/project",
                false,
            ),
            (ProviderKind::AzureDevops, "https://dev.azure.com/org", true),
            (
                ProviderKind::AzureDevops,
                "https://org.visualstudio.com",
                true,
            ),
            (
                ProviderKind::AzureDevops,
                "https://tfs.example.com/tfs/all",
                true,
            ),
            (ProviderKind::Ssh, "https://dev.azure.com", true),
        ] {
            let found = address(kind, &base_url.parse().unwrap());
            assert_eq!(found.ok, ok, "{found:?}");
            assert_eq!(found.fix.is_empty(), ok);
        }
    }
}
