//! Keys that are to be good for signing commits are proven, where the server takes proofs.

use domain::keyring::Algorithm;
use domain::reconcile::GoodFor;
use domain::{Blame, ReasonCode};
use forge::GiteaOptions;
use lanyard::keygen::{GeneratedKey, generate};
use lanyard::providers::{GrantVerdict, NewKey, ProviderFailure};
use lanyard::vault::Secret;

use super::support::{Canned, Play, answer, assert_blames, finding};
use crate::support::adapter::Signs;

/// A Forgejo in whose namespace keys are proven, with a key of Ada's, and her token.
struct Proofs {
    play: Play,
    key: GeneratedKey,
    token: Secret,
}

impl Proofs {
    async fn of(algorithm: Algorithm, options: GiteaOptions) -> Self {
        let mut play = Play::with(options).await;
        play.app.signing = true;
        let key = generate(algorithm).await.unwrap();
        let token = play.ada().await;
        play.put(&token, "Lanyard", &key.public).await;
        Self { play, key, token }
    }

    async fn named(namespace: &str) -> Self {
        let options = GiteaOptions {
            proofs: Some(namespace.to_owned()),
            ..GiteaOptions::forgejo_that_takes_proofs()
        };
        Self::of(Algorithm::Ed25519, options).await
    }

    async fn proves(&self, signs: &Signs) -> Result<(), ProviderFailure> {
        let new = NewKey {
            title: "Lanyard",
            key: &self.key.public,
            expires_at: None,
        };
        let app = &self.play.app;
        let put = self
            .play
            .adapter
            .put_signing_key(app, &self.token, &new, signs);
        put.await
    }

    fn is_proven(&self) -> bool {
        self.play.gitea.keys_of("ada")[0].verified
    }

    async fn good_for(&self) -> GoodFor {
        self.play.list(&self.token).await.unwrap()[0].good_for
    }
}

#[tokio::test]
async fn a_key_of_every_kind_is_proven_once() {
    for algorithm in [
        Algorithm::Ed25519,
        Algorithm::EcdsaP256,
        Algorithm::EcdsaP384,
        Algorithm::EcdsaP521,
        Algorithm::Rsa3072,
    ] {
        let proofs = Proofs::of(algorithm, GiteaOptions::forgejo_that_takes_proofs()).await;
        assert_eq!(proofs.good_for().await, GoodFor::SigningInOnly);
        let signs = Signs::with(&proofs.key.private);
        proofs.proves(&signs).await.unwrap();
        assert!(proofs.is_proven(), "{algorithm}");
        assert_eq!(proofs.good_for().await, GoodFor::SigningIn);
        let asked = signs.asked();
        proofs.proves(&signs).await.unwrap();
        assert_eq!(signs.asked(), asked, "it is proven already");
    }
}

#[tokio::test]
async fn the_servers_name_is_signed_for_first_and_that_of_the_product_last() {
    for (namespace, asked) in [
        ("127.0.0.1", vec!["127.0.0.1"]),
        ("localhost", vec!["127.0.0.1", "localhost"]),
        ("gitea", vec!["127.0.0.1", "localhost", "gitea"]),
    ] {
        let proofs = Proofs::named(namespace).await;
        let signs = Signs::with(&proofs.key.private);
        proofs.proves(&signs).await.unwrap();
        assert!(proofs.is_proven());
        assert_eq!(signs.asked(), asked);
    }
}

#[tokio::test]
async fn a_namespace_that_cannot_be_guessed_is_said() {
    let proofs = Proofs::named("git.acme.example").await;
    let signs = Signs::with(&proofs.key.private);
    let failure = proofs.proves(&signs).await.unwrap_err();
    let code = ReasonCode::KeyNotForSigning;
    assert_blames(&failure, Blame::Us, code, GrantVerdict::Unknown);
    let detail = failure.failure.detail.unwrap();
    assert!(detail.contains("127.0.0.1, localhost, gitea"), "{detail}");
    assert!(detail.contains("DOMAIN"), "{detail}");
    assert!(!proofs.is_proven());
}

#[tokio::test]
async fn a_signature_by_another_key_proves_nothing() {
    let proofs = Proofs::named("localhost").await;
    let other = generate(Algorithm::Ed25519).await.unwrap();
    let failure = proofs.proves(&Signs::with(&other.private)).await;
    let code = ReasonCode::KeyNotForSigning;
    assert_eq!(failure.unwrap_err().failure.code, code);
    assert!(!proofs.is_proven());
}

#[tokio::test]
async fn a_key_that_went_meanwhile_is_tried_again() {
    let proofs = Proofs::named("localhost").await;
    let key = proofs.play.gitea.keys_of("ada")[0].id;
    assert!(proofs.play.gitea.remove_key("ada", key));
    let failure = proofs.proves(&Signs::nothing()).await.unwrap_err();
    let code = ReasonCode::ProviderError;
    assert_blames(&failure, Blame::Provider, code, GrantVerdict::Unknown);
}

#[tokio::test]
async fn a_server_without_proofs_is_told_and_nothing_is_signed() {
    for options in [GiteaOptions::gitea(), GiteaOptions::forgejo()] {
        let proofs = Proofs::of(Algorithm::Ed25519, options).await;
        assert_eq!(
            proofs.good_for().await,
            GoodFor::SigningIn,
            "it does not say"
        );
        let failure = proofs.proves(&Signs::nothing()).await.unwrap_err();
        let code = ReasonCode::KeyNotForSigning;
        assert_blames(&failure, Blame::Us, code, GrantVerdict::Unknown);
        let (adapter, app) = (&proofs.play.adapter, &proofs.play.app);
        assert!(!adapter.can_sign(app).await.unwrap());
        let findings = adapter.test(app).await;
        let signing = finding(&findings, "signing");
        assert!(!signing.ok && signing.fix.contains("switch signing off"));
    }
}

#[tokio::test]
async fn a_server_that_takes_proofs_is_known_without_a_token() {
    let proofs = Proofs::named("localhost").await;
    let (adapter, app) = (&proofs.play.adapter, &proofs.play.app);
    assert!(adapter.can_sign(app).await.unwrap());
    assert!(finding(&adapter.test(app).await, "signing").ok);
    let closed = Play::with(GiteaOptions {
        sign_in_to_view: true,
        ..GiteaOptions::forgejo_that_takes_proofs()
    })
    .await;
    assert!(closed.adapter.can_sign(&closed.app).await.is_err());
}

/// Whatever is asked for in place of a digest might mean something elsewhere: a commit, for one.
#[tokio::test]
async fn nothing_but_a_digest_is_ever_signed() {
    let key = generate(Algorithm::Ed25519).await.unwrap();
    let digits = "0123456789abcdef".repeat(4);
    for text in [
        "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor ada",
        "",
        &digits[1..],
        &digits.to_uppercase(),
        &format!("{digits}\n"),
        &format!("\"{digits}\""),
    ] {
        let row = serde_json::json!([{ "id": 1, "title": "t", "key": key.public.line }]);
        let (rows, text) = (row.to_string(), text.to_owned());
        let server = Canned::answering(move |line| {
            if line.starts_with("GET /api/v1/user/keys") {
                answer(200, &[("x-total-count", "1")], &rows)
            } else {
                answer(200, &[], &text)
            }
        })
        .await;
        let new = NewKey {
            title: "t",
            key: &key.public,
            expires_at: None,
        };
        let signs = Signs::nothing();
        let put = server
            .adapter
            .put_signing_key(&server.app, &server.token, &new, &signs);
        let failure = put.await.unwrap_err();
        assert_eq!(failure.failure.code, ReasonCode::ProviderProtocol);
        assert!(signs.asked().is_empty());
    }
}
