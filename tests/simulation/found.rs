//! What simulations found, told once more without chance.

use domain::KeyId;
use domain::keyring::RotationCause;
use lanyard::app::Caller;

use crate::chance::Chance;
use crate::chronicle::Standing;
use crate::places::{EVERYWHERE, PEOPLE};
use crate::run::Run;
use crate::weather::Weather;

impl Run {
    fn keys(&self, standing: Standing) -> Vec<KeyId> {
        let keys = self.chronicle.keys.iter();
        keys.filter(|(_, key)| key.standing == standing)
            .map(|(id, _)| *id)
            .collect()
    }
}

/// A person rotates a key before the policy has asked for it anywhere. It asks then, and looks once
/// more at a memory in which its own request is not yet: the key seems to be nowhere.
#[test]
fn a_key_that_is_still_asked_for_does_not_end() {
    let (hub, chance) = (EVERYWHERE[0], Chance::new(0));
    let mut run = Run::begin(0, chance, Weather::FINE, vec![hub]);
    let (ada, app) = (run.people[0].clone(), run.process().app.clone());
    let user = ada.user().clone();
    let link = ada.clone().links(app.clone(), hub, PEOPLE[0], 0);
    run.process().command(link);
    run.settles();
    let old = run.keys(Standing::Current)[0];
    let rotate = ada.rotates(app.clone(), old, RotationCause::Requested);
    run.process().command(rotate);
    run.finishes();
    let caller = Caller::system("policy", app.new_id(), None);
    let ended = async move { app.retire_key(&user, old, &caller).await.unwrap() };
    assert!(!run.process().through(ended));
    run.settles();
    run.agrees();
    assert_eq!(run.story.broken, Vec::<String>::new());
    assert_eq!(run.keys(Standing::Retired), [old]);
}
