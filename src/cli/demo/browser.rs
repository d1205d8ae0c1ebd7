//! What the developer's browser does: follow links, keep a cookie, agree at the provider.

use anyhow::{Context, ensure};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use url::Url;

use super::servers::Server;

/// Opens the address that begins a link, agrees at the provider, and comes back. Returns where
/// the browser ends.
pub(super) async fn link(start: &Url, server: &Server, login: &str) -> anyhow::Result<Url> {
    let browser = reqwest::Client::builder()
        .user_agent("lanyard-demo-browser")
        .redirect(Policy::none())
        .no_proxy()
        .build()?;
    let sent = browser.get(start.clone()).send().await?;
    let cookie = header(&sent, &SET_COOKIE)?;
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    let authorize = header(&sent, &LOCATION)?;
    let callback = server.approve(&authorize, login).await?;
    let back = browser
        .get(callback.clone())
        .header(COOKIE, cookie)
        .send()
        .await?;
    let status = back.status();
    ensure!(
        status.is_success() || status.is_redirection(),
        "the callback answered {status}: {}",
        back.text().await?
    );
    match back.headers().get(LOCATION) {
        Some(to) => Ok(callback.join(to.to_str()?)?),
        None => Ok(callback),
    }
}

fn header(
    response: &reqwest::Response,
    name: &reqwest::header::HeaderName,
) -> anyhow::Result<String> {
    let value = response.headers().get(name).with_context(|| {
        format!(
            "{} answered {} without {name}",
            response.url(),
            response.status()
        )
    })?;
    Ok(value.to_str()?.to_owned())
}
